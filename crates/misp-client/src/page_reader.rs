//! Reads a search page after page, and its rows while they arrive.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::batch::Batch;
use crate::batches::{BatchReader, Outcome};
use crate::endpoints::attributes;
use crate::pace::{self, LEAST, Page};
use crate::page_target::{TakeRow, Target};
use crate::paging::{PageHeaders, Paging};
use crate::progress::{PageEnd, Place, Progress};
use crate::reader::AttributeReader;
use crate::search_time::SearchTime;
use crate::transport::Answer;
use crate::{Attribute, AttributeRow, AttributeSearch, Client, Error, ErrorKind, Stray};

/// A batch is handed out when it has this many rows, though its page goes on.
const BATCH_ROWS: usize = 1_000;

/// The state of one search.
#[derive(Debug)]
pub(crate) struct PageReader {
    client: Client,
    search: Arc<AttributeSearch>,
    /// Whether rows are compared with the question.
    checked: bool,
    /// How many rows may still be given out, where the search has a limit.
    left: Option<u64>,
    paging: Paging,
    progress: Progress,
    state: State,
    /// A page did not come in time: it is requested once more, with fewer rows, in this time.
    second_try: Option<Duration>,
    time: SearchTime,
}

#[derive(Debug)]
enum State {
    /// The next page is to be requested.
    Ask,
    /// A page is being read.
    Read(Box<OpenPage>),
    /// All pages were read to a clean end.
    Done,
    /// An error was given out; the rows so far must not be taken for an answer.
    Failed,
}

/// With less time than this there is no second try.
const LEAST_PATIENCE: Duration = Duration::from_millis(100);

/// A server error after this long counts as a time-out of PHP (500) or of the web server in front of it (502, 504).
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

impl PageReader {
    pub(crate) fn new(client: Client, search: Arc<AttributeSearch>) -> Self {
        let limits = client.limits();
        let (most, lists) = (search.rows_a_page().get(), search.enforces_warninglist());
        let rows = client.pace().map_or(most, |pace| pace.rows(lists, most));
        let paging = Paging::new(rows, limits.pages, limits.attributes).hides_rows(lists);
        Self {
            client,
            left: search.most_rows(),
            search,
            checked: true,
            paging,
            progress: Progress::default(),
            state: State::Ask,
            second_try: None,
            time: SearchTime::new(limits.search_time),
        }
    }

    pub(crate) fn set_unchecked(&mut self) {
        self.checked = false;
    }

    pub(crate) fn progress(&self) -> &Progress {
        &self.progress
    }

    async fn read_batch(&mut self) -> Outcome<Batch> {
        let mut batch = Vec::new();
        let page = self.read_some(&mut Target::Attributes(&mut batch)).await?;
        Ok(page.map(|page| Batch {
            page,
            attributes: batch,
        }))
    }

