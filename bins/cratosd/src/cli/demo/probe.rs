//! Asks the daemon that was just started for a feed, as a device would.

use std::time::Duration;

use token_crypto::SealedToken;

use crate::exit::{Failure, chain};

/// A sample MISP on the same machine answers in milliseconds; this is for machines that are busy with something else.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns the ETag of a feed, which shows that the printed commands work.
pub(super) async fn first_etag(url: &str, token: &SealedToken) -> Result<String, Failure> {
    let client = reqwest::Client::builder()
        .no_proxy()
        // Each encoding has an ETag of its own, and curl asks for none.
        .no_gzip()
        .timeout(PATIENCE)
        .build()
        .map_err(|error| Failure::failed(format!("the demo cannot ask itself: {}", chain(&error))))?;
    let answer = client
        .get(url)
        .bearer_auth(token.expose())
        .send()
        .await
        .map_err(|error| Failure::failed(format!("the demo does not answer: {}", chain(&error.without_url()))))?;
    let status = answer.status();
    let etag = answer
        .headers()
        .get(reqwest::header::ETAG)
        .and_then(|etag| etag.to_str().ok());
    match etag {
        Some(etag) if status.is_success() => Ok(etag.to_owned()),
        _ => Err(Failure::failed(format!(
            "the demo answers {status} to its first question"
        ))),
    }
}
