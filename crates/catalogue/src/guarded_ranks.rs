//! The values of a class that a guard does not let pass as they are, so that a feed judges these few only.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use feed_classification::{FalsePositives, Guard, IndicatorType, Verdict};

use crate::merge::Merged;
use crate::table::Table;

/// Guards that are remembered: a site has one, and another one after a reload.
const MOST: usize = 2;

/// The ranks for the guards that were asked for lately, each list in ascending order. False positives do not count.
#[derive(Default)]
pub(crate) struct GuardedRanks(Mutex<Vec<(Guard, Arc<Vec<u32>>)>>);

impl GuardedRanks {
    /// Returns the ranks of the values of type `kind` that a guard refuses or cuts. The first call for a guard judges
    /// all values: about 50 ms for a million.
    pub(crate) fn of(&self, guard: &Guard, kind: IndicatorType, values: &Table) -> Arc<Vec<u32>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, ranks)) = known.iter().find(|(of, _)| of == guard) {
            return Arc::clone(ranks);
        }
        let harmless = FalsePositives::default();
        let touched = values
            .iter()
            .filter(|(_, value, _)| is_touched(guard, kind, value, &harmless));
        let ranks: Arc<Vec<u32>> = Arc::new(touched.map(|(rank, _, _)| rank).collect());
        known.truncate(MOST - 1);
        known.insert(0, (guard.clone(), Arc::clone(&ranks)));
        ranks
    }

    /// Returns the ranks after a merge; only new values are judged. `moved` gives the new rank of an old value.
    pub(crate) fn after(
        &self,
        merged: &Merged,
        kind: Option<IndicatorType>,
        moved: impl Fn(u32) -> Option<u32>,
    ) -> Self {
        let Some(kind) = kind else {
            return Self::default();
        };
        let harmless = FalsePositives::default();
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = known.iter().map(|(guard, ranks)| {
            let is_new = |rank: &&u32| {
                let value = merged.table.value(**rank).unwrap_or_default();
                is_touched(guard, kind, value, &harmless)
            };
            let new = merged.inserted.iter().filter(is_new).copied();
            let mut ranks: Vec<u32> = ranks.iter().filter_map(|rank| moved(*rank)).chain(new).collect();
            ranks.sort_unstable();
            (guard.clone(), Arc::new(ranks))
        });
        Self(Mutex::new(next.collect()))
    }
}

fn is_touched(guard: &Guard, kind: IndicatorType, value: &str, harmless: &FalsePositives) -> bool {
    guard.judge(kind, value, harmless) != Verdict::Exported
}

impl Clone for GuardedRanks {
    fn clone(&self) -> Self {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Self(Mutex::new(known.clone()))
    }
}

impl fmt::Debug for GuardedRanks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedRanks").finish_non_exhaustive()
    }
}
