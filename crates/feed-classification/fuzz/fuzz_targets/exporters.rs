//! Values from outside, in every output: each is escaped, or left out and counted.
//!
//! Addresses are not tried: their grammar lets no character through that means anything to a format.
#![no_main]

use feed_classification::export::testkit;
use feed_classification::{Extractor, Indicator, IndicatorType, Registry, TypeSet};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &str)| {
    let (pick, value) = input;
    let kind = IndicatorType::ALL[usize::from(pick) % IndicatorType::ALL.len()];
    if TypeSet::ADDRESSES.contains(kind) {
        return;
    }
    let mut found = Vec::new();
    let _ = Extractor::new(kind).extract("", value, &mut |value| found.push(value.to_owned()));
    let registry = Registry::builtin();
    for exporter in registry.iter() {
        for value in &found {
            testkit::check_value(exporter.as_ref(), &Indicator::new(kind, value));
        }
    }
});
