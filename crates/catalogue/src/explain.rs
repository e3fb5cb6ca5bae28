//! Why a value is in a feed or not: each attribute that names it, before each rule of the feed.

mod asked;
mod guarding;
mod view;

use std::borrow::Cow;

use feed_classification::{DropReason, GuardRule, Tlp, TypeSet};

use crate::answer::{Fit, fit_of};
use crate::row_trial::{RowRule, RowTrial};
use crate::staging::shortened;
use crate::{Event, Question, Row, Snapshot, Table, harmless_cover};
use asked::Asked;
use guarding::Guarding;
pub use view::View;

/// The most attributes, and the most marks, that an explanation names.
const MAX_NAMED: usize = 100;

/// Why a value is in a feed or not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Explanation {
    /// The value in the form in which feeds have it; as it was given if it is not a value of the type.
    pub value: String,
    /// Why the text is not a value of the feed's type.
    pub invalid: Option<DropReason>,
    /// Whether the feed has it.
    pub is_listed: bool,
    /// Whether an analyst called it harmless, which takes it out of all feeds. The mark may be on an event that the
    /// caller does not see.
    pub is_harmless: bool,
    /// The rule of the guard that refuses the value, or cuts it if it is a network.
    pub guard: Option<GuardRule>,
    /// The attributes that call it harmless.
    pub harmless: Vec<HarmlessMark>,
    /// The attributes that name it, in order of their events, at most a hundred.
    pub attributes: Vec<ExplainedAttribute>,
    /// The number of further attributes.
    pub more_attributes: usize,
}

/// An attribute that names a value, before the rules of a feed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct ExplainedAttribute {
    /// The value as it is listed: another spelling of a URL, or a network whose addresses the feed writes out or
    /// that the guard cuts.
    pub value: String,
    /// The event as it is now, with the title of the state that the attribute is in.
    pub event: Event,
    /// MISP's attribute type.
    pub attribute_type: String,
    /// The last change of the attribute, in unix seconds.
    pub timestamp: i64,
    /// Whether the attribute is like this now.
    pub is_current: bool,
    /// Whether it was like this when its event, which is being edited, was published last.
    pub is_last_published: bool,
    /// Whether a warninglist of MISP names the value.
    pub is_warned: bool,
    /// The most closed TLP level of attribute and event.
    pub tlp: Option<Tlp>,
    /// The score, where the question limits scores and the model covers the attribute.
    pub score: Option<f64>,
    /// Why its value is not valid for the type.
    pub invalid: Option<DropReason>,
    /// The rules of the feed in their order, and whether each lets the attribute pass.
    pub rules: Vec<(RowRule, bool)>,
}

impl ExplainedAttribute {
    /// Returns whether every rule lets it pass.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.invalid.is_none() && self.rules.iter().all(|(_, passes)| *passes)
    }
}

/// An attribute that calls a value harmless.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct HarmlessMark {
    /// The value, or a network that contains it.
    pub value: String,
    /// The event of the attribute.
    pub event: Event,
    /// The last change of the attribute, in unix seconds.
    pub timestamp: i64,
}

impl Snapshot {
    /// Explains why the feed of a question has a value or not, as far as the `view` reaches. The limits of the question
    /// are rules like others.
    #[must_use]
    pub fn explain(&self, question: &Question, text: &str, view: View) -> Explanation {
        let mut asked = Asked::read(question, text);
        let guarding = Guarding::of(self, question, &asked);
        let in_parts = guarding.networks_in_parts(&asked.value);
        if !in_parts.is_empty() {
            // A part may be a single address in a feed of networks.
            asked.invalid = None;
        }
        let is_visible = |row: &Row| {
            let level = RowTrial::of(self, row).tlp();
            level.unwrap_or(question.default_tlp) <= view.max_tlp
        };
        let mut rows = self.naming(question, &asked, in_parts);
        let is_harmless = self.is_harmless(question, &asked);
        let fits = |named: &Named<'_>| fit_of(question.kind, &named.value) != Fit::Elsewhere;
        let counts = rows.iter().any(|named| fits(named) && named.counts(question));
        let is_shown = |named: &Named<'_>| !view.is_within_feed || named.is_of_feed(question);
        rows.retain(|named| is_visible(named.trial.row) && is_shown(named));
        rows.sort_by_key(|named| self.event(named.trial.row).map(|event| event.id));
        let more_attributes = rows.len().saturating_sub(MAX_NAMED);
        let named = rows.iter().take(MAX_NAMED);
        let guard = guarding.rule(&asked.value);
        Explanation {
            is_listed: counts && !is_harmless && guard.is_none() && asked.invalid.is_none(),
            is_harmless,
            guard,
            harmless: match view.is_within_feed {
                true => Vec::new(),
                false => self.marks(question, &asked, is_visible),
            },
            attributes: named.filter_map(|named| self.explained(question, named)).collect(),
            more_attributes,
            value: asked.value,
            invalid: asked.invalid,
        }
    }

