//! The parts that several operations share: how a token is sent, the refusals, the headers of feeds.

use serde_json::{Map, Value, json};

/// The names of the ways in which a token can be sent beside the request; the last one is the path.
pub(super) const SECURITY: [&str; 4] = ["tokenHeader", "bearer", "basic", "tokenQuery"];

/// The server that stands for a token in the path.
pub(super) const TOKEN_IN_PATH: &str = "/t/{token}";

/// The answer to a request that is refused, in the words of the document. See [`Reject`](crate::reject::Reject).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    BadCredentials,
    Forbidden,
    NotFound,
    BodyIncomplete,
    BodyTooLarge,
    EncodedBody,
    Invalid,
    TooOften,
    Internal,
    Unavailable,
    TimedOut,
}

impl Refusal {
    const ALL: [Self; 11] = [
        Self::BadCredentials,
        Self::Forbidden,
        Self::NotFound,
        Self::BodyIncomplete,
        Self::BodyTooLarge,
        Self::EncodedBody,
        Self::Invalid,
        Self::TooOften,
        Self::Internal,
        Self::Unavailable,
        Self::TimedOut,
    ];

    pub(super) fn status(self) -> u16 {
        match self {
            Self::BadCredentials => 401,
            Self::Forbidden => 403,
            Self::NotFound => 404,
            Self::BodyIncomplete => 408,
            Self::BodyTooLarge => 413,
            Self::EncodedBody => 415,
            Self::Invalid => 422,
            Self::TooOften => 429,
            Self::Internal => 500,
            Self::Unavailable => 503,
            Self::TimedOut => 504,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::BadCredentials => "BadCredentials",
            Self::Forbidden => "Forbidden",
            Self::NotFound => "NotFound",
            Self::BodyIncomplete => "BodyIncomplete",
            Self::BodyTooLarge => "BodyTooLarge",
            Self::EncodedBody => "EncodedBody",
            Self::Invalid => "Invalid",
            Self::TooOften => "TooOften",
            Self::Internal => "Internal",
            Self::Unavailable => "Unavailable",
            Self::TimedOut => "TimedOut",
        }
    }

    pub(super) fn description(self) -> &'static str {
        match self {
            Self::BadCredentials => "No token, or Basic credentials that cannot be read.",
            Self::Forbidden => "The token or the address does not allow this.",
            Self::NotFound => "There is nothing of this name or number.",
            Self::BodyIncomplete => "The body did not arrive, or not in time.",
            Self::BodyTooLarge => "The body is too large.",
            Self::EncodedBody => {
                "The body is compressed, where `Accept-Encoding` says what is taken, or of a type that is not read."
            }
            Self::Invalid => "Parts of the request are wrong; `detail` lists all of them.",
            Self::TooOften => {
                "Asked too often from this address or with this token, or wrong tokens again and again; `Retry-After` says when to ask again."
            }
            Self::Internal => "A defect of the daemon; its log says which.",
            Self::Unavailable => {
                "MISP, or what is needed to ask it, is not there; `Retry-After` says when to ask again."
            }
            Self::TimedOut => "MISP was too slow; `Retry-After` says when to ask again.",
        }
    }

    fn says_when(self) -> bool {
        matches!(self, Self::TooOften | Self::Unavailable | Self::TimedOut)
    }

    fn response(self) -> Value {
        let schema = if matches!(self, Self::Invalid) {
            "InvalidRequest"
        } else {
            "Problem"
        };
        let mut response = json!({
            "description": self.description(),
            "content": { "application/problem+json": { "schema": reference("schemas", schema) } },
        });
        if let (true, Value::Object(fields)) = (self.says_when(), &mut response) {
            fields.insert("headers".to_owned(), headers(&["Retry-After"]));
        }
        if let (Self::BadCredentials, Value::Object(fields)) = (self, &mut response) {
            fields.insert("headers".to_owned(), headers(&["WWW-Authenticate"]));
        }
        response
    }
}

/// Returns a reference to a component.
pub(super) fn reference(kind: &str, name: &str) -> Value {
    json!({ "$ref": format!("#/components/{kind}/{name}") })
}

/// Returns these headers of an answer.
pub(crate) fn headers(names: &[&str]) -> Value {
    let headers = names
        .iter()
        .map(|name| ((*name).to_owned(), reference("headers", name)));
    Value::Object(headers.collect())
}

/// Every header that answers are described with.
const HEADERS: [(&str, &str); 16] = [
    ("Age", "Seconds since MISP was asked."),
    ("Cache-Control", "How long the answer counts as fresh."),
    ("Content-Encoding", "`gzip`, `br` or `zstd`, where the caller takes it."),
    (
        "ETag",
        "Strong entity tag of the body in its encoding; the same on every replica and after a restart.",
    ),
    ("Last-Modified", "When the body last changed."),
    ("Retry-After", "Seconds after which to ask again."),
    ("Vary", "What the answer depends on beside its URL."),
    ("WWW-Authenticate", "How to send credentials."),
    (
        "Warning",
        "`110` where the last good feed is served while MISP fails, or while a smaller set is held back.",
    ),
    ("X-Cache", "`HIT`, `MISS`, or `STALE` for an answer older than wanted."),
    ("X-Feed-Count", "Indicators in the body."),
    (
        "X-Feed-Dropped",
        "Values that were left out: invalid, kept out by the guard, or not to be carried by the format.",
    ),
    (
        "X-Feed-Dropped-Reasons",
        "The same by reason, such as `bad_label=2, special_purpose=1`; not there where nothing was left out.",
    ),
    (
        "X-Feed-Held",
        "`from=200, to=20, since=2026-11-29T08:00:00Z` where a smaller set is held back; else not there.",
    ),
    (
        "X-Feed-Limits",
        "The limits of token and query within which this is the feed, such as `max_tlp=amber`; not there where there are none.",
    ),
    (
        "X-Feed-Truncated",
        "`truncated=12345, limit=131072, kept=newest` where the feed has more values than the output or the query allows; else not there.",
    ),
];

/// Returns the `components` of the document.
pub(super) fn components(schemas: Map<String, Value>) -> Value {
    let responses = Refusal::ALL.map(|refusal| (refusal.name().to_owned(), refusal.response()));
    let headers = HEADERS.map(|(name, description)| {
        let header = json!({ "description": description, "schema": { "type": "string" } });
        (name.to_owned(), header)
    });
    json!({
        "securitySchemes": {
            "tokenHeader": { "type": "apiKey", "in": "header", "name": "token", "description": "The token in a header of its own." },
            "tokenQuery": {
                "type": "apiKey", "in": "query", "name": "token",
                "description": "The token in the query; proxies log it, so take a header where the device can send one.",
            },
            "bearer": { "type": "http", "scheme": "bearer", "description": "The token as bearer credentials." },
            "basic": {
                "type": "http", "scheme": "basic",
                "description": "The user `cratos` and the token as password, or the token cut in two anywhere.",
            },
        },
        "responses": responses.into_iter().collect::<Map<_, _>>(),
        "headers": headers.into_iter().collect::<Map<_, _>>(),
        "schemas": schemas,
    })
}
