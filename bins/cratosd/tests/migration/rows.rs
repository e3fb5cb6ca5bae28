//! A row of the table: what is asked, and what has to come back.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, Method};
use serde_json::Value;

/// Longer than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

/// Asks from 127.0.0.1. One for all, since making one takes a while; it keeps no connection, so each test may use it.
static CLIENT: LazyLock<Client> = LazyLock::new(|| client(Ipv4Addr::LOCALHOST.into()));

/// What is asked and what has to come back.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    method: Method,
    target: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    from: IpAddr,
    status: u16,
    content_type: Option<&'static str>,
    shapes: Vec<Shape>,
}

/// What the rest of an answer looks like.
#[derive(Clone, Debug)]
pub(crate) enum Shape {
    /// The body, byte for byte.
    Bytes(String),
    /// No body at all.
    Nothing,
    /// This stands somewhere in the body.
    Holds(String),
    /// A JSON object with these keys in this order; others may follow.
    Keys(&'static [&'static str]),
    /// Something in a JSON body, by its pointer.
    At(&'static str, Value),
    /// One of several values in a JSON body, by its pointer.
    AtOneOf(&'static str, &'static [&'static str]),
    /// A 422 with these places and types, in this order.
    Wrong(Vec<(&'static str, &'static str)>),
    /// A header with this value.
    Header(&'static str, String),
    /// A header that is there, whatever it says.
    HasHeader(&'static str),
}

/// What came back.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Row {
    pub(crate) fn new(method: Method, target: impl Into<String>) -> Self {
        Self {
            method,
            target: target.into(),
            headers: Vec::new(),
            body: None,
            from: Ipv4Addr::LOCALHOST.into(),
            status: 200,
            content_type: None,
            shapes: Vec::new(),
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new(Method::GET, target)
    }

    /// Brings the token in the header of that name.
    pub(crate) fn token(self, token: &str) -> Self {
        self.header("token", token)
    }

    /// Brings user and password.
    pub(crate) fn basic(self, user: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{user}:{password}"));
        self.header("authorization", &format!("Basic {pair}"))
    }

    pub(crate) fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(crate) fn body(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self
    }

    /// Asks from another address of this machine.
    pub(crate) fn from(mut self, address: impl Into<IpAddr>) -> Self {
        self.from = address.into();
        self
    }

    pub(crate) fn answers(mut self, status: u16, content_type: &'static str) -> Self {
        self.status = status;
        self.content_type = Some(content_type);
        self
    }

    /// Answers an error with these words.
    pub(crate) fn refuses(self, status: u16, detail: &str) -> Self {
        self.answers(status, "application/problem+json")
            .with(Shape::At("/detail", detail.into()))
            .with(Shape::At("/status", status.into()))
    }

    /// Answers 422 with these places (`path.feedName`) and types.
    pub(crate) fn finds_wrong(self, parts: &[(&'static str, &'static str)]) -> Self {
        self.answers(422, "application/problem+json")
            .with(Shape::Wrong(parts.to_vec()))
    }

    pub(crate) fn redirects(mut self, location: &str) -> Self {
        self.status = 307;
        self.with(Shape::Nothing)
            .with(Shape::Header("location", location.to_owned()))
    }

    pub(crate) fn with(mut self, shape: Shape) -> Self {
        self.shapes.push(shape);
        self
    }

    /// Asks, and returns what came back.
    pub(crate) async fn ask(&self, daemon: SocketAddr) -> Answer {
        let client = if self.from == Ipv4Addr::LOCALHOST {
            CLIENT.clone()
        } else {
            client(self.from)
        };
        let mut request = client.request(self.method.clone(), format!("http://{daemon}{}", self.target));
        for (name, value) in &self.headers {
            let name: HeaderName = name.parse().unwrap();
            request = request.header(name, HeaderValue::from_str(value).unwrap());
        }
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let answer = request.send().await.unwrap();
        Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer.text().await.unwrap(),
        }
    }

    /// Asks, and returns what is not as it has to be.
    async fn walk(&self, daemon: SocketAddr) -> Vec<String> {
        let answer = self.ask(daemon).await;
        let mut wrong = Vec::new();
        if answer.status != self.status {
            wrong.push(format!("status {}, not {}", answer.status, self.status));
        }
        if let Some(expected) = self.content_type {
            let got = answer.header("content-type");
            if got != Some(expected) {
                wrong.push(format!("content-type {got:?}, not {expected}"));
            }
        }
        let misshapen = self.shapes.iter().filter(|shape| !shape.fits(&answer));
        wrong.extend(misshapen.map(|shape| format!("not {shape:?}")));
        if !wrong.is_empty() {
            wrong.push(format!("body {:?}", answer.body));
        }
        wrong
    }
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

impl Shape {
    fn fits(&self, answer: &Answer) -> bool {
        match self {
            Self::Bytes(bytes) => answer.body == *bytes,
            Self::Nothing => answer.body.is_empty(),
            Self::Holds(part) => answer.body.contains(part),
            Self::Keys(keys) => has_keys(&answer.body, keys),
            Self::At(pointer, value) => answer.json().pointer(pointer) == Some(value),
            Self::AtOneOf(pointer, values) => {
                let json = answer.json();
                let found = json.pointer(pointer).and_then(Value::as_str);
                found.is_some_and(|found| values.contains(&found))
            }
            Self::Wrong(parts) => has_parts(&answer.json(), parts),
            Self::Header(name, value) => answer.header(name) == Some(value),
            Self::HasHeader(name) => answer.headers.contains_key(*name),
        }
    }
}

fn client(from: IpAddr) -> Client {
    Client::builder()
        .no_proxy()
        .no_gzip()
        .local_address(from)
        .pool_max_idle_per_host(0)
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .unwrap()
}

/// Whether all keys are there and follow each other in the text.
fn has_keys(body: &str, keys: &[&str]) -> bool {
    let is_object = serde_json::from_str::<Value>(body).is_ok_and(|json| json.is_object());
    let places: Option<Vec<usize>> = keys.iter().map(|key| body.find(&format!("\"{key}\":"))).collect();
    is_object && places.is_some_and(|places| places.is_sorted())
}

/// Whether a 422 names exactly these places with these types.
fn has_parts(json: &Value, parts: &[(&str, &str)]) -> bool {
    let found = json["detail"].as_array().map(Vec::as_slice).unwrap_or_default();
    let read = |part: &'_ Value| {
        let place = part["loc"].as_array().and_then(|loc| loc.last()).cloned();
        (place, part["type"].clone())
    };
    let expected = parts
        .iter()
        .map(|(place, kind)| (Some(Value::from(*place)), Value::from(*kind)));
    found.iter().map(read).eq(expected)
}

/// Asks all rows one after the other, and fails with every one that is not answered as it has to be.
pub(crate) async fn walk(daemon: SocketAddr, section: &str, rows: Vec<Row>) {
    let mut failures = String::new();
    let count = rows.len();
    for row in rows {
        let wrong = row.walk(daemon).await;
        if !wrong.is_empty() {
            failures.push_str(&format!("{row:?}\n  {}\n", wrong.join("\n  ")));
        }
    }
    assert!(failures.is_empty(), "section {section}, {count} rows:\n{failures}");
}
