//! Attributes as last published while their event is edited: what counts of the present state.

use std::sync::Arc;

use catalogue::feed_classification::{IndicatorType, Tlp};
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{EventRecord, LastPublished};
use catalogue::{Catalogue, Classes, Finder, Limits, Publication, Query, Question, Selected, Snapshot, View};

use crate::world::{NOW, batch_of, event};

/// An event with one domain that was published, and what an edit made of it.
fn edited(edit: impl FnOnce(&mut EventRecord)) -> Arc<Snapshot> {
    let mut record = event(1, &[("domain", "a.example")]);
    record.current.event.info = "as published".to_owned();
    let published = record.current.clone();
    record.current.event.published = false;
    record.current.event.timestamp = NOW + 10;
    record.last_published = LastPublished::Block(Box::new(published));
    edit(&mut record);
    let catalogue = Catalogue::new(Classes::defaults());
    catalogue.apply(&batch_of(record)).unwrap();
    catalogue.snapshot()
}

fn question(max_tlp: Tlp) -> Question {
    let mut question = Question::new(IndicatorType::Domain);
    question.publication = Publication::AsLastPublished { edited_from: 0 };
    (question.max_tlp, question.default_tlp) = (max_tlp, Tlp::Amber);
    question
}

fn values(snapshot: &Snapshot, question: &Question) -> Vec<String> {
    let answer = snapshot.answer(question).unwrap();
    answer.values.iter().map(str::to_owned).collect()
}

fn finder() -> Finder {
    let of_kind = |kind| {
        let mut question = question(Tlp::Red);
        question.kind = kind;
        question
    };
    Finder::new(of_kind)
}

fn is_found(snapshot: &Arc<Snapshot>, max_tlp: Tlp) -> bool {
    let limits = Limits::of_tlp(max_tlp, Tlp::Amber);
    !finder()
        .find(snapshot, &Query::parse("a.example"), &limits, 10)
        .is_empty()
}

#[test]
fn a_limit_on_tlp_counts_the_tags_that_an_edit_put_on() {
    let touched = |record: &mut EventRecord| record.current.rows[0].timestamp = NOW + 10;
    let on_attribute = edited(|record| {
        touched(record);
        record.current.rows[0].tags = [Tag::own("tlp:red")].into();
    });
    let on_event = edited(|record| record.current.event.tags.push(Tag::own("tlp:red")));
    let on_event_of_deleted = edited(|record| {
        record.current.rows.clear();
        record.current.event.tags.push(Tag::own("tlp:red"));
    });
    for snapshot in [on_attribute, on_event, on_event_of_deleted] {
        assert_eq!(values(&snapshot, &question(Tlp::Red)), ["a.example"]);
        assert!(values(&snapshot, &question(Tlp::AmberStrict)).is_empty());
        assert!(is_found(&snapshot, Tlp::Red) && !is_found(&snapshot, Tlp::AmberStrict));
        let seen_by_amber = snapshot.explain(&question(Tlp::Amber), "a.example", View::up_to(Tlp::Amber));
        assert!(!seen_by_amber.is_listed);
        assert!(
            seen_by_amber
                .attributes
                .iter()
                .all(|attribute| attribute.tlp != Some(Tlp::Red))
        );
        // The tag is no reason to be in a feed.
        let mut red = question(Tlp::Red);
        red.selected = Selected::Tag("tlp:red".to_owned());
        assert!(values(&snapshot, &red).is_empty());
    }
}

#[test]
fn an_edit_opens_no_level_that_was_published() {
    let snapshot = edited(|record| {
        let LastPublished::Block(block) = &mut record.last_published else {
            unreachable!()
        };
        block.event.tags.push(Tag::own("tlp:red"));
        record.current.event.tags.push(Tag::own("tlp:green"));
    });
    assert!(values(&snapshot, &question(Tlp::Amber)).is_empty() && !is_found(&snapshot, Tlp::Amber));
}

#[test]
fn the_newest_sighting_of_an_untouched_attribute_is_the_one_of_now() {
    let snapshot = edited(|record| record.current.rows[0].last_sighting = Some(NOW + 5));
    let names = snapshot.class(IndicatorType::Domain).values();
    assert_eq!((snapshot.rows(), names.last_sighting(0, 0)), (1, Some(NOW + 5)));
}

#[test]
fn a_match_as_last_published_has_the_title_of_that_publication() {
    let snapshot = edited(|record| {
        record.current.event.info = "not for everybody yet".to_owned();
        record.current.rows[0].timestamp = NOW + 10;
        record.current.rows[0].to_ids = false;
    });
    let limits = Limits::of_tlp(Tlp::Red, Tlp::Amber);
    let found = finder().find(&snapshot, &Query::parse("a.example"), &limits, 10);
    let titles: Vec<&str> = found.iter().map(|found| found.event.info.as_str()).collect();
    assert_eq!(titles, ["as published"]);
    let explained = snapshot.explain(&question(Tlp::Red), "a.example", View::up_to(Tlp::Red));
    let titles = explained
        .attributes
        .iter()
        .map(|attribute| (attribute.is_current, &*attribute.event.info));
    let mut titles: Vec<_> = titles.collect();
    titles.sort_unstable();
    assert_eq!(titles, [(false, "as published"), (true, "not for everybody yet")]);
}
