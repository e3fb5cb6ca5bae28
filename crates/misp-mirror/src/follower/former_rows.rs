//! Rows of a last published state that MISP does not have any more: an analyst changed or removed them, and the feeds
//! keep them until the next publication. MISP cannot be asked about such rows, only about their values.

use std::collections::{BTreeSet, HashMap};

use misp_client::ErrorKind;
use misp_client::warninglist::compared_parts;

use super::Follower;
use crate::asked_lists::AskedLists;
use crate::error::FollowError;
use crate::{EventRecord, LastPublished, MirrorRow};

/// Values of one question.
const MOST_VALUES: usize = 5_000;

/// The lists that have a value, by value. Values that MISP was not asked about are not here.
#[derive(Debug, Default)]
pub(super) struct ValueLists {
    lists: HashMap<String, Vec<u64>>,
    pub(super) questions: u64,
}

impl Follower {
    /// Asks MISP about the values of former rows in these records.
    pub(super) async fn ask_about_former(&self, records: &[EventRecord]) -> Result<ValueLists, FollowError> {
        let asked = self.marks.asked();
        let former = records
            .iter()
            .flat_map(former_rows)
            .filter(|row| asked.judge(&row.kind));
        let values = former.flat_map(|row| compared_parts(&row.kind, &row.value));
        let values: BTreeSet<&str> = values.take(MOST_VALUES).collect();
        if values.is_empty() {
            return Ok(ValueLists::default());
        }
        let hits = match self.questions.lists_of_values(values.iter().copied()).await {
            Ok(hits) => hits,
            // This key or this MISP cannot answer, and the rows keep the lists that they have.
            Err(error) if is_final(error.kind()) => return Ok(ValueLists::default()),
            Err(error) => return Err(error.into()),
        };
        let lists = values.into_iter().map(|value| {
            let of_value = hits.get(value).map(|lists| asked.among(lists));
            (value.to_owned(), of_value.unwrap_or_default())
        });
        Ok(ValueLists {
            lists: lists.collect(),
            questions: 1,
        })
    }
}

impl ValueLists {
    /// Puts the lists of its values into each former row of a record.
    pub(super) fn put_into(&self, record: &mut EventRecord, asked: &AskedLists) {
        let current = &record.current.rows;
        let LastPublished::Block(block) = &mut record.last_published else {
            return;
        };
        for row in &mut block.rows {
            if is_current(current, row) {
                continue;
            }
            let parts = compared_parts(&row.kind, &row.value).map(|part| self.lists.get(part));
            if let Some(lists) = parts.collect::<Option<Vec<_>>>() {
                let judge = asked.for_type(&row.kind);
                let lists: BTreeSet<u64> = lists.into_iter().flatten().copied().collect();
                row.warninglists = lists.into_iter().filter(|list| judge.contains(list)).collect();
            }
        }
    }
}

/// Returns the rows of the last published state that are not among the current ones.
fn former_rows(record: &EventRecord) -> impl Iterator<Item = &MirrorRow> {
    let block = match &record.last_published {
        LastPublished::Block(block) => Some(block),
        LastPublished::Current | LastPublished::Nothing => None,
    };
    let rows = block.into_iter().flat_map(|block| &block.rows);
    rows.filter(|row| !is_current(&record.current.rows, row))
}

/// Returns whether these rows have this one, with the same value.
fn is_current(rows: &[MirrorRow], row: &MirrorRow) -> bool {
    let place = rows.binary_search_by_key(&row.id, |other| other.id);
    let same = place.ok().and_then(|place| rows.get(place));
    same.is_some_and(|other| (&other.kind, &other.value) == (&row.kind, &row.value))
}

fn is_final(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::NotPermitted | ErrorKind::NotFound | ErrorKind::Unfiltered
    )
}
