//! The answer with a feed: read to its end, or refused.

use std::io::{self, Read};
use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, TRANSFER_ENCODING};
use reqwest::Response;

use crate::error::Error;
use crate::raw_answer::RawAnswer;
use crate::request::failure;

/// The number of values that the server declares.
const X_FEED_COUNT: HeaderName = HeaderName::from_static("x-feed-count");

/// The largest window of zstd, as a power of two: 8 MiB, which is more than cratosd's own level needs.
const ZSTD_WINDOW_LOG: u32 = 23;

/// An answer with the status 200 that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
    pub(crate) count: u64,
    pub(crate) etag: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Returns the answer if its status is 200, and nothing if it is an expected 304.
pub(crate) async fn checked(answer: RawAnswer, is_conditional: bool) -> Result<Option<Response>, Error> {
    match answer.response.status() {
        StatusCode::OK => Ok(Some(answer.response)),
        StatusCode::NOT_MODIFIED if is_conditional => Ok(None),
        StatusCode::NOT_MODIFIED => Err(Error::NotConditional),
        _ => Err(failure(answer).await),
    }
}

/// Reads the body to its end, at most `limit` bytes of it.
pub(crate) async fn whole(mut response: Response, limit: usize, timeout: Duration) -> Result<Answer, Error> {
    let headers = response.headers();
    // The HTTP library refuses a body that ends before its length or its last chunk. Without either, a cut looks like
    // an end.
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return Err(Error::NoLength);
    }
    let (encoding, count) = (encoding(headers)?, count(headers)?);
    let etag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| Error::transport(error, timeout))? else {
            break;
        };
        if body.len() + chunk.len() > limit {
            return Err(Error::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer {
        body,
        encoding,
        limit,
        count,
        etag,
    })
}

impl Answer {
    /// Returns the body without its compression, at most `limit` bytes of it.
    pub(crate) fn decoded(&self) -> Result<Vec<u8>, Error> {
        let body = self.body.as_slice();
        let bounded = |reader: &mut dyn Read| {
            let mut decoded = Vec::new();
            let most = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
            reader.take(most).read_to_end(&mut decoded).map_err(Error::Encoding)?;
            if decoded.len() > self.limit {
                return Err(Error::TooLarge { limit: self.limit });
            }
            Ok(decoded)
        };
        match self.encoding {
            Encoding::Identity => Ok(body.to_vec()),
            Encoding::Gzip => bounded(&mut flate2::read::MultiGzDecoder::new(body)),
            Encoding::Zstd => {
                let mut reader = zstd::stream::read::Decoder::new(body).map_err(Error::Encoding)?;
                reader.window_log_max(ZSTD_WINDOW_LOG).map_err(Error::Encoding)?;
                bounded(&mut reader)
            }
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, Error> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    match value.as_bytes() {
        b"identity" => Ok(Encoding::Identity),
        b"gzip" => Ok(Encoding::Gzip),
        b"zstd" => Ok(Encoding::Zstd),
        _ => Err(Error::Encoding(io::Error::from(io::ErrorKind::Unsupported))),
    }
}

fn count(headers: &HeaderMap) -> Result<u64, Error> {
    let declared = headers.get(X_FEED_COUNT).and_then(|value| value.to_str().ok());
    declared.and_then(|count| count.parse().ok()).ok_or(Error::NoCount)
}
