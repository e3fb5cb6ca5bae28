//! The rules of a question for one row, each by itself: for look-ups and explanations, which look at few rows.

use feed_classification::Tlp;
use misp_client::{ScoreTimes, Tag};

use crate::row::Marks;
use crate::times::Times;
use crate::{Harmless, Publication, Question, Row, ScoreRule, Selected, Snapshot};

/// A rule that an attribute must pass to be in a feed, in the order in which they are judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum RowRule {
    /// The mappings of the site name the attribute's type for the type of the feed.
    AttributeType,
    /// Attribute or event carry the tag of the feed, or the organisation made the event.
    Selection,
    /// Neither the attribute nor its event is tagged as a false positive.
    NotHarmless,
    /// Analysts meant the attribute for detection.
    ToIds,
    /// The attribute changed lately enough.
    Age,
    /// The event is published, or the attribute is as it was last published.
    Publication,
    /// No warninglist names the value.
    Warninglists,
    /// The TLP level is within the limits of the caller.
    Tlp,
    /// The decay score is within the limits of the caller.
    Score,
}

impl RowRule {
    /// Every rule, in the order in which they are judged.
    pub const ALL: &[Self] = &[
        Self::AttributeType,
        Self::Selection,
        Self::NotHarmless,
        Self::ToIds,
        Self::Age,
        Self::Publication,
        Self::Warninglists,
        Self::Tlp,
        Self::Score,
    ];

    /// The rules without the limits of the caller.
    pub(crate) const OF_THE_FEED: &[Self] = &[
        Self::AttributeType,
        Self::ToIds,
        Self::Age,
        Self::Publication,
        Self::Warninglists,
        Self::Selection,
        Self::NotHarmless,
    ];

    /// Returns the name, for example `to_ids`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AttributeType => "attribute_type",
            Self::Selection => "selection",
            Self::NotHarmless => "not_harmless",
            Self::ToIds => "to_ids",
            Self::Age => "age",
            Self::Publication => "publication",
            Self::Warninglists => "warninglists",
            Self::Tlp => "tlp",
            Self::Score => "score",
        }
    }
}

/// One row before the rules of a question. [`Rule`](crate::rule::Rule) judges many rows faster, and alike.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RowTrial<'s> {
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) row: &'s Row,
    pub(crate) times: Times,
}

impl<'s> RowTrial<'s> {
    /// Returns the trial of a row whose times do not matter.
    pub(crate) fn of(snapshot: &'s Snapshot, row: &'s Row) -> Self {
        Self {
            snapshot,
            row,
            times: Times::NONE,
        }
    }

    /// Returns whether the row passes a rule of the question.
    pub(crate) fn passes(&self, rule: RowRule, question: &Question) -> bool {
        let row = self.row;
        match rule {
            RowRule::AttributeType => self.snapshot.takes(question.kind, row),
            RowRule::Selection => self.is_selected(&question.selected),
            RowRule::NotHarmless => question.without_tag.as_deref().is_none_or(|tag| !self.has_tag(tag)),
            RowRule::ToIds => !question.to_ids_only || row.is_to_ids(),
            RowRule::Age => question.since <= 0 || row.timestamp() >= question.since,
            RowRule::Publication => self.is_published(question.publication),
            RowRule::Warninglists => !(question.without_warned && row.is_warned()),
            RowRule::Tlp => self.tlp().unwrap_or(question.default_tlp) <= question.max_tlp,
            RowRule::Score => question.score.as_ref().is_none_or(|rule| self.permits_score(rule)),
        }
    }

    /// Returns whether the row is in the feed of a question, without regard to limits of the caller.
    pub(crate) fn counts(&self, question: &Question) -> bool {
        RowRule::OF_THE_FEED.iter().all(|rule| self.passes(*rule, question))
    }

    /// Returns the most closed TLP level of attribute and event, as published and as they are now; nothing without a
    /// TLP tag.
    pub(crate) fn tlp(&self) -> Option<Tlp> {
        Tlp::of_tags(self.snapshot.tags_and_limits(self.row).map(|tag| tag.name))
    }

    /// Returns whether the score of the row is within a limit.
    pub(crate) fn permits_score(&self, rule: &ScoreRule) -> bool {
        match self.score(rule) {
            Some(score) => score >= f64::from(rule.min),
            None => rule.unscored_counts,
        }
    }

    /// Returns the score of the row; nothing without a model, and for a type that the model does not cover.
    pub(crate) fn score(&self, rule: &ScoreRule) -> Option<f64> {
        let scorer = rule.scorer.as_ref()?;
        if !scorer.covers(self.snapshot.attribute_type(self.row)) {
            return None;
        }
        let tags: Vec<Tag> = self.snapshot.tags(self.row).map(crate::RowTag::to_tag).collect();
        let times = ScoreTimes {
            timestamp: self.row.timestamp(),
            last_seen: self.times.last_seen(),
            last_sighting: self.times.last_sighting(),
        };
        Some(scorer.score_of(scorer.of_tags(&tags), times, rule.now).now)
    }

    /// Returns whether this tag is on the attribute or on its event.
    pub(crate) fn has_tag(&self, name: &str) -> bool {
        self.snapshot.tags(self.row).any(|tag| tag.name == name)
    }

    /// Returns whether the row calls its value harmless.
    pub(crate) fn is_harmless(&self, harmless: &Harmless) -> bool {
        let since = |time: i64| harmless.since <= 0 || time >= harmless.since;
        let of_event = || {
            let mut tags = self.snapshot.tags(self.row);
            tags.any(|tag| tag.inherited && tag.name == harmless.tag)
                && self
                    .snapshot
                    .event(self.row)
                    .is_some_and(|event| since(event.timestamp))
        };
        self.row.is_current() && self.has_tag(&harmless.tag) && (since(self.row.timestamp()) || of_event())
    }

    fn is_selected(&self, selected: &Selected) -> bool {
        match selected {
            Selected::Everything => true,
            Selected::Tag(tag) => self.has_tag(tag),
            Selected::Organisation(organisation) => {
                let event = self.snapshot.event(self.row);
                event.is_some_and(|event| event.orgc_uuid == Some(*organisation))
            }
        }
    }

    fn is_published(&self, publication: Publication) -> bool {
        let marks = self.row.marks();
        match publication {
            Publication::AllEvents => marks.has(Marks::CURRENT),
            Publication::PublishedNow => marks.has(Marks::PUBLISHED),
            Publication::AsLastPublished { edited_from } => {
                let event = self.snapshot.event(self.row);
                let is_edited = || event.is_some_and(|event| event.timestamp >= edited_from);
                marks.has(Marks::PUBLISHED) || (marks.has(Marks::LAST_PUBLISHED) && is_edited())
            }
        }
    }
}
