//! The values of one family of indicator types.

use std::borrow::Cow;
use std::sync::Arc;

use feed_classification::{Guard, IndicatorType, canonical_key};

use crate::families;
use crate::guarded_ranks::GuardedRanks;
use crate::merge::{Merged, merge};
use crate::network_lengths::NetworkLengths;
use crate::slot_set::SlotSet;
use crate::staged::Staged;
use crate::table::Table;
use crate::{CatalogueError, Row};

/// The values of one family of indicator types ([`ValueFamily`](feed_classification::ValueFamily)), each with the
/// attributes that name it.
///
/// Addresses and networks of both families are in their canonical spelling, and names are in lower case. The values of
/// every other type are as [`Extractor`](feed_classification::Extractor) gives them.
#[derive(Debug, Default)]
pub struct Class {
    values: Arc<Table>,
    invalid: Arc<Table>,
    /// The ranks of values that are not their own canonical keys, in the order of their keys. Only URLs are.
    respelled: Arc<Vec<u32>>,
    /// Empty for all classes but that of addresses.
    network_lengths: Arc<NetworkLengths>,
    guarded: GuardedRanks,
}

/// The rows for the two tables of a class.
#[derive(Debug, Default)]
pub(crate) struct StagedClass {
    pub(crate) values: Staged,
    pub(crate) invalid: Staged,
}

impl StagedClass {
    pub(crate) fn len(&self) -> usize {
        self.values.len() + self.invalid.len()
    }

    pub(crate) fn weight_bytes(&self) -> usize {
        self.values.weight_bytes() + self.invalid.weight_bytes()
    }
}

impl Class {
    /// Returns the values, with the rows of their attributes.
    #[must_use]
    pub fn values(&self) -> &Table {
        &self.values
    }

    /// Returns the attributes without a valid value: as values the first 200 characters of theirs, and rows with a
    /// [`reason`](Row::reason).
    #[must_use]
    pub fn invalid(&self) -> &Table {
        &self.invalid
    }

    /// Returns the ranks of the values with this [`canonical_key`], in ascending order. Several spellings of a URL have
    /// the same key; a value of any other type is its own.
    #[must_use]
    pub fn ranks_of_key(&self, key: &str) -> Vec<u32> {
        let key_at = |rank: &u32| self.key(*rank);
        let first = self.respelled.partition_point(|rank| *key_at(rank) < *key);
        let spellings = self
            .respelled
            .iter()
            .skip(first)
            .take_while(|rank| *key_at(rank) == *key);
        let mut ranks: Vec<u32> = self.values.rank_of(key).into_iter().chain(spellings.copied()).collect();
        ranks.sort_unstable();
        ranks.dedup();
        ranks
    }

