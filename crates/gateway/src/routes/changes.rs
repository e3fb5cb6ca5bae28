//! `GET /v1/changes/…?since=STATE`: what came and went in a feed, for who asks now and then.

use feed_classification::IndicatorSet;
use feed_engine::Change;
use http::StatusCode;
use http::header;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use token_crypto::Permission;

use super::feed_path;
use super::limits;
use super::route::{Call, Handler, READ, Route};
use super::stream::wanted;
use crate::auth::{Grant, Right};
use crate::conditional;
use crate::openapi::{JSON, Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/changes/feed/{feed}/type/{type}/age/{age}",
    methods: READ,
    handler: Handler::Granted(Right::May(Permission::Stream), |call, grant| Box::pin(get(call, grant))),
    words,
};

/// `complete` says what `added` is: the whole feed, to be put in the place of whatever the caller has, or what came since.
#[derive(Serialize)]
struct Changes<'a> {
    /// The state now: the `since` of the next question.
    etag: &'a str,
    complete: bool,
    added: Values<'a>,
    removed: Values<'a>,
}

/// Written one by one: a feed may have a million.
struct Values<'a>(Option<&'a IndicatorSet>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.into_iter().flatten())
    }
}

/// Answers the difference to the state that the caller names, or the whole feed where that is not known (any more).
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let scope = wanted(&grant, &call)?;
    let Call { app, request, .. } = call;
    let since = request.query.last("since");
    let since = since
        .as_deref()
        .map(|text| text.trim_start_matches("W/").trim_matches('"'));
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
        return Ok(limits::told(reply, scope.filter));
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
    Ok(limits::told(reply.header_text(header::ETAG, &etag), scope.filter))
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named("changes", "feeds", "What came and went in a feed since a state of it")
        .description("For tokens with the permission `stream`.");
    limits::describe(feed_path::describe(operation))
        .in_query(
            "since",
            "The state that the caller has: the `etag` of an earlier answer, or the id of a stream's event.",
            json!({ "type": "string" }),
        )
        .conditional()
        .gives(
            JSON,
            difference(),
            "The difference, or the whole feed where the state is missing or not known any more.",
        )
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}

fn difference() -> Value {
    let values = json!({ "type": "array", "items": { "type": "string" } });
    json!({
        "type": "object",
        "required": ["etag", "complete", "added", "removed"],
        "properties": {
            "etag": { "type": "string", "description": "The state now: the `since` of the next question." },
            "complete": { "type": "boolean", "description": "Whether `added` is the whole feed." },
            "added": values,
            "removed": values,
        },
    })
}
