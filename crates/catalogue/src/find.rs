//! Look-ups of single values: whether an address, name or hash is listed, and from which events.
//!
//! A feed answers "which values", this answers "what about this value", by the same rules. The limits of a caller are
//! judged at each look-up: one [`Finder`] serves callers with all limits. A look-up is some binary searches and a
//! judgement of the few rows that it finds; nothing in it grows with the catalogue.

mod actor;
mod listed;
mod matches;
mod plain_form;
mod query;
mod types;

use std::sync::Arc;

use feed_classification::{Guard, IndicatorType, Tlp};
use misp_client::Scorer;

pub use matches::{Match, MatchedEvent, Relation};
pub use query::Query;
pub use types::{LOOKED_UP_FEEDS, LOOKUP_TYPES};

use crate::network_lengths::key_of;
use crate::{Question, ScoreRule, Snapshot};
use listed::Search;

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
    /// The guard of the site; nothing means that every value may be found.
    pub guard: Option<Guard>,
}

impl Limits {
    /// Returns the limits on TLP levels, without one on scores.
    #[must_use]
    pub fn of_tlp(max_tlp: Tlp, default_tlp: Tlp) -> Self {
        Self {
            max_tlp,
            default_tlp,
            min_score: None,
            guard: None,
        }
    }

    fn permits_tlp(&self, level: Option<Tlp>) -> bool {
        level.unwrap_or(self.default_tlp) <= self.max_tlp
    }
}

/// Looks values up by the rules of one feed. It holds the rules only, and each look-up says in which state of the
/// catalogue.
///
/// ```
/// use catalogue::{Catalogue, Classes, Finder, Limits, Query, Question};
/// use feed_classification::Tlp;
///
/// let catalogue = Catalogue::new(Classes::defaults());
/// let finder = Finder::new(Question::new);
/// let limits = Limits::of_tlp(Tlp::Amber, Tlp::Amber);
/// let query = Query::parse("www.evil.example");
/// assert!(finder.find(&catalogue.snapshot(), &query, &limits, 10).is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct Finder {
    /// By number of the type; nothing for types that cannot be looked up.
    questions: Vec<Option<Question>>,
    scorer: Option<(Arc<Scorer>, i64)>,
}

impl Finder {
    /// Returns the finder for a feed. `question` gives the feed of each type; its limits on TLP and scores do not
    /// count.
    pub fn new(question: impl Fn(IndicatorType) -> Question) -> Self {
        let looked_up = |kind: &IndicatorType| LOOKED_UP_FEEDS.contains(*kind).then(|| question(*kind));
        Self {
            questions: IndicatorType::ALL.iter().map(looked_up).collect(),
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

    /// Returns the memory that it takes, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        size_of::<Self>() + self.questions.capacity() * size_of::<Option<Question>>()
    }

    /// Returns the matches of a value within the limits, the closest first, at most `most`.
    ///
    /// A match beyond the limits does not exist for the caller. Where an attribute is within the limits and its event
    /// is not, the match comes without the title and the threat actors of the event. The matches of one listed value
    /// are in order of type and event.
    ///
    /// A value that the guard refuses is not found, and no network is found around an address that is not exported. A
    /// network that the guard cuts is found as it is listed.
    #[must_use]
    pub fn find(&self, snapshot: &Snapshot, query: &Query, limits: &Limits, most: usize) -> Vec<Match> {
        let search = Search {
            questions: &self.questions,
            snapshot,
            limits,
            score: limits.min_score.map(|(min, unscored)| self.score_rule(min, unscored)),
        };
        let lengths = snapshot.class(IndicatorType::Ip).network_lengths();
        let exact = query.keys().map(|key| (key.to_owned(), Relation::Exact));
        let hosts = query.hosts().map(|host| (host.to_owned(), Relation::Host));
        let exported = query.networks().iter().filter(|network| !search.hides(**network));
        let networks = exported.flat_map(|network| lengths.wider(*network));
        let networks = networks.map(|network| (key_of(network), Relation::Network));
        let parents = query.parents().map(|parent| (parent.to_owned(), Relation::Parent));
        let mut found = Vec::new();
        for (key, relation) in exact.chain(hosts).chain(networks).chain(parents) {
            if found.len() >= most {
                break;
            }
            search.add_matches(&key, relation, most, &mut found);
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
}

impl Snapshot {
    /// Returns the number of values that can be looked up, of any feed.
    #[must_use]
    pub fn looked_up_values(&self) -> usize {
        // Domains and host names are one family.
        let families = LOOKUP_TYPES.iter().filter(|kind| **kind != IndicatorType::Hostname);
        families.map(|kind| self.class(*kind).values().len()).sum()
    }
}
