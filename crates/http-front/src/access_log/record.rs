//! One request on its way to a line of the log.

use std::net::IpAddr;
use std::time::Instant;

use http::header::{self, HeaderName, HeaderValue};
use http::{Extensions, HeaderMap, Method, Request, Response, StatusCode, Uri, Version};

use super::AccessLog;
use super::line::Line;

/// The parts of a request that its line needs, and when it began.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    log: AccessLog,
    started: Instant,
    pub(super) peer: IpAddr,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) version: Version,
    pub(super) referer: Option<HeaderValue>,
    pub(super) user_agent: Option<HeaderValue>,
}

impl Record {
    pub(super) fn begin<B>(log: AccessLog, request: &Request<B>, peer: IpAddr, started: Instant) -> Self {
        let header = |name: HeaderName| request.headers().get(name).cloned();
        Self {
            log,
            started,
            peer,
            method: request.method().clone(),
            uri: request.uri().clone(),
            version: request.version(),
            referer: header(header::REFERER),
            user_agent: header(header::USER_AGENT),
        }
    }

    /// Writes the line, with what the service says of it in the extensions of the response.
    pub(crate) fn write<B>(&self, response: &Response<B>) {
        let answer = (response.status(), length(response.headers()), response.extensions());
        self.write_line(answer, self.started);
    }

    /// Returns a copy that shares no memory with its request: all parts of a head have one buffer.
    pub(crate) fn detached(&self) -> Self {
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
        Self {
            uri: self.uri.to_string().parse().unwrap_or_default(),
            referer: self.referer.as_ref().and_then(copy),
            user_agent: self.user_agent.as_ref().and_then(copy),
            ..self.clone()
        }
    }

    /// Writes the line of an answer that began then, from its status, its `content-length` and its extensions.
    pub(crate) fn write_line(&self, (status, bytes, extensions): (StatusCode, u64, &Extensions), started: Instant) {
        let details = (self.log.read_details)(extensions);
        self.log.write(&Line {
            request: self,
            details: &details,
            status,
            bytes,
            took: started.elapsed(),
            now: jiff::Timestamp::now(),
        });
    }
}

/// Returns the `Content-Length` of an answer, or 0 where it has none.
fn length(headers: &HeaderMap) -> u64 {
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    length.and_then(|text| text.parse().ok()).unwrap_or(0)
}
