//! Events by search: whole events, one by one, each of them compared with the question.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::batches::{BatchReader, Batches, Outcome};
use crate::endpoints::event_search::{self, ENDPOINT, EventSearch};
use crate::json::Splitter;
use crate::search_time::SearchTime;
use crate::transport::Answer;
use crate::{Client, Error, ErrorKind, Event};

/// How far a search for events has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventProgress {
    /// Pages that were read to their end.
    pub pages: u32,
    /// Events that MISP sent, unusable ones included.
    pub events_sent: u64,
    /// Events that an earlier page had already; the client leaves them out.
    pub duplicates: u64,
    /// Events without a number, and attributes without id, type or value, whose events then lack them.
    pub unusable: u64,
    /// How many events match in all, where MISP sent it.
    pub total: Option<u64>,
}

/// A running search for events, made by [`Client::events`]: a [`Stream`] of whole events.
///
/// Every event is compared with the question; one that does not answer it ends the stream with
/// [`ErrorKind::Unfiltered`]. [`unchecked`](Self::unchecked) turns that off.
pub struct EventPages {
    search: Arc<EventSearch>,
    batches: Batches<EventReader>,
    progress: EventProgress,
    events: VecDeque<Event>,
    failed: bool,
}

impl EventPages {
    pub(crate) fn new(client: Client, search: EventSearch) -> Self {
        let search = Arc::new(search);
        Self {
            batches: Batches::new(EventReader::new(client, Arc::clone(&search))),
            search,
            progress: EventProgress::default(),
            events: VecDeque::new(),
            failed: false,
        }
    }

    /// Gives out events that do not answer the question too; call it before the first event is read.
    #[must_use]
    pub fn unchecked(mut self) -> Self {
        if let Some(reader) = self.batches.reader_mut() {
            reader.checked = false;
        }
        self
    }

    /// Returns how far the search has come. Between two polls of the stream this is the state before the batch that is
    /// under way.
    #[must_use]
    pub fn progress(&self) -> EventProgress {
        self.batches.reader().map_or(self.progress, |reader| reader.progress)
    }
}

/// Gives the events one by one and ends after the first error.
impl Stream for EventPages {
    type Item = Result<Event, Error>;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        this.progress = this.progress();
        let events = &mut this.events;
        this.batches.poll_item(context, &mut this.failed, |batch| {
            events.extend(batch.unwrap_or_default());
            events.pop_front()
        })
    }
}

impl fmt::Debug for EventPages {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventPages")
            .field("search", &self.search)
            .field("progress", &self.progress())
            .finish_non_exhaustive()
    }
}

impl Client {
    /// Starts a search for whole events, read as a stream. Nothing is sent before the first event is requested.
    ///
    /// ```no_run
    /// # async fn run(misp: misp_client::Client) -> Result<(), misp_client::Error> {
    /// use futures_util::TryStreamExt;
    ///
    /// let mut events = misp.events(misp_client::EventSearch::new().published(true));
    /// while let Some(event) = events.try_next().await? {
    ///     println!("{}: {} attributes", event.info, event.all_attributes().count());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn events(&self, search: EventSearch) -> EventPages {
        EventPages::new(self.clone(), search)
    }
}

struct EventReader {
    client: Client,
    search: Arc<EventSearch>,
    checked: bool,
    progress: EventProgress,
    seen: HashSet<u64>,
    state: State,
    time: SearchTime,
}

enum State {
    Ask,
    Read(Box<OpenPage>),
    Done,
    Failed,
}

struct OpenPage {
    answer: Answer,
    splitter: Splitter,
    /// Elements before the piece that is read next.
    rows: u64,
    unusable: u64,
}

impl EventReader {
    fn new(client: Client, search: Arc<EventSearch>) -> Self {
        Self {
            time: SearchTime::new(client.limits().search_time),
            client,
            search,
            checked: true,
            progress: EventProgress::default(),
            seen: HashSet::new(),
            state: State::Ask,
        }
    }

