//! How many rows a page should have, so that MISP takes about five seconds for it.
//!
//! A page takes MISP 0.1 ms a row, but 2 to 4 ms a row of addresses where it enforces warninglists (43 lists, MISP
//! 2.5.1). Time-outs of PHP, of its web server and of ours lie between 30 and 100 seconds, so a page of 10 000 rows may
//! run into one.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The time that a page should take.
const TARGET: Duration = Duration::from_secs(5);
/// The smallest page: below it the request itself, about 0.1 s, costs as much as its rows.
pub(crate) const LEAST: u32 = 250;
/// Rows of the first page with warninglists, while their cost is unknown: 10 s at the worst cost so far.
const FIRST_WITH_WARNINGLISTS: u32 = 2_500;

/// The times of pages of one MISP, and the number of rows that the next one should have. Clones share this knowledge.
///
/// Give the same pace to all clients of one MISP; see [`ClientBuilder::page_pace`](crate::ClientBuilder::page_pace).
#[derive(Clone, Debug, Default)]
pub struct PagePace(Arc<Mutex<[PageTimes; 2]>>);

/// The times of the pages of one kind so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PageTimes {
    /// Pages that came whole.
    pub pages: u64,
    /// What waiting for them took together.
    pub spent: Duration,
    /// Pages that did not come in time.
    pub timed_out: u64,
    /// The rows that the next page should have; none while the size in the search will do.
    pub rows: Option<u32>,
}

/// A page that came whole.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Page {
    /// The rows that it could have.
    pub(crate) limit: u32,
    /// The rows that MISP looked at for it.
    pub(crate) rows: u64,
    pub(crate) took: Duration,
}

impl PagePace {
    /// Returns a pace that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns what pages took, for those with warninglists or for those without.
    #[must_use]
    pub fn times(&self, warninglists: bool) -> PageTimes {
        *kind(&mut self.lock(), warninglists)
    }

    /// Returns the rows that the first page of a search should have, at most `most`.
    pub(crate) fn rows(&self, warninglists: bool, most: u32) -> u32 {
        let first = if warninglists {
            FIRST_WITH_WARNINGLISTS
        } else {
            u32::MAX
        };
        let known = kind(&mut self.lock(), warninglists).rows;
        known.unwrap_or(first).max(LEAST).min(most)
    }

    /// Notes a page that came whole, and returns the rows that the next one should have.
    pub(crate) fn came(&self, warninglists: bool, most: u32, page: Page) -> u32 {
        let mut times = self.lock();
        let times = kind(&mut times, warninglists);
        times.pages += 1;
        times.spent += page.took;
        let next = next(most, page);
        // A short page says nothing about larger ones.
        if next != page.limit {
            times.rows = Some(next);
        }
        next
    }

    /// Notes a page that did not come in time, and returns the rows that it should have instead.
    pub(crate) fn timed_out(&self, warninglists: bool, limit: u32) -> u32 {
        let mut times = self.lock();
        let times = kind(&mut times, warninglists);
        times.timed_out += 1;
        let next = (limit / 4).max(LEAST).min(limit);
        times.rows = Some(next);
        next
    }

    fn lock(&self) -> MutexGuard<'_, [PageTimes; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind(times: &mut [PageTimes; 2], warninglists: bool) -> &mut PageTimes {
    let [plain, with_warninglists] = times;
    if warninglists { with_warninglists } else { plain }
}

/// Shrinks to what would have taken the target; doubles where a full page took less than half of it.
fn next(most: u32, page: Page) -> u32 {
    let least = LEAST.min(page.limit);
    if page.took > TARGET && page.rows > 0 {
        let share = TARGET.as_secs_f64() / page.took.as_secs_f64();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "between 0 and the limit, which is a u32"
        )]
        let rows = (f64::from(u32::try_from(page.rows).unwrap_or(u32::MAX)) * share) as u32;
        return rows.clamp(least, page.limit);
    }
    if page.took < TARGET / 2 && page.rows >= u64::from(page.limit) {
        return page.limit.saturating_mul(2).min(most).max(page.limit);
    }
    page.limit
}

/// Returns the size, at most `wanted` and at least half of that, whose pages begin at this place; `wanted` itself if
/// there is none.
///
/// MISP pages by number and size: a page can only begin at a multiple of its size.
pub(crate) fn aligned(place: u64, wanted: u32) -> u32 {
    let fits = |size: &u32| place.is_multiple_of(u64::from(*size));
    (wanted / 2 + 1..=wanted).rev().find(fits).unwrap_or(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(limit: u32, rows: u64, seconds: u64) -> Page {
        Page {
            limit,
            rows,
            took: Duration::from_secs(seconds),
        }
    }

    #[test]
    fn a_slow_page_is_followed_by_one_that_takes_the_target() {
        let pace = PagePace::new();
        assert_eq!(pace.came(true, 10_000, page(10_000, 10_000, 25)), 2_000);
        assert_eq!(pace.rows(true, 10_000), 2_000);
        assert_eq!(
            pace.rows(false, 10_000),
            10_000,
            "without warninglists nothing is known"
        );
        assert_eq!(pace.came(true, 10_000, page(2_000, 2_000, 100)), LEAST, "never less");
    }

    #[test]
    fn quick_full_pages_grow_up_to_what_the_search_asks_for() {
        let pace = PagePace::new();
        assert_eq!(pace.rows(true, 10_000), 2_500, "a careful start");
        assert_eq!(pace.came(true, 10_000, page(2_500, 2_500, 1)), 5_000);
        assert_eq!(pace.came(true, 10_000, page(5_000, 5_000, 2)), 10_000);
        assert_eq!(pace.came(true, 10_000, page(10_000, 10_000, 2)), 10_000);
        assert_eq!(
            pace.came(true, 10_000, page(10_000, 10_000, 4)),
            10_000,
            "within the target"
        );
        assert_eq!(pace.rows(true, 300), 300, "another search may ask for less");
    }

    #[test]
    fn a_short_page_says_nothing_about_larger_ones() {
        let pace = PagePace::new();
        assert_eq!(pace.came(true, 10_000, page(2_500, 40, 0)), 2_500);
        assert_eq!(pace.times(true).rows, None);
        assert_eq!(pace.times(true).pages, 1);
    }

    #[test]
    fn a_page_that_times_out_is_cut_to_a_quarter() {
        let pace = PagePace::new();
        assert_eq!(pace.timed_out(false, 10_000), 2_500);
        assert_eq!(pace.timed_out(false, 600), LEAST);
        assert_eq!(pace.timed_out(false, 10), 10, "a search for few rows stays as it is");
        assert_eq!((pace.times(false).timed_out, pace.times(true).timed_out), (3, 0));
    }

    #[test]
    fn small_sizes_that_were_asked_for_are_left_alone() {
        let pace = PagePace::new();
        assert_eq!(pace.rows(true, 10), 10);
        assert_eq!(pace.came(true, 10, page(10, 10, 60)), 10);
    }

    #[test]
    fn pages_begin_at_multiples_of_their_size() {
        assert_eq!(aligned(10_000, 2_100), 2_000);
        assert_eq!(aligned(0, 2_100), 2_100);
        assert_eq!(aligned(9_973, 2_000), 2_000, "a prime: some rows are read twice");
    }
}
