//! `GET /v1/check`: whether MISP can be reached with the key of the token.

use feed_engine::FeedError;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::auth::Grant;
use crate::reject::Reject;
use crate::reply::Reply;

/// The keys of the reference. Status and encoding are those of MISP's answer, which is read only if they are these.
#[derive(Serialize)]
struct Check {
    status_code: u16,
    encoding: &'static str,
    content: Value,
    misp_host: String,
    unixtimestamp: i64,
}

/// Asks MISP for its version. A key that MISP refuses is 503 as for feeds: the caller's token is right, what it stands for is not.
pub(super) async fn get(app: &App, grant: &Grant) -> Result<Reply, Reject> {
    let client = app.misp().client(&grant.upstream)?;
    let content = client.version_json().await.map_err(FeedError::from)?;
    Reply::json(&Check {
        status_code: 200,
        encoding: "UTF-8",
        content,
        misp_host: grant.upstream.address(),
        unixtimestamp: jiff::Timestamp::now().as_second(),
    })
}
