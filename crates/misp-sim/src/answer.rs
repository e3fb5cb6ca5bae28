//! Answers as values: status, headers, body, and how they are delivered.

use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, StatusCode,
    header::{CONTENT_LENGTH, CONTENT_TYPE, DATE, ETAG, LOCATION, SET_COOKIE},
};

use crate::{body::Script, json};

/// An answer.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

/// How an answer reaches the client.
#[derive(Debug)]
pub(crate) enum Delivery {
    Answer(Answer),
    Late(Answer, Duration),
    Script(Answer, Script),
    Never,
    Close,
}

impl Delivery {
    /// Returns the answer, if one is sent.
    pub(crate) fn answer(&self) -> Option<&Answer> {
        match self {
            Self::Answer(answer) | Self::Late(answer, _) | Self::Script(answer, _) => Some(answer),
            Self::Never | Self::Close => None,
        }
    }
}

const JSON: &str = "application/json; charset=UTF-8";

impl Answer {
    /// Returns a page of JSON.
    pub(crate) fn json(body: Vec<u8>) -> Self {
        Self::of(StatusCode::OK, JSON, body.into())
    }

    /// Returns a page of JSON that was made before.
    pub(crate) fn json_bytes(body: Bytes) -> Self {
        Self::of(StatusCode::OK, JSON, body)
    }

    /// Returns a page of comma separated values.
    pub(crate) fn csv(body: Bytes) -> Self {
        Self::of(StatusCode::OK, "text/csv; charset=UTF-8", body)
    }

    /// Returns MISP's form of an error.
    pub(crate) fn error(status: StatusCode, message: &str, url: &str) -> Self {
        Self::of(status, JSON, json::error(message, url).into())
    }

    /// Returns MISP's error of that status with its usual text.
    pub(crate) fn usual_error(status: StatusCode, url: &str) -> Self {
        let message = match status.as_u16() {
            403 => "You do not have permission to use this functionality.",
            404 => "Not Found",
            429 => "Rate limit exceeded.",
            500 => "An Internal Error Has Occurred.",
            _ => status.canonical_reason().unwrap_or("Error"),
        };
        if status == StatusCode::TOO_MANY_REQUESTS {
            // Unlike the others this one is a pretty page (653).
            let page = json::object([
                ("name", message.into()),
                ("message", message.into()),
                ("url", url.into()),
            ]);
            return Self::of(status, JSON, page.pretty(true).into());
        }
        Self::error(status, message, url)
    }

    /// Returns the way to the login page, which is how MISP refuses a browser.
    pub(crate) fn login(host: &str) -> Self {
        let mut answer = Self::of(StatusCode::FOUND, "text/html; charset=UTF-8", Bytes::new());
        answer.set(LOCATION, &format!("http://{host}/users/login"));
        answer
    }

    /// Returns a page of HTML.
    pub(crate) fn html(status: StatusCode) -> Self {
        let title = format!("{} {}", status.as_u16(), status.canonical_reason().unwrap_or_default());
        let body = format!(
            "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n</body>\r\n</html>\r\n"
        );
        Self::of(status, "text/html", body.into())
    }

    /// Adds an `ETag` for a client that asks with some tag, and leaves the body out if the client knows it (571, 572).
    ///
    /// The tag is of the body alone, so the same body under other filters has the same one.
    pub(crate) fn unless_known(self, known: &str) -> Self {
        let tag = etag(&self.body);
        self.unless_known_as(known, &tag)
    }

    /// Does the same with a tag that is known already.
    pub(crate) fn unless_known_as(self, known: &str, tag: &str) -> Self {
        if known.is_empty() {
            return self;
        }
        let mut answer = if known == tag {
            Self::empty(StatusCode::NOT_MODIFIED)
        } else {
            self
        };
        answer.set(ETAG, tag);
        answer
    }

    /// Adds or replaces a header; a value that HTTP does not allow is left out.
    pub(crate) fn set(&mut self, name: HeaderName, value: &str) {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
    }

    /// Adds headers by their lower-case names.
    pub(crate) fn add(&mut self, headers: Vec<(&'static str, String)>) {
        for (name, value) in headers {
            self.set(HeaderName::from_static(name), &value);
        }
    }

    /// Returns an answer with nothing in it.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: Bytes::new(),
        }
    }

    /// Adds what every answer carries; `unix` is the stand-in's time.
    pub(crate) fn stamp(&mut self, unix: i64, known_user: bool) {
        let since = Duration::from_secs(u64::try_from(unix).unwrap_or_default());
        self.set(DATE, &httpdate::fmt_http_date(UNIX_EPOCH + since));
        if known_user {
            self.set(
                SET_COOKIE,
                "CAKEPHP=sessionidsessionidsessionid; path=/; HttpOnly; SameSite=Lax",
            );
        }
    }

    /// Announces the length of the whole body, also where less will come.
    pub(crate) fn promise_length(&mut self) {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(self.body.len()));
    }

    fn of(status: StatusCode, content_type: &str, body: Bytes) -> Self {
        let mut answer = Self {
            status,
            headers: HeaderMap::new(),
            body,
        };
        answer.set(CONTENT_TYPE, content_type);
        answer
    }
}

/// Returns a strong tag of a page: FNV-1a over words, which is enough to distinguish two pages here.
pub(crate) fn etag(body: &[u8]) -> String {
    let (words, rest) = body.as_chunks::<8>();
    let step = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0100_0000_01b3).rotate_left(23);
    let hash = words.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, word| {
        step(hash, u64::from_le_bytes(*word))
    });
    let hash = rest.iter().fold(hash, |hash, byte| step(hash, u64::from(*byte)));
    format!("\"{hash:016x}\"")
}
