//! When a search is at its end: the rule, without any I/O.
//!
//! MISP's `X-Result-Count` is not a total. With a full page it is one more than the limit, on the last page the true
//! number, past the end 1; rows that warninglists take out are counted in `X-Skipped-Elements-Count`, and those that an
//! allowed-list takes out nowhere. So a page may be short or empty although others follow. Where a proxy takes the
//! counts away and warninglists are enforced, only an empty page is the end.

use crate::seen_ids::SeenIds;
use crate::{Error, ErrorKind};

/// The numbers that MISP sent with a page, where it sent them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PageHeaders {
    pub(crate) result_count: Option<u64>,
    pub(crate) skipped: Option<u64>,
}

/// How far a search is, page by page.
#[derive(Debug)]
pub(crate) struct Paging {
    limit: u64,
    max_pages: u32,
    max_rows: u64,
    hides_rows: bool,
    page: u32,
    /// Rows before this place may have come already.
    read_to: u64,
    seen: SeenIds,
    /// Rows of the page that is being read.
    rows: u64,
    /// New ids on it.
    new: u64,
    /// Ids on it that earlier pages had.
    repeated: u64,
    /// Pages in a row that only repeated earlier rows.
    barren: u32,
    total_rows: u64,
}

impl Paging {
    pub(crate) fn new(limit: u32, max_pages: u32, max_rows: u64) -> Self {
        Self {
            limit: u64::from(limit),
            max_pages,
            max_rows,
            hides_rows: false,
            page: 1,
            read_to: 0,
            seen: SeenIds::default(),
            rows: 0,
            new: 0,
            repeated: 0,
            barren: 0,
            total_rows: 0,
        }
    }

    /// Sets whether MISP removes rows from pages after cutting them.
    pub(crate) fn hides_rows(mut self, hides: bool) -> Self {
        self.hides_rows = hides;
        self
    }

    /// Begins at this page.
    pub(crate) fn beginning_at(mut self, page: u32) -> Self {
        self.page = page;
        self
    }

    /// Returns the page that is being read, counted from 1.
    pub(crate) fn page(&self) -> u32 {
        self.page
    }

    /// Returns how many rows a page has.
    pub(crate) fn limit(&self) -> u32 {
        u32::try_from(self.limit).unwrap_or(u32::MAX)
    }

    /// Returns the place before the first row of the page that is being read.
    pub(crate) fn begins_behind(&self) -> u64 {
        u64::from(self.page - 1) * self.limit
    }

    /// Continues with pages of this many rows, from the same place or a little before it. Rows that came already are
    /// known by their ids.
    pub(crate) fn resize(&mut self, limit: u32) {
        let behind = self.begins_behind();
        if self.rows > 0 {
            // The page was not read to its end.
            self.read_to = self.read_to.max(behind + self.limit);
        }
        self.limit = u64::from(limit.max(1));
        self.page = u32::try_from(behind / self.limit).unwrap_or(u32::MAX).saturating_add(1);
        (self.rows, self.new, self.repeated) = (0, 0, 0);
    }

    /// Counts a row and returns whether its id is new.
    pub(crate) fn is_new(&mut self, id: u64) -> bool {
        let new = self.seen.insert(id);
        self.new += u64::from(new);
        self.repeated += u64::from(!new);
        new
    }

