//! Tokens for who holds a working MISP key: `POST /v1/generate_token_json`, and the page `/v1/generate_token_form`.

pub(super) mod form;

mod fields;
mod minting;
mod order;
mod scope;

use serde::Serialize;

use crate::app::App;
use crate::body;
use crate::configuration::Snapshot;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use order::Order;

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
pub(super) async fn post(app: &App, snapshot: &Snapshot, request: Request<'_>) -> Result<Reply, Reject> {
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
