//! A request as the pages see it.

use std::{io::Read, net::IpAddr};

use bytes::Bytes;
use http::{HeaderMap, Method, header, request::Parts};
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

/// The largest request body after unpacking; a search with thousands of values is well below.
const MAX_BODY: u64 = 64 << 20;

/// A request.
#[derive(Debug)]
pub(crate) struct PageRequest {
    pub(crate) method: Method,
    /// Without double and trailing slashes, `.json` and query.
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) peer: IpAddr,
    sent: String,
    dot_json: bool,
    body: Bytes,
}

impl PageRequest {
    pub(crate) fn new(head: Parts, body: Bytes, peer: IpAddr) -> Self {
        let mut path = String::new();
        let sent = head.uri.path().to_owned();
        for segment in head.uri.path().split('/').filter(|segment| !segment.is_empty()) {
            path.push('/');
            path.push_str(segment);
        }
        let dot_json = path.ends_with(".json");
        if dot_json {
            path.truncate(path.len() - ".json".len());
        }
        Self {
            method: head.method,
            path,
            headers: head.headers,
            peer,
            sent,
            dot_json,
            body,
        }
    }

    /// Returns the path as the client wrote it, which errors repeat.
    pub(crate) fn path_as_sent(&self) -> String {
        self.sent.clone()
    }

    /// Returns the size of the body as it came.
    pub(crate) fn body_bytes(&self) -> u64 {
        u64::try_from(self.body.len()).unwrap_or(u64::MAX)
    }

    pub(crate) fn segments(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns a header, empty when it is missing or no text.
    pub(crate) fn header(&self, name: header::HeaderName) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    pub(crate) fn host(&self) -> String {
        self.header(header::HOST).to_owned()
    }

    /// Returns whether MISP takes the client for a program; browsers are sent to the login page instead of being
    /// refused.
    pub(crate) fn is_program(&self) -> bool {
        self.dot_json
            || self.header(header::ACCEPT).contains("application/json")
            || self.header(header::CONTENT_TYPE).starts_with("application/json")
            || self.path.starts_with("/attributes/restSearch")
            || self.wants_csv()
    }

    /// Returns whether the client asks for comma separated values.
    pub(crate) fn wants_csv(&self) -> bool {
        self.segments().any(|segment| segment.ends_with(".csv")) || self.header(header::ACCEPT) == "text/csv"
    }

    /// Returns `key:value` parts of the path.
    pub(crate) fn named(&self) -> Map<String, Value> {
        let mut named = Map::new();
        for segment in self.segments() {
            if let Some((key, value)) = segment.split_once(':') {
                named.insert(key.to_owned(), Value::String(decoded(value)));
            }
        }
        named
    }

    /// Returns `key:value` parts of the path and, of a POST, the keys of the JSON body, which count before them.
    pub(crate) fn named_or_posted(&self) -> Map<String, Value> {
        let mut filters = self.named();
        if self.method == Method::POST
            && let Some(Value::Object(body)) = self.json()
        {
            filters.extend(body);
        }
        filters
    }

    /// Returns the body unpacked.
    pub(crate) fn plain_body(&self) -> Vec<u8> {
        if !self.header(header::CONTENT_ENCODING).eq_ignore_ascii_case("gzip") {
            return self.body.to_vec();
        }
        let mut plain = Vec::new();
        let read = flate2::read::GzDecoder::new(self.body.as_ref())
            .take(MAX_BODY)
            .read_to_end(&mut plain);
        if read.is_ok() { plain } else { Vec::new() }
    }

    /// Returns the body when it is JSON, for any Content-Type.
    pub(crate) fn json(&self) -> Option<Value> {
        serde_json::from_slice(&self.plain_body()).ok()
    }

    /// Returns the fields of a form.
    pub(crate) fn form(&self) -> Map<String, Value> {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
        pairs
            .map(|(key, value)| (decoded(key), Value::String(decoded(&value.replace('+', " ")))))
            .collect()
    }

    pub(crate) fn loggable_headers(&self) -> Vec<(String, String)> {
        let shown = self
            .headers
            .iter()
            .filter(|(name, _)| *name != header::AUTHORIZATION && *name != header::COOKIE);
        shown
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect()
    }
}

fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}
