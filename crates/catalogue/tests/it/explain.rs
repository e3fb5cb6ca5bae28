//! Explanations against feeds, and what they name.

use catalogue::feed_classification::{Guard, GuardRule, IndicatorType, Tlp};
use catalogue::{Catalogue, Harmless, Question, RowRule, Selected, View};
use proptest::prelude::*;

use crate::find::{catalogue, event};
use crate::{equality, rules, world};

proptest! {
    #[test]
    fn a_value_is_explained_as_listed_exactly_where_the_feed_has_it(
        batches in world::batches(),
        mut question in rules::questions(),
        guard in rules::guards(),
    ) {
        let catalogue = equality::applied(&batches);
        let snapshot = catalogue.snapshot();
        question.guard = guard;
        for kind in IndicatorType::ALL {
            question.kind = *kind;
            let answer = snapshot.answer(&question).unwrap();
            let of_class = snapshot.class(*kind).values().iter().map(|(_, value, _)| value);
            let values: Vec<&str> = of_class.chain(answer.values.iter().take(40)).collect();
            for value in values {
                let explained = snapshot.explain(&question, value, View::up_to(Tlp::Red));
                let is_network = value.contains('/');
                if is_network && matches!(kind, IndicatorType::Ipv4Ext | IndicatorType::Ipv6Ext) {
                    continue;
                }
                prop_assert_eq!(explained.is_listed, answer.values.contains(value), "{} {} {:?} {:?}", kind, value, explained, question);
            }
        }
    }
}

fn block(kind: IndicatorType) -> Question {
    let mut question = Question::new(kind);
    question.selected = Selected::Tag(world::BLOCK.to_owned());
    question.default_tlp = Tlp::Green;
    question.harmless = Some(Harmless {
        tag: world::HARMLESS.to_owned(),
        since: 0,
    });
    question
}

fn refused(catalogue: &Catalogue, question: &Question, value: &str) -> Vec<(u64, Vec<RowRule>)> {
    let explained = catalogue.snapshot().explain(question, value, View::up_to(Tlp::Red));
    let refused = |rules: &[(RowRule, bool)]| {
        rules
            .iter()
            .filter(|(_, passes)| !passes)
            .map(|(rule, _)| *rule)
            .collect()
    };
    explained
        .attributes
        .iter()
        .map(|attribute| (attribute.event.id, refused(&attribute.rules)))
        .collect()
}

#[test]
fn every_attribute_names_the_rules_that_refuse_it() {
    let catalogue = catalogue(vec![
        event(3, &[world::BLOCK], &[("domain", "evil.example", &["tlp:red"])]),
        event(1, &[], &[("domain", "EVIL.example.", &[])]),
        event(2, &[world::BLOCK], &[("hostname", "evil.example", &[])]),
    ]);
    let mut question = block(IndicatorType::Domain);
    (question.max_tlp, question.since) = (Tlp::Amber, world::NOW + 1);
    assert_eq!(
        refused(&catalogue, &question, "evil[.]example"),
        [
            (1, vec![RowRule::Selection, RowRule::Age]),
            (2, vec![RowRule::AttributeType, RowRule::Age]),
            (3, vec![RowRule::Age, RowRule::Tlp]),
        ]
    );
}

#[test]
fn an_attribute_beyond_the_limits_does_not_exist_and_its_mark_only_counts() {
    let catalogue = catalogue(vec![
        event(1, &[world::BLOCK], &[("ip-dst", "192.0.2.7", &[])]),
        event(
            2,
            &["tlp:red"],
            &[
                ("ip-dst", "192.0.2.0/24", &[world::HARMLESS]),
                ("ip-dst", "192.0.2.7", &[]),
            ],
        ),
    ]);
    let question = block(IndicatorType::Ipv4);
    let explained = catalogue
        .snapshot()
        .explain(&question, "192.0.2.7", View::up_to(Tlp::Amber));
    let events: Vec<u64> = explained
        .attributes
        .iter()
        .map(|attribute| attribute.event.id)
        .collect();
    assert_eq!(
        (events, explained.is_harmless, explained.is_listed),
        (vec![1], true, false)
    );
    assert_eq!(explained.harmless, []);
    let all = catalogue
        .snapshot()
        .explain(&question, "192.0.2.7", View::up_to(Tlp::Red));
    let marks: Vec<_> = all
        .harmless
        .iter()
        .map(|mark| (mark.value.as_str(), mark.event.id))
        .collect();
    assert_eq!((marks, all.attributes.len()), (vec![("192.0.2.0/24", 2)], 2));
}

