//! Answers: only this file puts status, headers and body together.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, Response, StatusCode};
use http_body::{Frame, SizeHint};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full, StreamBody};
use serde::Serialize;

use crate::ready_headers::ReadyHeaders;
use crate::reject::Reject;

/// Headers of every answer that does not set its own: browsers must not sniff, frame or run an answer, show it to other
/// sites, or send its address to them. `Strict-Transport-Security` counts only over TLS, ours or that of a proxy.
const ALWAYS: [(HeaderName, HeaderValue); 6] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::STRICT_TRANSPORT_SECURITY,
        HeaderValue::from_static("max-age=31536000; includeSubDomains"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// The headers of most answers. The map of them then grows no further.
const USUAL_HEADERS: usize = 24;

/// The policy of a page: it loads scripts, styles, pictures and data from us and sends its forms to us. Inline scripts
/// and styles, other hosts and scripts made of text are forbidden.
const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                           connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'self'";

/// The same policy for a page whose script writes `style` attributes. Its scripts are files too.
const INLINE_STYLES_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                                    font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; \
                                    frame-ancestors 'self'";

/// Headers of every page, in place of those with the same names above.
///
/// The browser sends us the origin, since a form without it looks like one of another site.
const PAGE: [(HeaderName, HeaderValue); 6] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), microphone=(), geolocation=()"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-embedder-policy"),
        HeaderValue::from_static("require-corp"),
    ),
];

/// The body of every answer, as servers send it.
#[derive(Debug)]
pub struct Body(Sent);

/// A body in one piece needs no memory of its own.
#[derive(Debug)]
enum Sent {
    Whole(Full<Bytes>),
    Pieces(UnsyncBoxBody<Bytes, CutShort>),
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        match &mut self.0 {
            Sent::Whole(whole) => Pin::new(whole).poll_frame(context).map_err(|never| match never {}),
            Sent::Pieces(pieces) => Pin::new(pieces).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Sent::Whole(whole) => whole.is_end_stream(),
            Sent::Pieces(pieces) => pieces.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Sent::Whole(whole) => whole.size_hint(),
            Sent::Pieces(pieces) => pieces.size_hint(),
        }
    }
}

/// A body that cannot be completed. The connection breaks off, so that no client takes the sent part for the whole.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body cannot be made to its end")]
pub struct CutShort;

/// An answer, before it becomes an HTTP response.
#[derive(Debug)]
pub(crate) struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    /// Whether the headers of every answer are in `headers`.
    is_complete: bool,
    /// All headers, in place of `headers`.
    ready: Option<Arc<ReadyHeaders>>,
    payload: Payload,
}

/// The body of an answer, or its length.
pub(crate) enum Payload {
    Whole(Bytes),
    /// A stream, with its length if that is known.
    Pieces(Option<u64>, Body),
    /// The answer to a `HEAD`, with the length of the body if that is known.
    Bodiless(Option<u64>),
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(bytes) => write!(f, "{} bytes", bytes.len()),
            Self::Pieces(..) => f.write_str("a stream"),
            Self::Bodiless(_) => f.write_str("no body"),
        }
    }
}

impl Payload {
    /// Returns a body that is made while it is sent; an error breaks the connection off.
    pub(crate) fn pieces(
        length: Option<u64>,
        pieces: impl Stream<Item = Result<Bytes, CutShort>> + Send + 'static,
    ) -> Self {
        let frames = pieces.map(|piece| piece.map(Frame::data));
        Self::Pieces(length, Body(Sent::Pieces(StreamBody::new(frames).boxed_unsync())))
    }

    /// Returns the number of bytes, where it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Pieces(length, _) | Self::Bodiless(length) => *length,
        }
    }
}

impl Reply {
    /// Returns an answer without headers.
    pub(crate) fn of(status: StatusCode, payload: Payload) -> Self {
        Self {
            status,
            headers: HeaderMap::with_capacity(USUAL_HEADERS),
            is_complete: false,
            ready: None,
            payload,
        }
    }

