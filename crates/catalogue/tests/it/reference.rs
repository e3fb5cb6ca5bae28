//! The rules of a feed over records, one after the other, as anybody would write them down.

use std::collections::BTreeMap;

use catalogue::feed_classification::{
    DropReason, Extractor, FalsePositives, IndicatorSet, IndicatorSetBuilder, IndicatorType, Tlp, ValueFamily,
    ValueTimes,
};
use catalogue::misp_client::{Attribute, Tag};
use catalogue::misp_mirror::{Block, Change, EventRecord, LastPublished, MirrorRow};
use catalogue::{Classes, Publication, Question, Selected};

/// One row in the state that a question looks at.
pub(crate) struct Seen<'r> {
    pub(crate) record: &'r EventRecord,
    pub(crate) row: MirrorRow,
    pub(crate) tags: Vec<Tag>,
    /// Further tags for limits on TLP levels.
    pub(crate) limits: Vec<Tag>,
    warned: bool,
}

pub(crate) struct ReferenceAnswer {
    pub(crate) values: IndicatorSet,
    pub(crate) times: Option<ValueTimes>,
    pub(crate) dropped: BTreeMap<&'static str, u64>,
}

/// Answers a question.
pub(crate) fn answer(changes: &[Change], question: &Question) -> ReferenceAnswer {
    let classes = Classes::defaults();
    let extractor = Extractor::new(question.kind).max_expand(question.max_expand);
    let (mut values, mut dropped) = (IndicatorSetBuilder::timed(question.kind), BTreeMap::new());
    for seen in changes
        .iter()
        .flat_map(|change| published(change, question.publication))
    {
        if !classes.takes(question.kind, &seen.row.kind) || !counts(&seen, question) {
            continue;
        }
        let outcome = extractor.extract(&seen.row.kind, &seen.row.value, &mut |value| {
            values.push_at(value, seen.row.timestamp);
        });
        if let Err(reason) = outcome
            .map_err(Some)
            .map_err(|reason| reason.filter(|reason: &DropReason| !reason.belongs_elsewhere()))
            && let Some(reason) = reason
        {
            *dropped.entry(reason.as_str()).or_default() += 1;
        }
    }
    let (values, times) = values.finish_timed();
    let guarded = question
        .guard
        .applied_to_timed(values, times, &harmless(changes, question), usize::MAX);
    let guarded = guarded.unwrap();
    dropped.extend(
        guarded
            .dropped
            .iter()
            .map(|(rule, values)| (rule.as_str(), values.len() as u64)),
    );
    ReferenceAnswer {
        values: guarded.values,
        times: guarded.times,
        dropped,
    }
}

pub(crate) fn published(change: &Change, publication: Publication) -> Vec<Seen<'_>> {
    let Change::Replaced {
        record,
        warned,
        warned_published,
    } = change
    else {
        return Vec::new();
    };
    let current = || rows(record, &record.current, warned);
    match (publication, &record.last_published) {
        (Publication::AllEvents, _) | (_, LastPublished::Current) => current(),
        (Publication::AsLastPublished { edited_from }, LastPublished::Block(block))
            if record.current.event.timestamp >= edited_from =>
        {
            as_published(record, block, warned_published)
        }
        _ => Vec::new(),
    }
}

fn rows<'r>(record: &'r EventRecord, block: &'r Block, warned: &[bool]) -> Vec<Seen<'r>> {
    let inherited = inherited(&block.event.tags);
    let rows = block.rows.iter().enumerate();
    rows.map(|(place, row)| Seen {
        record,
        row: row.clone(),
        tags: row.tags.iter().cloned().chain(inherited.iter().cloned()).collect(),
        limits: Vec::new(),
        warned: warned.get(place).copied().unwrap_or(false),
    })
    .collect()
}

