//! `GET /` and `GET /robots.txt`: what somebody sees who comes by without a token.

use http::header;
use serde::Serialize;

use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;

/// The keys of the reference, in its order.
#[derive(Serialize)]
struct Landing {
    message: &'static str,
    #[serde(rename = "IP")]
    ip: std::net::IpAddr,
    #[serde(rename = "User-Agent")]
    user_agent: Option<String>,
    timestamp: i64,
    date_time: String,
    repository: &'static str,
}

/// Says who is here, and how the caller looks from here.
pub(super) fn get(request: &Request<'_>) -> Result<Reply, Reject> {
    let now = jiff::Timestamp::now();
    let user_agent = request.headers.get(header::USER_AGENT);
    Reply::json(&Landing {
        message: "Cratos: MISP indicators as feeds",
        ip: request.client,
        user_agent: user_agent.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()),
        timestamp: now.as_second(),
        date_time: now.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        repository: env!("CARGO_PKG_REPOSITORY"),
    })
}

/// Keeps search engines out.
pub(super) fn robots() -> Reply {
    Reply::text("User-agent: *\nDisallow: /")
}
