//! `GET /v1/stream/…`: a feed as server-sent events (WHATWG HTML, section "Server-sent events").
//!
//! | event | data | when |
//! | --- | --- | --- |
//! | `snapshot` | `{"part", "parts", "count", "values"}` | first, unless `Last-Event-ID` names a state that is still known |
//! | `added`, `removed` | `{"part", "parts", "count", "values"}` | the feed changed; `added` comes before `removed` |
//! | `alive` | `{}` | nothing changed for 15 s |
//!
//! Only the last event of a change carries the `id` of the new state. A listener that loses the connection in the
//! middle gets the whole change again.

mod event;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use feed_engine::{Change, FeedEngine, FeedScope, Follower, Upstream};
use futures_util::stream;
use http::HeaderName;
use http::header::HeaderValue;
use token_crypto::Permission;

use super::feed_path::{self, FeedPath, check_scope_of};
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route};
use crate::app::App;
use crate::auth::{Caller, Grant, Right};
use crate::notes::RequestNotes;
use crate::openapi::{Operation, Refusal, text};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::streams::OpenStream;

pub(super) const ROUTE: Route = Route {
    template: "/v1/stream/feed/{feed}/type/{type}/age/{age}",
    methods: READ,
    handler: Handler::Granted(RIGHT, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// Checked when a stream begins and before each of its events.
const RIGHT: Right = Right::May(Permission::Stream);

/// The longest time without an event; then comes `alive`. Proxies cut connections that are silent for a minute.
const ALIVE: Duration = Duration::from_secs(15);

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Begins a stream.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let scope = wanted(&grant, &call)?;
    let Call { app, request, .. } = call;
    // Kept for as long as the stream is open: its token is checked again and again.
    let caller = Caller::of(&request)?;
    let state = request.headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let follower = app
        .engine()
        .follow(&grant.upstream, scope, state.map(str::to_owned))
        .await
        .map_err(|error| limits::refused(error, scope.filter))?;
    let open = app
        .streams()
        .open(grant.fingerprint.clone())
        .ok_or_else(|| Reject::unavailable("There are too many streams."))?;
    let listener = Listener {
        app: Arc::clone(app),
        caller,
        grant,
        scope,
        follower,
        open,
        pending: vec![event::retry()].into(),
    };
    let pieces = stream::unfold(listener, |mut listener| async move {
        let piece = listener.next().await?;
        Some((piece, listener))
    });
    // nginx would hold events back until it has a page of them.
    let reply = Reply::stream("text/event-stream", pieces).header(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    Ok(limits::with_header(reply, scope.filter))
}

/// Returns the feed of a path if the token may follow it.
pub(super) fn wanted(grant: &Grant, call: &Call<'_>) -> Result<FeedScope, Reject> {
    let path = FeedPath::of(call.path);
    let (mut wrong, mut wrong_query) = (Vec::new(), Vec::new());
    let filter = limits::of(grant, call.request.query, &mut wrong_query);
    let scope = path.check_feed(grant.site(), filter, &mut wrong);
    wrong.append(&mut wrong_query);
    let Some(scope) = scope.filter(|_| wrong.is_empty()) else {
        return Err(Reject::Invalid(wrong));
    };
    check_scope_of(scope, &grant.scope)?;
    Ok(scope)
}

/// A listener and the events that it has not got yet.
struct Listener {
    app: Arc<App>,
    caller: Caller,
    grant: Grant,
    scope: FeedScope,
    follower: Follower,
    open: OpenStream,
    pending: event::Pending,
}

impl Listener {
    /// Returns the next piece, or nothing when the listener may not have more or the daemon ends.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.pending.next() {
                return Some(piece);
            }
            let told = tokio::select! {
                () = self.open.ended() => return None,
                told = tokio::time::timeout(ALIVE, self.follower.next()) => told,
            };
            if !self.may_go_on() {
                return None;
            }
            match told {
                Ok(change) => {
                    self.pending = tokio::select! {
                        () = self.open.ended() => return None,
                        pending = rendered(self.app.engine(), &self.grant.upstream, change) => pending?,
                    };
                }
                Err(_) => return Some(event::alive()),
            }
        }
    }

    /// Checks the token again: it may end or be revoked while a stream goes on, and its site may get other rules. A
    /// listener that may still have it under other rules comes back and begins anew. So each check takes the snapshot
    /// of its moment.
    fn may_go_on(&self) -> bool {
        self.caller
            .grant(
                self.app.known_tokens(),
                &self.app.configuration().snapshot(),
                &RequestNotes::default(),
            )
            .is_ok_and(|now| {
                now.check(RIGHT).is_ok() && FeedEngine::is_same_feed(&now.upstream, &self.grant.upstream, self.scope)
            })
    }
}

/// Writes a change down once for all its listeners. Nothing if others have theirs written all the time: the listener
/// comes back later.
async fn rendered(engine: &FeedEngine, upstream: &Upstream, change: Change) -> Option<event::Pending> {
    let making =
        |write: Box<dyn FnOnce() -> Vec<Bytes> + Send>| engine.in_a_place(upstream, "writing what changed", write);
    let pieces = match change {
        Change::Snapshot(all) => {
            let made = Arc::clone(&all);
            let write = move || event::snapshot(&made);
            all.rendering.get_or_make(|| making(Box::new(write))).await
        }
        Change::Delta(delta) => {
            let made = Arc::clone(&delta);
            let write = move || event::difference(&made);
            delta.rendering.get_or_make(|| making(Box::new(write))).await
        }
        _ => return Some(event::Pending::default()),
    };
    pieces.ok().map(Into::into)
}

const ABOUT: &str = "\
For tokens with the permission `stream`. The events `snapshot`, `added` and `removed` hold parts of lists of values; the last event of a \
change has the `id` of the new state. `alive` comes when nothing else was told for a while. The stream ends when the token does, when the \
site gets other rules, and when the daemon stops.";

fn words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named("stream", "feeds", "A feed as server-sent events, as it changes")
        .description(ABOUT);
    feed_path::describe(operation)
        .query::<Limits>()
        .in_header(
            "Last-Event-ID",
            "The state that the caller has. If it is still known, the stream begins with the difference to it.",
        )
        .gives(
            "text/event-stream",
            text(),
            "The feed, and everything that comes and goes from then on.",
        )
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}
