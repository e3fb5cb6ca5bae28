//! An explanation from MISP: one question about the value itself, for upstreams without a mirror.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use catalogue::{Catalogue, Classes, Question};
use feed_classification::{IndicatorType, Tlp, TypeSet, canonical_key, network_of};
use ipnet::IpNet;
use misp_client::{Attribute, AttributeSearch, Client, Order, Tag};
use misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};

use super::{Reasons, in_normal_form};
use crate::provenance::Provenance;
use crate::publication::Publication;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, FeedScope, Upstream};

/// Attributes that one explanation reads; a value that has more is explained by the newest.
const MAX_ATTRIBUTES: NonZeroU64 = NonZeroU64::new(5_000).expect("not zero");

/// The parameters of an explanation.
pub(crate) struct Inquiry<'a> {
    pub(crate) client: &'a Client,
    pub(crate) upstream: &'a Upstream,
    pub(crate) scope: FeedScope,
    pub(crate) question: Question,
    pub(crate) remembered: &'a UpstreamMemory,
    pub(crate) now: jiff::Timestamp,
}

/// Asks MISP for all attributes with the value, whatever feed they belong to, and explains it by them.
///
/// MISP compares whole texts, so attributes with another spelling than the given one and the normal one are not found.
pub(crate) async fn explain(inquiry: Inquiry<'_>, text: &str, visible: Tlp) -> Result<Reasons, FeedError> {
    let Inquiry {
        client,
        upstream,
        scope,
        question,
        remembered,
        now,
    } = inquiry;
    let unaskable = |error| FeedError::Unaskable(Arc::new(error));
    let search = AttributeSearch::of_values(spellings(&question, text))
        .map_err(unaskable)?
        .include_context(true)
        .include_event_tags(true)
        .include_all_tags(true)
        .include_sightings(scope.filter.score().is_some() && upstream.site.score_sightings)
        .order(Order::IdDescending)
        .limit(MAX_ATTRIBUTES);
    let rows = read(client, &search).await?;
    let unwarned: BTreeSet<u64> = if question.without_warned {
        let unwarned = read(client, &search.clone().enforce_warninglist(true)).await?;
        unwarned.iter().map(|attribute| attribute.id).collect()
    } else {
        rows.iter().map(|attribute| attribute.id).collect()
    };
    // After the rows, as for a feed.
    let publication = Publication::ask(client, upstream, scope.selection, remembered, now).await?;
    let records = records(&rows, &publication);
    let catalogue = Catalogue::new(Classes::new(|kind| upstream.mappings.attribute_types(kind)));
    let changes = records.values().map(|record| change(record, &unwarned));
    catalogue
        .apply(&Batch::new(changes.collect(), Some(now), true))
        .map_err(|error| FeedError::internal("explaining a value", error))?;
    let explanation = catalogue.snapshot().explain(&question, text, visible);
    let record = |id: u64| records.get(&id).map(|record| (**record).clone());
    Ok(Reasons::of(explanation, scope.kind, record, |_| Vec::new()))
}

async fn read(client: &Client, search: &AttributeSearch) -> Result<Vec<Attribute>, FeedError> {
    let (mut rows, mut pages) = (Vec::new(), client.search(search.clone()));
    while let Some(batch) = pages.next_batch().await? {
        rows.extend(batch.attributes);
    }
    Ok(rows)
}

/// Returns the texts under which MISP may have the value: as given, in normal form, and the networks that contain it,
/// since one of them may be called harmless.
fn spellings(question: &Question, text: &str) -> Vec<String> {
    let value = in_normal_form(question.kind, text).value;
    let mut texts = vec![value.clone()];
    let plain = catalogue::Query::asking(text).looked_up().to_owned();
    texts.extend([text.trim().to_owned(), plain]);
    if let Some(network) = network_of(&value).filter(|_| TypeSet::ADDRESSES.contains(question.kind)) {
        let wider = (0..network.prefix_len()).filter_map(|length| IpNet::new(network.addr(), length).ok());
        let key = |wider: IpNet| canonical_key(IndicatorType::Ip, &wider.trunc().to_string()).into_owned();
        texts.extend(wider.map(key));
    }
    texts.retain(|text| !text.is_empty());
    texts.sort_unstable();
    texts.dedup();
    texts
}

/// Returns the rows as events, each with the part of it that counts as published.
fn records(rows: &[Attribute], publication: &Publication) -> BTreeMap<u64, Arc<EventRecord>> {
    let mut blocks: BTreeMap<u64, (Block, Vec<MirrorRow>)> = BTreeMap::new();
    for attribute in rows {
        let (block, published) = blocks.entry(attribute.event_id).or_insert_with(|| {
            let block = Block {
                event: facts(attribute),
                rows: Vec::new(),
            };
            (block, Vec::new())
        });
        let row = row(attribute);
        if publication.counts(&Provenance::of(attribute)) {
            published.push(row.clone());
        }
        block.rows.push(row);
    }
    let record = |(current, published): (Block, Vec<MirrorRow>)| {
        let last_published = match (current.event.published, published.is_empty()) {
            (true, _) => LastPublished::Current,
            (false, true) => LastPublished::Nothing,
            (false, false) => LastPublished::Block(Box::new(Block {
                event: current.event.clone(),
                rows: published,
            })),
        };
        Arc::new(EventRecord {
            current,
            last_published,
            withdrawn_at: None,
        })
    };
    blocks.into_iter().map(|(id, parts)| (id, record(parts))).collect()
}

fn facts(attribute: &Attribute) -> EventFacts {
    let event = &attribute.event;
    let inherited = attribute.tags.iter().filter(|tag| tag.inherited);
    EventFacts {
        id: attribute.event_id,
        uuid: event.uuid,
        info: event.info.clone().unwrap_or_default(),
        orgc_uuid: event.orgc_uuid,
        timestamp: event.timestamp.unwrap_or(0),
        published: event.published.unwrap_or(false),
        publish_timestamp: event.publish_timestamp.unwrap_or(0),
        tags: inherited.map(own).collect(),
        ..EventFacts::default()
    }
}

fn row(attribute: &Attribute) -> MirrorRow {
    let tags = attribute.tags.iter().filter(|tag| !tag.inherited);
    MirrorRow {
        id: attribute.id,
        kind: attribute.kind.as_str().into(),
        value: attribute.value.clone(),
        to_ids: attribute.to_ids,
        timestamp: attribute.timestamp,
        last_seen: attribute.last_seen,
        last_sighting: attribute.last_sighting,
        tags: tags.cloned().collect(),
        warninglists: Vec::new(),
    }
}

/// Returns a tag of an event as the event itself has it.
fn own(tag: &Tag) -> Tag {
    let mut tag = tag.clone();
    tag.inherited = false;
    tag
}

fn change(record: &Arc<EventRecord>, unwarned: &BTreeSet<u64>) -> Change {
    let warned = |rows: &[MirrorRow]| rows.iter().map(|row| !unwarned.contains(&row.id)).collect();
    Change::Replaced {
        warned: warned(&record.current.rows),
        warned_published: match &record.last_published {
            LastPublished::Block(block) => warned(&block.rows),
            _ => Vec::new(),
        },
        record: Arc::clone(record),
    }
}
