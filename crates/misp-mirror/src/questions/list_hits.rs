//! The questions about warninglists that cannot be judged here.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU64;

use misp_client::{Attribute, AttributeSearch, Error, WarninglistHit};

use super::Questions;

/// A row with the lists that MISP names for it.
#[derive(Debug)]
pub(crate) struct ListRow {
    pub(crate) id: u64,
    pub(crate) event: u64,
    pub(crate) kind: String,
    pub(crate) value: String,
    pub(crate) to_ids: bool,
    pub(crate) lists: Vec<u64>,
}

/// Rows with their lists.
#[derive(Debug)]
pub(crate) struct ListRows {
    pub(crate) rows: Vec<ListRow>,
    /// Pages that MISP was asked for.
    pub(crate) pages: u64,
}

impl ListRows {
    /// Returns whether MISP may have left the lists of rows without `to_ids` out: without `MISP.warning_for_all` it
    /// names none for them, although it takes them out of feeds.
    pub(crate) fn is_silent_without_to_ids(&self) -> bool {
        let mut without = self.rows.iter().filter(|row| !row.to_ids).peekable();
        without.peek().is_some() && without.all(|row| row.lists.is_empty())
    }
}

impl Questions {
    /// Returns the rows of these events and types with the lists that MISP names for each.
    pub(crate) async fn list_hits(&self, ids: &[u64], types: &[String]) -> Result<ListRows, Error> {
        let search = of_types(ids, types)?.include_warninglist_hits(true);
        self.list_rows(search).await
    }

    /// Returns the first rows of these events, of every mirrored type, with the lists that MISP names for each.
    pub(crate) async fn some_list_hits(&self, ids: &[u64], most: NonZeroU64) -> Result<ListRows, Error> {
        let search = self.rows.clone().include_sightings(false);
        let search = search.event_ids(ids.iter().copied()).limit(most);
        self.list_rows(search.include_warninglist_hits(true)).await
    }

    /// Returns the rows without `to_ids` that no list names, and the pages that MISP was asked for.
    pub(crate) async fn unlisted(&self, ids: &[u64], types: &[String]) -> Result<(HashSet<u64>, u64), Error> {
        let search = of_types(ids, types)?.to_ids(false).enforce_warninglist(true);
        let answer = self.list_rows(search).await?;
        Ok((answer.rows.into_iter().map(|row| row.id).collect(), answer.pages))
    }

    /// Returns the lists that have each of these values, whatever attribute types the lists are for; values on no list
    /// are not in the answer.
    pub(crate) async fn lists_of_values<'v>(
        &self,
        values: impl Iterator<Item = &'v str>,
    ) -> Result<HashMap<String, Vec<u64>>, Error> {
        let _turn = self.turns.turn().await;
        let hits = self.client.check_warninglists(values).await?.into_iter();
        let numbers = |hits: Vec<WarninglistHit>| hits.iter().map(|hit| hit.id).collect();
        Ok(hits.map(|(value, hits)| (value, numbers(hits))).collect())
    }

    async fn list_rows(&self, search: AttributeSearch) -> Result<ListRows, Error> {
        let _turn = self.turns.turn().await;
        let mut pages = self.client.search(search);
        let mut rows = HashMap::new();
        while let Some(batch) = pages.next_batch().await? {
            rows.extend(batch.attributes.into_iter().map(|row| (row.id, list_row(row))));
        }
        Ok(ListRows {
            rows: rows.into_values().collect(),
            pages: u64::from(pages.progress().pages).max(1),
        })
    }
}

fn of_types(ids: &[u64], types: &[String]) -> Result<AttributeSearch, Error> {
    let search = AttributeSearch::new(types)?.include_event_tags(false);
    Ok(search.event_ids(ids.iter().copied()))
}

fn list_row(row: Attribute) -> ListRow {
    ListRow {
        id: row.id,
        event: row.event_id,
        lists: row.warnings.iter().map(|hit| hit.id).collect(),
        kind: row.kind,
        value: row.value,
        to_ids: row.to_ids,
    }
}
