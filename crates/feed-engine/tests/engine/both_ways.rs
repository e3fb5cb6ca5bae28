//! The two ways to a feed held against each other: the mirror, and a question to MISP for each feed.

use std::collections::BTreeSet;

use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{Errand, FeedScope, Filter, IndicatorSource as _, ScoreLimit, Selection, Unscored};
use misp_sim::{Attribute, DecayingModel, Event, Moment, Organisation, Sim, SimBuilder, User};

use crate::mirror_bench::{MirrorBench, QUIET, any, scope};
use crate::support::tag;

/// One difference between the ways: the feed, the value, and which way has it.
type Difference = (String, String, &'static str);

impl MirrorBench {
    /// Compares these feeds, and returns the values that one way has and the other has not.
    async fn differences(&self, scopes: impl IntoIterator<Item = FeedScope>) -> BTreeSet<Difference> {
        let mut found = BTreeSet::new();
        for scope in scopes {
            let errand = Errand::default().with_times(true);
            let asked = self.direct.gather(&self.upstream, scope, &errand).await;
            let held = self.mirror.gather(&self.upstream, scope, &errand).await;
            let (mut asked, held) = match (asked, held) {
                (Ok(asked), Ok(held)) => (asked, held),
                (asked, held) => {
                    let text = |outcome: Result<_, feed_engine::FeedError>| outcome.err().map(|error| error.chain());
                    assert_eq!(text(asked.map(|_| ())), text(held.map(|_| ())), "{scope}");
                    continue;
                }
            };
            assert!(held.as_of.is_some(), "{scope} came from MISP");
            // Rows without an id, a type or a value: the mirror does not hold them.
            let unusable = asked.dropped.remove("unusable");
            assert!(unusable.unwrap_or_default() <= 1, "{scope}");
            let (asked_values, held_values): (BTreeSet<&str>, BTreeSet<&str>) =
                (asked.values.iter().collect(), held.values.iter().collect());
            let mut add = |values: Vec<&&str>, way| {
                found.extend(
                    values
                        .into_iter()
                        .map(|value| (scope.to_string(), (*value).to_owned(), way)),
                );
            };
            add(held_values.difference(&asked_values).collect(), "mirror");
            add(asked_values.difference(&held_values).collect(), "direct");
            if asked_values == held_values {
                assert_eq!(asked.times, held.times, "{scope}");
            }
            if asked_values == held_values && asked.dropped != held.dropped {
                let counts = format!("dropped: {:?} and {:?}", asked.dropped, held.dropped);
                found.insert((scope.to_string(), counts, "counts"));
            }
        }
        found
    }
}

/// Every feed of a site with custom feeds, for every type.
fn matrix(ages: &[Age], filters: &[Filter], organisation: &str) -> Vec<FeedScope> {
    let feeds = FeedName::ALL.iter().map(|feed| Selection::Feed(*feed));
    let selections: Vec<Selection> = feeds
        .chain([Selection::Organisation(organisation.parse().unwrap())])
        .collect();
    let mut scopes = Vec::new();
    for selection in selections {
        for kind in IndicatorType::ALL {
            for age in ages {
                for filter in filters {
                    scopes.push(FeedScope {
                        selection,
                        kind: *kind,
                        age: *age,
                        filter: *filter,
                    });
                }
            }
        }
    }
    scopes
}

fn score(min: &str, unscored: Unscored) -> Filter {
    Filter::NONE.with_score(ScoreLimit {
        min: min.parse().unwrap(),
        unscored,
    })
}

pub(crate) const SITE: &str = "\
mirror_poll: 1h
decaying_model: NIDS Simple Decaying Model
ignore_to_ids: [yara, sigma, snort, ja3]
default_tlp: amber
falsepositive_timeout: 1m
custom_feeds:
  cust1: ':incident-classification=cust1'
  cust2: ':incident-classification=cust2'
  cust3: ':incident-classification=cust3'
";

const ORGANISATION: &str = "5c0ba7a0-0001-4000-8000-000000000001";

fn recorded(name: &str) -> String {
    let path = format!("{}/../misp-sim/tests/data/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// The test matrix of the recordings, with one user who sees what the recordings' reader saw.
pub(crate) fn recorded_matrix() -> SimBuilder {
    let organisation = |name, uuid: &str| Organisation::new(name, uuid.parse().unwrap());
    Sim::empty()
        .organisation(organisation("ORGNAME", "2b227ad6-c7d7-498e-973f-006697943f68"))
        .organisation(organisation("Example CERT", ORGANISATION))
        .organisation(organisation("Partner Research", "5c0ba7a0-0002-4000-8000-000000000002"))
        .user(User::reader("reader@cert.example.org", 2, Sim::READER_KEY))
        .event_text("tags.json", recorded("tags.json"))
        .event_text("events.json", recorded("events.json"))
        .decaying_model(DecayingModel::nids())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_feed_of_the_recorded_matrix_is_the_same_both_ways() {
    let bench = MirrorBench::on(recorded_matrix(), SITE).await;
    let ages = [Age::Days1, Age::Weeks1, Age::Weeks2, Age::Months1, Age::Years10];
    let scopes = matrix(&ages, &[Filter::NONE], ORGANISATION);
    assert_eq!(bench.differences(scopes).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_limit_on_the_recorded_matrix_is_judged_the_same_both_ways() {
    let bench = MirrorBench::on(recorded_matrix(), SITE).await;
    let filters = [
        Filter::NONE.with_max_tlp(Tlp::Clear),
        Filter::NONE.with_max_tlp(Tlp::Green),
        Filter::NONE.with_max_tlp(Tlp::Amber),
        score("30", Unscored::Exclude),
        score("80", Unscored::Include),
        score("50", Unscored::Include).with_max_tlp(Tlp::Green),
    ];
    let scopes = matrix(&[Age::Years10], &filters, ORGANISATION);
    assert_eq!(bench.differences(scopes).await, BTreeSet::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_feed_of_the_sample_data_is_the_same_both_ways() {
    let bench = MirrorBench::on(misp_sim::demo(), SITE).await;
    let scopes = matrix(
        &[Age::Weeks1, Age::Years10],
        &[Filter::NONE, Filter::NONE.with_max_tlp(Tlp::Green)],
        &Sim::ORGANISATION.to_string(),
    );
    assert_eq!(bench.differences(scopes).await, BTreeSet::new());
}

/// An event with attributes that an analyst is going to edit, each in its own way.
fn story() -> Event {
    let names = [
        "same",
        "changed",
        "muted",
        "untagged",
        "deleted",
        "erased",
        "tagged-red",
    ];
    names.iter().fold(
        Event::new("story").tag(tag("alert")).changed(Moment::Ago(3_600)),
        |event, name| {
            let attribute = Attribute::new("domain", format!("{name}.example"));
            event.attribute(attribute.tag(tag("block")))
        },
    )
}

/// Edits the event, and has the mirror look.
async fn edit_story(bench: &MirrorBench) {
    bench.sim.clock().advance(2);
    bench.sim.edit(|store| {
        let find = |store: &misp_sim::Store, name: &str| store.find(&format!("{name}.example")).unwrap();
        let id = find(store, "changed");
        store.set_value(id, "new-value.example").unwrap();
        let id = find(store, "muted");
        store.set_to_ids(id, false).unwrap();
        let id = find(store, "untagged");
        store.untag_attribute(id, &tag("block")).unwrap();
        let id = find(store, "deleted");
        store.soft_delete(id).unwrap();
        let id = find(store, "erased");
        store.hard_delete(id).unwrap();
        let id = find(store, "tagged-red");
        store.tag_attribute(id, "tlp:red").unwrap();
        let event = store.find_event("story").unwrap();
        let added = Attribute::new("domain", "added.example").tag(tag("block"));
        store.add_attribute(event, added).unwrap();
    });
    bench.look().await;
}

/// These values of a feed, which one way has and the other has not.
fn only(feed: &str, names: &[&str], way: &'static str) -> BTreeSet<Difference> {
    let difference = |name: &&str| (feed.to_owned(), format!("{name}.example"), way);
    names.iter().map(difference).collect()
}

/// The one place where the ways differ: an event that is edited, where the mirror knows what was published and MISP
/// cannot say it any more.
#[tokio::test(flavor = "multi_thread")]
async fn while_an_event_is_edited_the_mirror_has_what_was_published_and_misp_lacks_what_the_edit_touched() {
    let bench = MirrorBench::of([story()], QUIET).await;
    let block = scope(FeedName::Block, IndicatorType::Domain);
    let red = FeedScope {
        filter: Filter::NONE.with_max_tlp(Tlp::Amber),
        ..block
    };
    let alert = scope(FeedName::Alert, IndicatorType::Domain);
    assert_eq!(bench.differences([block, alert]).await, BTreeSet::new());
    edit_story(&bench).await;
    let touched = ["changed", "muted", "untagged", "deleted", "erased", "tagged-red"];
    assert_eq!(
        bench.differences([block]).await,
        only("block/domain/10y", &touched, "mirror"),
        "as last published: nothing of the edit shows, and nothing it touched is missing"
    );
    assert_eq!(
        bench.differences([alert, any(IndicatorType::Domain)]).await,
        only("any/domain/10y", &touched, "mirror"),
        "feeds of all events see the event as it is now"
    );
    assert_eq!(
        bench.differences([red]).await,
        BTreeSet::new(),
        "the default level is red"
    );
    bench.sim.clock().advance(2);
    bench.sim.edit(|store| {
        let event = store.find_event("story").unwrap();
        store.publish(event).unwrap();
    });
    bench.look().await;
    let all = [block, red, alert, any(IndicatorType::Domain)];
    assert_eq!(bench.differences(all).await, BTreeSet::new(), "published again");
    bench.sim.clock().advance(2);
    bench.sim.edit(|store| {
        let event = store.find_event("story").unwrap();
        store.unpublish(event).unwrap();
    });
    bench.look().await;
    assert_eq!(bench.differences(all).await, BTreeSet::new(), "withdrawn on purpose");
    assert!(bench.gather(block).await.unwrap().values.is_empty());
}

/// A TLP limit is never "as published": what an edit closes is closed at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_an_edit_marks_red_leaves_the_feeds_of_callers_up_to_amber_at_once() {
    let site = format!("{QUIET}default_tlp: amber\n");
    let bench = MirrorBench::of([story()], &site).await;
    let block = scope(FeedName::Block, IndicatorType::Domain);
    let amber = FeedScope {
        filter: Filter::NONE.with_max_tlp(Tlp::Amber),
        ..block
    };
    assert!(bench.gather(amber).await.unwrap().values.contains("tagged-red.example"));
    edit_story(&bench).await;
    let touched = ["changed", "muted", "untagged", "deleted", "erased"];
    let feed = amber.to_string();
    assert_eq!(bench.differences([amber]).await, only(&feed, &touched, "mirror"));
    assert!(!bench.gather(amber).await.unwrap().values.contains("tagged-red.example"));
    assert!(bench.gather(block).await.unwrap().values.contains("tagged-red.example"));
    let lookups = feed_engine::LookupScope {
        feed: FeedName::Block,
        age: Age::Years10,
    };
    let index = bench
        .mirror
        .index(&bench.upstream, lookups, &Errand::default())
        .await
        .unwrap();
    let query = feed_engine::Query::parse("tagged-red.example");
    let found = |filter| {
        let judge = feed_engine::Judge::new(filter, bench.upstream.site());
        index.find(&query, &judge, 10).len()
    };
    assert_eq!((found(amber.filter), found(Filter::NONE)), (0, 1));
}
