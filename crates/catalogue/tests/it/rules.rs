//! Answers to drawn questions.

use std::sync::Arc;

use catalogue::feed_classification::{Guard, GuardRules, IndicatorType, Tlp};
use catalogue::misp_client::{DecayingModel, Scorer};
use catalogue::misp_mirror::Batch;
use catalogue::{Catalogue, Classes, Harmless, Publication, Question, ScoreRule, Selected};
use proptest::prelude::*;

use crate::world::{self, NOW};
use crate::{equality, reference};

/// A model whose scores fall within two days, and that covers some attribute types.
fn scorer() -> Arc<Scorer> {
    let model = r#"[{"DecayingModel": {"id": 1, "name": "Invented", "formula": "PolynomialExtended", "enabled": true,
        "parameters": {"lifetime": 2, "decay_speed": 1.5, "threshold": 30, "default_base_score": 80,
            "base_score_config": {"example:incident-classification": 0.5, "retention": 0.5}},
        "attribute_types": ["ip-dst", "domain", "url", "domain|ip"]}, "DecayingModelMapping": []}]"#;
    let models = DecayingModel::read_all(model.as_bytes()).unwrap();
    Arc::new(models[0].scorer().unwrap())
}

fn since() -> impl Strategy<Value = i64> {
    prop_oneof![Just(0), Just(-1), NOW - 200_000..NOW]
}

/// Own values that meet those of the world.
const OWN: &[&str] = &[
    "192.0.2.1",
    "192.0.2.128/25",
    "10.0.0.0/9",
    "2001:db8::/64",
    "evil.example",
    "www.evil.example",
    "http://evil.example/",
    "d41d8cd98f00b204e9800998ecf8427e",
];

pub(crate) fn guards() -> impl Strategy<Value = Guard> {
    let own = prop::sample::subsequence(OWN, 0..=3);
    (any::<(bool, bool, bool)>(), own).prop_map(|((special_purpose, wide_prefixes, public_suffixes), own)| {
        let mut rules = GuardRules::NONE;
        rules.special_purpose = special_purpose;
        rules.wide_prefixes = wide_prefixes;
        rules.public_suffixes = public_suffixes;
        rules.never_export.extend(own.iter().map(|text| text.parse().unwrap()));
        Guard::new(rules)
    })
}

pub(crate) fn questions() -> impl Strategy<Value = Question> {
    let selected = prop_oneof![
        Just(Selected::Everything),
        Just(Selected::Tag(world::BLOCK.to_owned())),
        Just(Selected::Tag("unknown".to_owned())),
        (0_u8..3).prop_map(|number| Selected::Organisation(world::organisation(number))),
    ];
    let publication = prop_oneof![
        Just(Publication::AllEvents),
        Just(Publication::PublishedNow),
        since().prop_map(|edited_from| Publication::AsLastPublished { edited_from }),
    ];
    let score =
        (0_u8..=100, any::<bool>(), prop::bool::weighted(0.8)).prop_map(|(min, unscored_counts, known)| ScoreRule {
            min,
            unscored_counts,
            scorer: known.then(scorer),
            now: NOW,
        });
    let tlp = (0_usize..5, 0_usize..5).prop_map(|(max, default)| (Tlp::ALL[max], Tlp::ALL[default]));
    let limits = (
        prop::option::weighted(0.4, tlp),
        prop::option::weighted(0.4, score),
        prop::sample::select(&[4_u32, 8, 256, 65_536][..]),
    );
    let harmless = prop::option::of(since());
    (
        selected,
        publication,
        since(),
        any::<(bool, bool, bool)>(),
        harmless,
        limits,
    )
        .prop_map(
            |(selected, publication, since, (to_ids, warned, without_tag), harmless, (tlp, score, max_expand))| {
                let mut question = Question::new(IndicatorType::Ip);
                (question.selected, question.publication, question.since) = (selected, publication, since);
                (question.to_ids_only, question.without_warned) = (to_ids, warned);
                question.without_tag = without_tag.then(|| world::HARMLESS.to_owned());
                question.harmless = harmless.map(|since| Harmless {
                    tag: world::HARMLESS.to_owned(),
                    since,
                });
                if let Some((max, default)) = tlp {
                    (question.max_tlp, question.default_tlp) = (max, default);
                }
                (question.score, question.max_expand) = (score, max_expand);
                question
            },
        )
}

proptest! {
    #[test]
    fn every_feed_equals_the_rules_applied_to_each_record(
        batches in world::batches(),
        questions in prop::collection::vec((questions(), guards()), 1..4),
        is_asked_often in any::<bool>(),
    ) {
        let catalogue = Catalogue::new(Classes::defaults());
        for batch in &batches {
            catalogue.apply(batch).unwrap();
            // A snapshot that was asked before hands on what it knows about the guard.
            for (question, guard) in questions.iter().take(usize::from(is_asked_often) * 2) {
                for kind in [IndicatorType::Ip, IndicatorType::Domain, IndicatorType::Url] {
                    let mut question = question.clone();
                    (question.kind, question.guard) = (kind, guard.clone());
                    catalogue.snapshot().answer(&question).unwrap();
                }
            }
        }
        let records = equality::final_changes(&batches);
        for (mut question, guard) in questions {
            question.guard = guard;
            question.wants_times = true;
            for kind in IndicatorType::ALL {
                question.kind = *kind;
                let answer = catalogue.snapshot().answer(&question).unwrap();
                let expected = reference::answer(&records, &question);
                let (found, wanted): (Vec<_>, Vec<_>) = (answer.values.iter().collect(), expected.values.iter().collect());
                prop_assert_eq!(found, wanted, "{:?}", question);
                prop_assert_eq!(answer.times, expected.times, "{:?}", question);
                prop_assert_eq!(answer.dropped, expected.dropped, "{:?}", question);
            }
        }
    }
}

#[test]
fn an_empty_catalogue_has_empty_feeds() {
    let catalogue = equality::applied(&[Batch::new(Vec::new(), None, true)]);
    for kind in IndicatorType::ALL {
        let answer = catalogue.snapshot().answer(&Question::new(*kind)).unwrap();
        assert!(answer.values.is_empty() && answer.dropped.is_empty());
    }
}