    /// Shows the next rows to `take`, and returns their page; none after a clean end.
    pub(crate) async fn read_rows(&mut self, take: &mut TakeRow<'_>) -> Outcome<u32> {
        let outcome = self.read_some(&mut Target::Rows { take, count: 0 }).await;
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    /// Reads some rows and returns their page.
    async fn read_some(&mut self, target: &mut Target<'_, '_>) -> Outcome<u32> {
        loop {
            // A caller that drops this future in the middle of a page finds the search failed, not shortened.
            match std::mem::replace(&mut self.state, State::Failed) {
                State::Done => {
                    self.state = State::Done;
                    return Ok(None);
                }
                State::Failed => return Err(Self::interrupted()),
                State::Ask => {
                    let began = Instant::now();
                    let time = self.time.of_page(self.patience());
                    let time = time.map_err(|error| error.at(attributes::SEARCH))?;
                    self.state = match self.open_page(time).await {
                        Ok(open) => State::Read(Box::new(open)),
                        Err(error) => {
                            self.time.spend(began.elapsed());
                            self.ask_for_less(error, began.elapsed())?
                        }
                    };
                }
                State::Read(mut open) => {
                    let page = self.progress.pages + 1;
                    let outcome = self.read_page(&mut open, target).await;
                    if let Target::Attributes(batch) = target {
                        self.keep_to_limit(batch);
                    }
                    self.state = match outcome {
                        Ok(false) => State::Read(open),
                        Ok(true) if self.end_page(&open)? => State::Ask,
                        Ok(true) => State::Done,
                        Err(error) => {
                            self.time.spend(open.answer.waited());
                            self.ask_for_less(error, open.answer.waited())?
                        }
                    };
                    if target.len() > 0 {
                        return Ok(Some(page));
                    }
                }
            }
        }
    }

    /// Drops the rows beyond the limit of the search. The page is still read to its end: a page that is cut short is an
    /// error.
    fn keep_to_limit(&mut self, batch: &mut Vec<Attribute>) {
        if let Some(left) = &mut self.left {
            batch.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
            *left -= batch.len() as u64;
        }
    }

    /// Returns the row at this place; the page size of the search is 1.
    pub(crate) async fn read_place(mut self, place: u32) -> Result<Place, Error> {
        self.paging = self.paging.beginning_at(place);
        let mut open = self.open_page(self.client.transport().timeout()).await?;
        let mut rows = Vec::new();
        while !self.read_page(&mut open, &mut Target::Attributes(&mut rows)).await? {}
        let hidden = self.progress.rows_sent > 0
            || open.headers.skipped.is_some_and(|skipped| skipped > 0)
            || open.headers.result_count.is_some_and(|count| count > 1);
        Ok(match rows.first() {
            Some(row) => Place::Row(row.id),
            None if hidden => Place::Hidden,
            None => Place::Empty,
        })
    }

    /// Returns how long the next page may take: half of the time-out where the client can request it again with fewer
    /// rows.
    fn patience(&self) -> Duration {
        let whole = self.client.transport().timeout();
        let can_shrink = self.client.pace().is_some() && self.paging.limit() > LEAST;
        self.second_try.unwrap_or(if can_shrink { whole / 2 } else { whole })
    }

    /// Returns the state that requests the failed page once more with fewer rows, where that may help; else the error.
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

    /// Returns the place of the last row of the current page, if the page is full.
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
            reader: AttributeReader::new().keep_extra(self.search.keeps_extra()),
            headers,
            last_row: None,
        })
    }

    /// Reads until there are enough rows or the page ends; returns whether the page ended.
    async fn read_page(&mut self, open: &mut OpenPage, target: &mut Target<'_, '_>) -> Result<bool, Error> {
        while target.len() < BATCH_ROWS {
            let (rows_before, unusable_before) = (open.reader.rows(), open.reader.unusable());
            let first = target.len();
            let piece = open.answer.piece().await?;
            let stray = match (&mut *target, &piece) {
                (Target::Attributes(batch), Some(piece)) => open.reader.push(piece, batch).map(|()| None),
                (Target::Attributes(batch), None) => open.reader.finish(batch).map(|()| None),
                (Target::Rows { take, count }, piece) => self.show_rows(open, piece.as_deref(), *take, count),
            }?;
            self.progress.rows_sent += open.reader.rows() - rows_before;
            self.progress.unusable += open.reader.unusable() - unusable_before;
            self.paging
                .rows_so_far(open.reader.rows())
                .map_err(|error| error.at(attributes::SEARCH))?;
            if let Some(stray) = stray {
                return Err(Error::unfiltered(stray).at(attributes::SEARCH));
            }
            if let Target::Attributes(batch) = target {
                let new = batch.get(first..).unwrap_or_default();
                open.last_row = new.last().map(|row| row.id).or(open.last_row);
                self.check(new)?;
                self.remove_duplicates(batch, first);
            }
            if piece.is_none() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Shows the rows of a piece that answer the question and are new. Returns why a row is a stray; no other row is
    /// shown then.
    fn show_rows(
        &mut self,
        open: &mut OpenPage,
        piece: Option<&[u8]>,
        take: &mut TakeRow<'_>,
        count: &mut usize,
    ) -> Result<Option<Stray>, Error> {
        let mut stray = None;
        let OpenPage { reader, last_row, .. } = open;
        let show = |row: AttributeRow<'_>| {
            *last_row = Some(row.id);
            stray = stray.or_else(|| self.search.answers_row(&row).err().filter(|_| self.checked));
            if stray.is_some() {
                return;
            }
            if !self.paging.is_new(row.id) {
                self.progress.duplicates += 1;
            } else if self.left != Some(0) {
                self.left = self.left.map(|left| left - 1);
                *count += 1;
                take(row);
            }
        };
        match piece {
            Some(piece) => reader.push_rows(piece, show),
            None => reader.finish_rows(show),
        }?;
        Ok(stray)
    }

    fn check(&self, rows: &[Attribute]) -> Result<(), Error> {
        let mut rows = rows.iter().filter(|_| self.checked);
        match rows.find_map(|row| self.search.answers(row).err()) {
            None => Ok(()),
            Some(stray) => Err(Error::unfiltered(stray).at(attributes::SEARCH)),
        }
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
        self.time.spend(open.answer.waited());
        self.progress.pages += 1;
        let (place, last_row) = (self.page_end(), open.last_row);
        self.progress.page_ends.push(PageEnd { place, last_row });
        self.progress.rows_skipped += skipped;
        self.second_try = None;
        let limit = self.paging.limit();
        let more = self.paging.page_ended(open.headers);
        let more = more.map_err(|error| error.at(attributes::SEARCH))? && self.left != Some(0);
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

    /// Continues with pages of about this many rows. A larger size waits until a page of it can begin where the last
    /// one ended.
    fn follow(&mut self, rows: u32) {
        let (limit, behind) = (self.paging.limit(), self.paging.begins_behind());
        if rows < limit {
            self.paging.resize(pace::aligned(behind, rows));
        } else if rows > limit && behind.is_multiple_of(u64::from(rows)) {
            self.paging.resize(rows);
        }
    }
}

impl BatchReader for PageReader {
    type Batch = Batch;

    async fn next_batch(&mut self) -> Outcome<Batch> {
        let outcome = self.read_batch().await;
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    /// Returns the error of a search that failed before or was dropped in the middle of a page.
    fn interrupted() -> Error {
        let detail = "the search has failed or was interrupted; it cannot go on";
        Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_error_is_a_time_out_only_after_long() {
        let error = |status| Error::new(ErrorKind::MispError).with_status(status);
        let (long, short) = (SLOW_FAILURE, Duration::from_secs(1));
        for status in [500, 502, 504] {
            assert!(is_too_slow(&error(status), long), "{status}");
            assert!(!is_too_slow(&error(status), short), "{status}");
        }
        assert!(
            !is_too_slow(&error(418), long),
            "MISP refuses the question, however long it takes"
        );
        assert!(!is_too_slow(&Error::new(ErrorKind::Connect), long));
        assert!(is_too_slow(&Error::new(ErrorKind::Timeout), short));
    }

    #[test]
    fn a_page_is_requested_again_while_a_tenth_of_a_second_is_left() {
        let timeout = Duration::from_secs(30);
        let tried_again = |took| {
            let url = crate::BaseUrl::parse("http://misp.example.net").unwrap();
            let client = Client::builder(url, crate::AuthKey::new("k").unwrap());
            let client = client
                .timeout(timeout)
                .page_pace(crate::PagePace::new())
                .build()
                .unwrap();
            let mut reader = PageReader::new(client, Arc::new(AttributeSearch::new(["domain"]).unwrap()));
            reader.ask_for_less(Error::new(ErrorKind::Timeout), took).is_ok()
        };
        let tenth = Duration::from_millis(100);
        assert!(tried_again(timeout / 2) && tried_again(timeout - tenth));
        assert!(!tried_again(timeout - tenth / 2) && !tried_again(timeout));
    }
}