    async fn read_batch(&mut self) -> Outcome<Vec<Event>> {
        loop {
            // A caller that drops this future in the middle of a page finds the search failed, not shortened.
            match std::mem::replace(&mut self.state, State::Failed) {
                State::Done => {
                    self.state = State::Done;
                    return Ok(None);
                }
                State::Failed => return Err(Self::interrupted()),
                State::Ask => self.state = State::Read(Box::new(self.open_page().await?)),
                State::Read(mut open) => {
                    let mut events = Vec::new();
                    let ended = read_piece(&mut open, &mut events).await?;
                    self.count(&mut open, &events)?;
                    self.check(&events)?;
                    let seen = &mut self.seen;
                    let all = events.len();
                    events.retain(|event| seen.insert(event.id));
                    self.progress.duplicates += (all - events.len()) as u64;
                    self.state = if !ended {
                        State::Read(open)
                    } else if self.end_page(&open)? {
                        State::Ask
                    } else {
                        State::Done
                    };
                    if !events.is_empty() {
                        return Ok(Some(events));
                    }
                }
            }
        }
    }

    async fn open_page(&mut self) -> Result<OpenPage, Error> {
        let limits = self.client.limits();
        let request = event_search::whole_page(&self.search, self.progress.pages + 1)?;
        let transport = self.client.transport();
        let time = self.time.of_page(transport.timeout());
        let time = time.map_err(|error| error.at(ENDPOINT))?;
        let answer = transport.ask_within(time, request, limits.page_bytes, &[]).await?;
        self.progress.total = answer.count("x-result-count").or(self.progress.total);
        // One event may be as large as a page.
        let most = usize::try_from(limits.page_bytes).unwrap_or(usize::MAX);
        Ok(OpenPage {
            answer,
            splitter: Splitter::new(event_search::ROWS).with_max_element(most),
            rows: 0,
            unusable: 0,
        })
    }

    fn count(&mut self, open: &mut OpenPage, events: &[Event]) -> Result<(), Error> {
        let (rows, unusable) = (open.splitter.rows(), open.splitter.unusable());
        self.progress.events_sent += rows - open.rows;
        self.progress.unusable += unusable - open.unusable;
        self.progress.unusable += events.iter().map(|event| event.unusable).sum::<u64>();
        (open.rows, open.unusable) = (rows, unusable);
        if rows > u64::from(self.search.events_a_page()) {
            return Err(Error::unfiltered("a page with more events than the limit").at(ENDPOINT));
        }
        Ok(())
    }

    fn check(&self, events: &[Event]) -> Result<(), Error> {
        let is_stray = |event: &&Event| self.checked && !self.search.is_answered_by(event);
        match events.iter().find(is_stray) {
            None => Ok(()),
            Some(_) => Err(Error::unfiltered("an event that was not asked for").at(ENDPOINT)),
        }
    }

    /// Returns whether another page follows. For events MISP's count is the total (recordings 456 and 457).
    fn end_page(&mut self, open: &OpenPage) -> Result<bool, Error> {
        self.progress.pages += 1;
        self.time.spend(open.answer.waited());
        let limit = u64::from(self.search.events_a_page());
        let more = match self.progress.total {
            Some(total) => open.rows > 0 && u64::from(self.progress.pages) * limit < total,
            None => open.rows == limit,
        };
        if more && self.progress.pages >= self.client.limits().pages {
            return Err(Error::new(ErrorKind::TooLarge)
                .with_detail("too many pages")
                .at(ENDPOINT));
        }
        Ok(more)
    }
}

impl BatchReader for EventReader {
    type Batch = Vec<Event>;

    async fn next_batch(&mut self) -> Outcome<Vec<Event>> {
        let outcome = self.read_batch().await;
        if outcome.is_err() {
            self.state = State::Failed;
        }
        outcome
    }

    fn interrupted() -> Error {
        let detail = "the search has failed or was interrupted; it cannot go on";
        Error::new(ErrorKind::UnexpectedAnswer).with_detail(detail).at(ENDPOINT)
    }
}

/// Reads on until there is an event or the page ends; returns whether it ended.
async fn read_piece(open: &mut OpenPage, events: &mut Vec<Event>) -> Result<bool, Error> {
    while events.is_empty() {
        match open.answer.piece().await? {
            Some(piece) => open.splitter.push(&piece, events).map_err(event_search::error)?,
            None => {
                open.splitter.finish(events).map_err(event_search::error)?;
                return Ok(true);
            }
        }
    }
    Ok(false)
}
