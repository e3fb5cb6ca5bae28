//! Requests to DefectDojo: with the key, within limits of time and size, and repeated where that helps.

use std::path::Path;
use std::time::{Duration, SystemTime};

use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, Response, StatusCode};
use serde::de::DeserializeOwned;
use service_kit::{Backoff, Jitter};
use url::Url;

use crate::error::AskError;
use config_file::SecretFile;

/// The longest time for a connection. A server that does not accept one gets no more time.
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// The attempts of a request when the connection fails.
const ATTEMPTS: u32 = 3;

/// The most answers 429 that are waited out.
const MAX_WAITS: u32 = 5;

/// The wait after a 429 without `Retry-After`.
const USUAL_WAIT: Duration = Duration::from_secs(5);

/// Time limits and pauses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timing {
    /// One answer, from the first byte sent to the last one read.
    pub timeout: Duration,
    /// The pause before a question is sent again after a failed connection; doubled each time.
    pub retry_pause: Duration,
    /// The longest pause that a server can ask for.
    pub longest_wait: Duration,
}

impl Timing {
    /// Returns the usual pauses, with this much time for one answer.
    #[must_use]
    pub const fn new(timeout: Duration) -> Self {
        Self {
            timeout,
            retry_pause: Duration::from_millis(500),
            longest_wait: Duration::from_secs(120),
        }
    }

    /// Sets the pause before a question is sent again after a failed connection.
    #[must_use]
    pub const fn retry_pause(mut self, pause: Duration) -> Self {
        self.retry_pause = pause;
        self
    }
}

/// Whether a request may be sent again when it is unknown whether it arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    Yes,
    No,
}

/// One server with its secret.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    http: Client,
    base: Url,
    secret: SecretFile,
    scheme: &'static str,
    timing: Timing,
    max_body: usize,
}

/// One question.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// The path below the base, in its segments.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a [(&'a str, &'a str)],
    pub(crate) body: Option<serde_json::Value>,
    pub(crate) again: Again,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    body: Vec<u8>,
}

impl Access {
    /// Returns the access to the server at `base`. `scheme` is the word before the secret in `Authorization`.
    pub(crate) fn new(
        base: &Url,
        secret: SecretFile,
        scheme: &'static str,
        ca_file: Option<&Path>,
        timing: Timing,
        max_body: usize,
    ) -> Result<Self, AskError> {
        let mut http = Client::builder()
            // A redirect would carry the secret to another host.
            .redirect(Policy::none())
            // An answer that is not compressed cannot unfold beyond its limit.
            .no_gzip()
            .no_proxy()
            .connect_timeout(timing.timeout.min(MAX_CONNECT))
            .timeout(timing.timeout)
            .user_agent(concat!("cratos-agent/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|error| AskError::Certificates(error.into()))?;
            let read = reqwest::Certificate::from_pem_bundle(&pem);
            http = http.tls_certs_merge(read.map_err(|error| AskError::Certificates(error.into()))?);
        }
        Ok(Self {
            http: http.build().map_err(|error| AskError::Certificates(error.into()))?,
            base: base.clone(),
            secret,
            scheme,
            timing,
            max_body,
        })
    }

    /// Sends a request, and returns the answer if its status is one of `expected`.
    pub(crate) async fn ask(&self, question: Question<'_>, expected: &[u16]) -> Result<Answer, AskError> {
        let (mut failures, mut waits) = (0, 0);
        loop {
            let pause = match self.ask_once(&question).await {
                Ok((answer, _)) if answer.status != StatusCode::TOO_MANY_REQUESTS => return judged(answer, expected),
                Ok((_, wait)) => {
                    waits += 1;
                    if waits > MAX_WAITS {
                        return Err(AskError::Busy);
                    }
                    wait.unwrap_or(USUAL_WAIT).min(self.timing.longest_wait)
                }
                Err(error) if error.is_connection() && question.again == Again::Yes => {
                    failures += 1;
                    if failures >= ATTEMPTS {
                        return Err(error);
                    }
                    self.pause_after(failures)
                }
                Err(error) => return Err(error),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits the pause after this many failures in a row.
    pub(crate) async fn pause(&self, failures: u32) {
        tokio::time::sleep(self.pause_after(failures)).await;
    }

    fn pause_after(&self, failures: u32) -> Duration {
        let first = self.timing.retry_pause;
        let backoff = Backoff::new(first, first.saturating_mul(64)).jitter(Jitter::between(0.5, 1.5));
        backoff.wait(failures)
    }

    async fn ask_once(&self, question: &Question<'_>) -> Result<(Answer, Option<Duration>), AskError> {
        let secret = self.secret.header(self.scheme).map_err(|source| AskError::Secret {
            path: self.secret.path().to_owned(),
            source,
        })?;
        let mut request = self
            .http
            .request(question.method.clone(), self.url(question))
            .header(AUTHORIZATION, secret)
            .header(ACCEPT, "application/json");
        if let Some(body) = &question.body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        let response = request.send().await.map_err(|error| self.failure(error))?;
        let wait = retry_after(response.headers());
        Ok((self.whole(response).await?, wait))
    }

    fn url(&self, question: &Question<'_>) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty();
            path.extend(question.path);
        }
        if !question.query.is_empty() {
            url.query_pairs_mut().extend_pairs(question.query);
        }
        url
    }

    async fn whole(&self, mut response: Response) -> Result<Answer, AskError> {
        let status = response.status();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.failure(error))? {
            if body.len() + chunk.len() > self.max_body {
                return Err(AskError::TooLarge { limit: self.max_body });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, body })
    }

    fn failure(&self, error: reqwest::Error) -> AskError {
        if error.is_timeout() && !error.is_connect() {
            return AskError::TooSlow {
                after: self.timing.timeout,
            };
        }
        AskError::Connection(error.without_url().into())
    }
}

impl Answer {
    /// Reads the body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, AskError> {
        serde_json::from_slice(&self.body).map_err(AskError::Json)
    }
}

fn judged(answer: Answer, expected: &[u16]) -> Result<Answer, AskError> {
    let status = answer.status.as_u16();
    match status {
        status if expected.contains(&status) => Ok(answer),
        401 | 403 => Err(AskError::Refused { status }),
        _ => Err(AskError::Status { status }),
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?;
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = httpdate::parse_http_date(text).ok()?;
    until.duration_since(SystemTime::now()).ok()
}
