//! A question as tables over attribute types, tag sets and events, so that a row is judged by a few looks into them.

use feed_classification::Tlp;
use misp_client::{ScoreTimes, TagScore};

use crate::row::Marks;
use crate::tag_sets::{is_limit, place_of};
use crate::times::Times;
use crate::{Publication, Question, Row, ScoreRule, Selected, Snapshot};

/// The rules of a question for the rows of one snapshot.
#[derive(Debug)]
pub(crate) struct Rule<'s> {
    snapshot: &'s Snapshot,
    marks: Marks,
    without_warned: bool,
    since: i64,
    publication: Publication,
    /// By number of the attribute type.
    takes: Vec<bool>,
    /// By number of the tag set.
    tag_sets: Vec<TagVerdict>,
    /// By place of the event; nothing where all count.
    events: Option<Vec<bool>>,
    scores: Option<Scores<'s>>,
}

/// What the tags of a row mean for a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagVerdict {
    Selected,
    BeyondLimits,
    Other,
}

/// The judgement of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It counts.
    Counts,
    /// It would count if its event were published.
    Unpublished,
    /// It answers the question, and the limits of the caller refuse it.
    BeyondLimits,
    /// It does not answer the question.
    Other,
}

/// Scores by tag set.
#[derive(Debug)]
struct Scores<'s> {
    rule: &'s ScoreRule,
    /// By number of the tag set; empty without a model.
    of_tags: Vec<TagScore>,
    /// By number of the attribute type.
    covers: Vec<bool>,
}

impl<'s> Rule<'s> {
    pub(crate) fn new(snapshot: &'s Snapshot, question: &'s Question) -> Self {
        let types = snapshot.attribute_types.iter();
        Self {
            snapshot,
            marks: Marks::default().with_if(Marks::TO_IDS, question.to_ids_only),
            without_warned: question.without_warned,
            since: question.since,
            publication: question.publication,
            takes: types.map(|name| snapshot.mappings.takes(question.kind, name)).collect(),
            tag_sets: tag_verdicts(snapshot, question),
            events: events(snapshot, question),
            scores: question.score.as_ref().map(|rule| Scores::new(snapshot, rule)),
        }
    }

    /// Judges a row; `times` is called for its further times.
    #[inline]
    pub(crate) fn judge(&self, row: &Row, times: impl FnOnce() -> Times) -> Verdict {
        let marks = row.marks();
        let answers = marks.has(self.marks)
            && !(self.without_warned && marks.has(Marks::WARNED))
            && (self.since <= 0 || row.timestamp() >= self.since)
            && self
                .takes
                .get(usize::from(row.attribute_type()))
                .is_some_and(|takes| *takes)
            && self
                .events
                .as_ref()
                .is_none_or(|events| events.get(row.event() as usize).is_some_and(|counts| *counts));
        let tags = self
            .tag_sets
            .get(row.tag_set() as usize)
            .copied()
            .unwrap_or(TagVerdict::Other);
        if !answers || tags == TagVerdict::Other {
            return Verdict::Other;
        }
        let is_published = self.is_published(row);
        if !is_published && !marks.has(Marks::CURRENT) {
            return Verdict::Other;
        }
        if tags == TagVerdict::BeyondLimits || !self.scores.as_ref().is_none_or(|scores| scores.permit(row, times)) {
            return Verdict::BeyondLimits;
        }
        if is_published {
            Verdict::Counts
        } else {
            Verdict::Unpublished
        }
    }

    fn is_published(&self, row: &Row) -> bool {
        let marks = row.marks();
        match self.publication {
            Publication::AllEvents => marks.has(Marks::CURRENT),
            Publication::PublishedNow => marks.has(Marks::PUBLISHED),
            Publication::AsLastPublished { edited_from } => {
                let edited = || {
                    self.snapshot
                        .event(row)
                        .is_some_and(|event| event.timestamp >= edited_from)
                };
                marks.has(Marks::PUBLISHED) || (marks.has(Marks::LAST_PUBLISHED) && edited())
            }
        }
    }
}

impl<'s> Scores<'s> {
    fn new(snapshot: &Snapshot, rule: &'s ScoreRule) -> Self {
        let Some(scorer) = &rule.scorer else {
            return Self {
                rule,
                of_tags: Vec::new(),
                covers: Vec::new(),
            };
        };
        let mut tags = Vec::new();
        let of_tags = (0..snapshot.tag_sets.len()).map(|set| {
            tags.clear();
            let set = u32::try_from(set).unwrap_or(u32::MAX);
            tags.extend(snapshot.tag_sets.tags(set).map(|tag| tag.to_tag()));
            scorer.of_tags(&tags)
        });
        Self {
            rule,
            of_tags: of_tags.collect(),
            covers: snapshot
                .attribute_types
                .iter()
                .map(|name| scorer.covers(name))
                .collect(),
        }
    }

    fn permit(&self, row: &Row, times: impl FnOnce() -> Times) -> bool {
        let is_covered = self
            .covers
            .get(usize::from(row.attribute_type()))
            .is_some_and(|covers| *covers);
        let tags = self.of_tags.get(row.tag_set() as usize).filter(|_| is_covered);
        let (Some(tags), Some(scorer)) = (tags, &self.rule.scorer) else {
            return self.rule.unscored_counts;
        };
        let times = if row.marks().has(Marks::TIMED) {
            times()
        } else {
            Times::NONE
        };
        let times = ScoreTimes {
            timestamp: row.timestamp(),
            last_seen: times.last_seen(),
            last_sighting: times.last_sighting(),
        };
        scorer.score_of(*tags, times, self.rule.now).now >= f64::from(self.rule.min)
    }
}

/// Judges every tag set by the tags that the question wants, and by TLP.
fn tag_verdicts(snapshot: &Snapshot, question: &Question) -> Vec<TagVerdict> {
    let tags = &snapshot.tag_sets;
    let levels: Vec<Option<Tlp>> = tags.names().map(|name| Tlp::of_tags([name])).collect();
    let selected = match &question.selected {
        Selected::Tag(tag) => Some(tags.named(tag)),
        Selected::Everything | Selected::Organisation(_) => None,
    };
    let without = question.without_tag.as_deref().map(|tag| tags.named(tag));
    let verdict = |members: &[u32]| {
        let is_selected = selected.as_ref().is_none_or(|named| has_one_of(members, named));
        if !is_selected || without.as_ref().is_some_and(|named| has_one_of(members, named)) {
            return TagVerdict::Other;
        }
        let level = members
            .iter()
            .filter_map(|member| *levels.get(place_of(*member).0)?)
            .max();
        if level.unwrap_or(question.default_tlp) <= question.max_tlp {
            TagVerdict::Selected
        } else {
            TagVerdict::BeyondLimits
        }
    };
    tags.sets().map(verdict).collect()
}

fn has_one_of(members: &[u32], named: &[bool]) -> bool {
    let tags = members.iter().filter(|member| !is_limit(**member));
    let mut places = tags.map(|member| place_of(*member).0);
    places.any(|place| named.get(place).is_some_and(|is_named| *is_named))
}

/// Returns which events the question is about; nothing if it is about all.
fn events(snapshot: &Snapshot, question: &Question) -> Option<Vec<bool>> {
    let Selected::Organisation(organisation) = question.selected else {
        return None;
    };
    let events = snapshot.events.iter();
    let is_of = events.map(|event| {
        event
            .as_ref()
            .is_some_and(|event| event.orgc_uuid == Some(organisation))
    });
    Some(is_of.collect())
}
