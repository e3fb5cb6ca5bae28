//! `GET /v1/changes/…?since=STATE`: the values that came and went in a feed, for programs that poll.

use std::borrow::Cow;

use feed_classification::IndicatorSet;
use feed_engine::Change;
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
use crate::openapi::{Operation, Refusal};
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
    let answer = tokio::task::spawn_blocking(move || {
        let (complete, added, removed) = match &change {
            Change::Delta(delta) => (false, Some(&delta.added), Some(&delta.removed)),
            Change::Snapshot(all) => (true, Some(all.set.values()), None),
            _ => (false, None, None),
        };
        Reply::json(&Changes {
            etag: now.id(),
            complete,
            added: Values(added),
            removed: Values(removed),
        })
    });
    let reply = answer
        .await
        .map_err(|error| Reject::internal("writing what changed", &error))??;
    Ok(limits::with_header(
        reply.header_text(header::ETAG, &etag),
        scope.filter,
    ))
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
