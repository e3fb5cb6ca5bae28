//! Attribute values from outside: no panic, and what comes out goes in again unchanged.
#![no_main]

use feed_classification::{Extractor, IndicatorType};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str, &str)| {
    let (pick, attribute_type, value) = input;
    let kind = IndicatorType::ALL[usize::from(pick) % IndicatorType::ALL.len()];
    let extractor = Extractor::new(kind).max_expand(16);
    let mut found = Vec::new();
    let result = extractor.extract(attribute_type, value, &mut |value| found.push(value.to_owned()));
    assert_eq!(result.is_err(), found.is_empty());
    for value in found {
        let mut again = Vec::new();
        let result = extractor.extract("", &value, &mut |value| again.push(value.to_owned()));
        assert_eq!(result, Ok(()));
        assert_eq!(again, [value]);
    }
});
