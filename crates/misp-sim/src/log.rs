//! The log of requests, for tests that count and inspect them.

use serde_json::Value;

/// A request that arrived.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedRequest {
    /// Its method.
    pub method: String,
    /// Its path without `.json`, double and trailing slashes and query, such as `/attributes/restSearch`.
    pub path: String,
    /// Its headers with lower-case names; the auth key and cookies are left out.
    pub headers: Vec<(String, String)>,
    /// Its body, when it was JSON.
    pub body: Option<Value>,
    /// The e-mail address of the user whose key it carried, if it was a known one.
    pub user: Option<String>,
    /// The size of its body in bytes.
    pub body_bytes: u64,
    /// The status of its answer; 0 until it is answered.
    pub status: u16,
    /// The size of the body of its answer in bytes, without the headers.
    pub answer_bytes: u64,
}

/// How much went over the wire, for tests that limit it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Traffic {
    /// The number of requests.
    pub requests: usize,
    /// The bytes of their bodies.
    pub request_bytes: u64,
    /// The bytes of the bodies of their answers.
    pub answer_bytes: u64,
}

impl Traffic {
    pub(crate) fn add(&mut self, request: &LoggedRequest) {
        self.requests += 1;
        self.request_bytes += request.body_bytes;
        self.answer_bytes += request.answer_bytes;
    }
}

impl LoggedRequest {
    /// Returns whether it is a search for attributes.
    #[must_use]
    pub fn is_search(&self) -> bool {
        self.path.starts_with("/attributes/restSearch")
    }

    /// Returns the page it asks for; 1 when it does not say.
    #[must_use]
    pub fn page(&self) -> u64 {
        self.body
            .as_ref()
            .and_then(|body| body.get("page"))
            .and_then(Value::as_u64)
            .unwrap_or(1)
    }

    /// Returns a header by its lower-case name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}
