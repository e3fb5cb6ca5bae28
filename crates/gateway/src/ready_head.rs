//! The headers of one state of an answer, made once and sent many times.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use feed_engine::{Counts, FeedHead, HeldBack, LengthLimit, Origin};
use http::StatusCode;

use crate::ready_headers::ReadyHeaders;
use crate::reply::{Payload, Reply};

/// The headers of the last answer with one status to one request. They are sent again while they would be the same:
/// ages count in whole seconds, so a device fleet that asks at once gets the same headers for a second.
#[derive(Default)]
pub(crate) struct ReadyHead(ArcSwapOption<(State, Arc<ReadyHeaders>)>);

/// What the headers depend on, beside the request and its status.
struct State {
    etag: String,
    changed_at: jiff::Timestamp,
    age_seconds: u64,
    fresh_seconds: u64,
    origin: Origin,
    refresh_failing: bool,
    held_back: Option<Arc<HeldBack>>,
    limit: Option<LengthLimit>,
    dropped: BTreeMap<&'static str, u64>,
    counts: Counts,
    length: Option<u64>,
}

impl State {
    fn of(head: &FeedHead, counts: Counts, length: Option<u64>) -> Self {
        Self {
            etag: head.etag.clone(),
            changed_at: head.changed_at,
            age_seconds: head.age.as_secs(),
            fresh_seconds: head.fresh_for.as_secs(),
            origin: head.origin,
            refresh_failing: head.refresh_failing,
            held_back: head.held_back.clone(),
            limit: head.limit,
            dropped: head.dropped().clone(),
            counts,
            length,
        }
    }

    /// Compares without copies.
    fn is(&self, head: &FeedHead, counts: Counts, length: Option<u64>) -> bool {
        let numbers = (self.age_seconds, self.fresh_seconds, self.length, self.counts);
        numbers == (head.age.as_secs(), head.fresh_for.as_secs(), length, counts)
            && self.etag == head.etag
            && self.changed_at == head.changed_at
            && (self.origin, self.refresh_failing) == (head.origin, head.refresh_failing)
            && (&self.held_back, self.limit) == (&head.held_back, head.limit)
            && self.dropped == *head.dropped()
    }
}

impl ReadyHead {
    /// Returns the answer with this body. `describe` adds the headers to it where they have changed.
    pub(crate) fn reply(
        &self,
        status: StatusCode,
        payload: Payload,
        (head, counts): (&FeedHead, Counts),
        describe: impl FnOnce(Reply) -> Reply,
    ) -> Reply {
        let length = payload.length();
        if let Some((state, headers)) = self.0.load().as_deref()
            && state.is(head, counts, length)
        {
            return Reply::ready(status, Arc::clone(headers), payload);
        }
        let reply = describe(Reply::of(status, payload)).complete();
        let state = State::of(head, counts, length);
        let headers = ReadyHeaders::new(status, reply.headers().clone());
        self.0.store(Some(Arc::new((state, Arc::new(headers)))));
        reply
    }
}

impl fmt::Debug for ReadyHead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReadyHead").finish_non_exhaustive()
    }
}
