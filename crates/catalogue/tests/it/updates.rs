//! What a batch changes, and what it leaves as it is.

use catalogue::feed_classification::{IndicatorType, TypeSet};
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{Batch, Block, Change, LastPublished};
use catalogue::{Catalogue, Classes, Publication, Question};

use crate::world::{self, NOW, batch_of, event};

fn catalogue(batches: &[Batch]) -> Catalogue {
    let catalogue = Catalogue::new(Classes::defaults());
    for batch in batches {
        catalogue.apply(batch).unwrap();
    }
    catalogue
}

fn values(catalogue: &Catalogue, question: &Question) -> Vec<String> {
    let answer = catalogue.snapshot().answer(question).unwrap();
    answer.values.iter().map(str::to_owned).collect()
}

#[test]
fn only_the_classes_whose_rows_differ_are_built_again() {
    let first = event(
        1,
        &[
            ("domain", "a.example"),
            ("ip-dst", "192.0.2.1"),
            ("url", "http://a.example/"),
        ],
    );
    let catalogue = catalogue(&[batch_of(first)]);
    let before = catalogue.snapshot();
    let next = event(
        1,
        &[
            ("ip-dst", "192.0.2.1"),
            ("url", "http://a.example/"),
            ("domain", "b.example"),
        ],
    );
    let applied = catalogue.apply(&batch_of(next)).unwrap();
    assert_eq!(applied.types, TypeSet::NAMES);
    let after = catalogue.snapshot();
    let is_shared = |kind| std::ptr::eq(before.class(kind), after.class(kind));
    assert!(is_shared(IndicatorType::Ip) && is_shared(IndicatorType::Url) && !is_shared(IndicatorType::Domain));
    assert!(
        before
            .class(IndicatorType::Domain)
            .values()
            .rank_of("a.example")
            .is_some()
    );
    assert!(
        after
            .class(IndicatorType::Domain)
            .values()
            .rank_of("a.example")
            .is_none()
    );
    assert!(after.revision() > before.revision());
}

#[test]
fn a_confirmation_changes_the_time_alone() {
    let catalogue = catalogue(&[batch_of(event(1, &[("domain", "a.example")]))]);
    let before = catalogue.snapshot();
    let later = "2026-11-29T05:00:00Z".parse().unwrap();
    let applied = catalogue.apply(&Batch::new(Vec::new(), Some(later), true)).unwrap();
    assert!(applied.types.is_empty() && applied.is_complete);
    let after = catalogue.snapshot();
    assert_eq!((after.as_of(), after.revision()), (Some(later), before.revision()));
    assert!(std::ptr::eq(
        before.class(IndicatorType::Domain),
        after.class(IndicatorType::Domain)
    ));
}

#[test]
fn an_edit_without_new_rows_concerns_the_types_that_the_event_has() {
    let first = event(1, &[("domain", "a.example"), ("text", "not a fingerprint")]);
    let mut edited = first.clone();
    edited.current.event.timestamp += 1;
    let catalogue = catalogue(&[batch_of(first)]);
    let applied = catalogue.apply(&batch_of(edited)).unwrap();
    assert!(applied.types.contains(IndicatorType::Hostname) && !applied.types.contains(IndicatorType::Url));
}

#[test]
fn an_event_that_is_being_edited_shows_its_last_publication_until_the_grace_ends() {
    let published = event(1, &[("domain", "old.example"), ("domain", "stays.example")]);
    let mut edited = event(1, &[("domain", "new.example"), ("domain", "stays.example")]);
    edited.current.event.published = false;
    edited.current.event.timestamp = NOW + 10;
    edited.last_published = LastPublished::Block(Box::new(published.current.clone()));
    let catalogue = catalogue(&[batch_of(published), batch_of(edited.clone())]);
    let mut question = Question::new(IndicatorType::Domain);
    assert_eq!(values(&catalogue, &question), ["new.example", "stays.example"]);
    question.publication = Publication::AsLastPublished { edited_from: NOW + 10 };
    assert_eq!(values(&catalogue, &question), ["old.example", "stays.example"]);
    question.publication = Publication::AsLastPublished { edited_from: NOW + 11 };
    assert!(values(&catalogue, &question).is_empty());
    question.publication = Publication::PublishedNow;
    assert!(values(&catalogue, &question).is_empty());
    // The same row in both states takes the place of one.
    let snapshot = catalogue.snapshot();
    assert_eq!(snapshot.class(IndicatorType::Domain).values().all_rows().len(), 3);

    edited.last_published = LastPublished::Nothing;
    catalogue.apply(&batch_of(edited)).unwrap();
    question.publication = Publication::AsLastPublished { edited_from: 0 };
    assert!(values(&catalogue, &question).is_empty());
}