    /// Returns the rows that name a value, valid ones and others, or a network of which it is a part.
    fn naming(&self, question: &Question, asked: &Asked, in_parts: Vec<String>) -> Vec<Named<'_>> {
        let class = self.class(question.kind);
        let mut named = Vec::new();
        for rank in asked.ranks(class) {
            named.extend(self.rows_of(class.values(), rank, &asked.value));
        }
        for network in asked.written_out(question, class).into_iter().chain(in_parts) {
            if let Some(rank) = class.values().rank_of(&network) {
                named.extend(self.rows_of(class.values(), rank, &network));
            }
        }
        if let Some(rank) = class.invalid().rank_of(&shortened(&asked.text)) {
            named.extend(self.rows_of(class.invalid(), rank, &asked.text));
        }
        named
    }

    fn rows_of<'s>(&'s self, table: &'s Table, rank: u32, value: &str) -> impl Iterator<Item = Named<'s>> {
        let value = table.value(rank).map_or(Cow::Owned(value.to_owned()), Cow::Borrowed);
        let rows = (table.row_range(rank).start..).zip(table.rows(rank));
        rows.map(move |(place, row)| Named {
            value: value.clone(),
            trial: RowTrial {
                snapshot: self,
                row,
                times: table.times(place),
            },
        })
    }

    fn explained(&self, question: &Question, named: &Named<'_>) -> Option<ExplainedAttribute> {
        let trial = named.trial;
        let rules = RowRule::ALL.iter().map(|rule| (*rule, trial.passes(*rule, question)));
        let mut event = self.event(trial.row)?.clone();
        event.info = self.title(trial.row).into();
        Some(ExplainedAttribute {
            value: named.value.clone().into_owned(),
            event,
            attribute_type: self.attribute_type(trial.row).to_owned(),
            timestamp: trial.row.timestamp(),
            is_current: trial.row.is_current(),
            is_last_published: trial.row.is_last_published(),
            is_warned: trial.row.is_warned(),
            tlp: trial.tlp(),
            score: question.score.as_ref().and_then(|rule| trial.score(rule)),
            invalid: trial.row.reason(),
            rules: rules.collect(),
        })
    }

    fn is_harmless(&self, question: &Question, asked: &Asked) -> bool {
        let Some(harmless) = &question.harmless else {
            return false;
        };
        let class = self.class(question.kind);
        if TypeSet::ADDRESSES.contains(question.kind) {
            return harmless_cover::is_harmless(self, harmless, &asked.value);
        }
        let mut rows = asked
            .ranks(class)
            .into_iter()
            .flat_map(|rank| class.values().rows(rank));
        rows.any(|row| RowTrial::of(self, row).is_harmless(harmless))
    }

    /// Returns the attributes with the mark, of the value itself and of networks that contain it.
    fn marks(&self, question: &Question, asked: &Asked, is_visible: impl Fn(&Row) -> bool) -> Vec<HarmlessMark> {
        let Some(harmless) = &question.harmless else {
            return Vec::new();
        };
        let class = self.class(question.kind);
        let (values, own) = (class.values(), asked.ranks(class));
        let networks = asked
            .wider(class)
            .into_iter()
            .filter_map(|network| values.rank_of(&network));
        let mut marks = Vec::new();
        for rank in own.into_iter().chain(networks) {
            let marked = values.rows(rank).iter();
            let marked = marked.filter(|row| RowTrial::of(self, row).is_harmless(harmless) && is_visible(row));
            marks.extend(marked.filter_map(|row| {
                Some(HarmlessMark {
                    value: values.value(rank)?.to_owned(),
                    event: self.event(row)?.clone(),
                    timestamp: row.timestamp(),
                })
            }));
        }
        marks.truncate(MAX_NAMED);
        marks
    }
}

/// A row with the value that it names.
struct Named<'s> {
    value: Cow<'s, str>,
    trial: RowTrial<'s>,
}

impl Named<'_> {
    fn counts(&self, question: &Question) -> bool {
        let passes = |rule: &RowRule| self.trial.passes(*rule, question);
        self.trial.row.reason().is_none() && RowRule::ALL.iter().all(passes)
    }

    /// Returns whether the feed is about the attribute and it is published.
    fn is_of_feed(&self, question: &Question) -> bool {
        let rules = [RowRule::Selection, RowRule::Publication];
        rules.iter().all(|rule| self.trial.passes(*rule, question))
    }
}
