//! A body that is sent while it is made.

use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::form::Form;
use super::growing::{Growing, Next};
use super::turns::Turn;
use super::{Bodies, Body};
use crate::{Encoding, FeedError};

/// One piece, in bytes.
const PIECE_BYTES: usize = 64 * 1024;

/// Pieces made before the caller reads them.
const PIECES_AHEAD: usize = 4;

/// How long a caller may take for a piece before the next caller's body goes on first.
const SLOW: Duration = Duration::from_secs(1);

/// A message of the thread that makes a body.
#[derive(Debug)]
enum Piece {
    Bytes(Bytes),
    Failed(FeedError),
    End,
}

/// The pieces of a long body, from memory or while they are made. Dropping it ends a making for this caller alone.
pub struct FeedStream(Source);

enum Source {
    /// A body that is made for this caller.
    Own(mpsc::Receiver<Piece>),
    /// A body that is made for all callers.
    Shared(Rereading),
    /// A body in memory.
    Kept {
        body: Arc<Body>,
        next: usize,
    },
    Over,
}

/// A growing body, and the means to have the rest of it made again.
pub(crate) struct Rereading {
    pub(crate) growing: Growing,
    pub(crate) bodies: Bodies,
    pub(crate) patience: Duration,
}

/// The writing end of a streamed body.
#[derive(Debug)]
pub(crate) struct Sink {
    pieces: mpsc::Sender<Piece>,
    piece: Vec<u8>,
    /// How many bytes the caller has already.
    skipped: u64,
    sent: u64,
    turn: Turn,
    runtime: Handle,
    /// The caller has left.
    is_left: bool,
}

/// Returns both ends of a body on its way, whose first `skipped` bytes the caller has; to be called inside a runtime.
pub(crate) fn stream(turn: Turn, skipped: u64) -> (Sink, FeedStream) {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let sink = Sink {
        pieces: sender,
        piece: Vec::with_capacity(PIECE_BYTES),
        skipped,
        sent: skipped,
        turn,
        runtime: Handle::current(),
        is_left: false,
    };
    (sink, FeedStream(Source::Own(receiver)))
}

impl FeedStream {
    /// Returns the pieces of a body in memory.
    pub(crate) fn kept(body: Arc<Body>) -> Self {
        Self(Source::Kept { body, next: 0 })
    }

    /// Returns the pieces of a body that is made for all callers.
    pub(crate) fn shared(rereading: Rereading) -> Self {
        Self(Source::Shared(rereading))
    }

    /// Returns the next piece; none after the last one of a whole body.
    ///
    /// # Errors
    /// [`FeedError`] if the body cannot be made to its end. The pieces before the error are not a feed.
    pub async fn next(&mut self) -> Option<Result<Bytes, FeedError>> {
        let next = match &mut self.0 {
            Source::Over => return None,
            Source::Kept { body, next } => {
                let piece = body.pieces.get(*next).cloned();
                *next += 1;
                piece.map(Ok)
            }
            Source::Own(pieces) => own_piece(pieces).await,
            Source::Shared(rereading) => match rereading.growing.next().await {
                Ok(Next::Piece(piece)) => Some(Ok(piece)),
                Ok(Next::End) => None,
                Ok(Next::Anew(form)) => match rereading.rest(&form).await {
                    Ok(rest) => {
                        *self = rest;
                        return Box::pin(self.next()).await;
                    }
                    Err(error) => Some(Err(error)),
                },
                Err(error) => Some(Err(error)),
            },
        };
        if !matches!(next, Some(Ok(_))) {
            self.0 = Source::Over;
        }
        next
    }
}

impl Rereading {
    async fn rest(&self, form: &Form) -> Result<FeedStream, FeedError> {
        let read = self.growing.read();
        self.bodies
            .streamed_from(form, Encoding::Identity, read, self.patience)
            .await
    }
}

async fn own_piece(pieces: &mut mpsc::Receiver<Piece>) -> Option<Result<Bytes, FeedError>> {
    match pieces.recv().await {
        Some(Piece::Bytes(bytes)) => Some(Ok(bytes)),
        Some(Piece::End) => None,
        Some(Piece::Failed(error)) => Some(Err(error)),
        // The thread ended without a message: the exporter panicked.
        None => Some(Err(FeedError::Internal {
            step: "writing the feed",
            source: None,
        })),
    }
}

impl fmt::Debug for FeedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedStream")
            .field("is_over", &matches!(self.0, Source::Over))
            .finish_non_exhaustive()
    }
}

impl Sink {
    /// Sends the rest and marks the body as whole; `note` gets its length before the caller sees the end.
    ///
    /// # Errors
    /// When the caller has left.
    pub(crate) fn end(mut self, note: impl FnOnce(u64)) -> io::Result<()> {
        self.send_piece()?;
        note(self.sent);
        self.send(Piece::End)
    }

    /// Returns a sender for an error at the end of the body, for use after the sink is dropped.
    pub(crate) fn failing(&self) -> Failing {
        Failing {
            pieces: self.pieces.clone(),
            runtime: self.runtime.clone(),
        }
    }

    fn send_piece(&mut self) -> io::Result<()> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.piece, Vec::with_capacity(PIECE_BYTES));
        self.sent += piece.len() as u64;
        self.send(Piece::Bytes(piece.into()))
    }

    fn send(&mut self, piece: Piece) -> io::Result<()> {
        let outcome = match self.pieces.try_send(piece) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(piece)) => self.send_slowly(piece),
            Err(TrySendError::Closed(_)) => Err(io::ErrorKind::BrokenPipe.into()),
        };
        self.is_left |= outcome.is_err();
        outcome
    }

    /// Waits for the caller; if it is slow, others have their turn meanwhile.
    fn send_slowly(&mut self, piece: Piece) -> io::Result<()> {
        let left = |_| io::Error::from(io::ErrorKind::BrokenPipe);
        let (runtime, pieces) = (self.runtime.clone(), self.pieces.clone());
        let place = runtime.block_on(async { tokio::time::timeout(SLOW, pieces.reserve()).await });
        if let Ok(place) = place {
            place.map_err(left)?.send(piece);
            return Ok(());
        }
        self.turn.pause();
        runtime.block_on(pieces.reserve()).map_err(left)?.send(piece);
        let turn = &mut self.turn;
        runtime.block_on(turn.go_on()).map_err(io::Error::other)
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.is_left {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        if self.skipped > 0 {
            let skipped = self.skipped.min(bytes.len() as u64);
            self.skipped -= skipped;
            return Ok(usize::try_from(skipped).unwrap_or(bytes.len()));
        }
        let room = PIECE_BYTES - self.piece.len();
        let taken = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        self.piece.extend_from_slice(taken);
        if self.piece.len() == PIECE_BYTES {
            self.send_piece()?;
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Sends an error to the caller of a body.
pub(crate) struct Failing {
    pieces: mpsc::Sender<Piece>,
    runtime: Handle,
}

impl Failing {
    pub(crate) fn tell(self, error: FeedError) {
        // An error means that the caller has left.
        let _ = self.runtime.block_on(self.pieces.send(Piece::Failed(error)));
    }
}
