//! How many questions a client has sent, and how much came back.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a client and its clones have sent and received so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Questions sent, each repetition included; a page of a search is one.
    pub questions: u64,
    /// Bytes of the answers' bodies, after decompression.
    pub answer_bytes: u64,
}

/// Counts; clones count together.
#[derive(Clone, Debug, Default)]
pub(crate) struct TrafficCounter(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    questions: AtomicU64,
    answer_bytes: AtomicU64,
}

impl TrafficCounter {
    pub(crate) fn sent(&self) {
        self.0.questions.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn received(&self, bytes: usize) {
        self.0.answer_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Traffic {
        Traffic {
            questions: self.0.questions.load(Ordering::Relaxed),
            answer_bytes: self.0.answer_bytes.load(Ordering::Relaxed),
        }
    }
}
