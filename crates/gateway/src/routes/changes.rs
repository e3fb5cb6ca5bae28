//! `GET /v1/changes/…?since=STATE`: the values that came and went in a feed, for programs that poll.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use feed_classification::IndicatorSet;
use feed_engine::{Change, FeedEngine, FeedError, Upstream};
use http::StatusCode;
use http::header;
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use token_crypto::Permission;

use super::feed_path;
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route};
use super::stream::wanted;
use crate::auth::{Grant, Right};
use crate::conditional;
use crate::openapi::{JSON, Operation, Refusal};
use crate::query::Query;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/changes/feed/{feed}/type/{type}/age/{age}",
    methods: READ,
    handler: Handler::Granted(Right::May(Permission::Stream), |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The difference between two states of a feed, or the whole feed.
#[derive(Serialize, JsonSchema)]
struct Changes<'a> {
    /// The state now. Send it as `since` with the next request.
    etag: &'a str,
    /// True if `added` is the whole feed and replaces everything that the caller has.
    complete: bool,
    /// The values that came since the caller's state; the whole feed if `complete` is true.
    #[schemars(with = "Vec<String>")]
    added: Values<'a>,
    /// The values that went since the caller's state.
    #[schemars(with = "Vec<String>")]
    removed: Values<'a>,
}

/// The state that a caller has.
#[derive(JsonSchema)]
struct State<'a> {
    /// The state that the caller has: the `etag` of an earlier answer, or the id of a stream's event.
    since: Option<Cow<'a, str>>,
}

impl<'a> State<'a> {
    fn of(query: Query<'a>) -> Self {
        Self {
            since: query.last("since"),
        }
    }

    /// Returns the state without the marks that an entity tag has around it.
    fn id(&self) -> Option<&str> {
        let since = self.since.as_deref()?;
        Some(since.trim_start_matches("W/").trim_matches('"'))
    }
}

/// Written one by one: a feed may have a million.
struct Values<'a>(Option<&'a IndicatorSet>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.into_iter().flatten())
    }
}

/// Answers the difference to the state that the caller names, or the whole feed if that state is not (or no longer)
/// known.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let scope = wanted(&grant, &call)?;
    let Call { app, request, .. } = call;
    let state = State::of(request.query);
    let since = state.id();
    let changes = app.engine().changes(&grant.upstream, scope, since).await;
    let (change, now) = changes.map_err(|error| limits::refused(error, scope.filter))?;
    let is_empty = now.set.values().is_empty();
    app.missing_tags()
        .answered(app.misp(), &grant.upstream, scope.selection, is_empty);
    let etag = format!("\"{}\"", now.id());
    let changed_at = now.set.changed_at();
    let is_known = since.is_none_or(|since| since == now.id());
    if is_known && conditional::is_unchanged(request.headers, &etag, changed_at) {
        let reply = Reply::empty(StatusCode::NOT_MODIFIED).header_text(header::ETAG, &etag);
        return Ok(limits::with_header(reply, scope.filter));
    }
    let body = body(app.engine(), &grant.upstream, change, now.id()).await?;
    let reply = Reply::body(JSON, body).header_text(header::ETAG, &etag);
    Ok(limits::with_header(reply, scope.filter))
}

/// Writes a change down once for all callers that get it at the same time. A slow one holds the bytes, and no copy.
async fn body(engine: &FeedEngine, upstream: &Upstream, change: Change, id: &str) -> Result<Bytes, FeedError> {
    let id = id.to_owned();
    let making = |write: Box<dyn FnOnce() -> Bytes + Send>| {
        engine.in_a_place(upstream, "writing what changed", move || vec![write()])
    };
    let pieces = match change {
        Change::Delta(delta) => {
            let made = Arc::clone(&delta);
            let write = move || written(&id, false, Some(&made.added), Some(&made.removed));
            delta.body.get_or_make(|| making(Box::new(write))).await?
        }
        Change::Snapshot(all) => {
            let made = Arc::clone(&all);
            let write = move || written(&id, true, Some(made.set.values()), None);
            all.body.get_or_make(|| making(Box::new(write))).await?
        }
        _ => return Ok(written(&id, false, None, None)),
    };
    Ok(Bytes::from_owner(Shared(pieces)))
}

fn written(etag: &str, complete: bool, added: Option<&IndicatorSet>, removed: Option<&IndicatorSet>) -> Bytes {
    let changes = Changes {
        etag,
        complete,
        added: Values(added),
        removed: Values(removed),
    };
    // Texts and lists of texts: writing them cannot fail.
    serde_json::to_vec(&changes).unwrap_or_default().into()
}

/// The one piece of a rendering, which lives as long as a caller takes it.
struct Shared(Arc<Vec<Bytes>>);

impl AsRef<[u8]> for Shared {
    fn as_ref(&self) -> &[u8] {
        self.0.first().map(AsRef::as_ref).unwrap_or_default()
    }
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named(
            "changes",
            "feeds",
            "The values that came and went in a feed since a state of it",
        )
        .description("For tokens with the permission `stream`.");
    feed_path::describe(operation)
        .query::<Limits>()
        .query::<State<'_>>()
        .conditional()
        .answers_with::<Changes<'_>>(
            200,
            "The difference, or the whole feed if the state is missing or no longer known.",
        )
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::convert::Infallible;
    use std::future::ready;

    use feed_engine::Rendering;

    use super::*;

    #[tokio::test]
    async fn callers_of_one_change_hold_the_same_bytes_and_free_them_together() {
        let (rendering, made) = (Rendering::default(), Cell::new(0));
        let body = async || {
            let make = || {
                made.set(made.get() + 1);
                ready(Ok::<_, Infallible>(vec![written("\"a\"", true, None, None)]))
            };
            let Ok(pieces) = rendering.get_or_make(make).await;
            Bytes::from_owner(Shared(pieces))
        };
        let bodies = [body().await, body().await, body().await];
        assert!(bodies.iter().all(|body| body.as_ptr() == bodies[0].as_ptr()));
        assert!(bodies[0].starts_with(b"{\"etag\""));
        drop(bodies);
        body().await;
        assert_eq!(made.get(), 2, "once for the three, and again after they had it");
    }
}
