//! `POST /v1/feed/…/accept` and `GET /v1/site/held`: feeds whose smaller set is held back, for operators.

use std::sync::Arc;

use feed_engine::{FeedScope, HeldBack};
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use token_crypto::Permission;

use super::feed_path;
use super::limits::{self, Limits};
use super::route::{Call, Handler, READ, Route};
use super::stream::wanted;
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const LIST: Route = Route {
    template: "/v1/site/held",
    methods: READ,
    handler: Handler::Granted(Right::May(Permission::Operate), |call, grant| {
        Box::pin(async move { list(&call, &grant) })
    }),
    words: list_words,
};

pub(super) const ACCEPT: Route = Route {
    template: "/v1/feed/{feed}/type/{type}/age/{age}/accept",
    methods: &[Method::POST],
    handler: Handler::Granted(Right::May(Permission::Operate), |call, grant| {
        Box::pin(accept(call, grant))
    }),
    words: |operation| accept_words(operation.named("accept", "site", "Serves the smaller set of a feed")),
};

pub(super) const ACCEPT_ORGANISATION: Route = Route {
    template: "/v1/uuid/{uuid}/type/{type}/age/{age}/accept",
    words: |operation| {
        accept_words(operation.named(
            "acceptOrganisation",
            "site",
            "Serves the smaller set of the feed of an organisation",
        ))
    },
    ..ACCEPT
};

/// The feeds whose smaller set is held back.
#[derive(Serialize, JsonSchema)]
struct HeldFeeds {
    /// At most 500 of them, in order of their names.
    feeds: Vec<HeldFeed>,
}

/// A feed whose smaller set is held back.
#[derive(Serialize, JsonSchema)]
struct HeldFeed {
    /// The feed as `cratosd feed accept` takes it, for example `block/ipv4/1w`.
    feed: String,
    /// When the first smaller set came.
    #[schemars(extend("format" = "date-time"))]
    since: String,
    /// The number of values that are served.
    from: u64,
    /// The number of values in the smaller set.
    to: u64,
    /// Refreshes in a row that agree on the smaller set.
    agreed: u32,
    /// Refreshes in a row after which it is served.
    needed: u32,
    /// At most five of the values that would go, each cut after 100 characters.
    examples: Vec<String>,
}

/// Whether the smaller set of a feed is served now.
#[derive(Serialize, JsonSchema)]
struct Accepted {
    /// True if it is.
    accepted: bool,
    /// Why not; empty if it is.
    reason: String,
    /// The number of values before.
    from: u64,
    /// The number of values in the smaller set.
    to: u64,
}

/// The most feeds of an answer.
const MAX_FEEDS: usize = 500;

fn list(call: &Call<'_>, grant: &Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("feeds that are held back")?;
    let mut held = call.app.engine().held_back(&grant.upstream);
    held.sort_by_cached_key(|(scope, _)| scope.to_string());
    let feeds = held.iter().take(MAX_FEEDS).map(HeldFeed::of).collect();
    Reply::json(&HeldFeeds { feeds })
}

async fn accept(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let scope = wanted(&grant, &call)?;
    let engine = call.app.engine();
    let shown = engine.accept(&grant.upstream, scope).await;
    let Some(shown) = shown.map_err(|error| limits::refused(error, scope.filter))? else {
        return Reply::json(&Accepted {
            accepted: false,
            reason: "no smaller set of this feed is held back".to_owned(),
            from: 0,
            to: 0,
        });
    };
    tracing::warn!(
        site = grant.site().name.as_str(),
        feed = %scope,
        from = shown.from,
        to = shown.to,
        token_id = call.request.notes.token_id().map(tracing::field::display),
        "an operator accepted the smaller set of a feed"
    );
    let mut still_held = engine.held_back(&grant.upstream).into_iter();
    let reason = match still_held.find(|(other, _)| *other == scope) {
        Some((_, now)) => format!(
            "MISP gives even fewer values now, {} in the place of {}, and these are held back; accept again if that is right",
            now.to, shown.to
        ),
        None => String::new(),
    };
    Reply::json(&Accepted {
        accepted: reason.is_empty(),
        reason,
        from: shown.from,
        to: shown.to,
    })
}

impl HeldFeed {
    fn of((scope, held): &(FeedScope, Arc<HeldBack>)) -> Self {
        Self {
            feed: scope.to_string(),
            since: held.since.to_string(),
            from: held.from,
            to: held.to,
            agreed: held.agreed,
            needed: held.needed,
            examples: held.examples.clone(),
        }
    }
}

fn list_words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("held", "site", "The feeds whose smaller set is held back")
        .description(
            "For tokens with the permission `operate`. A set that empties a feed, or halves one of over 100 values, is \
             held back until the loss is explained, three refreshes agree, or an operator accepts it.",
        )
        .answers_with::<HeldFeeds>(200, "These feeds of the site and the MISP key of the token.")
}

fn accept_words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation.description(
        "For tokens with the permission `operate`. MISP is asked once more, and its answer is served unless it lost as \
         much again.",
    );
    feed_path::describe(operation)
        .query::<Limits>()
        .answers_with::<Accepted>(200, "Whether the smaller set is served now.")
        .refuses([Refusal::Invalid, Refusal::Unavailable, Refusal::TimedOut])
}
