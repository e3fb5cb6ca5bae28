//! An explanation from MISP: one question about the value itself, for upstreams without a mirror.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU64;
use std::sync::Arc;

use catalogue::{Catalogue, Classes, Question, View};
use feed_classification::{IndicatorType, TypeSet, canonical_key, network_of};
use ipnet::IpNet;
use misp_client::{AttributeRow, AttributeSearch, Client, Order};
use misp_mirror::{Batch, Change, EventRecord, LastPublished, MirrorRow};

use super::{Reasons, in_normal_form};
use crate::gathered_rows::GatheredRows;
use crate::pass::Sink as _;
use crate::publication::Publication;
use crate::withdrawals::UpstreamMemory;
use crate::{FeedError, FeedScope, Upstream};

/// Attributes that one explanation reads; a value that has more is explained by the newest.
const MAX_ATTRIBUTES: NonZeroU64 = NonZeroU64::new(5_000).expect("not zero");

/// The letters and digits that a pattern needs: with fewer, MISP would compare it with every value that it has, and
/// most would fit.
const LEAST_LETTERS: usize = 3;

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
pub(crate) async fn explain(inquiry: Inquiry<'_>, text: &str, view: View) -> Result<Reasons, FeedError> {
    let Inquiry {
        client,
        upstream,
        scope,
        question,
        remembered,
        now,
    } = inquiry;
    let unaskable = |error| FeedError::Unaskable(Arc::new(error));
    let search = AttributeSearch::of_values(spellings(&question, text).iter().filter_map(|text| pattern(text)))
        .map_err(unaskable)?
        .include_context(true)
        .include_event_tags(true)
        .include_all_tags(true)
        .include_warninglist_hits(true)
        .include_sightings(scope.filter.score().is_some() && upstream.site.score_sightings)
        .order(Order::IdDescending)
        .limit(MAX_ATTRIBUTES);
    let rows = read(client, &search).await?;
    let unwarned: Vec<AttributeRow<'_>> = match question.without_warned {
        true => read(client, &search.clone().enforce_warninglist(true)).await?,
        false => rows.iter().filter(|row| row.warnings.is_empty()).cloned().collect(),
    };
    let unwarned: BTreeSet<u64> = unwarned.iter().map(|attribute| attribute.id).collect();
    // After the rows, as for a feed.
    let publication = Publication::ask(client, upstream, scope.selection, remembered, now).await?;
    let mut gathered = GatheredRows::default();
    rows.iter().try_for_each(|attribute| gathered.take(attribute))?;
    let records = gathered.into_records(&publication).map(Arc::new);
    let records: BTreeMap<u64, Arc<EventRecord>> = records.map(|record| (record.current.event.id, record)).collect();
    let catalogue = Catalogue::new(Classes::new(|kind| upstream.mappings.attribute_types(kind)));
    let changes = records.values().map(|record| change(record, &unwarned));
    catalogue
        .apply(&Batch::new(changes.collect(), Some(now), true))
        .map_err(|error| FeedError::internal("explaining a value", error))?;
    let explanation = catalogue.snapshot().explain(&question, text, view);
    let record = |id: u64| records.get(&id).map(|record| (**record).clone());
    let lists = |row: &MirrorRow| {
        let named = rows
            .iter()
            .filter(|read| read.id == row.id)
            .flat_map(|read| &read.warnings);
        let names: BTreeSet<&str> = named.map(|hit| hit.name.as_str()).collect();
        names.into_iter().map(str::to_owned).collect()
    };
    Ok(Reasons::of(explanation, scope.kind, record, lists))
}

async fn read(client: &Client, search: &AttributeSearch) -> Result<Vec<AttributeRow<'static>>, FeedError> {
    let (mut rows, mut pages) = (Vec::new(), client.search(search.clone()));
    while let Some(batch) = pages.next_batch().await? {
        rows.extend(batch.attributes.into_iter().map(AttributeRow::from));
    }
    Ok(rows)
}

/// Returns the pattern by which MISP finds a text: its marks for *not*, for *or* and for *and* become `%`, which stands
/// for any characters. Rows with other values that fit the pattern do not name the value, so they do not count. Returns
/// nothing for a text that would find most rows.
fn pattern(text: &str) -> Option<String> {
    let mut pattern = text.replace("||", "%").replace("&&", "%");
    if pattern.starts_with('!') {
        pattern.replace_range(..1, "%");
    }
    let is_pattern = pattern.contains('%');
    let letters = pattern.chars().filter(|letter| letter.is_alphanumeric()).count();
    (!is_pattern || letters >= LEAST_LETTERS).then_some(pattern)
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
