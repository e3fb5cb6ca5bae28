//! The part of the WebDriver protocol that these tests need, for a driver on this machine.

use std::time::Duration;

use serde_json::{Value, json};

/// The key of a reference to an element, from the WebDriver standard.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";

/// One window of the browser, by the driver's name for it.
pub(crate) struct Session {
    client: reqwest::Client,
    base: String,
}

/// An element of the page that was open when the test found it.
pub(crate) struct Element<'s> {
    session: &'s Session,
    id: String,
}

impl Session {
    /// Makes the driver start a browser with these capabilities.
    pub(crate) async fn start(driver: &str, patience: Duration, capabilities: Value) -> Self {
        let client = reqwest::Client::builder().no_proxy().timeout(patience).build().unwrap();
        let start = Self {
            client,
            base: format!("{driver}/session"),
        };
        let started = start
            .post("", json!({ "capabilities": { "alwaysMatch": capabilities } }))
            .await;
        let id = started["sessionId"].as_str().unwrap();
        Self {
            base: format!("{}/{id}", start.base),
            ..start
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Value {
        self.send(self.client.get(self.url(path))).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Value {
        let request = self.client.post(self.url(path)).body(body.to_string());
        self.send(request.header("content-type", "application/json; charset=utf-8"))
            .await
    }

    /// Ends the browser.
    pub(crate) async fn quit(&self) {
        self.send(self.client.delete(self.url(""))).await;
    }

    /// Returns the elements that match a selector.
    pub(crate) async fn find(&self, css: &str) -> Vec<Element<'_>> {
        let found = self
            .post("/elements", json!({ "using": "css selector", "value": css }))
            .await;
        let ids = found
            .as_array()
            .unwrap()
            .iter()
            .map(|element| element[ELEMENT].as_str().unwrap());
        ids.map(|id| Element {
            session: self,
            id: id.to_owned(),
        })
        .collect()
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn send(&self, request: reqwest::RequestBuilder) -> Value {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let mut body: Value = serde_json::from_slice(&answer.bytes().await.unwrap()).unwrap();
        let value = body["value"].take();
        assert!(status.is_success(), "the driver says {status}: {}", value["message"]);
        value
    }
}

impl Element<'_> {
    /// Returns the visible text.
    pub(crate) async fn text(&self) -> String {
        let text = self.session.get(&self.path("text")).await;
        text.as_str().unwrap().to_owned()
    }

    pub(crate) async fn click(&self) {
        self.session.post(&self.path("click"), json!({})).await;
    }

    pub(crate) async fn clear(&self) {
        self.session.post(&self.path("clear"), json!({})).await;
    }

    pub(crate) async fn send_keys(&self, keys: &str) {
        self.session.post(&self.path("value"), json!({ "text": keys })).await;
    }

    fn path(&self, what: &str) -> String {
        format!("/element/{}/{what}", self.id)
    }
}
