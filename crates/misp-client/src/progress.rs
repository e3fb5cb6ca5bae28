//! How far a search has come, and where its pages end.

use std::time::Duration;

/// How far a search has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pages that were read to their end.
    pub pages: u32,
    /// The end of each of these pages.
    pub page_ends: Vec<PageEnd>,
    /// All rows that MISP sent: those given out, duplicates and unusable ones.
    pub rows_sent: u64,
    /// Rows that warninglists took out, by MISP's own count.
    pub rows_skipped: u64,
    /// Rows that an earlier page had already.
    pub duplicates: u64,
    /// Rows that are JSON but have no id, type or value, or a value that is not Unicode. The client leaves them out.
    pub unusable: u64,
    /// MISP's clock when it answered the first page (its `Date` header), in unix seconds.
    pub answered_at: Option<i64>,
    /// The time until the first page began to arrive.
    pub first_elapsed: Option<Duration>,
}

/// The end of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// The place of the last row in the whole answer, if the page is full; places count from 1.
    pub place: u32,
    /// The last row of the page, also if an earlier page had it.
    pub last_row: Option<u64>,
}

impl Progress {
    /// Returns MISP's clock when it began to look for the first page, in unix seconds: later changes may be missing.
    ///
    /// The time that the answer took, and a second for rounding, are subtracted, so the result is early rather than
    /// late.
    #[must_use]
    pub fn began_at(&self) -> Option<i64> {
        let took = i64::try_from(self.first_elapsed?.as_secs())
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        Some(self.answered_at?.saturating_sub(took).max(0))
    }
}

/// The row at one place of an answer; see [`Client::place`](crate::Client::place).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The row with this id.
    Row(u64),
    /// A row that MISP hides by a list of its own, or a row that cannot be read.
    Hidden,
    /// No row; the answer has fewer rows.
    Empty,
}
