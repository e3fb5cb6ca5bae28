//! A question to MISP as a plain value: built without I/O, sent by the client.

use std::borrow::Cow;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, header};

/// One HTTP request to MISP, without the address and the key.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// Path below the base URL, already percent-encoded where that is needed.
    pub(crate) path: String,
    /// Name of the endpoint for errors, without arguments.
    pub(crate) endpoint: Cow<'static, str>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<Bytes>,
    /// Whether sending it twice does the same as sending it once, so that the client may retry after a lost connection.
    pub(crate) repeatable: bool,
}

impl Request {
    pub(crate) fn get(endpoint: impl Into<Cow<'static, str>>) -> Self {
        let endpoint = endpoint.into();
        // Without this header MISP answers 302 to its login page even when the key is good.
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        Self {
            method: Method::GET,
            path: endpoint.clone().into_owned(),
            endpoint,
            headers,
            body: None,
            repeatable: true,
        }
    }

    /// Posts JSON. With any other content type MISP does not read the body, and an unread body means "no filter".
    pub(crate) fn post(endpoint: impl Into<Cow<'static, str>>, body: impl Into<Bytes>) -> Self {
        let mut request = Self::get(endpoint);
        request.method = Method::POST;
        request
            .headers
            .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request.body = Some(body.into());
        request
    }

    /// Marks a request that must not be sent twice.
    pub(crate) fn asked_once(mut self) -> Self {
        self.repeatable = false;
        self
    }

    pub(crate) fn with_path(mut self, path: String) -> Self {
        self.path = path;
        self
    }

    pub(crate) fn with_header(mut self, name: header::HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn question_asks_for_json_and_says_that_its_body_is_json() {
        let request = Request::post("/attributes/restSearch", "{}");
        assert_eq!(request.method, Method::POST);
        assert_eq!(request.path, "/attributes/restSearch");
        assert_eq!(request.headers[header::ACCEPT], "application/json");
        assert_eq!(request.headers[header::CONTENT_TYPE], "application/json");
        assert!(
            Request::get("/users/view/me")
                .headers
                .get(header::CONTENT_TYPE)
                .is_none()
        );
    }
}
