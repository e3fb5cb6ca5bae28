//! All pages of one question. Every row is checked against the question, and rows that moved meanwhile are noticed.
//!
//! MISP pages by offset: when a row of a page that was read already disappears from the answer, all later rows move up
//! by one, and the first row of the next page is never sent (facts 34 to 37 know no way to ask by id). Rows sent twice
//! are removed by id; a row that was *not* sent cannot be seen that way. So after a pass of several pages MISP is asked
//! which events changed since it began: a row can only have moved if an event changed, vanished, or was withdrawn from
//! a question for published ones, of which we had read rows before the last page. Some things leave no trace in an
//! event (a local tag; an edit that another MISP made earlier and this one takes over now), so the places where pages
//! met are looked at too. Then the pass is made again.

use std::collections::HashSet;

use misp_client::{
    AttributeRow, AttributeSearch, Client, EventIndex, EventIndexAnswer, EventSearch, Place, Progress, Published,
};

use crate::page_events::PageEvents;
use crate::{FeedError, Judge};

/// On a MISP with constant edits every pass may be disturbed; then the last two are put together.
const MAX_PASSES: u32 = 3;

/// Rows outside the question are dropped, and up to this many of them are tolerated: a quirk of one type must not stop
/// a feed.
const TOLERATED_STRAYS: u64 = 3;
/// In a large answer one of this many rows is tolerated.
const TOLERATED_STRAY_SHARE: u64 = 1_000;

/// Event ids in one question.
const EVENTS_A_QUESTION: usize = 2_000;

