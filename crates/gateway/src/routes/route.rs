//! One route: its path, its methods, the token that it needs, its handler, and its words in the OpenAPI document.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use http::Method;

use super::path_values::PathValues;
use crate::app::App;
use crate::auth::{self, Grant, Right};
use crate::openapi::{self, Operation};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::{Asking, Request};
use crate::token_uses::UnderWay;

/// The methods of a route that only reads.
pub(super) const READ: &[Method] = &[Method::GET, Method::HEAD];

/// An entry of [`ROUTES`](super::ROUTES). Matching, logs, metrics, the `Allow` header, the check of the token and the
/// OpenAPI document all read it; no other place lists routes.
#[derive(Debug)]
pub(crate) struct Route {
    /// The path with names in place of its variable parts, for example `/v1/lookup/{value}`. Logs and metrics show this
    /// and never the path itself, which may hold a token.
    pub(crate) template: &'static str,
    /// The methods that the route takes, in the order of the `Allow` header. `GET` brings `HEAD` with it.
    pub(crate) methods: &'static [Method],
    /// Who may call the route, and the function that answers.
    pub(crate) handler: Handler,
    /// Describes each method but `HEAD`. The frame has already added the token and the refusals that come with it.
    pub(crate) words: fn(Operation<'_>) -> Operation<'_>,
}

/// The function that answers a route. It runs after the path, a slash at its end and the method have been checked.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Handler {
    /// Anyone may call; a token is ignored.
    Open(for<'a> fn(Call<'a>) -> Outcome<'a>),
    /// The token is checked before anything else of the request, and must have this right.
    Granted(Right, for<'a> fn(Call<'a>, Grant) -> Outcome<'a>),
}

/// The answer of a handler, or why there is none.
pub(crate) type Outcome<'a> = BoxFuture<'a, Result<Reply, Reject>>;

/// A request that has reached its route.
pub(crate) struct Call<'a> {
    pub(crate) app: &'a Arc<App>,
    pub(crate) request: Request<'a>,
    /// The template of the route.
    pub(crate) template: &'static str,
    /// The variable parts of the path, decoded and unchecked: the handler reports mistakes in them, after the token.
    pub(crate) path: PathValues<'a>,
}

impl Route {
    /// Checks the token and its limits, if the route needs one, and calls the handler.
    pub(crate) async fn answer(&self, call: Call<'_>) -> Result<Reply, Reject> {
        auth::until_keys_are_there(call.app.configuration(), &call.request).await?;
        match self.handler {
            Handler::Open(handler) => handler(call).await,
            Handler::Granted(right, handler) => {
                let (app, request) = (call.app, &call.request);
                let grant = auth::authorise(app.known_tokens(), app.throttle(), request, right)?;
                let _under_way = begin(app, request.asking(), &grant)?;
                handler(call, grant).await
            }
        }
    }

    /// Returns the route as the OpenAPI document needs it.
    pub(super) fn described(&self) -> openapi::Path {
        openapi::Path {
            template: self.template,
            methods: self.methods,
            needs_token: matches!(self.handler, Handler::Granted(..)),
            words: self.words,
        }
    }
}

/// Counts a request with a good token until the returned value is dropped.
pub(super) fn begin(app: &App, request: Asking<'_>, grant: &Grant) -> Result<UnderWay, Reject> {
    if let Some(extensions) = request.extensions {
        app.on_good_token().tell(extensions);
    }
    let limits = &request.snapshot.loaded.core.token_limits;
    let token = (&grant.noted, grant.expires);
    app.token_uses().begin(&grant.uses, token, limits, request.now)
}
