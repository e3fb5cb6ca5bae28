//! The property: after each edit every feed is what it has to be, both ways.

use std::collections::BTreeSet;
use std::sync::Arc;

use feed_classification::{Age, IndicatorType, Tlp};
use feed_engine::{FeedScope, Filter, ScoreLimit, Selection, Unscored};
use misp_mirror::Clock as _;
use misp_sim::{BulkSite, Warninglist, WarninglistKind, demo};
use tokio::task::JoinSet;

use crate::edits::Source;
use crate::model::{Feeds, Model, Through};
use crate::stand::{POLL, Stand, scope, selections, values};

const AGES: [Age; 4] = [Age::Days1, Age::Weeks1, Age::Months1, Age::Years10];
/// Feeds that are asked of MISP after each edit, and edits between two times that all are.
const ASKED: u64 = 3;
const ALL_ASKED_EVERY: u64 = 250;
/// After so many edits the mirror answers all feeds; after the others those of the types that changed, and of
/// [`DRAWN_TYPES`].
const ALL_MIRRORED_EVERY: u64 = 8;
const DRAWN_TYPES: u64 = 3;
/// After so many looks the mirror believes that an event has lost its attributes, for example those that its owner
/// shows to nobody else any more.
const BELIEVED_AFTER: usize = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

// Two sites at the same time, each with half of the edits, take half as long as one.

