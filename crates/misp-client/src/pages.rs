//! A search as it runs: page after page, rows as they arrive.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, Stream};
use tokio::time::Instant;

use crate::endpoints::attributes;
use crate::pace::{self, LEAST, Page};
use crate::paging::{PageHeaders, Paging};
use crate::transport::Answer;
use crate::{Attribute, AttributeReader, AttributeSearch, Client, Error, ErrorKind};

/// A batch is handed out when it has this many rows, though its page goes on.
const BATCH_ROWS: usize = 1_000;

/// Some rows of one page, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Batch {
    /// The page that they came from, counted from 1. One that was asked for again with fewer rows keeps its number.
    pub page: u32,
    /// The rows; never empty.
    pub attributes: Vec<Attribute>,
}

/// What a search has come to so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pages that were read to their end.
    pub pages: u32,
    /// Where each of them ends.
    pub page_ends: Vec<PageEnd>,
    /// Rows that MISP sent, whatever became of them.
    pub rows_sent: u64,
    /// Rows that MISP says its warninglists took out.
    pub rows_skipped: u64,
    /// Rows that an earlier page had already.
    pub duplicates: u64,
    /// Rows that were JSON, but without an id, a type or a value that can be held; left out.
    pub unusable: u64,
    /// MISP's clock when it answered the first page (its `Date` header), in unix seconds.
    pub answered_at: Option<i64>,
    /// How long the first page took to begin.
    pub first_elapsed: Option<Duration>,
}

/// Where a page ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageEnd {
    /// The place in the whole answer, if the page is full; places count from 1.
    pub place: u32,
    /// The last row that came with the page, also if an earlier page had it.
    pub last_row: Option<u64>,
}

impl Progress {
    /// Returns MISP's clock when it began to look for the first page, in unix seconds: what changed later may be missing.
    ///
    /// The time that the answer took is taken off with a second for rounding, so this is early rather than late.
    #[must_use]
    pub fn began_at(&self) -> Option<i64> {
        let took = i64::try_from(self.first_elapsed?.as_secs())
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        Some(self.answered_at?.saturating_sub(took).max(0))
    }
}

/// What stands at one place of a search's answer; see [`Client::place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The row with this id.
    Row(u64),
    /// A row that MISP does not show, by a list of its own, or one that cannot be read.
    Hidden,
    /// Nothing; the answer has fewer rows.
    Empty,
}

/// A search on its way; made by [`Client::search`].
#[derive(Debug)]
pub struct AttributePages {
    client: Client,
    search: AttributeSearch,
    paging: Paging,
    progress: Progress,
    state: State,
    /// A page did not come in time and is asked for once more, with fewer rows, in this time.
    second_try: Option<Duration>,
}

#[derive(Debug)]
enum State {
    /// The next page is to be asked for.
    Ask,
    /// A page is being read.
    Read(Box<OpenPage>),
    /// All pages were read to a clean end.
    Done,
    /// An error was given out; what was read so far must not be taken for an answer.
    Failed,
}

/// Less time than this is not worth a second try.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// A server's error after this long is taken for a time-out of PHP (500) or of the web server before it (502, 504).
const SLOW_FAILURE: Duration = Duration::from_secs(20);

fn is_too_slow(error: &Error, took: Duration) -> bool {
    match error.kind() {
        ErrorKind::Timeout => true,
        ErrorKind::MispError => took >= SLOW_FAILURE && error.status().is_some_and(|status| status >= 500),
        _ => false,
    }
}

#[derive(Debug)]
struct OpenPage {
    answer: Answer,
    reader: AttributeReader,
    headers: PageHeaders,
    last_row: Option<u64>,
}

impl AttributePages {
    pub(crate) fn new(client: Client, search: AttributeSearch) -> Self {
        let limits = client.limits();
        let (most, lists) = (search.rows_a_page().get(), search.enforces_warninglist());
        let rows = client.pace().map_or(most, |pace| pace.rows(lists, most));
        let paging = Paging::new(rows, limits.pages, limits.attributes).hides_rows(lists);
        Self {
            client,
            search,
            paging,
            progress: Progress::default(),
            state: State::Ask,
            second_try: None,
        }
    }

