//! A body that is made once, kept, and read by any number of callers while it is made.
//!
//! The maker waits for no caller: a slow one finds the rest later. A body that turns out too large to keep is thrown
//! away, and each of its callers gets the rest in a making of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use super::Body;
use super::form::Form;
use super::key::BodyKey;
use crate::FeedError;

/// How long a caller waits for the first bytes before its answer begins without them. A body that fails at once is an
/// error then, not a broken connection.
const FIRST_BYTES_WITHIN: Duration = Duration::from_millis(5);

/// The state of a making.
#[derive(Debug, Default)]
struct State {
    /// The maker has its place.
    is_begun: bool,
    pieces: Vec<Bytes>,
    end: Option<End>,
}

/// How a making ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// The body is kept.
    Whole(Arc<Body>),
    /// The body of this form is too large to keep.
    TooLarge(Form),
    Failed(FeedError),
}

/// What a caller of a growing body reads next.
pub(crate) enum Next {
    Piece(Bytes),
    End,
    /// The making of a body that is too large to keep has to begin again behind the bytes that were read.
    Anew(Form),
}

/// The key and the tag of a body that is being made.
type Name = (BodyKey, String);

/// The makings under way.
#[derive(Debug, Default)]
pub(crate) struct Makings(Mutex<HashMap<Name, Weak<watch::Sender<State>>>>);

/// The writing end of one making.
#[derive(Debug)]
pub(crate) struct Maker(Arc<watch::Sender<State>>);

/// The reading end of one making.
#[derive(Debug)]
pub(crate) struct Growing {
    state: watch::Receiver<State>,
    next: usize,
    read: u64,
}

impl Makings {
    /// Returns the making of this name; also its writing end if it is a new one.
    pub(crate) fn join(&self, name: &Name) -> (Growing, Option<Maker>) {
        let mut makings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = makings.get(name).and_then(Weak::upgrade) {
            return (Growing::of(sender.subscribe()), None);
        }
        let sender = Arc::new(watch::Sender::new(State::default()));
        makings.insert(name.clone(), Arc::downgrade(&sender));
        (Growing::of(sender.subscribe()), Some(Maker(sender)))
    }

    /// Forgets a making that is over.
    pub(crate) fn leave(&self, name: &Name) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

impl Maker {
    /// Says that the making has its place.
    pub(crate) fn begin(&self) {
        self.0.send_modify(|state| state.is_begun = true);
    }

    /// Gives a piece to all callers.
    pub(crate) fn give(&self, piece: Bytes) {
        self.0.send_modify(|state| state.pieces.push(piece));
    }

    /// Returns all pieces so far.
    pub(crate) fn pieces(&self) -> Vec<Bytes> {
        self.0.borrow().pieces.clone()
    }

    pub(crate) fn end(&self, end: End) {
        self.0.send_modify(|state| {
            if !matches!(end, End::Whole(_)) {
                state.pieces = Vec::new();
            }
            state.end = Some(end);
        });
    }
}

impl Growing {
    fn of(state: watch::Receiver<State>) -> Self {
        Self {
            state,
            next: 0,
            read: 0,
        }
    }

    /// Waits for the end of the making.
    pub(crate) async fn ended(&mut self) -> End {
        match self.state.wait_for(|state| state.end.is_some()).await {
            Ok(state) => state.end.clone().unwrap_or_else(lost),
            Err(_) => lost(),
        }
    }

    /// Waits until the making has its place, and a moment longer for its first bytes; returns its end if it is over.
    pub(crate) async fn begun(&mut self) -> Option<End> {
        let begun = self.state.wait_for(|state| state.is_begun || state.end.is_some());
        if begun.await.is_err() {
            return Some(lost());
        }
        let first = self
            .state
            .wait_for(|state| !state.pieces.is_empty() || state.end.is_some());
        match tokio::time::timeout(FIRST_BYTES_WITHIN, first).await {
            Ok(Ok(state)) => state.end.clone(),
            Ok(Err(_)) => Some(lost()),
            Err(_) => None,
        }
    }

    /// Returns how many bytes were read.
    pub(crate) const fn read(&self) -> u64 {
        self.read
    }

    /// Waits for the next piece.
    ///
    /// # Errors
    /// If the body cannot be made to its end.
    pub(crate) async fn next(&mut self) -> Result<Next, FeedError> {
        let place = self.next;
        let come = self
            .state
            .wait_for(|state| state.pieces.len() > place || state.end.is_some());
        let Ok(state) = come.await else {
            return Err(internal());
        };
        if let Some(piece) = state.pieces.get(place) {
            let piece = piece.clone();
            drop(state);
            self.next += 1;
            self.read += piece.len() as u64;
            return Ok(Next::Piece(piece));
        }
        match &state.end {
            Some(End::Whole(_)) => Ok(Next::End),
            Some(End::TooLarge(form)) => Ok(Next::Anew(form.clone())),
            Some(End::Failed(error)) => Err(error.clone()),
            None => Err(internal()),
        }
    }
}

fn lost() -> End {
    End::Failed(internal())
}

/// The thread of the maker ended without a word: the exporter panicked, or the runtime ends.
const fn internal() -> FeedError {
    FeedError::Internal {
        step: "writing the feed",
        source: None,
    }
}