/// The block with the sightings that untouched attributes have now, and with the present TLP tags.
fn as_published<'r>(record: &'r EventRecord, block: &'r Block, warned: &[bool]) -> Vec<Seen<'r>> {
    let now = &record.current;
    let mut seen = rows(record, block, warned);
    for seen in &mut seen {
        let present = now.rows.iter().find(|row| row.id == seen.row.id);
        seen.limits.clone_from(&now.event.tags);
        seen.limits.extend(present.iter().flat_map(|row| row.tags.to_vec()));
        if let Some(present) = present.filter(|row| row.timestamp == seen.row.timestamp) {
            seen.row.last_sighting = present.last_sighting;
        }
    }
    seen
}

fn inherited(tags: &[Tag]) -> Vec<Tag> {
    let inherited = |tag: &Tag| {
        let mut inherited = Tag::inherited(tag.name.as_str());
        (inherited.numerical_value, inherited.local) = (tag.numerical_value, tag.local);
        inherited
    };
    tags.iter().map(inherited).collect()
}

pub(crate) fn counts(seen: &Seen<'_>, question: &Question) -> bool {
    let has = |tag: &str| seen.tags.iter().any(|known| known.name == tag);
    let selected = match &question.selected {
        Selected::Everything => true,
        Selected::Tag(tag) => has(tag),
        Selected::Organisation(organisation) => seen.record.current.event.orgc_uuid == Some(*organisation),
    };
    selected
        && !question.without_tag.as_deref().is_some_and(has)
        && (seen.row.to_ids || !question.to_ids_only)
        && (question.since <= 0 || seen.row.timestamp >= question.since)
        && !(seen.warned && question.without_warned)
        && Tlp::of_tags(seen.tags.iter().chain(&seen.limits).map(|tag| tag.name.as_str()))
            .unwrap_or(question.default_tlp)
            <= question.max_tlp
        && score_counts(seen, question)
}

fn score_counts(seen: &Seen<'_>, question: &Question) -> bool {
    let Some(rule) = &question.score else {
        return true;
    };
    let Some(scorer) = rule.scorer.as_ref().filter(|scorer| scorer.covers(&seen.row.kind)) else {
        return rule.unscored_counts;
    };
    let mut attribute = Attribute::new(1, &*seen.row.kind, seen.row.value.as_str());
    // As four bytes hold them.
    let kept = |time: i64| time.clamp(0, u32::MAX.into());
    attribute.timestamp = kept(seen.row.timestamp);
    attribute.last_seen = seen.row.last_seen.map(|time| kept(time).min(i64::from(u32::MAX) - 1));
    attribute.last_sighting = seen
        .row
        .last_sighting
        .map(|time| kept(time).min(i64::from(u32::MAX) - 1));
    attribute.tags = seen.tags.clone();
    scorer.score(&attribute, rule.now).now >= f64::from(rule.min)
}

pub(crate) fn harmless(changes: &[Change], question: &Question) -> FalsePositives {
    let Some(harmless) = &question.harmless else {
        return FalsePositives::default();
    };
    let since = |time: i64| harmless.since <= 0 || time >= harmless.since;
    let read_as = match question.kind.family() {
        ValueFamily::Address => IndicatorType::Ip,
        _ => question.kind,
    };
    let classes = Classes::defaults();
    let mut values = Vec::new();
    for seen in changes
        .iter()
        .flat_map(|change| published(change, Publication::AllEvents))
    {
        let is_taken = question
            .kind
            .family()
            .types()
            .iter()
            .any(|kind| classes.takes(kind, &seen.row.kind));
        let is_marked = seen
            .tags
            .iter()
            .filter(|tag| tag.name == harmless.tag)
            .any(|tag| since(seen.row.timestamp) || (tag.inherited && since(seen.record.current.event.timestamp)));
        if is_taken && is_marked {
            let _ = Extractor::new(read_as).extract(&seen.row.kind, &seen.row.value, &mut |value| {
                values.push(value.to_owned())
            });
        }
    }
    FalsePositives::of([IndicatorSet::of(read_as, values.iter().map(String::as_str))])
}