#[tokio::test(flavor = "multi_thread")]
async fn after_each_random_edit_every_feed_is_the_same_both_ways_and_as_last_published_by_the_mirror() {
    every_feed_is_right_after_each_edit(setting("CRATOS_EQUALITY_SEED", 11)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_each_random_edit_of_another_seed_every_feed_is_the_same_both_ways() {
    every_feed_is_right_after_each_edit(setting("CRATOS_EQUALITY_SEED", 11) + 1).await;
}

async fn every_feed_is_right_after_each_edit(seed: u64) {
    let edits = setting("CRATOS_EQUALITY_EDITS", 1_000) / 2;
    // A list that the mirror cannot judge, so that it asks MISP.
    let types = ["domain", "hostname", "url", "ip-dst", "domain|ip"];
    let list = Warninglist::new("only PHP", WarninglistKind::Regex, &types, &[r"/^(?!b).*[02]\b/"]);
    let sim = demo().bulk_site(BulkSite::new(20, 60)).warninglist(list);
    let stand = Stand::on(sim).await;
    let mut round = Round::new(stand, seed);
    for number in 0..=edits {
        if number > 0 {
            let drawn = round.edit().await;
            round.what = format!("edit {number} of seed {seed}: {drawn}");
        }
        if number % ALL_MIRRORED_EVERY == 0 {
            round.draw_age();
        }
        round.compare_with_misp(number % ALL_ASKED_EVERY == 0).await;
        round.compare_mirror(number % ALL_MIRRORED_EVERY == 0).await;
    }
    assert!(round.kept > 0, "no edit of a published event was compared");
    eprintln!(
        "{edits} edits, {} feeds by the mirror, {} by MISP; in {} comparisons events were being edited",
        round.mirrored, round.asked, round.kept
    );
}

struct Round {
    stand: Arc<Stand>,
    source: Source,
    model: Model,
    age: Age,
    /// What the mirror had to answer after the edit before, with the same age.
    expected: Feeds,
    selections: Vec<Selection>,
    what: String,
    mirrored: usize,
    asked: usize,
    kept: usize,
}

impl Round {
    fn new(stand: Stand, seed: u64) -> Self {
        let mut round = Self {
            stand: Arc::new(stand),
            source: Source::new(seed),
            model: Model::default(),
            age: Age::Years10,
            expected: Feeds::new(),
            selections: selections(),
            what: "the beginning".to_owned(),
            mirrored: 0,
            asked: 0,
            kept: 0,
        };
        round.look_at_model();
        round
    }

    /// Carries out an edit, and has the mirror look until it must have seen it.
    async fn edit(&mut self) -> String {
        let drawn = self.source.next(&self.stand.sim);
        if let Some(second) = &drawn.again {
            self.stand.look_within_the_second().await;
            self.look_at_model();
            self.stand.sim.edit(|store| store.apply(second)).unwrap();
        }
        if drawn.needs_resync {
            self.stand.resync();
        }
        for wait in &drawn.looks {
            self.stand.look_after(*wait).await;
            self.look_at_model();
        }
        for _ in 1..BELIEVED_AFTER {
            if self.stand.is_in_doubt() {
                self.stand.look_after(POLL).await;
                self.look_at_model();
            }
        }
        format!("{:?}, then {:?}", drawn.what, drawn.again)
    }

    fn look_at_model(&mut self) {
        let (stand, model, organisation) = (&self.stand, &mut self.model, self.source.organisation);
        stand
            .sim
            .with_store(|store| model.look(store, organisation, &stand.upstream));
    }

    fn draw_age(&mut self) {
        self.age = AGES[self.place(AGES.len())];
    }

    /// The direct way first: what it sees withdrawn, it remembers.
    async fn compare_with_misp(&mut self, all: bool) {
        self.kept += usize::from(self.model.edited() > 0);
        let expected = self.expected(self.age, Through::Misp);
        for scope in self.scopes_to_ask(all) {
            self.compare_asked(scope, &expected).await;
        }
    }

    async fn compare_mirror(&mut self, all: bool) {
        let expected = self.expected(self.age, Through::Mirror);
        let kinds = if all {
            IndicatorType::ALL.iter().copied().collect()
        } else {
            self.changed_kinds(&expected)
        };
        let mut answers = JoinSet::new();
        for selection in &self.selections {
            let scopes: Vec<_> = kinds.iter().map(|kind| scope(*selection, *kind, self.age)).collect();
            let stand = Arc::clone(&self.stand);
            answers.spawn(async move {
                let mut answers = Vec::new();
                for scope in scopes {
                    answers.push((scope, values(&stand.mirrored(scope).await)));
                }
                answers
            });
        }
        for (scope, held) in answers.join_all().await.into_iter().flatten() {
            self.mirrored += 1;
            self.must_be_equal("the mirror", scope, &held, expected.get(&(scope.selection, scope.kind)));
        }
        self.expected = expected;
    }

    /// The types with a feed that has to change, and a few drawn ones.
    fn changed_kinds(&mut self, expected: &Feeds) -> BTreeSet<IndicatorType> {
        let keys = expected.keys().chain(self.expected.keys());
        let changed = keys.filter(|key| expected.get(key) != self.expected.get(key));
        let mut kinds: BTreeSet<IndicatorType> = changed.map(|key| key.1).collect();
        for _ in 0..DRAWN_TYPES {
            kinds.insert(IndicatorType::ALL[self.place(IndicatorType::ALL.len())]);
        }
        kinds
    }

    /// A drawn place in a list of this length.
    fn place(&mut self, length: usize) -> usize {
        usize::try_from(self.source.below(length as u64)).unwrap()
    }

    fn expected(&mut self, age: Age, through: Through) -> Feeds {
        let Self {
            stand,
            model,
            selections,
            ..
        } = self;
        let now = stand.clock.now();
        stand
            .sim
            .with_store(|store| model.feeds(store, &stand.upstream, selections, age, now, through))
    }

    fn scopes_to_ask(&mut self, all: bool) -> Vec<FeedScope> {
        let (age, kinds) = (self.age, IndicatorType::ALL);
        if all {
            let selections = self.selections.iter();
            return selections
                .flat_map(|selection| kinds.iter().map(move |kind| scope(*selection, *kind, age)))
                .collect();
        }
        let drawn = (0..ASKED).map(|_| {
            let place = self.place(self.selections.len());
            let (selection, kind) = (self.selections[place], kinds[self.place(kinds.len())]);
            FeedScope {
                filter: self.filter(),
                ..scope(selection, kind, age)
            }
        });
        drawn.collect()
    }

    fn filter(&mut self) -> Filter {
        let score = |min: &str, unscored| {
            Filter::NONE.with_score(ScoreLimit {
                min: min.parse().unwrap(),
                unscored,
            })
        };
        match self.source.below(8) {
            0 => Filter::NONE.with_max_tlp(Tlp::Green),
            1 => Filter::NONE.with_max_tlp(Tlp::Amber),
            2 => score("30", Unscored::Exclude),
            3 => score("70", Unscored::Include).with_max_tlp(Tlp::Amber),
            _ => Filter::NONE,
        }
    }

    /// Holds an answer of MISP against the model, and against the mirror where both have to be the same.
    async fn compare_asked(&mut self, scope: FeedScope, expected: &Feeds) {
        let mut asked = self.stand.asked(scope).await;
        self.asked += 1;
        if scope.filter == Filter::NONE {
            let key = (scope.selection, scope.kind);
            self.must_be_equal("MISP", scope, &values(&asked), expected.get(&key));
        }
        if scope.selection.wants_published() && self.model.edited() > 0 {
            return;
        }
        let held = self.stand.mirrored(scope).await;
        asked.dropped.remove("unusable");
        self.must_be_equal("both ways", scope, &values(&held), Some(&values(&asked)));
        assert_eq!(held.dropped, asked.dropped, "{scope} after {}", self.what);
    }

    fn must_be_equal(
        &self,
        way: &str,
        scope: FeedScope,
        found: &BTreeSet<String>,
        expected: Option<&BTreeSet<String>>,
    ) {
        let none = BTreeSet::new();
        let expected = expected.unwrap_or(&none);
        if found != expected {
            let more: Vec<_> = found.difference(expected).take(5).collect();
            let missing: Vec<_> = expected.difference(found).take(5).collect();
            panic!(
                "{way}, {scope}: too much {more:?}, missing {missing:?}, after {}",
                self.what
            );
        }
    }
}
