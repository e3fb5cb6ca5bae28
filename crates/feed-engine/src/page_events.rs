//! The events of an answer's rows, page by page: a change of an event can only have moved rows of later pages.

use std::collections::HashSet;

/// The events with rows on the page that is being read, and on the pages before it.
#[derive(Debug, Default)]
pub(crate) struct PageEvents {
    /// Events with rows among the last ones.
    last: HashSet<u64>,
    /// The event of the last row: rows of one event mostly come together.
    latest: Option<u64>,
    /// Events with rows on the page that is being read.
    of_page: HashSet<u64>,
    page: u32,
    /// Events with rows on the pages before it.
    before: HashSet<u64>,
}

impl PageEvents {
    /// Takes the event of a row.
    pub(crate) fn see(&mut self, event: u64) {
        if self.latest.replace(event) != Some(event) {
            self.last.insert(event);
        }
    }

    /// Says that the rows since the last call are of this page.
    pub(crate) fn end_batch(&mut self, page: u32) {
        if page != self.page {
            self.page = page;
            self.before.extend(self.of_page.drain());
        }
        self.of_page.extend(self.last.drain());
        self.latest = None;
    }

    /// Ends the answer, which had so many pages.
    pub(crate) fn end(&mut self, pages: u32) {
        if pages > self.page {
            // The last page had no new row: the one that gave the last rows came before it.
            self.before.extend(self.of_page.drain());
        }
    }

    /// Returns the events with rows on the pages before the last one with rows; on all pages if it was not the last.
    pub(crate) fn before(&self) -> &HashSet<u64> {
        &self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn before(batches: &[(u32, &[u64])], pages: u32) -> Vec<u64> {
        let mut events = PageEvents::default();
        for (page, rows) in batches {
            rows.iter().for_each(|event| events.see(*event));
            events.end_batch(*page);
        }
        events.end(pages);
        let mut before: Vec<u64> = events.before().iter().copied().collect();
        before.sort_unstable();
        before
    }

    #[test]
    fn the_events_of_the_last_page_do_not_count_unless_an_empty_one_follows() {
        assert!(before(&[(1, &[7, 7, 8])], 1).is_empty());
        assert_eq!(before(&[(1, &[7]), (1, &[7, 8]), (2, &[9, 8]), (2, &[10])], 2), [7, 8]);
        assert_eq!(before(&[(1, &[7, 8]), (3, &[9])], 3), [7, 8]);
        assert_eq!(before(&[(1, &[7, 8]), (2, &[9])], 3), [7, 8, 9]);
    }
}
