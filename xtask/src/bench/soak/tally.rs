//! The sums of all devices.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Lost requests that are shown.
const SHOWN: usize = 20;

#[derive(Default)]
pub(super) struct Tally(Mutex<Sums>);

#[derive(Clone, Debug, Default)]
pub(super) struct Sums {
    /// Answers by kind of request and status.
    pub(super) answers: BTreeMap<(&'static str, u16), u64>,
    /// Requests without a whole answer.
    pub(super) lost: u64,
    /// Some of them.
    pub(super) examples: Vec<String>,
}

impl Tally {
    pub(super) fn answered(&self, what: &'static str, status: u16) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *sums.answers.entry((what, status)).or_default() += 1;
    }

    pub(super) fn lost(&self, what: &str, why: &anyhow::Error) {
        let mut sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.lost += 1;
        if sums.examples.len() < SHOWN {
            sums.examples.push(format!("{what}: {why:#}"));
        }
    }

    pub(super) fn into_sums(self) -> Sums {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}
