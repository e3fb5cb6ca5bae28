//! Events whose record does not open: an answer that they could change is refused, and no other one.

use catalogue::feed_classification::IndicatorType;
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{Batch, Change, EventRecord, EventSummary};
use catalogue::{AnswerError, Catalogue, Harmless, Question, Selected};
use proptest::prelude::*;

use crate::equality::{applied, final_changes};
use crate::rules::questions;
use crate::world::{self, event};

const BLOCK: &str = "example:incident-classification=block";
const HARMLESS: &str = "example:incident-classification=false-positive";

fn missing(record: &EventRecord) -> Change {
    Change::Missing {
        id: record.current.event.id,
        summary: Some(EventSummary::of(record)),
    }
}

/// A catalogue that lacks this event.
fn without(record: &EventRecord) -> Catalogue {
    applied(&[Batch::new(vec![missing(record)], None, true)])
}

fn tagged(tag: &str) -> EventRecord {
    let mut record = event(7, &[("domain", "a.example")]);
    record.current.event.tags.push(Tag::own(tag));
    record
}

fn of(kind: IndicatorType, tag: &str) -> Question {
    let mut question = Question::new(kind);
    question.selected = Selected::Tag(tag.to_owned());
    question
}

#[test]
fn only_questions_that_the_event_may_concern_are_refused() {
    let catalogue = without(&tagged(BLOCK));
    let snapshot = catalogue.snapshot();
    let refused = |question: &Question| snapshot.answer(question) == Err(AnswerError::MissingEvent { id: 7 });
    assert!(refused(&of(IndicatorType::Domain, BLOCK)));
    assert!(refused(&Question::new(IndicatorType::Domain)));
    assert!(!refused(&of(IndicatorType::Url, BLOCK)));
    assert!(!refused(&of(
        IndicatorType::Domain,
        "example:incident-classification=alert"
    )));
    let unknown = Change::Missing { id: 8, summary: None };
    catalogue.apply(&Batch::new(vec![unknown], None, true)).unwrap();
    assert_eq!(
        catalogue.snapshot().missing_for(&of(IndicatorType::Url, BLOCK)),
        Some(8)
    );
}

#[test]
fn an_event_that_may_call_values_harmless_concerns_every_feed_of_its_family() {
    let catalogue = without(&tagged(HARMLESS));
    let mut question = of(IndicatorType::Hostname, BLOCK);
    assert_eq!(catalogue.snapshot().missing_for(&question), None);
    question.harmless = Some(Harmless {
        tag: HARMLESS.to_owned(),
        since: 0,
    });
    assert_eq!(catalogue.snapshot().missing_for(&question), Some(7));
    question.kind = IndicatorType::Url;
    assert_eq!(catalogue.snapshot().missing_for(&question), None);
}

#[test]
fn an_event_that_is_read_again_or_gone_is_not_missing_any_more() {
    let question = Question::new(IndicatorType::Domain);
    let record = tagged(BLOCK);
    for found in [world::batch_of(record.clone()), gone(7)] {
        let catalogue = without(&record);
        assert_eq!(catalogue.snapshot().missing_for(&question), Some(7));
        catalogue.apply(&found).unwrap();
        assert_eq!(catalogue.snapshot().missing_for(&question), None);
        // The catalogue has said what it knows of the event: later damage on disk changes nothing.
        catalogue.apply(&world::batch_of(record.clone())).unwrap();
        catalogue
            .apply(&Batch::new(vec![missing(&record)], None, true))
            .unwrap();
        assert_eq!(catalogue.snapshot().missing_for(&question), None);
    }
}

fn gone(id: u64) -> Batch {
    Batch::new(vec![Change::Removed { id }], None, true)
}

proptest! {
    #[test]
    fn an_answer_that_a_missing_event_would_change_is_refused(
        batches in world::batches(),
        question in questions(),
        which in any::<prop::sample::Index>(),
    ) {
        let all = final_changes(&batches);
        prop_assume!(!all.is_empty());
        let mut damaged = all.clone();
        let place = which.index(all.len());
        if let Some(Change::Replaced { record, .. }) = all.get(place) {
            damaged[place] = missing(record);
        }
        let of = |changes| applied(&[Batch::new(changes, None, true)]).snapshot().answer(&question);
        let (whole, partial) = (of(all).unwrap(), of(damaged));
        match partial {
            Err(AnswerError::MissingEvent { .. }) => {}
            partial => prop_assert_eq!(partial.unwrap(), whole),
        }
    }
}