    /// Returns what was asked.
    #[must_use]
    pub fn search(&self) -> &AttributeSearch {
        &self.search
    }

    /// Returns what the search has come to so far.
    #[must_use]
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Returns the next rows, asking for the next page when the last one is used up; none after a clean end of the last page.
    ///
    /// Rows that an earlier page had are left out. Rows are not held against the question; see [`AttributeSearch::answers`].
    ///
    /// # Errors
    /// Any [`ErrorKind`]. After an error the rows given so far are not an answer, and every further call is an error too.
    pub async fn next_batch(&mut self) -> Result<Option<Batch>, Error> {
        let outcome = self.read_batch().await;
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    /// Turns the search into a stream of its rows, which ends after the first error.
    pub fn into_stream(self) -> impl Stream<Item = Result<Attribute, Error>> + Send {
        stream::unfold((self, VecDeque::new()), |(mut pages, mut rows)| async move {
            if rows.is_empty() && !matches!(pages.state, State::Failed) {
                match pages.next_batch().await {
                    Ok(batch) => rows.extend(batch.into_iter().flat_map(|batch| batch.attributes)),
                    Err(error) => return Some((Err(error), (pages, rows))),
                }
            }
            rows.pop_front().map(|row| (Ok(row), (pages, rows)))
        })
    }

    async fn read_batch(&mut self) -> Result<Option<Batch>, Error> {
        let mut batch = Vec::new();
        loop {
            // Whoever drops the future of this call in the middle of a page finds the search failed, not shortened.
            match std::mem::replace(&mut self.state, State::Failed) {
                State::Done => {
                    self.state = State::Done;
                    return Ok(None);
                }
                State::Failed => {
                    let detail = "the search has failed or was interrupted; it cannot go on";
                    return Err(Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail));
                }
                State::Ask => {
                    let began = Instant::now();
                    self.state = match self.open_page(self.patience()).await {
                        Ok(open) => State::Read(Box::new(open)),
                        Err(error) => self.ask_for_less(error, began.elapsed())?,
                    };
                }
                State::Read(mut open) => {
                    let page = self.progress.pages + 1;
                    match self.read_page(&mut open, &mut batch).await {
                        Ok(false) => self.state = State::Read(open),
                        Ok(true) if self.end_page(&open)? => self.state = State::Ask,
                        Ok(true) => self.state = State::Done,
                        Err(error) => self.state = self.ask_for_less(error, open.answer.waited())?,
                    }
                    if !batch.is_empty() {
                        return Ok(Some(Batch {
                            page,
                            attributes: batch,
                        }));
                    }
                }
            }
        }
    }

    /// Reads the one row of a page of one.
    pub(crate) async fn read_place(mut self, place: u32) -> Result<Place, Error> {
        self.paging = self.paging.beginning_at(place);
        let mut open = self.open_page(self.client.transport().timeout()).await?;
        let mut rows = Vec::new();
        while !self.read_page(&mut open, &mut rows).await? {}
        let hidden = self.progress.rows_sent > 0
            || open.headers.skipped.is_some_and(|skipped| skipped > 0)
            || open.headers.result_count.is_some_and(|count| count > 1);
        Ok(match rows.first() {
            Some(row) => Place::Row(row.id),
            None if hidden => Place::Hidden,
            None => Place::Empty,
        })
    }

    /// Returns how long the next page may take: where it can be asked for with fewer rows, half of the time is kept for that.
    fn patience(&self) -> Duration {
        let whole = self.client.transport().timeout();
        let can_shrink = self.client.pace().is_some() && self.paging.limit() > LEAST;
        self.second_try.unwrap_or(if can_shrink { whole / 2 } else { whole })
    }

    /// Returns the state in which the page that failed is asked for once more with fewer rows, if that may help.
    fn ask_for_less(&mut self, error: Error, took: Duration) -> Result<State, Error> {
        let Some(pace) = self.client.pace().filter(|_| is_too_slow(&error, took)) else {
            return Err(error);
        };
        let limit = self.paging.limit();
        let rows = pace.timed_out(self.search.enforces_warninglist(), limit);
        let left = self.client.transport().timeout().saturating_sub(took);
        if rows >= limit || self.second_try.is_some() || left < LEAST_PATIENCE {
            return Err(error);
        }
        self.second_try = Some(left);
        self.paging.resize(pace::aligned(self.paging.begins_behind(), rows));
        Ok(State::Ask)
    }

