//! Making tokens with a working MISP key: `POST /v1/generate_token_json` for programs, and the page
//! `/v1/generate_token_form`.

mod fields;
mod form;
mod minting;
mod order;
mod scope;
mod sender;
mod words;

use std::sync::Arc;

use http::Method;
use schemars::JsonSchema;
use serde::Serialize;

use super::route::{Call, Handler, Route};
use crate::body;
use crate::reject::Reject;
use crate::reply::Reply;
use order::Order;

pub(super) const JSON: Route = Route {
    template: "/v1/generate_token_json",
    methods: &[Method::POST],
    handler: Handler::Open(|call| Box::pin(post(call))),
    words: words::json,
};

pub(super) const FORM: Route = Route {
    template: "/v1/generate_token_form",
    methods: &[Method::GET, Method::HEAD, Method::POST],
    handler: Handler::Open(|call| Box::pin(form::answer(call))),
    words: words::form,
};

/// The largest body that is read: a token with everything that a scope can hold needs less than half of it.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A new token, with the keys of Cratos FastAPI.
#[derive(Serialize, JsonSchema)]
struct NewToken<'a> {
    /// The address of the MISP that the token is for.
    #[serde(rename = "MISP")]
    #[schemars(extend("format" = "uri"), example = &"https://misp.example.net/")]
    misp: String,
    /// The token stops working at 00:00 UTC of this day.
    #[schemars(extend("format" = "date"))]
    validity: String,
    /// The token, which is shown this once.
    token: &'a str,
    /// The digest for `blacklisted_api_tokens`, to revoke the token.
    sha256: String,
}

/// Makes a token and answers as the reference does.
async fn post(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let snapshot = &Arc::clone(&request.snapshot);
    sender::check(&request)?;
    let body = body::read(request.headers, request.body, MAX_BODY_BYTES).await?;
    let fields = fields::object(&body).map_err(|invalid| Reject::Invalid(vec![invalid]))?;
    let order = Order::of(&fields, app.engine().registry(), jiff::Timestamp::now()).map_err(Reject::Invalid)?;
    let minted = minting::mint(app, snapshot, request.client, order).await?;
    Reply::json(&NewToken {
        misp: minted.misp,
        validity: minted.claims.expires.to_string(),
        token: minted.token.expose(),
        sha256: minted.token.fingerprint(),
    })
}
