//! A body that is sent while it is made.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, error::TrySendError};

use super::turns::Turn;
use crate::FeedError;

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

/// The pieces of a body that is made while they are taken. Dropping it ends the making.
pub struct FeedStream {
    pieces: mpsc::Receiver<Piece>,
    is_over: bool,
}

/// The writing end of a streamed body.
#[derive(Debug)]
pub(crate) struct Sink {
    pieces: mpsc::Sender<Piece>,
    piece: Vec<u8>,
    sent: u64,
    turn: Turn,
    runtime: Handle,
    /// The caller has left.
    is_left: bool,
}

/// Returns both ends of a body on its way; to be called inside a runtime.
pub(crate) fn stream(turn: Turn) -> (Sink, FeedStream) {
    let (sender, receiver) = mpsc::channel(PIECES_AHEAD);
    let sink = Sink {
        pieces: sender,
        piece: Vec::with_capacity(PIECE_BYTES),
        sent: 0,
        turn,
        runtime: Handle::current(),
        is_left: false,
    };
    let stream = FeedStream {
        pieces: receiver,
        is_over: false,
    };
    (sink, stream)
}

impl FeedStream {
    /// Returns the next piece; none after the last one of a whole body.
    ///
    /// # Errors
    /// [`FeedError`] if the body cannot be made to its end. The pieces before the error are not a feed.
    pub async fn next(&mut self) -> Option<Result<Bytes, FeedError>> {
        if self.is_over {
            return None;
        }
        let piece = self.pieces.recv().await;
        self.is_over = !matches!(piece, Some(Piece::Bytes(_)));
        match piece {
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
}

impl fmt::Debug for FeedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FeedStream")
            .field("is_over", &self.is_over)
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