#[test]
fn an_invalid_value_is_explained_with_its_reason_and_an_address_by_the_network_that_is_written_out() {
    let catalogue = catalogue(vec![event(
        1,
        &[world::BLOCK],
        &[("domain", "*.evil.example", &[]), ("ip-dst", "192.0.2.0/30", &[])],
    )]);
    let wildcard = catalogue
        .snapshot()
        .explain(&block(IndicatorType::Domain), "*.evil.example", View::up_to(Tlp::Red));
    assert!(wildcard.invalid.is_some() && !wildcard.is_listed);
    assert_eq!(wildcard.attributes[0].invalid, wildcard.invalid);
    let address = catalogue
        .snapshot()
        .explain(&block(IndicatorType::Ipv4Ext), "192.0.2.2", View::up_to(Tlp::Red));
    assert!(address.is_listed, "{address:?}");
    assert_eq!(address.attributes[0].value, "192.0.2.0/30");
    let other = catalogue
        .snapshot()
        .explain(&block(IndicatorType::Ipv4), "192.0.2.2", View::up_to(Tlp::Red));
    assert!(!other.is_listed && other.attributes.is_empty() && other.invalid.is_none());
}

#[test]
fn a_view_within_the_feed_names_its_attributes_behind_many_of_others() {
    let others: Vec<(&str, &str, &[&str])> = vec![("domain", "evil.example", &[]); 1];
    let mut changes: Vec<_> = (1..=190).map(|id| event(id, &[], &others)).collect();
    changes.extend((191..=200).map(|id| event(id, &[world::BLOCK], &others)));
    let snapshot = catalogue(changes).snapshot();
    let (question, view) = (block(IndicatorType::Domain), View::up_to(Tlp::Red));
    let all = snapshot.explain(&question, "evil.example", view);
    assert_eq!((all.attributes.len(), all.more_attributes), (100, 100));
    let own = snapshot.explain(&question, "evil.example", view.within_feed());
    let events: Vec<u64> = own.attributes.iter().map(|attribute| attribute.event.id).collect();
    assert!(own.is_listed && own.more_attributes == 0);
    assert_eq!(events, (191..=200).collect::<Vec<u64>>());
}

#[test]
fn the_guard_is_named_and_a_part_is_explained_by_the_network_that_was_cut() {
    let catalogue = catalogue(vec![
        event(
            1,
            &[world::BLOCK],
            &[("ip-dst", "10.1.2.3", &[]), ("ip-dst", "198.51.100.0/30", &[])],
        ),
        event(2, &[], &[("ip-dst", "198.51.100.1", &[world::HARMLESS])]),
    ]);
    let mut question = block(IndicatorType::Cidr4);
    question.guard = Guard::default();
    let explained = |question: &Question, value| {
        let explained = catalogue.snapshot().explain(question, value, View::up_to(Tlp::Red));
        let listed_as: Vec<String> = explained
            .attributes
            .into_iter()
            .map(|attribute| attribute.value)
            .collect();
        (explained.is_listed, explained.guard, listed_as)
    };
    let network = vec!["198.51.100.0/30".to_owned()];
    assert_eq!(
        explained(&question, "198.51.100.0/30"),
        (false, Some(GuardRule::FalsePositive), network.clone())
    );
    assert_eq!(explained(&question, "198.51.100.2/31"), (true, None, network.clone()));
    assert_eq!(explained(&question, "198.51.100.0"), (true, None, network));
    // An attribute with a single address is not in a feed of networks, and a part is listed only if its network is.
    question.since = world::NOW + 1;
    assert!(!explained(&question, "198.51.100.0").0);
    question.since = 0;
    question.kind = IndicatorType::Ipv4;
    let private = vec!["10.1.2.3".to_owned()];
    assert_eq!(
        explained(&question, "10.1.2.3"),
        (false, Some(GuardRule::SpecialPurpose), private)
    );
    assert_eq!(explained(&question, "198.51.100.0"), (false, None, Vec::new()));
}
