//! Indicators out of attribute values: one test per case that Cratos FastAPI gets wrong or right, named after it.

use feed_classification::{DropReason, Extractor, IndicatorType as Kind};

mod addresses;
mod hashes;
mod names;
mod texts;
mod urls;

type Extracted = Result<Vec<String>, DropReason>;

fn extract_with(extractor: Extractor, attribute_type: &str, value: &str) -> Extracted {
    let mut found = Vec::new();
    extractor.extract(attribute_type, value, &mut |value| found.push(value.to_owned()))?;
    Ok(found)
}

fn extract(kind: Kind, attribute_type: &str, value: &str) -> Extracted {
    extract_with(Extractor::new(kind), attribute_type, value)
}

#[track_caller]
fn gives(kind: Kind, attribute_type: &str, value: &str, expected: &str) {
    assert_eq!(
        extract(kind, attribute_type, value),
        Ok(vec![expected.to_owned()]),
        "{attribute_type} {value:?}"
    );
}

#[track_caller]
fn drops(kind: Kind, attribute_type: &str, value: &str, reason: DropReason) {
    assert_eq!(
        extract(kind, attribute_type, value),
        Err(reason),
        "{attribute_type} {value:?}"
    );
}