    /// Returns an answer with the [`headers`](Self::headers) of an earlier [`complete`](Self::complete) one, whose
    /// body has as many bytes.
    pub(crate) fn ready(status: StatusCode, headers: Arc<ReadyHeaders>, payload: Payload) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            is_complete: true,
            ready: Some(headers),
            payload,
        }
    }

    /// Returns an answer without body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::of(status, Payload::Whole(Bytes::new()))
    }

    /// Returns a 200 with this body.
    pub(crate) fn body(content_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self::of(StatusCode::OK, Payload::Whole(body.into()))
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Returns a 200 whose body comes piece by piece, for as long as `pieces` gives any.
    pub(crate) fn stream(content_type: &'static str, pieces: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::of(StatusCode::OK, Payload::pieces(None, pieces.map(Ok)))
            .header(header::CONTENT_TYPE, HeaderValue::from_static(content_type))
    }

    /// Returns a 200 with a plain text.
    pub(crate) fn text(body: impl Into<Bytes>) -> Self {
        Self::body("text/plain; charset=utf-8", body)
    }

    /// Returns a 200 with an HTML page, and with headers that forbid it to load or run anything of other hosts.
    ///
    /// Caches do not keep it unless it sets `Cache-Control`. Its scripts and styles are files of
    /// [`assets`](crate::assets); inline ones do not work.
    pub(crate) fn page(html: impl Into<Bytes>) -> Self {
        let page = Self::body("text/html; charset=utf-8", html);
        PAGE.into_iter()
            .fold(page, |page, (name, value)| page.header(name, value))
    }

    /// Allows `style` attributes, for third-party scripts that need them.
    pub(crate) fn inline_styles(self) -> Self {
        let policy = HeaderValue::from_static(INLINE_STYLES_POLICY);
        self.header(header::CONTENT_SECURITY_POLICY, policy)
    }

    /// Returns a 200 with a value as JSON, in the order of its fields.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Reject> {
        let body = serde_json::to_vec(value)
            .map_err(|error| Reject::internal("an answer cannot be written as JSON", &error))?;
        Ok(Self::body("application/json", body))
    }

    /// Sets the status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// Sets a header, in place of one with the same name.
    pub(crate) fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        if let Some(ready) = self.ready.take() {
            self.headers = ready.map().clone();
        }
        self.headers.insert(name, value);
        self
    }

    /// Sets a header to a text. A text that no header can hold is dropped.
    pub(crate) fn header_text(self, name: HeaderName, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => self.header(name, value),
            Err(_) => self,
        }
    }

    /// Returns the status, for the log.
    pub(crate) fn code(&self) -> StatusCode {
        self.status
    }

    /// Adds the headers of every answer, where it does not set its own.
    pub(crate) fn complete(mut self) -> Self {
        if self.is_complete {
            return self;
        }
        for (name, value) in ALWAYS {
            self.headers.entry(name).or_insert(value);
        }
        // Cacheable answers set their own value; the others hold addresses, tokens or the time.
        self.headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        let length = self
            .payload
            .length()
            .filter(|_| self.status != StatusCode::NOT_MODIFIED);
        if let Some(length) = length {
            self.headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        self.is_complete = true;
        self
    }

    /// Returns the headers.
    pub(crate) fn headers(&self) -> &HeaderMap {
        self.ready.as_ref().map_or(&self.headers, |ready| ready.map())
    }

    /// Returns the HTTP response. For a `HEAD` it has the length of the body, but not the body.
    pub(crate) fn into_response(self, is_head: bool) -> Response<Body> {
        let Self {
            status,
            mut headers,
            ready,
            payload,
            ..
        } = self.complete();
        if let Some(ready) = ready {
            headers = ready.map().clone();
        }
        let body = match payload {
            Payload::Whole(bytes) if !is_head => whole(bytes),
            Payload::Pieces(_, body) if !is_head => body,
            _ => whole(Bytes::new()),
        };
        let mut response = Response::new(body);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }

    /// Returns the answer as HTTP/1.1 sends it, or nothing if its body is made while it is sent. For a `HEAD` it has
    /// the length of the body, but not the body.
    pub(crate) fn into_ready(self, is_head: bool) -> Option<ReadyReply> {
        let Self {
            status,
            headers,
            ready,
            payload,
            ..
        } = self.complete();
        let headers = ready.unwrap_or_else(|| Arc::new(ReadyHeaders::new(status, headers)));
        let body = match payload {
            Payload::Pieces(..) => return None,
            Payload::Whole(bytes) if !is_head => bytes,
            Payload::Whole(_) | Payload::Bodiless(_) => Bytes::new(),
        };
        Some(ReadyReply { status, headers, body })
    }
}

/// An answer as HTTP/1.1 sends it.
#[derive(Debug)]
pub(crate) struct ReadyReply {
    pub(crate) status: StatusCode,
    pub(crate) headers: Arc<ReadyHeaders>,
    pub(crate) body: Bytes,
}

fn whole(bytes: Bytes) -> Body {
    Body(Sent::Whole(Full::new(bytes)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body::Body as _;

    #[test]
    fn every_answer_is_kept_from_browsers_and_caches_unless_it_says_otherwise() {
        let response = Reply::text("x").into_response(false);
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("content-length"), "1");
        let kept = Reply::text("x")
            .header_text(header::CACHE_CONTROL, "private, max-age=5")
            .into_response(false);
        assert_eq!(kept.headers()["cache-control"], "private, max-age=5");
    }

    #[test]
    fn a_page_runs_nothing_but_files_of_ours() {
        let response = Reply::page("<!doctype html>").into_response(false);
        let header = |name: &str| response.headers().get(name).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "text/html; charset=utf-8");
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"));
        assert!(!policy.contains("unsafe") && !policy.contains("http") && !policy.contains('*'));
        for name in [
            "strict-transport-security",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "permissions-policy",
            "cross-origin-resource-policy",
            "cross-origin-opener-policy",
            "cross-origin-embedder-policy",
        ] {
            assert_eq!(response.headers().get_all(name).iter().count(), 1, "{name}");
        }
        assert_eq!(header("cache-control"), "no-store");
    }

    #[test]
    fn inline_styles_are_all_that_the_wider_policy_adds() {
        assert_eq!(INLINE_STYLES_POLICY.replacen(" 'unsafe-inline'", "", 1), PAGE_POLICY);
        assert!(INLINE_STYLES_POLICY.contains("style-src 'self' 'unsafe-inline';"));
    }

    #[test]
    fn head_says_the_length_and_sends_nothing() {
        let response = Reply::text("four").into_response(true);
        assert_eq!(response.headers()["content-length"], "4");
        assert_eq!(response.body().size_hint().exact(), Some(0));
    }

    #[test]
    fn head_says_a_length_only_where_it_is_known() {
        for length in [None, Some(4)] {
            let response = Reply::of(StatusCode::OK, Payload::Bodiless(length)).into_response(true);
            let told = response
                .headers()
                .get("content-length")
                .map(|value| value.to_str().unwrap().parse().unwrap());
            assert_eq!(told, length);
            assert_eq!(response.body().size_hint().exact(), Some(0));
        }
    }

    #[test]
    fn a_text_that_no_header_holds_is_left_out() {
        let response = Reply::text("")
            .header_text(header::WARNING, "a\r\nb: c")
            .into_response(false);
        assert!(!response.headers().contains_key("warning"));
    }
}