    /// Returns the place at which the page that is being read ends, if it is full.
    fn page_end(&self) -> u32 {
        let end = self.paging.begins_behind() + u64::from(self.paging.limit());
        u32::try_from(end).unwrap_or(u32::MAX)
    }

    async fn open_page(&mut self, time: Duration) -> Result<OpenPage, Error> {
        let limits = self.client.limits();
        let request = attributes::search_page(&self.search, self.paging.page(), self.paging.limit());
        let began = Instant::now();
        let transport = self.client.transport();
        let answer = transport.ask_within(time, request, limits.page_bytes, &[]).await?;
        if self.progress.first_elapsed.is_none() {
            self.progress.first_elapsed = Some(began.elapsed());
            self.progress.answered_at = answer.date();
        }
        let headers = PageHeaders {
            result_count: answer.count("x-result-count"),
            skipped: answer.count("x-skipped-elements-count"),
        };
        Ok(OpenPage {
            answer,
            reader: AttributeReader::new(),
            headers,
            last_row: None,
        })
    }

    /// Reads on until there are rows enough for a batch, or the page ends; says whether it ended.
    async fn read_page(&mut self, open: &mut OpenPage, batch: &mut Vec<Attribute>) -> Result<bool, Error> {
        while batch.len() < BATCH_ROWS {
            let (rows_before, unusable_before) = (open.reader.rows(), open.reader.unusable());
            let first = batch.len();
            let piece = open.answer.piece().await?;
            match &piece {
                Some(piece) => open.reader.push(piece, batch),
                None => open.reader.finish(batch),
            }?;
            self.progress.rows_sent += open.reader.rows() - rows_before;
            self.progress.unusable += open.reader.unusable() - unusable_before;
            self.paging
                .rows_so_far(open.reader.rows())
                .map_err(|error| error.at(attributes::SEARCH))?;
            open.last_row = batch
                .get(first..)
                .and_then(|new| Some(new.last()?.id))
                .or(open.last_row);
            self.remove_duplicates(batch, first);
            if piece.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn remove_duplicates(&mut self, batch: &mut Vec<Attribute>, first: usize) {
        let mut at = 0;
        let (paging, duplicates) = (&mut self.paging, &mut self.progress.duplicates);
        batch.retain(|row| {
            at += 1;
            let keep = at <= first || paging.is_new(row.id);
            *duplicates += u64::from(!keep);
            keep
        });
    }

    fn end_page(&mut self, open: &OpenPage) -> Result<bool, Error> {
        let skipped = open.headers.skipped.unwrap_or(0);
        self.progress.pages += 1;
        let (place, last_row) = (self.page_end(), open.last_row);
        self.progress.page_ends.push(PageEnd { place, last_row });
        self.progress.rows_skipped += skipped;
        self.second_try = None;
        let limit = self.paging.limit();
        let more = self.paging.page_ended(open.headers);
        let more = more.map_err(|error| error.at(attributes::SEARCH))?;
        if let Some(pace) = self.client.pace() {
            let page = Page {
                limit,
                rows: open.reader.rows() + skipped,
                took: open.answer.waited(),
            };
            let (most, lists) = (self.search.rows_a_page().get(), self.search.enforces_warninglist());
            let next = pace.came(lists, most, page);
            if more {
                self.follow(next);
            }
        }
        Ok(more)
    }

    /// Goes on with pages of about this many rows. Larger ones wait until they can begin where the last page ended.
    fn follow(&mut self, rows: u32) {
        let (limit, behind) = (self.paging.limit(), self.paging.begins_behind());
        if rows < limit {
            self.paging.resize(pace::aligned(behind, rows));
        } else if rows > limit && behind.is_multiple_of(u64::from(rows)) {
            self.paging.resize(rows);
        }
    }
}
