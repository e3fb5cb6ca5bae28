//! `POST /v1/generate_token_json`: a token for who holds a working MISP key.

mod fields;
mod order;
mod scope;

use std::time::{Duration, Instant};

use bytes::Bytes;
use feed_engine::{FeedError, Upstream};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;
use serde::Serialize;
use token_crypto::Claims;

use crate::app::{App, Snapshot};
use crate::auth;
use crate::invalid::Invalid;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use order::Order;

/// The largest body that is read: a token with everything that a scope can hold needs less than half of it.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The keys of the reference, and the digest that `blacklisted_api_tokens` takes.
#[derive(Serialize)]
struct Minted<'a> {
    #[serde(rename = "MISP")]
    misp: String,
    validity: String,
    token: &'a str,
    sha256: String,
}

/// Makes a token after MISP has said that its key is good.
pub(super) async fn post(app: &App, snapshot: &Snapshot, request: Request<'_>) -> Result<Reply, Reject> {
    let client = request.client;
    let allowed = &snapshot.loaded.core.token_minting_allowed_ips;
    if !allowed.iter().any(|network| network.contains(&client)) {
        return Err(Reject::Forbidden(format!(
            "{client} is not allowed to have tokens made."
        )));
    }
    let body = received(request.body).await?;
    let order = Order::read(&body, app.engine().registry(), jiff::Timestamp::now()).map_err(Reject::Invalid)?;
    let claims = order.claims;
    let Some(site) = snapshot.loaded.site(&claims.site) else {
        let unknown =
            Invalid::value(&["body", "domain"], "no MISP instance of this name is served here").input(&claims.site);
        return Err(Reject::Invalid(vec![unknown]));
    };
    app.minting()
        .take(client, Instant::now())
        .map_err(|retry_after| Reject::TooOften { retry_after })?;
    let upstream = auth::upstream(&claims, site, &snapshot.loaded);
    confirm_key(app, &upstream).await?;
    seal(snapshot, &upstream, &claims)
}

async fn received(body: Incoming) -> Result<Bytes, Reject> {
    let whole = Limited::new(body, MAX_BODY_BYTES).collect();
    match tokio::time::timeout(BODY_TIMEOUT, whole).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Reject::BodyTooLarge),
        Ok(Err(_)) | Err(_) => Err(Reject::BodyIncomplete),
    }
}

/// Asks MISP whose key it is. A key that is no good is the caller's mistake here, since it stands in the body.
async fn confirm_key(app: &App, upstream: &Upstream) -> Result<(), Reject> {
    let refused = |message| Reject::Invalid(vec![Invalid::value(&["body", "auth"], message)]);
    let client = app.misp().client(upstream)?;
    match client.me().await.map_err(FeedError::from) {
        Ok(me) if me.disabled => Err(refused("the user of this key is disabled in MISP")),
        Ok(me) if !me.role.may_use_keys => Err(refused("the role of this key's user may not use keys in MISP")),
        Ok(_) => Ok(()),
        Err(error) if error.is_key_refused() => Err(refused("MISP refused this key")),
        Err(error) => Err(error.into()),
    }
}

fn seal(snapshot: &Snapshot, upstream: &Upstream, claims: &Claims) -> Result<Reply, Reject> {
    // The fields are checked one by one; what is left is the sum of them.
    let token = snapshot
        .ring
        .seal(claims)
        .map_err(|error| Reject::Invalid(vec![Invalid::value(&["body"], &error.to_string())]))?;
    tracing::info!(site = claims.site, token = %token.id(), expires = %claims.expires, "a token was made");
    Reply::json(&Minted {
        misp: format!("{}/", upstream.address()),
        validity: claims.expires.to_string(),
        token: token.expose(),
        sha256: token.fingerprint(),
    })
}
