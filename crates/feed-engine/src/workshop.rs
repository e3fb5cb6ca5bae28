//! Threads for asking MISP and for the work on its answers, apart from the threads of the caller.
//!
//! A million rows are half a gigabyte of JSON and some seconds of processor time: TLS, decompression, parsing,
//! extraction, sorting. On the threads that serve sockets all other connections would wait for it. So a source that
//! asks MISP runs its whole work here. Feeds that are gathered at the same time take turns at every `await`; a feed
//! that waits for MISP takes no thread.

use std::sync::{Mutex, PoisonError};

use service_kit::{TraceContext, in_trace};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinHandle;
use tracing::Instrument as _;
use tracing::instrument::WithSubscriber as _;

use crate::{FeedError, blocking_work};

/// More threads would gather no faster: a site is asked a few questions at a time, and MISP is the slow one.
const MOST_THREADS: usize = 4;

/// A runtime beside the one of the caller. It starts with the first work and ends when the workshop is dropped.
#[derive(Debug, Default)]
pub(crate) struct Workshop(Mutex<Option<Runtime>>);

impl Workshop {
    /// Runs `work` on the workshop's threads and returns its result. Dropping the returned future ends the work.
    ///
    /// A panic of the work goes on in the caller.
    ///
    /// # Errors
    /// Those of the work, and [`FeedError::Internal`] if the system gives no threads.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, FeedError>> + Send + 'static,
    ) -> Result<T, FeedError> {
        let work = in_trace(TraceContext::current(), work.in_current_span());
        let work = self.handle()?.spawn(work.with_current_subscriber());
        let mut work = Working(work);
        match (&mut work.0).await {
            Ok(outcome) => outcome,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                Err(error) => Err(FeedError::internal("asking MISP", error)),
            },
        }
    }

    /// Starts `work` on the workshop's threads.
    ///
    /// # Errors
    /// [`FeedError::Internal`] if the system gives no threads.
    pub(crate) fn start(&self, work: impl Future<Output = ()> + Send + 'static) -> Result<(), FeedError> {
        self.handle()?.spawn(work.with_current_subscriber());
        Ok(())
    }

    fn handle(&self) -> Result<Handle, FeedError> {
        let mut runtime = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*runtime {
            return Ok(runtime.handle().clone());
        }
        let started = Builder::new_multi_thread()
            .worker_threads(threads())
            .thread_name("misp")
            .on_thread_start(blocking_work::lower_priority)
            .enable_all()
            .build()
            .map_err(|error| FeedError::internal("starting the threads that ask MISP", error))?;
        Ok(runtime.insert(started).handle().clone())
    }
}

/// Returns the number of its threads. One core stays free for the threads that serve sockets.
pub(crate) fn threads() -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    cores.saturating_sub(1).clamp(1, MOST_THREADS)
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let runtime = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = runtime.take() {
            // Waiting for its threads is not allowed where the engine may be dropped: inside another runtime.
            runtime.shutdown_background();
        }
    }
}

/// Ends the work when its caller stops waiting.
struct Working<T>(JoinHandle<T>);

impl<T> Drop for Working<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn work_runs_on_other_threads_and_returns_its_result() {
        let workshop = Workshop::default();
        let here = std::thread::current().id();
        let there = workshop.run(async { Ok(std::thread::current().id()) }).await.unwrap();
        assert_ne!(here, there);
        let late = workshop.run(async { Err::<(), _>(FeedError::TimedOut { seconds: 1 }) });
        assert!(matches!(late.await, Err(FeedError::TimedOut { seconds: 1 })));
    }

    #[tokio::test]
    async fn work_ends_when_its_caller_stops_waiting() {
        let workshop = Workshop::default();
        let held = Arc::new(());
        let holds = Arc::clone(&held);
        let work = workshop.run(async move {
            let _holds = holds;
            std::future::pending::<Result<(), FeedError>>().await
        });
        assert!(tokio::time::timeout(Duration::from_millis(50), work).await.is_err());
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    #[should_panic(expected = "a defect")]
    async fn a_panic_is_the_callers_own() {
        let _ = Workshop::default().run::<()>(async { panic!("a defect") }).await;
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn work_on_feeds_has_a_lower_priority_than_the_threads_that_serve_sockets() {
        let priority = || rustix::process::getpriority_process(None).unwrap();
        let serving = priority();
        let blocking = blocking_work::run("measuring", priority).await.unwrap();
        let asking = Workshop::default().run(async move { Ok(priority()) }).await.unwrap();
        let lowered = serving + blocking_work::NICE;
        assert_eq!((blocking, asking, priority()), (lowered, lowered, serving));
    }
}
