//! A MISP that sends more or other things than it should.

use catalogue::feed_classification::IndicatorType;
use catalogue::misp_mirror::Batch;
use catalogue::{AnswerError, Catalogue, CatalogueError, Classes, Question};

use crate::world::{batch_of, event};

/// Returns spellings of one attribute type, which MISP compares without regard to case.
fn spellings(number: usize) -> Vec<String> {
    let letters = "abcdefghijklmnopq".chars().enumerate();
    let cased = |place: usize| {
        let letters = letters.clone();
        letters
            .map(move |(bit, letter)| {
                if place & 1 << bit == 0 {
                    letter
                } else {
                    letter.to_ascii_uppercase()
                }
            })
            .collect()
    };
    (0..number).map(cased).collect()
}

#[test]
fn more_attribute_types_than_numbers_keep_the_last_snapshot_and_end_updates() {
    let asked = ["abcdefghijklmnopq".to_owned()];
    let catalogue = Catalogue::new(Classes::new(|kind| match kind {
        IndicatorType::Mutex => &asked,
        _ => &[],
    }));
    catalogue
        .apply(&batch_of(event(1, &[("abcdefghijklmnopq", "first")])))
        .unwrap();
    let spellings = spellings(65_537);
    let attributes: Vec<(&str, &str)> = spellings.iter().map(|kind| (kind.as_str(), "x")).collect();
    let too_large = Err(CatalogueError::TooLarge {
        what: "attribute types",
    });
    assert_eq!(catalogue.apply(&batch_of(event(2, &attributes))), too_large);
    assert_eq!(catalogue.apply(&Batch::new(Vec::new(), None, true)), too_large);
    let answer = catalogue
        .snapshot()
        .answer(&Question::new(IndicatorType::Mutex))
        .unwrap();
    assert!(answer.values.iter().eq(["first"]));
}

#[test]
fn networks_of_more_addresses_than_a_feed_may_have_are_refused_before_they_are_written_out() {
    let catalogue = Catalogue::new(Classes::defaults());
    catalogue
        .apply(&batch_of(event(
            1,
            &[("ip-dst", "10.0.0.0/8"), ("ip-dst", "2001:db8::/64")],
        )))
        .unwrap();
    let mut question = Question::new(IndicatorType::Ipv4Ext);
    let answer = catalogue.snapshot().answer(&question).unwrap();
    assert_eq!(answer.dropped, [("network_too_large", 1)].into());
    question.max_expand = u32::MAX;
    let refused = catalogue.snapshot().answer(&question);
    assert_eq!(refused, Err(AnswerError::TooManyValues { limit: 10_000_000 }));
    question.kind = IndicatorType::Ipv6Ext;
    let answer = catalogue.snapshot().answer(&question).unwrap();
    assert_eq!(answer.dropped, [("network_too_large", 1)].into());
}

#[test]
fn an_attribute_without_a_valid_value_keeps_a_short_text_only() {
    let long = format!("hxxp://{}", "ä".repeat(1_000_000));
    let catalogue = Catalogue::new(Classes::defaults());
    catalogue
        .apply(&batch_of(event(1, &[("url", &long), ("url", &long)])))
        .unwrap();
    let snapshot = catalogue.snapshot();
    let invalid = snapshot.class(IndicatorType::Url).invalid();
    assert_eq!((invalid.len(), invalid.rows(0).len()), (1, 2));
    assert_eq!(invalid.value(0).unwrap().chars().count(), 201);
    assert_eq!(
        snapshot.answer(&Question::new(IndicatorType::Url)).unwrap().dropped,
        [("too_long", 2)].into()
    );
}

#[test]
fn one_event_twice_in_a_batch_counts_as_it_came_last() {
    let (first, last) = (
        batch_of(event(1, &[("domain", "a.example")])),
        batch_of(event(1, &[("domain", "b.example")])),
    );
    let changes = first.changes.into_iter().chain(last.changes).collect();
    let catalogue = Catalogue::new(Classes::defaults());
    catalogue.apply(&Batch::new(changes, None, true)).unwrap();
    let snapshot = catalogue.snapshot();
    assert!(
        snapshot
            .answer(&Question::new(IndicatorType::Domain))
            .unwrap()
            .values
            .iter()
            .eq(["b.example"])
    );
    assert_eq!((snapshot.events(), snapshot.rows()), (1, 1));
}
