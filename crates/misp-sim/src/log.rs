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