    /// Returns the memory that the class takes, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.values.weight_bytes() + self.invalid.weight_bytes() + self.respelled.capacity() * size_of::<u32>()
    }

    pub(crate) fn network_lengths(&self) -> &NetworkLengths {
        &self.network_lengths
    }

    /// Returns the ranks of the values that a guard refuses or cuts, in ascending order; `kind` is a type of the class.
    pub(crate) fn guarded(&self, guard: &Guard, kind: IndicatorType) -> Arc<Vec<u32>> {
        self.guarded.of(guard, families::kept_as(kind), &self.values)
    }

    /// Returns the number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.values.all_rows().len() + self.invalid.all_rows().len()
    }

    /// Returns all rows, with values and without.
    pub(crate) fn all_rows(&self) -> impl Iterator<Item = &Row> {
        self.values.all_rows().iter().chain(self.invalid.all_rows())
    }

    /// Returns the class without the rows of `leaving` events and with the staged ones; nothing if it stays the same.
    pub(crate) fn merged(
        &self,
        number: usize,
        leaving: &SlotSet,
        staged: StagedClass,
        void: &SlotSet,
    ) -> Result<Option<Self>, CatalogueError> {
        let values = merge(&self.values, leaving, staged.values, void)?;
        let invalid = merge(&self.invalid, leaving, staged.invalid, void)?;
        if values.is_none() && invalid.is_none() {
            return Ok(None);
        }
        let respelled = match &values {
            Some(merged) if number == families::number_of(IndicatorType::Url) => Arc::new(self.respelled_in(merged)),
            _ => Arc::clone(&self.respelled),
        };
        let network_lengths = match &values {
            Some(merged) if number == families::number_of(IndicatorType::Ip) => {
                Arc::new(self.network_lengths.after(&self.values, merged))
            }
            _ => Arc::clone(&self.network_lengths),
        };
        let guarded = match &values {
            Some(merged) => self
                .guarded
                .after(merged, families::kept_in(number), |rank| moved(rank, merged)),
            None => self.guarded.clone(),
        };
        let table = |merged: Option<Merged>, old: &Arc<Table>| {
            merged.map_or_else(|| Arc::clone(old), |merged| Arc::new(merged.table))
        };
        Ok(Some(Self {
            values: table(values, &self.values),
            invalid: table(invalid, &self.invalid),
            respelled,
            network_lengths,
            guarded,
        }))
    }

    /// Returns the class with each row's tag set as `moved` numbers it.
    pub(crate) fn with_tag_sets(&self, moved: &[u32]) -> Self {
        let renumbered = |row: &Row| {
            let number = moved.get(row.tag_set() as usize).copied();
            row.with_tag_set(number.unwrap_or(u32::MAX))
        };
        let table = |table: &Table| {
            Arc::new(Table {
                values: table.values.clone(),
                row_ends: table.row_ends.clone(),
                rows: table.rows.iter().map(renumbered).collect(),
                timed: table.timed.clone(),
            })
        };
        Self {
            values: table(&self.values),
            invalid: table(&self.invalid),
            respelled: Arc::clone(&self.respelled),
            network_lengths: Arc::clone(&self.network_lengths),
            guarded: self.guarded.clone(),
        }
    }

    fn key(&self, rank: u32) -> Cow<'_, str> {
        canonical_key(IndicatorType::Url, self.values.value(rank).unwrap_or_default())
    }

    /// Returns the ranks of the respelled values after a merge.
    fn respelled_in(&self, merged: &Merged) -> Vec<u32> {
        let key = |rank: u32| canonical_key(IndicatorType::Url, merged.table.value(rank).unwrap_or_default());
        let stayed = self.respelled.iter().filter_map(|rank| moved(*rank, merged));
        let new = merged
            .inserted
            .iter()
            .filter(|rank| matches!(key(**rank), Cow::Owned(_)));
        let mut new: Vec<(Cow<'_, str>, u32)> = new.map(|rank| (key(*rank), *rank)).collect();
        new.sort_unstable();
        let stayed: Vec<u32> = stayed.collect();
        let mut respelled = Vec::with_capacity(stayed.len() + new.len());
        let mut rest = stayed.as_slice();
        for (key_of_new, rank) in new {
            let before = rest.partition_point(|rank| (key(*rank), *rank) < (Cow::Borrowed(&*key_of_new), *rank));
            let (first, last) = rest.split_at(before);
            respelled.extend_from_slice(first);
            respelled.push(rank);
            rest = last;
        }
        respelled.extend_from_slice(rest);
        respelled
    }
}

/// Returns the rank after a merge of the value that had this rank before; nothing if it is gone.
fn moved(rank: u32, merged: &Merged) -> Option<u32> {
    let Err(gone_before) = merged.removed.binary_search(&rank) else {
        return None;
    };
    let kept = rank - u32::try_from(gone_before).ok()?;
    // The new value at place `p` of the list comes before the kept value `k` if its rank less `p` is at most `k`.
    let (mut low, mut high) = (0, merged.inserted.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let inserted = u64::from(*merged.inserted.get(middle)?);
        if inserted <= u64::from(kept) + middle as u64 {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    kept.checked_add(u32::try_from(low).ok()?)
}
