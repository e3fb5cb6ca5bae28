//! `DELETE /v1/clear_cache/…`: the next request fetches the feed from MISP again, in every output.

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use token_crypto::Permission;

use super::feed_path::{self, FeedPath};
use super::limits::{self, Limits};
use super::route::{Call, Handler, Route};
use crate::auth::{Grant, Right};
use crate::openapi::{Operation, Refusal};
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/clear_cache/feed/{feed}/type/{type}/age/{age}/output/{output}",
    methods: &[Method::DELETE],
    handler: Handler::Granted(Right::May(Permission::ClearCache), |call, grant| {
        Box::pin(async move { delete(&call, &grant) })
    }),
    words,
};

/// The feed is forgotten.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CacheCleared")]
struct Done {
    #[schemars(extend("const" = true))]
    ok: bool,
}

/// Forgets a feed within the limits of the request. The last good state stays at hand in case MISP fails: clearing a
/// cache must not empty a firewall.
fn delete(call: &Call<'_>, grant: &Grant) -> Result<Reply, Reject> {
    let (app, path) = (call.app, FeedPath::of(call.path));
    let (mut wrong, mut wrong_query) = (Vec::new(), Vec::new());
    let filter = limits::of(grant, call.request.query, &mut wrong_query);
    let wanted = path.check(grant.site(), app.engine().registry(), filter, &mut wrong);
    wrong.append(&mut wrong_query);
    let Some(wanted) = wanted.filter(|_| wrong.is_empty()) else {
        return Err(Reject::Invalid(wrong));
    };
    wanted.check_scope(&grant.scope)?;
    app.engine().forget(&grant.upstream, wanted.scope);
    Reply::json(&Done { ok: true })
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let operation = operation
        .named(
            "clearCache",
            "feeds",
            "Has a feed fetched anew by the next request, in every output",
        )
        .description("For tokens with the permission `clear_cache`, which tokens without a scope have.");
    feed_path::describe(operation)
        .query::<Limits>()
        .answers_with::<Done>(
            200,
            "The next request fetches the feed anew. Until then the old one stays at hand in case MISP fails.",
        )
        .refuses([Refusal::Invalid])
}
