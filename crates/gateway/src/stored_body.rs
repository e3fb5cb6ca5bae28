//! Bodies that are the same for every caller: made once, compressed once, sent many times.

use std::fmt::Write as _;
use std::sync::OnceLock;

use bytes::Bytes;
use feed_engine::Encoding;
use http::StatusCode;
use http::header::{self, HeaderMap, HeaderValue};
use sha2::{Digest as _, Sha256};
use tokio::sync::OnceCell;

use crate::reject::Reject;
use crate::reply::Reply;
use crate::{accept_encoding, conditional};

/// One body, with its entity tag and its compressed forms once a request needs them.
///
/// Anyone may ask for such a body. So a form is made by one request alone, on a thread that serves no sockets, while
/// the others wait for it.
#[derive(Debug)]
pub(crate) struct StoredBody {
    pub(crate) content_type: &'static str,
    plain: Bytes,
    /// Whether the format is compressed itself, for example an icon.
    is_packed: bool,
    digest: OnceLock<String>,
    zstd: OnceCell<Bytes>,
    brotli: OnceCell<Bytes>,
    gzip: OnceCell<Bytes>,
}

impl StoredBody {
    /// Returns the body of a text.
    pub(crate) const fn text(content_type: &'static str, plain: Bytes) -> Self {
        Self::of(content_type, plain, false)
    }

    /// Returns the body of a format that is compressed itself.
    pub(crate) const fn packed(content_type: &'static str, plain: Bytes) -> Self {
        Self::of(content_type, plain, true)
    }

    const fn of(content_type: &'static str, plain: Bytes, is_packed: bool) -> Self {
        Self {
            content_type,
            plain,
            is_packed,
            digest: OnceLock::new(),
            zstd: OnceCell::const_new(),
            brotli: OnceCell::const_new(),
            gzip: OnceCell::const_new(),
        }
    }

    /// Returns the body as it is.
    #[cfg(test)]
    pub(crate) fn plain(&self) -> &[u8] {
        &self.plain
    }

    /// Answers the body in the encoding that the caller prefers, or 304 if the caller has it already. `changed_at` is
    /// when the body last changed.
    ///
    /// # Errors
    /// When the compression fails, which is a defect.
    pub(crate) async fn answer(&self, headers: &HeaderMap, changed_at: jiff::Timestamp) -> Result<Reply, Reject> {
        let encoding = if self.is_packed {
            Encoding::Identity
        } else {
            accept_encoding::preferred(headers)
        };
        let etag = self.etag(encoding);
        let reply = if conditional::is_unchanged(headers, &etag, changed_at) {
            Reply::empty(StatusCode::NOT_MODIFIED)
        } else {
            let whole = Reply::body(self.content_type, self.form(encoding).await?);
            match encoding {
                Encoding::Identity => whole,
                encoding => whole.header(header::CONTENT_ENCODING, HeaderValue::from_static(encoding.as_str())),
            }
        };
        Ok(reply
            .header_text(header::ETAG, &etag)
            .header_text(header::LAST_MODIFIED, &conditional::http_date(changed_at))
            .header(header::VARY, HeaderValue::from_static("Accept-Encoding")))
    }

    async fn form(&self, encoding: Encoding) -> Result<Bytes, Reject> {
        let kept = match encoding {
            Encoding::Zstd => &self.zstd,
            Encoding::Brotli => &self.brotli,
            Encoding::Gzip => &self.gzip,
            _ => return Ok(self.plain.clone()),
        };
        let form = kept.get_or_try_init(|| async {
            let plain = self.plain.clone();
            tokio::task::spawn_blocking(move || encoding.compress(&plain))
                .await
                .map_err(|error| Reject::internal("compressing a body", &error))?
                .map_err(Reject::from)
        });
        Ok(form.await?.clone())
    }

    /// 128 bits of the SHA-256, as for feeds: the same on every replica.
    fn etag(&self, encoding: Encoding) -> String {
        let digest = self.digest.get_or_init(|| {
            let mut text = String::with_capacity(32);
            for byte in Sha256::digest(&self.plain).iter().take(16) {
                // Writing into a String cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            text
        });
        format!("\"{digest}{}\"", encoding.etag_suffix())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[tokio::test]
    async fn each_form_has_its_own_tag_unpacks_to_the_body_and_is_made_once() {
        use std::io::Read as _;
        let body = StoredBody::text("text/plain", "a text ".repeat(100).into());
        let tags: BTreeSet<String> = Encoding::ALL.iter().map(|encoding| body.etag(*encoding)).collect();
        assert_eq!(tags.len(), Encoding::ALL.len());
        let packed = body.form(Encoding::Gzip).await.unwrap();
        let mut unpacked = Vec::new();
        flate2::read::GzDecoder::new(&*packed)
            .read_to_end(&mut unpacked)
            .unwrap();
        assert_eq!(unpacked, body.plain());
        assert_eq!(packed.as_ptr(), body.form(Encoding::Gzip).await.unwrap().as_ptr());
    }

    #[tokio::test]
    async fn what_is_packed_already_has_one_form() {
        let body = StoredBody::packed("image/png", Bytes::from_static(b"png"));
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
        let reply = body.answer(&headers, jiff::Timestamp::UNIX_EPOCH).await.unwrap();
        let response = reply.into_response(false);
        assert!(response.headers().get(header::CONTENT_ENCODING).is_none());
        assert!(body.gzip.get().is_none());
    }
}
