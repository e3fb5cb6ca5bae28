//! `GET /v1/statistics`: how many attributes of each type MISP holds.

use feed_engine::FeedError;
use serde::Serialize;
use serde_json::Value;

use crate::app::App;
use crate::auth::Grant;
use crate::reject::Reject;
use crate::reply::Reply;

/// The keys of the reference, in its order.
#[derive(Serialize)]
struct Statistics {
    status_code: u16,
    encoding: &'static str,
    content: Value,
    misp_host: String,
}

/// Passes on what MISP counts: all attributes of the site, those included that no feed has. So a token that is limited to some feeds
/// or types does not cover it.
pub(super) async fn get(app: &App, grant: &Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the statistics of the site")?;
    let client = app.misp().client(&grant.upstream)?;
    let content = client.attribute_statistics().await.map_err(FeedError::from)?;
    Reply::json(&Statistics {
        status_code: 200,
        encoding: "UTF-8",
        content,
        misp_host: grant.upstream.address(),
    })
}
