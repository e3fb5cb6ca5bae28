//! Look-ups of single values: whether an address, name or hash is listed, and from which events.
//!
//! A feed answers "which values", this answers "what about this value", by the same rules. The limits of a caller are
//! judged at each look-up: one [`Finder`] serves callers with all limits. A look-up is some binary searches and a
//! judgement of the few rows that it finds; nothing in it grows with the catalogue.

mod actor;
mod listed;
mod matches;
mod networks;
mod plain_form;
mod query;
mod types;

use std::sync::Arc;

use feed_classification::{IndicatorType, Tlp};
use misp_client::Scorer;

pub use matches::{Match, MatchedEvent, Relation};
pub use query::Query;
pub use types::{LOOKED_UP_FEEDS, LOOKUP_TYPES};

use crate::harmless_values::HarmlessValues;
use crate::{Question, ScoreRule, Snapshot};
use networks::NetworkLengths;

/// The limits of a caller on attributes.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The most closed TLP level that counts; red means no limit.
    pub max_tlp: Tlp,
    /// The level of attributes without a TLP tag.
    pub default_tlp: Tlp,
    /// The lowest score that counts, and whether attributes without a score count.
    pub min_score: Option<(u8, bool)>,
}

impl Limits {
    /// Returns the limits on TLP levels, without one on scores.
    #[must_use]
    pub fn of_tlp(max_tlp: Tlp, default_tlp: Tlp) -> Self {
        Self {
            max_tlp,
            default_tlp,
            min_score: None,
        }
    }

    fn permits_tlp(&self, level: Option<Tlp>) -> bool {
        level.unwrap_or(self.default_tlp) <= self.max_tlp
    }
}

/// Looks values up in one state of the catalogue, by the rules of one feed.
///
/// ```
/// use std::sync::Arc;
///
/// use catalogue::{Catalogue, Classes, Finder, Limits, Query, Question};
/// use feed_classification::Tlp;
///
/// let catalogue = Catalogue::new(Classes::defaults());
/// let finder = Finder::new(catalogue.snapshot(), Question::new);
/// let limits = Limits::of_tlp(Tlp::Amber, Tlp::Amber);
/// assert!(finder.find(&Query::parse("www.evil.example"), &limits, 10).is_empty());
/// ```
#[derive(Debug)]
pub struct Finder {
    snapshot: Arc<Snapshot>,
    /// By number of the type; nothing for types that cannot be looked up.
    questions: Vec<Option<Question>>,
    harmless_addresses: Option<HarmlessValues>,
    lengths: NetworkLengths,
    scorer: Option<(Arc<Scorer>, i64)>,
}

impl Finder {
    /// Returns the finder for a feed. `question` gives the feed of each type; its limits on TLP and scores do not
    /// count.
    ///
    /// Making a finder goes over all addresses once: a few milliseconds for a million.
    pub fn new(snapshot: Arc<Snapshot>, question: impl Fn(IndicatorType) -> Question) -> Self {
        let looked_up = |kind: &IndicatorType| LOOKED_UP_FEEDS.contains(*kind).then(|| question(*kind));
        let questions: Vec<Option<Question>> = IndicatorType::ALL.iter().map(looked_up).collect();
        let harmless = questions.get(IndicatorType::Ip as usize).and_then(Option::as_ref);
        let harmless = harmless.and_then(|question| question.harmless.as_ref());
        Self {
            harmless_addresses: harmless
                .and_then(|harmless| HarmlessValues::of(&snapshot, IndicatorType::Ip, harmless)),
            lengths: NetworkLengths::of(snapshot.class(IndicatorType::Ip).values()),
            questions,
            snapshot,
            scorer: None,
        }
    }

    /// Sets the model of scores and the moment at which they count, in unix seconds. Without a model no attribute has a
    /// score.
    #[must_use]
    pub fn with_scorer(mut self, scorer: Arc<Scorer>, now: i64) -> Self {
        self.scorer = Some((scorer, now));
        self
    }

    /// Returns the state of the catalogue.
    #[must_use]
    pub fn snapshot(&self) -> &Arc<Snapshot> {
        &self.snapshot
    }

    /// Returns the number of values that can be looked up, of any feed.
    #[must_use]
    pub fn values(&self) -> usize {
        // Domains and host names are one family.
        let families = LOOKUP_TYPES.iter().filter(|kind| **kind != IndicatorType::Hostname);
        families.map(|kind| self.snapshot.class(*kind).values().len()).sum()
    }

    /// Returns the memory that the finder takes beside the snapshot, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        // One mark for each address.
        let addresses = self.snapshot.class(IndicatorType::Ip).values().len();
        let harmless = self.harmless_addresses.as_ref().map_or(0, |_| addresses);
        harmless + self.questions.capacity() * size_of::<Option<Question>>()
    }

    /// Returns the matches of a value within the limits, the closest first, at most `most`.
    ///
    /// A match beyond the limits does not exist for the caller. Where an attribute is within the limits and its event
    /// is not, the match comes without the title and the threat actors of the event. The matches of one listed value
    /// are in order of type and event.
    #[must_use]
    pub fn find(&self, query: &Query, limits: &Limits, most: usize) -> Vec<Match> {
        let exact = query.keys().map(|key| (key.to_owned(), Relation::Exact));
        let hosts = query.hosts().map(|host| (host.to_owned(), Relation::Host));
        let networks = query
            .networks()
            .iter()
            .flat_map(|network| self.lengths.containing(*network));
        let networks = networks.map(|network| (network, Relation::Network));
        let parents = query.parents().map(|parent| (parent.to_owned(), Relation::Parent));
        let score = limits
            .min_score
            .map(|(min, unscored_counts)| self.score_rule(min, unscored_counts));
        let mut found = Vec::new();
        for (key, relation) in exact.chain(hosts).chain(networks).chain(parents) {
            if found.len() >= most {
                break;
            }
            self.add_matches(&key, relation, limits, score.as_ref(), most, &mut found);
        }
        found
    }

    fn score_rule(&self, min: u8, unscored_counts: bool) -> ScoreRule {
        let (scorer, now) = self.scorer.clone().unzip();
        ScoreRule {
            min,
            unscored_counts,
            scorer,
            now: now.unwrap_or(0),
        }
    }

    fn question(&self, kind: IndicatorType) -> Option<&Question> {
        self.questions.get(kind as usize).and_then(Option::as_ref)
    }
}