/// Collects the rows of an answer.
pub(crate) trait Sink: Send {
    /// Sees a row that answers the question, whether it counts or not.
    fn see(&mut self, _: &AttributeRow<'_>) {}

    /// Adds one row that answers the question and counts.
    fn take(&mut self, attribute: &AttributeRow<'_>) -> Result<(), FeedError>;

    /// Counts rows without a value.
    fn count_dropped(&mut self, reason: &'static str, attributes: u64);

    /// Adds the rows of another pass that `self` does not have, without these attributes.
    fn absorb(&mut self, other: &Self, left_out: &HashSet<u64>);
}

/// Reads all rows that answer `search` and pass `judge` into the sink that `fresh` makes.
pub(crate) async fn read<S: Sink>(
    client: &Client,
    search: &AttributeSearch,
    judge: Judge,
    fresh: impl Fn() -> S,
) -> Result<S, FeedError> {
    let mut earlier: Option<S> = None;
    for number in 1..=MAX_PASSES {
        let mut pass = Pass::new(fresh(), judge.clone());
        pass.read(client, search).await?;
        if !pass.was_disturbed(client, search).await? {
            pass.tell_if_nothing_is_left();
            return Ok(pass.rows);
        }
        tracing::debug!(
            pass = number,
            pages = pass.progress.pages,
            "rows may have moved while they were read"
        );
        let mut rows = pass.rows;
        if let (MAX_PASSES, Some(earlier)) = (number, &earlier) {
            rows.absorb(earlier, &pass.left_out);
        }
        earlier = Some(rows);
    }
    // Three disturbed passes in a row: a row that was deleted during them may stay until the next refresh, and no row
    // is missing.
    Ok(earlier.unwrap_or_else(fresh))
}

struct Pass<S> {
    rows: S,
    judge: Judge,
    /// Attributes that the judge refused.
    left_out: HashSet<u64>,
    progress: Progress,
    strays: u64,
    first_stray: Option<String>,
    read: u64,
    events: PageEvents,
}

impl<S: Sink> Pass<S> {
    fn new(rows: S, judge: Judge) -> Self {
        Self {
            rows,
            judge,
            left_out: HashSet::new(),
            progress: Progress::default(),
            strays: 0,
            first_stray: None,
            read: 0,
            events: PageEvents::default(),
        }
    }

    async fn read(&mut self, client: &Client, search: &AttributeSearch) -> Result<(), FeedError> {
        // A few odd rows are dropped below, so the client must not refuse them.
        let mut pages = client.search(search.clone()).unchecked();
        loop {
            let mut outcome = Ok(());
            let take = |row: AttributeRow<'_>| {
                // The rows after a refused one are not looked at.
                if outcome.is_ok() {
                    outcome = self.row(search, &row);
                }
            };
            let page = pages.next_rows(take).await?;
            outcome?;
            match page {
                Some(page) => self.events.end_batch(page),
                None => break,
            }
        }
        self.progress = pages.progress().clone();
        self.events.end(self.progress.pages);
        // The judge cannot decide about such a row.
        if self.judge.lets_all_through() {
            self.rows.count_dropped("unusable", self.progress.unusable);
        }
        self.is_believable()
    }

    fn row(&mut self, search: &AttributeSearch, row: &AttributeRow<'_>) -> Result<(), FeedError> {
        self.read += 1;
        self.events.see(row.event_id);
        match search.answers_row(row) {
            Ok(()) => self.take(row),
            Err(stray) => self.stray(&stray),
        }
    }

    /// A refused row is in no count, since the caller may not know that it exists.
    fn take(&mut self, attribute: &AttributeRow<'_>) -> Result<(), FeedError> {
        self.rows.see(attribute);
        if self.judge.counts(attribute) {
            return self.rows.take(attribute);
        }
        self.left_out.insert(attribute.id);
        Ok(())
    }

    fn tell_if_nothing_is_left(&self) {
        let left_out = self.left_out.len();
        if left_out > 0 && self.read == left_out as u64 {
            self.judge.log_nothing_left(left_out);
        }
    }

    /// A few odd rows are tolerated, but they cannot be the whole answer: a fault must never make an empty feed.
    fn is_believable(&self) -> Result<(), FeedError> {
        let rows = self.read + self.progress.unusable;
        if self.strays > 0 && self.strays == rows {
            return Err(FeedError::Strays {
                strays: self.strays,
                rows,
                example: self.first_stray.clone().unwrap_or_default(),
            });
        }
        if self.progress.unusable > 0 && self.progress.unusable > rows / 2 {
            return Err(FeedError::Unusable {
                unusable: self.progress.unusable,
                rows,
            });
        }
        Ok(())
    }

    fn stray(&mut self, stray: &misp_client::Stray) -> Result<(), FeedError> {
        self.strays += 1;
        self.first_stray.get_or_insert_with(|| stray.to_string());
        if self.strays > TOLERATED_STRAYS.max(self.read / TOLERATED_STRAY_SHARE) {
            return Err(FeedError::Strays {
                strays: self.strays,
                rows: self.read,
                example: stray.to_string(),
            });
        }
        Ok(())
    }

    /// Returns whether a change in MISP may have moved rows from one page to another.
    async fn was_disturbed(&self, client: &Client, search: &AttributeSearch) -> Result<bool, FeedError> {
        if self.progress.pages < 2 {
            return Ok(false);
        }
        Ok(self.an_event_changed(client).await?
            || self.an_event_vanished(client, search).await?
            || self.a_page_ends_elsewhere(client, search).await?)
    }

    /// A page of one row costs MISP about a tenth of a full one.
    async fn a_page_ends_elsewhere(&self, client: &Client, search: &AttributeSearch) -> Result<bool, FeedError> {
        let ends = &self.progress.page_ends;
        for end in ends.iter().take(ends.len().saturating_sub(1)) {
            let moved = match client.place(search, end.place).await? {
                Place::Row(id) => end.last_row != Some(id),
                Place::Hidden => false,
                Place::Empty => true,
            };
            if moved {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn an_event_changed(&self, client: &Client) -> Result<bool, FeedError> {
        let Some(began_at) = self.progress.began_at() else {
            return Ok(true);
        };
        let changed = client
            .event_metadata(&EventSearch::new().timestamp_from(began_at))
            .await?;
        // Rows that warning lists hid belong to events that we cannot know; any change may have been theirs.
        let hidden = self.progress.rows_skipped > 0;
        Ok(changed
            .iter()
            .any(|event| hidden || self.events.before().contains(&event.id)))
    }

    async fn an_event_vanished(&self, client: &Client, search: &AttributeSearch) -> Result<bool, FeedError> {
        let events: Vec<u64> = self.events.before().iter().copied().collect();
        for ids in events.chunks(EVENTS_A_QUESTION) {
            // Unpublishing on purpose does not count as a change (fact 60).
            let published = search.wants_published() == Published::Yes;
            let unlisted = unlisted(client, ids, published).await?;
            if unlisted.is_empty() {
                continue;
            }
            // The light index does not list every event (fact 61); for those that it lacks the slow question decides.
            let mut still_there = EventSearch::new().event_ids(unlisted.iter().copied());
            if published {
                still_there = still_there.published(true);
            }
            if client.event_metadata(&still_there).await?.len() < unlisted.len() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Returns which of these events the light index does not list, as published ones or at all.
async fn unlisted(client: &Client, ids: &[u64], published: bool) -> Result<Vec<u64>, FeedError> {
    let mut question = EventIndex::new().event_ids(ids.iter().copied());
    if published {
        question = question.published(true);
    }
    let listed: HashSet<u64> = match client.event_index(&question).await? {
        EventIndexAnswer::Events(listed) => listed.entries.iter().map(|event| event.id).collect(),
        EventIndexAnswer::NotModified => HashSet::new(),
    };
    Ok(ids.iter().copied().filter(|id| !listed.contains(id)).collect())
}