    /// Sets the number of rows of this page so far, unusable ones included.
    pub(crate) fn rows_so_far(&mut self, rows: u64) -> Result<(), Error> {
        self.rows = rows;
        if rows > self.limit {
            let detail = format!(
                "a page with more than the {} rows asked for; the question was probably lost on the way",
                self.limit
            );
            return Err(Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail));
        }
        if self.total_rows.saturating_add(rows) > self.max_rows {
            return Err(Error::new(ErrorKind::TooLarge).with_detail(format!("more than {} attributes", self.max_rows)));
        }
        Ok(())
    }

    /// Ends the page and says whether another one follows.
    pub(crate) fn page_ended(&mut self, headers: PageHeaders) -> Result<bool, Error> {
        let skipped = headers.skipped.unwrap_or(0);
        let filled = self.rows.saturating_add(skipped) >= self.limit;
        let more = filled
            || match headers.result_count {
                Some(count) => count > self.limit,
                None => self.hides_rows && self.rows > 0,
            };
        let overlaps = self.begins_behind() < self.read_to;
        self.read_to = self.read_to.max(self.begins_behind() + self.limit);
        self.barren = if self.repeated > 0 && self.new == 0 && !overlaps {
            self.barren + 1
        } else {
            0
        };
        // A short page may repeat another by rows that moved; a full one, or two of them, means that `page` does
        // nothing.
        if more && (self.barren > 1 || (self.barren == 1 && self.rows >= self.limit)) {
            let detail = "a page of nothing but rows that were sent before; the page number was probably ignored";
            return Err(Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail));
        }
        self.total_rows += self.rows;
        (self.rows, self.new, self.repeated) = (0, 0, 0);
        if more && self.page >= self.max_pages {
            return Err(Error::new(ErrorKind::TooLarge).with_detail(format!("more than {} pages", self.max_pages)));
        }
        self.page = self.page.saturating_add(1);
        Ok(more)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(
        paging: &mut Paging,
        ids: std::ops::Range<u64>,
        count: Option<u64>,
        skipped: Option<u64>,
    ) -> Result<bool, Error> {
        let rows = ids.end - ids.start;
        for id in ids {
            paging.is_new(id);
        }
        paging.rows_so_far(rows)?;
        paging.page_ended(PageHeaders {
            result_count: count,
            skipped,
        })
    }

    #[test]
    fn full_page_has_a_successor_and_a_short_one_has_none() {
        let mut paging = Paging::new(2, 100, 1_000);
        assert!(page(&mut paging, 1..3, Some(3), Some(0)).unwrap());
        assert!(page(&mut paging, 3..5, Some(3), Some(0)).unwrap());
        assert!(!page(&mut paging, 5..6, Some(1), Some(0)).unwrap());
    }

    #[test]
    fn pages_of_another_size_go_on_where_the_last_one_ended_or_before() {
        let mut paging = Paging::new(10, 100, 1_000);
        assert!(page(&mut paging, 1..11, Some(11), Some(0)).unwrap());
        paging.resize(5);
        assert_eq!((paging.page(), paging.begins_behind()), (3, 10));
        assert!(page(&mut paging, 11..16, Some(6), Some(0)).unwrap());
        paging.resize(4);
        assert_eq!(
            (paging.page(), paging.begins_behind()),
            (4, 12),
            "three rows are read twice"
        );
        // Nothing new on it: the page was read before but for one row, which a warninglist hides.
        assert!(page(&mut paging, 13..16, Some(5), Some(1)).unwrap());
        assert!(!page(&mut paging, 17..19, Some(2), Some(0)).unwrap());
    }

    #[test]
    fn empty_page_past_the_end_is_the_end() {
        let mut paging = Paging::new(5, 100, 1_000);
        assert!(page(&mut paging, 1..6, Some(6), Some(0)).unwrap());
        assert!(!page(&mut paging, 0..0, Some(1), Some(0)).unwrap());
    }

    #[test]
    fn empty_page_whose_rows_were_all_on_warninglists_has_a_successor() {
        let mut paging = Paging::new(10, 100, 1_000);
        assert!(page(&mut paging, 0..0, Some(11), Some(10)).unwrap());
        assert!(page(&mut paging, 1..4, Some(11), Some(7)).unwrap());
        assert!(!page(&mut paging, 0..0, Some(3), Some(3)).unwrap());
    }

    #[test]
    fn rows_taken_out_by_an_allowed_list_do_not_end_the_search() {
        let mut paging = Paging::new(2, 100, 1_000);
        assert!(page(&mut paging, 1..2, Some(3), Some(0)).unwrap());
        assert!(!page(&mut paging, 2..3, Some(2), Some(0)).unwrap());
    }

    #[test]
    fn count_that_equals_the_limit_does_not_end_a_page_that_was_filled() {
        let mut paging = Paging::new(3, 100, 1_000);
        assert!(page(&mut paging, 1..3, Some(3), Some(1)).unwrap());
    }

    #[test]
    fn missing_headers_leave_the_rows_to_decide() {
        let mut paging = Paging::new(2, 100, 1_000);
        assert!(page(&mut paging, 1..3, None, None).unwrap());
        assert!(!page(&mut paging, 3..4, None, None).unwrap());
    }

    #[test]
    fn missing_headers_leave_only_an_empty_page_to_end_what_hides_rows() {
        let mut paging = Paging::new(2, 100, 1_000).hides_rows(true);
        assert!(page(&mut paging, 1..3, None, None).unwrap());
        assert!(page(&mut paging, 3..4, None, None).unwrap());
        assert!(!page(&mut paging, 4..4, None, None).unwrap());
    }

    #[test]
    fn full_page_without_a_new_row_is_an_error() {
        let mut paging = Paging::new(2, 100, 1_000);
        assert!(page(&mut paging, 1..3, Some(3), Some(0)).unwrap());
        let error = page(&mut paging, 1..3, Some(3), Some(0)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    }

    #[test]
    fn short_pages_that_only_repeat_each_other_are_an_error_too() {
        let mut paging = Paging::new(3, 100, 1_000);
        assert!(page(&mut paging, 1..3, Some(4), Some(1)).unwrap());
        assert!(page(&mut paging, 1..3, Some(4), Some(1)).unwrap());
        assert_eq!(
            page(&mut paging, 1..3, Some(4), Some(1)).unwrap_err().kind(),
            ErrorKind::UnexpectedAnswer
        );
    }

    #[test]
    fn page_larger_than_asked_for_is_an_error() {
        let error = page(&mut Paging::new(2, 100, 1_000), 1..4, None, None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    }

    #[test]
    fn pages_and_rows_are_bounded() {
        let mut paging = Paging::new(2, 3, 1_000);
        assert!(page(&mut paging, 0..0, Some(3), Some(2)).unwrap());
        assert!(page(&mut paging, 0..0, Some(3), Some(2)).unwrap());
        assert_eq!(
            page(&mut paging, 0..0, Some(3), Some(2)).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
        let mut paging = Paging::new(2, 100, 3);
        assert!(page(&mut paging, 1..3, Some(3), None).unwrap());
        assert_eq!(
            page(&mut paging, 3..5, Some(3), None).unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
}
