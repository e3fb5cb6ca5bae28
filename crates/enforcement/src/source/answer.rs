//! One answer of the server: whole, or refused.

use std::io::{self, Read};
use std::time::{Duration, SystemTime};

use config_file::SecretFile;
use reqwest::header::{CONTENT_ENCODING, CONTENT_LENGTH, ETAG, HeaderMap, HeaderName, RETRY_AFTER, TRANSFER_ENCODING};
use reqwest::{Response, StatusCode};

use super::{Detail, SourceError};

/// How many values the server says that the answer has.
const X_FEED_COUNT: HeaderName = HeaderName::from_static("x-feed-count");

/// The largest window of zstd, as a power of two: 8 MiB, what cratosd's own level needs and more.
const ZSTD_WINDOW_LOG: u32 = 23;

/// An answer with status 200 whose end was seen.
#[derive(Debug)]
pub(super) struct Answer {
    body: Vec<u8>,
    encoding: Encoding,
    limit: usize,
    pub(super) count: u64,
    pub(super) etag: Option<String>,
}

#[derive(Clone, Copy, Debug)]
enum Encoding {
    Identity,
    Gzip,
    Zstd,
}

/// Judges the status; `None` is 304. `token` is what must not be shown of the reason for any other one.
pub(super) async fn judged(
    response: Response,
    conditional: bool,
    token: &SecretFile,
) -> Result<Option<Response>, SourceError> {
    let status = response.status();
    match status {
        StatusCode::OK => return Ok(Some(response)),
        StatusCode::NOT_MODIFIED if conditional => return Ok(None),
        StatusCode::NOT_MODIFIED => return Err(SourceError::NotAsked),
        _ => {}
    }
    let retry_after = retry_after(response.headers());
    let detail = if status.is_client_error() || status.is_server_error() {
        Detail::read(response, token).await
    } else {
        Detail::default()
    };
    let code = status.as_u16();
    Err(match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => SourceError::Refused { status: code, detail },
        // These ask for patience, as an error of the server does.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            SourceError::Unavailable {
                status: code,
                detail,
                retry_after,
            }
        }
        status if status.is_client_error() => SourceError::Rejected { status: code, detail },
        _ => SourceError::Unavailable {
            status: code,
            detail,
            retry_after,
        },
    })
}

/// Reads the body to its end.
pub(super) async fn whole(mut response: Response, limit: usize) -> Result<Answer, SourceError> {
    let headers = response.headers();
    // The HTTP library refuses a body that ends before its length or its last chunk; without either, every cut looks like an end.
    if !headers.contains_key(CONTENT_LENGTH) && !headers.contains_key(TRANSFER_ENCODING) {
        return Err(SourceError::NoLength);
    }
    let (encoding, count) = (encoding(headers)?, count(headers)?);
    let etag = headers.get(ETAG).and_then(|tag| tag.to_str().ok()).map(str::to_owned);
    let mut body = Vec::new();
    loop {
        let chunk = response.chunk().await;
        let Some(chunk) = chunk.map_err(|error| SourceError::Connection(error.without_url().into()))? else {
            break;
        };
        if body.len() + chunk.len() > limit {
            return Err(SourceError::TooLarge { limit });
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
    pub(super) fn decoded(&self) -> Result<Vec<u8>, SourceError> {
        let body = self.body.as_slice();
        let bounded = |reader: &mut dyn Read| {
            let mut decoded = Vec::new();
            let most = u64::try_from(self.limit).unwrap_or(u64::MAX).saturating_add(1);
            reader
                .take(most)
                .read_to_end(&mut decoded)
                .map_err(SourceError::Encoding)?;
            if decoded.len() > self.limit {
                return Err(SourceError::TooLarge { limit: self.limit });
            }
            Ok(decoded)
        };
        match self.encoding {
            Encoding::Identity => Ok(body.to_vec()),
            Encoding::Gzip => bounded(&mut flate2::read::MultiGzDecoder::new(body)),
            Encoding::Zstd => {
                let mut reader = zstd::stream::read::Decoder::new(body).map_err(SourceError::Encoding)?;
                reader.window_log_max(ZSTD_WINDOW_LOG).map_err(SourceError::Encoding)?;
                bounded(&mut reader)
            }
        }
    }
}

fn encoding(headers: &HeaderMap) -> Result<Encoding, SourceError> {
    let Some(value) = headers.get(CONTENT_ENCODING) else {
        return Ok(Encoding::Identity);
    };
    match value.as_bytes() {
        b"identity" => Ok(Encoding::Identity),
        b"gzip" => Ok(Encoding::Gzip),
        b"zstd" => Ok(Encoding::Zstd),
        _ => Err(SourceError::Encoding(io::Error::from(io::ErrorKind::Unsupported))),
    }
}

fn count(headers: &HeaderMap) -> Result<u64, SourceError> {
    let said = headers.get(X_FEED_COUNT).and_then(|value| value.to_str().ok());
    said.and_then(|said| said.parse().ok()).ok_or(SourceError::NoCount)
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text)
        .ok()?
        .duration_since(SystemTime::now())
        .ok()
}
