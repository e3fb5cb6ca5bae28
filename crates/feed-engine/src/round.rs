//! Answers that the feeds of one round share.
//!
//! When MISP says that something changed, dozens of feeds are gathered at once, and the questions that follow their
//! rows are the same for many of them: which events are unpublished, and which values are harmless. Both must be asked
//! *after* the rows ([`crate::publication`] says why). So a feed whose rows are read gives up its place and waits until
//! all feeds that are reading have finished, but at most for [`LONGEST_WAIT`], and until the rows that wait take
//! [`MAX_WAITING_BYTES`]. These feeds make a wave: each question is asked once for all of them, later than the last of
//! their rows.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use feed_classification::{FalsePositives, IndicatorType};
use tokio::sync::{OnceCell, watch};

use crate::FeedError;
use crate::publication::UnpublishedEvents;
use crate::upstream::UpstreamId;

/// A feed waits no longer than this for the others of its wave: one of them may have a million rows, or a MISP that is
/// slow today.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// A wave ends when the rows of its feeds take so much memory.
const MAX_WAITING_BYTES: usize = 64 * 1024 * 1024;

/// The feeds that are gathered since MISP said that something changed.
#[derive(Debug, Default)]
pub(crate) struct Round(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// Feeds whose rows are not read yet.
    reading: usize,
    waiting_bytes: usize,
    wave: Arc<Wave>,
}

/// Feeds whose rows are read, and the answers to the questions that follow.
#[derive(Debug, Default)]
pub(crate) struct Wave {
    is_complete: watch::Sender<bool>,
    pub(crate) unpublished: Answers<UpstreamId, UnpublishedEvents>,
    /// By upstream, its rules, and the type that is extracted from the attributes.
    pub(crate) harmless: Answers<(UpstreamId, u64, IndicatorType), FalsePositives>,
}

/// One feed of a round whose rows are not read yet. If it is dropped earlier, the others do not wait for it.
#[derive(Debug)]
pub(crate) struct Reading(Arc<Round>);

impl Round {
    /// Counts a feed that begins to read.
    pub(crate) fn enter(self: &Arc<Self>) -> Reading {
        self.lock().reading += 1;
        Reading(Arc::clone(self))
    }

    /// Waits until the questions of this wave can be asked: later than the rows of all its feeds.
    pub(crate) async fn complete(&self, wave: &Arc<Wave>) {
        if tokio::time::timeout(LONGEST_WAIT, wave.complete()).await.is_ok() {
            return;
        }
        let mut state = self.lock();
        if Arc::ptr_eq(&state.wave, wave) {
            state.complete();
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The feeds that finish from now on make another wave.
    fn complete(&mut self) {
        self.waiting_bytes = 0;
        std::mem::take(&mut self.wave).is_complete.send_replace(true);
    }
}

impl Reading {
    /// Returns the wave of a feed whose rows are read and take `bytes` of memory.
    pub(crate) fn finish(self, bytes: usize) -> Arc<Wave> {
        let mut state = self.0.lock();
        state.waiting_bytes += bytes;
        let wave = Arc::clone(&state.wave);
        if state.waiting_bytes >= MAX_WAITING_BYTES {
            state.complete();
        }
        wave
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.reading -= 1;
        if state.reading == 0 {
            state.complete();
        }
    }
}

impl Wave {
    /// Waits until no further feed can join it.
    async fn complete(&self) {
        // The sender is in `self`, so the channel stays open.
        let _ = self.is_complete.subscribe().wait_for(|is_complete| *is_complete).await;
    }
}

/// Answers to questions of one kind, each asked once. A failure is an answer, too: asking again at once would double
/// MISP's trouble.
#[derive(Debug)]
pub(crate) struct Answers<Q, A>(Mutex<HashMap<Q, Arc<Answer<A>>>>);

type Answer<A> = OnceCell<Result<Arc<A>, FeedError>>;

impl<Q: Eq + Hash, A> Answers<Q, A> {
    /// Returns the answer to this question, which `ask` gives unless another feed of the wave asks it, or has asked it.
    pub(crate) async fn to(
        &self,
        question: Q,
        ask: impl Future<Output = Result<A, FeedError>>,
    ) -> Result<Arc<A>, FeedError> {
        let answer = {
            let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(answers.entry(question).or_insert_with(|| Arc::new(OnceCell::new())))
        };
        answer.get_or_init(|| async { ask.await.map(Arc::new) }).await.clone()
    }
}

impl<Q, A> Default for Answers<Q, A> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    async fn is_complete(wave: &Wave) -> bool {
        timeout(Duration::from_secs(1), wave.complete()).await.is_ok()
    }

    #[tokio::test(start_paused = true)]
    async fn a_wave_is_complete_when_the_last_of_its_feeds_has_read_its_rows_or_failed() {
        let round = Arc::new(Round::default());
        let (first, second, failing) = (round.enter(), round.enter(), round.enter());
        let (one, two) = (first.finish(1), second.finish(1));
        assert!(Arc::ptr_eq(&one, &two) && !is_complete(&one).await);
        drop(failing);
        assert!(is_complete(&one).await);
        let later = round.enter().finish(1);
        assert!(
            !Arc::ptr_eq(&one, &later),
            "its rows were read after the questions of the first wave"
        );
        assert!(is_complete(&later).await);
    }

    #[tokio::test(start_paused = true)]
    async fn rows_of_many_bytes_do_not_wait_for_the_others() {
        let round = Arc::new(Round::default());
        let _slow = round.enter();
        let wave = round.enter().finish(MAX_WAITING_BYTES);
        assert!(is_complete(&wave).await);
    }

    #[tokio::test(start_paused = true)]
    async fn feeds_with_rows_of_some_megabytes_ask_together() {
        let round = Arc::new(Round::default());
        let _slow = round.enter();
        let (first, second) = (round.enter(), round.enter());
        let waves = [first, second].map(|reading| reading.finish(8 << 20));
        assert!(Arc::ptr_eq(&waves[0], &waves[1]) && !is_complete(&waves[0]).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_feed_does_not_wait_long_for_a_slow_one() {
        let round = Arc::new(Round::default());
        let slow = round.enter();
        let wave = round.enter().finish(1);
        let began = tokio::time::Instant::now();
        round.complete(&wave).await;
        assert_eq!(began.elapsed(), LONGEST_WAIT);
        assert!(is_complete(&wave).await, "for all its feeds");
        let later = slow.finish(1);
        assert!(
            !Arc::ptr_eq(&wave, &later),
            "its rows were read after the questions of the first wave"
        );
        round.complete(&later).await;
        assert_eq!(began.elapsed(), LONGEST_WAIT);
    }

    #[tokio::test]
    async fn a_question_is_asked_once_and_its_failure_is_for_all() {
        let answers = Answers::default();
        let late = async || {
            answers
                .to(1, async { Err::<(), _>(FeedError::TimedOut { seconds: 1 }) })
                .await
        };
        assert!(late().await.is_err());
        assert!(answers.to(1, async { Ok(()) }).await.is_err());
        assert!(answers.to(2, async { Ok(()) }).await.is_ok());
    }
}
