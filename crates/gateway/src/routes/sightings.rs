//! `POST /v1/sightings`: hits and false positives that consumers report, on their way to MISP.
//!
//! The answer counts the reports that were kept. It does not say whether MISP knows a value: only tokens that may look
//! values up learn that.

mod entries;
mod words;

use http::{Method, StatusCode};
use schemars::JsonSchema;
use serde::Serialize;
use sightings::{Report, Reporter, SubmitError};
use token_crypto::Permission;

use self::entries::{Entries, RefusedEntry};
use super::route::{Call, Handler, Route};
use crate::auth::{Caller, Grant, Right};
use crate::body;
use crate::invalid::Invalid;
use crate::reject::Reject;
use crate::reply::Reply;
use service_kit::chain;

pub(super) const ROUTE: Route = Route {
    template: "/v1/sightings",
    methods: &[Method::POST],
    handler: Handler::Granted(Right::May(Permission::Sightings), |call, grant| {
        Box::pin(post(call, grant))
    }),
    words: words::words,
};

/// The largest body, in bytes: a thousand entries with long URLs.
const MAX_BODY_BYTES: usize = 1024 * 1024;

/// The number of reports that are kept, and the reports that are not.
// Errors are those of values. Every other mistake is a 422 for all entries.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SightingsReceipt")]
struct Receipt<'a> {
    /// The number of reports that are kept and will be sent to MISP.
    accepted: usize,
    /// The number of reports that repeat another one within some minutes.
    duplicates: usize,
    /// The entries whose value is not an indicator, or not one that the token covers.
    errors: &'a [RefusedEntry],
}

/// Takes up to a thousand reports. Answers 202 once they are on the disk.
async fn post(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let queue = app.sightings().queue()?;
    let token_id = request.notes.token_id().unwrap_or_default();
    let source = request
        .notes
        .label()
        .map_or_else(|| token_id.to_string(), str::to_owned);
    let credential = Caller::of(&request)?.proper_token(&request.snapshot, request.notes)?;
    let body = body::read(request.headers, request.body, MAX_BODY_BYTES).await?;
    let entries = Entries::read(&body, &source, jiff::Timestamp::now())?;
    app.sightings().take_turn(token_id, entries.count())?;
    let (reports, refused): (Vec<Report>, Vec<RefusedEntry>) = entries.judged(&grant.scope);
    if reports.is_empty() {
        let of = |refused: &RefusedEntry| Invalid::value(&["body", "sightings"], refused.reason).at(refused.index);
        return Err(Reject::Invalid(refused.iter().map(of).collect()));
    }
    let reporter = Reporter::new(grant.site().name.as_str(), credential);
    let receipt = queue
        .submit(reporter, reports)
        .await
        .map_err(|error| turned_away(&error))?;
    let receipt = Receipt {
        accepted: receipt.accepted,
        duplicates: receipt.duplicates,
        errors: &refused,
    };
    Ok(Reply::json(&receipt)?.status(StatusCode::ACCEPTED))
}

/// Returns the 503 for a queue that takes nothing. The reporter has to send all entries again, since none was kept.
fn turned_away(error: &SubmitError) -> Reject {
    tracing::warn!(error = chain(error), "sightings are turned away");
    Reject::unavailable(match error {
        SubmitError::Full => "As many sightings as can be kept wait for MISP already.",
        SubmitError::ShareUsed => "As many sightings of this token as can be kept wait for MISP already.",
        SubmitError::Closed => "The daemon is ending.",
        _ => "Sightings cannot be written down at this moment.",
    })
}
