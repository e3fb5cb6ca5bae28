//! Reading the body of a request, bounded in size and time.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use hyper::body::Incoming;

use crate::reject::Reject;

/// How long a body may take to arrive.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the whole body.
///
/// # Errors
/// 413 for one of more than `max_bytes`, 408 for one that does not arrive whole or in time.
pub(crate) async fn read(body: Incoming, max_bytes: usize) -> Result<Bytes, Reject> {
    match tokio::time::timeout(TIMEOUT, Limited::new(body, max_bytes).collect()).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Reject::BodyTooLarge),
        Ok(Err(_)) | Err(_) => Err(Reject::BodyIncomplete),
    }
}
