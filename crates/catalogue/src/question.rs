//! What a feed is made of.

use std::sync::Arc;

use feed_classification::{DEFAULT_MAX_EXPAND, Guard, GuardRules, IndicatorType, Tlp};
use misp_client::Scorer;
use uuid::Uuid;

/// The rules of one feed. It knows no site: the caller translates names of feeds, ages and tokens into it.
///
/// ```
/// use catalogue::{Harmless, Publication, Question, Selected};
/// use feed_classification::IndicatorType;
///
/// let mut question = Question::new(IndicatorType::Domain);
/// question.selected = Selected::Tag("example:incident-classification=block".to_owned());
/// question.publication = Publication::AsLastPublished { edited_from: 1_795_000_000 };
/// question.to_ids_only = true;
/// question.harmless = Some(Harmless {
///     tag: "example:incident-classification=false-positive".to_owned(),
///     since: 0,
/// });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Question {
    /// The type of the values.
    pub kind: IndicatorType,
    /// The attributes by their tags or their organisation.
    pub selected: Selected,
    /// Attributes with this tag, their own or their event's, do not count.
    pub without_tag: Option<String>,
    /// Only attributes that analysts meant for detection count.
    pub to_ids_only: bool,
    /// Only attributes that changed at this unix second or later count; 0 and less means all.
    pub since: i64,
    /// The state of the event that counts.
    pub publication: Publication,
    /// Attributes that a warninglist of MISP names do not count.
    pub without_warned: bool,
    /// The values that are taken out wherever else they stand.
    pub harmless: Option<Harmless>,
    /// The rules that keep values out of the feed, whatever attributes name them.
    pub guard: Guard,
    /// The most closed TLP level that counts; red means no limit.
    pub max_tlp: Tlp,
    /// The level of attributes without a TLP tag.
    pub default_tlp: Tlp,
    /// The limit on scores.
    pub score: Option<ScoreRule>,
    /// The largest network, in addresses, that `ipv4ext` and `ipv6ext` write out.
    pub max_expand: u32,
    /// How many values that are left out the answer names.
    pub named_omissions: usize,
    /// Whether the answer has the time of each value.
    pub wants_times: bool,
}

/// The attributes that a feed is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selected {
    /// All.
    Everything,
    /// Those with this tag, their own or their event's; case counts.
    Tag(String),
    /// Those of events that this organisation made.
    Organisation(Uuid),
}

/// The state of an event that counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Publication {
    /// Every event as it is now, published or not.
    AllEvents,
    /// Events that are published now.
    PublishedNow,
    /// Events that are published now, and those that are being edited as they were last published.
    AsLastPublished {
        /// The unix second from which on an edit counts as going on. An event that was edited before it does not count
        /// until it is published again.
        edited_from: i64,
    },
}

/// The mark with which analysts call a value harmless, for all values of its family
/// ([`ValueFamily`](feed_classification::ValueFamily)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Harmless {
    /// The tag. On an attribute it counts by the time of the attribute, and on an event by the later of both times.
    /// Publication, warninglists and `to_ids` do not matter.
    pub tag: String,
    /// The unix second from which on the mark counts; 0 and less means always.
    pub since: i64,
}

/// A limit on decay scores.
#[derive(Clone, Debug)]
pub struct ScoreRule {
    /// The lowest score that counts, compared with scores without their fractions.
    pub min: u8,
    /// Whether attributes count that have no score, since the model does not cover their type.
    pub unscored_counts: bool,
    /// The model; without one no attribute has a score.
    pub scorer: Option<Arc<Scorer>>,
    /// The moment of the scores, in unix seconds.
    pub now: i64,
}

impl Question {
    /// Returns the question for all values of a type, without limits.
    #[must_use]
    pub fn new(kind: IndicatorType) -> Self {
        Self {
            kind,
            selected: Selected::Everything,
            without_tag: None,
            to_ids_only: false,
            since: 0,
            publication: Publication::AllEvents,
            without_warned: false,
            harmless: None,
            guard: Guard::new(GuardRules::NONE),
            max_tlp: Tlp::Red,
            default_tlp: Tlp::Red,
            score: None,
            max_expand: DEFAULT_MAX_EXPAND,
            named_omissions: 0,
            wants_times: false,
        }
    }
}
