//! An answer's body as a list of things to do: send bytes, wait, hang, break off.

use std::{
    collections::VecDeque,
    fmt,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::Sleep;

/// The stand-in breaks the connection on purpose.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("connection cut on purpose")]
pub(crate) struct Cut;

enum Step {
    Send(Bytes),
    Wait(Pin<Box<Sleep>>),
    Pause(Duration),
    Make(Box<dyn Iterator<Item = Bytes> + Send>),
    Hang,
    Break,
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Send(_) | Self::Make(_) => "send",
            Self::Wait(_) | Self::Pause(_) => "wait",
            Self::Hang => "hang",
            Self::Break => "break",
        })
    }
}

/// A body that follows a script.
#[derive(Debug)]
pub(crate) struct Script {
    steps: VecDeque<Step>,
    /// The length that is known to be true; else nothing is said and a `Content-Length` header or chunks decide.
    exact: Option<u64>,
}

/// Long enough for the bytes before it to leave the process.
const FLUSH: Duration = Duration::from_millis(20);

impl Script {
    /// Returns a body that is sent as it is.
    pub(crate) fn whole(body: Bytes) -> Self {
        let exact = u64::try_from(body.len()).ok();
        let steps = if body.is_empty() {
            VecDeque::new()
        } else {
            VecDeque::from([Step::Send(body)])
        };
        Self { steps, exact }
    }

    /// Returns a body of which only the first bytes come before the connection breaks.
    pub(crate) fn cut_off(body: &Bytes, after: usize) -> Self {
        let start = body.slice(..after.min(body.len()));
        Self {
            steps: VecDeque::from([Step::Send(start), Step::Pause(FLUSH), Step::Break]),
            exact: None,
        }
    }

    /// Returns a body of which only the first bytes come.
    pub(crate) fn hanging(body: &Bytes, after: usize) -> Self {
        Self {
            steps: VecDeque::from([Step::Send(body.slice(..after.min(body.len()))), Step::Hang]),
            exact: None,
        }
    }

    /// Returns a body whose pieces are made while it is sent.
    pub(crate) fn made(pieces: Box<dyn Iterator<Item = Bytes> + Send>) -> Self {
        Self {
            steps: VecDeque::from([Step::Make(pieces)]),
            exact: None,
        }
    }

    /// Returns a body that comes a few bytes at a time.
    pub(crate) fn dripping(body: &Bytes, bytes: usize, pause: Duration) -> Self {
        let mut steps = VecDeque::new();
        let mut rest = body.clone();
        while !rest.is_empty() {
            steps.push_back(Step::Send(rest.split_to(bytes.max(1).min(rest.len()))));
            steps.push_back(Step::Pause(pause));
        }
        Self { steps, exact: None }
    }
}

impl Body for Script {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        loop {
            match self.steps.pop_front() {
                None => return Poll::Ready(None),
                Some(Step::Send(bytes)) if bytes.is_empty() => {}
                Some(Step::Send(bytes)) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                Some(Step::Make(mut pieces)) => {
                    if let Some(piece) = pieces.next() {
                        self.steps.push_front(Step::Make(pieces));
                        self.steps.push_front(Step::Send(piece));
                    }
                }
                Some(Step::Break) => return Poll::Ready(Some(Err(Cut))),
                Some(Step::Hang) => {
                    self.steps.push_front(Step::Hang);
                    return Poll::Pending;
                }
                Some(Step::Pause(pause)) => self.steps.push_front(Step::Wait(Box::pin(tokio::time::sleep(pause)))),
                Some(Step::Wait(mut sleep)) => {
                    if sleep.as_mut().poll(context).is_pending() {
                        self.steps.push_front(Step::Wait(sleep));
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.exact.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