#[test]
fn a_removed_event_leaves_nothing_behind() {
    let catalogue = catalogue(&[
        batch_of(event(1, &[("domain", "a.example"), ("domain", "*.b")])),
        batch_of(event(2, &[("domain", "a.example")])),
        Batch::new(vec![Change::Removed { id: 1 }], None, true),
    ]);
    let snapshot = catalogue.snapshot();
    assert_eq!((snapshot.events(), snapshot.rows()), (1, 1));
    catalogue
        .apply(&Batch::new(
            vec![Change::Removed { id: 2 }, Change::Removed { id: 2 }],
            None,
            true,
        ))
        .unwrap();
    let snapshot = catalogue.snapshot();
    assert_eq!((snapshot.events(), snapshot.rows()), (0, 0));
}

#[test]
fn a_class_of_rules_keeps_each_text_once_and_whole() {
    let rule = format!("rule big {{ strings: $a = \"{}\" condition: $a }}", "x".repeat(500_000));
    let catalogue = catalogue(&[
        batch_of(event(1, &[("yara", &rule)])),
        batch_of(event(2, &[("yara", &rule)])),
    ]);
    assert_eq!(values(&catalogue, &Question::new(IndicatorType::Yara)), [rule.as_str()]);
    let weight = catalogue.snapshot().class(IndicatorType::Yara).weight_bytes();
    assert!((rule.len()..rule.len() + 100).contains(&weight), "{weight}");
}

#[test]
fn ever_new_tags_are_forgotten_with_the_rows_that_had_them() {
    let catalogue = catalogue(&[batch_of(event(2, &[("domain", "b.example")]))]);
    let tagged = |number: u32| {
        let mut record = event(1, &[("domain", "a.example")]);
        record.current.event.tags = vec![Tag::own(format!("tag {number} {}", "x".repeat(200)))];
        record
    };
    for number in 0..3_000 {
        catalogue.apply(&batch_of(tagged(number))).unwrap();
    }
    // Three thousand such tags and their sets take a megabyte.
    assert!(catalogue.weight_bytes() < 600_000, "{}", catalogue.weight_bytes());
    let snapshot = catalogue.snapshot();
    let names = snapshot.class(IndicatorType::Domain).values();
    let tags: Vec<_> = names
        .all_rows()
        .iter()
        .flat_map(|row| snapshot.tags(row))
        .map(|tag| tag.name.len())
        .collect();
    assert_eq!(tags, [209]);
}

#[test]
fn the_event_of_a_row_is_the_present_one() {
    let mut record = event(7, &[("domain|ip", "a.example|192.0.2.1")]);
    record.current.event.info = "Phishing".to_owned();
    let block = Block::clone(&record.current);
    record.last_published = LastPublished::Block(Box::new(block));
    record.current.event.tags = vec![Tag::own(world::BLOCK)];
    let snapshot = catalogue(&[batch_of(record)]).snapshot();
    let rows = snapshot.class(IndicatorType::Ipv4).values().rows(0);
    let facts = |row| {
        let event = snapshot.event(row).map(|event| (event.id, &*event.info));
        (event, snapshot.attribute_type(row), snapshot.tags(row).count())
    };
    let mut facts: Vec<_> = rows.iter().map(facts).collect();
    facts.sort_unstable();
    let event = Some((7, "Phishing"));
    assert_eq!(facts, [(event, "domain|ip", 0), (event, "domain|ip", 1)]);
    assert!(!rows.iter().any(|row| snapshot.takes(IndicatorType::Cidr4, row)));
}
