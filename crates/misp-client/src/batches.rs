//! Makes a stream out of a reader that gives its rows in batches.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use crate::Error;

/// Reads the next batch of an answer; `None` after a clean end.
pub(crate) trait BatchReader: Send + 'static {
    type Batch: Send;

    /// After an error every further call fails.
    fn next_batch(&mut self) -> impl Future<Output = Outcome<Self::Batch>> + Send;

    /// Returns the error of a reader whose future was lost.
    fn interrupted() -> Error;
}

pub(crate) type Outcome<B> = Result<Option<B>, Error>;
type Running<R> = Pin<Box<dyn Future<Output = (Box<R>, Outcome<<R as BatchReader>::Batch>)> + Send>>;

/// A reader that can be awaited and polled.
pub(crate) enum Batches<R: BatchReader> {
    Waiting(Box<R>),
    /// The stream was polled, and its next batch is under way.
    Running(Running<R>),
    /// The future of a batch panicked.
    Lost,
}

impl<R: BatchReader> Batches<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self::Waiting(Box::new(reader))
    }

    /// Returns the reader, unless a batch is under way.
    pub(crate) fn reader(&self) -> Option<&R> {
        match self {
            Self::Waiting(reader) => Some(reader),
            Self::Running(_) | Self::Lost => None,
        }
    }

    pub(crate) fn reader_mut(&mut self) -> Option<&mut R> {
        match self {
            Self::Waiting(reader) => Some(reader),
            Self::Running(_) | Self::Lost => None,
        }
    }

    pub(crate) async fn next(&mut self) -> Outcome<R::Batch> {
        match self {
            Self::Waiting(reader) => reader.next_batch().await,
            Self::Running(_) | Self::Lost => std::future::poll_fn(|context| self.poll_next(context)).await,
        }
    }

    /// Polls the next batch. The reader is away while one is under way, so a caller keeps what it must show of it.
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Outcome<R::Batch>> {
        let mut running = match std::mem::replace(self, Self::Lost) {
            Self::Running(running) => running,
            Self::Waiting(mut reader) => Box::pin(async move {
                let outcome = reader.next_batch().await;
                (reader, outcome)
            }),
            Self::Lost => return Poll::Ready(Err(R::interrupted())),
        };
        let Poll::Ready((reader, outcome)) = running.as_mut().poll(context) else {
            *self = Self::Running(running);
            return Poll::Pending;
        };
        *self = Self::Waiting(reader);
        Poll::Ready(outcome)
    }

    /// Polls the next item of a stream that gives batches out item by item and ends after the first error.
    pub(crate) fn poll_item<T>(
        &mut self,
        context: &mut Context<'_>,
        failed: &mut bool,
        mut next: impl FnMut(Option<R::Batch>) -> Option<T>,
    ) -> Poll<Option<Result<T, Error>>> {
        if *failed {
            return Poll::Ready(None);
        }
        if let Some(item) = next(None) {
            return Poll::Ready(Some(Ok(item)));
        }
        loop {
            match ready!(self.poll_next(context)) {
                Ok(Some(batch)) => {
                    if let Some(item) = next(Some(batch)) {
                        return Poll::Ready(Some(Ok(item)));
                    }
                }
                Ok(None) => return Poll::Ready(None),
                Err(error) => {
                    *failed = true;
                    return Poll::Ready(Some(Err(error)));
                }
            }
        }
    }
}
