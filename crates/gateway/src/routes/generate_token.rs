//! Tokens for who holds a working MISP key: `POST /v1/generate_token_json`, and the page `/v1/generate_token_form`.

mod fields;
mod form;
mod minting;
mod order;
mod scope;
mod words;

use std::sync::Arc;

use http::Method;
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

/// The keys of the reference, and the digest that `blacklisted_api_tokens` takes.
#[derive(Serialize)]
struct Minted<'a> {
    #[serde(rename = "MISP")]
    misp: String,
    validity: String,
    token: &'a str,
    sha256: String,
}

/// Makes a token and answers as the reference does.
async fn post(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let snapshot = &Arc::clone(&request.snapshot);
    minting::allow(snapshot, request.client)?;
    let body = body::read(request.headers, request.body, MAX_BODY_BYTES).await?;
    let fields = fields::object(&body).map_err(|invalid| Reject::Invalid(vec![invalid]))?;
    let order = Order::of(&fields, app.engine().registry(), jiff::Timestamp::now()).map_err(Reject::Invalid)?;
    let minted = minting::mint(app, snapshot, request.client, order).await?;
    Reply::json(&Minted {
        misp: minted.misp,
        validity: minted.claims.expires.to_string(),
        token: minted.token.expose(),
        sha256: minted.token.fingerprint(),
    })
}
