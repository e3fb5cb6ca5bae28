//! `DELETE /v1/clear_cache/…`: the feed is fetched anew by the next request, in every output.

use serde::Serialize;

use super::feed_path::FeedPath;
use super::limits;
use crate::app::App;
use crate::auth::Grant;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;

#[derive(Serialize)]
struct Done {
    ok: bool,
}

/// Forgets a feed within the limits of who asks. What was good last stays at hand in case MISP fails: clearing a cache must not empty a firewall.
pub(super) fn delete(app: &App, request: &Request<'_>, grant: &Grant, path: &FeedPath<'_>) -> Result<Reply, Reject> {
    let (mut wrong, mut wrong_query) = (Vec::new(), Vec::new());
    let filter = limits::of(grant, request.query, &mut wrong_query);
    let wanted = path.check(grant.site(), app.engine().registry(), filter, &mut wrong);
    wrong.append(&mut wrong_query);
    let Some(wanted) = wanted.filter(|_| wrong.is_empty()) else {
        return Err(Reject::Invalid(wrong));
    };
    wanted.check_scope(&grant.scope)?;
    app.engine().forget(&grant.upstream, wanted.scope);
    Reply::json(&Done { ok: true })
}
