//! The headers of an answer, as a map and as the bytes that HTTP/1.1 sends.

use std::sync::OnceLock;

use bytes::Bytes;
use http::header::CONTENT_LENGTH;
use http::{HeaderMap, StatusCode};

/// All headers of an answer. `date` is not among them: servers add it.
#[derive(Debug)]
pub(crate) struct ReadyHeaders {
    status: StatusCode,
    map: HeaderMap,
    lines: OnceLock<Bytes>,
}

impl ReadyHeaders {
    pub(crate) fn new(status: StatusCode, map: HeaderMap) -> Self {
        Self {
            status,
            map,
            lines: OnceLock::new(),
        }
    }

    pub(crate) fn map(&self) -> &HeaderMap {
        &self.map
    }

    /// Returns the status line and a line for each header. They are made once.
    pub(crate) fn lines(&self) -> Bytes {
        self.lines.get_or_init(|| lines(self.status, &self.map)).clone()
    }

    /// Returns the value of `content-length`, or 0 without one.
    pub(crate) fn length(&self) -> u64 {
        let length = self.map.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        length.and_then(|text| text.parse().ok()).unwrap_or(0)
    }
}

/// As hyper writes them, so that an answer looks the same whichever of both has written it.
fn lines(status: StatusCode, map: &HeaderMap) -> Bytes {
    let mut lines = b"HTTP/1.1 ".to_vec();
    lines.extend_from_slice(status.as_str().as_bytes());
    lines.push(b' ');
    lines.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    lines.extend_from_slice(b"\r\n");
    for (name, value) in map {
        for piece in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            lines.extend_from_slice(piece);
        }
    }
    lines.into()
}
