//! One request: its URL, its secret, its limits, and when it is sent again.

use std::future::Future;

use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use reqwest::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use url::Url;

use crate::client::Client;
use crate::error::Error;
use crate::problem::Problem;
use crate::raw_answer::{RawAnswer, Secret};
use crate::token::bearer;

/// Whether a request may be sent again when its connection failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeat {
    /// It changes nothing at the server.
    Safe,
    /// The first one may have arrived.
    Unsafe,
}

/// Whether a request carries the client's token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Auth {
    Token,
    /// The body holds a secret instead.
    None,
}

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Option<SecretString>,
    pub(crate) repeat: Repeat,
    pub(crate) auth: Auth,
    /// Secrets of the body, which a server may repeat in its answer.
    pub(crate) secrets: Vec<Secret>,
}

impl Request {
    pub(crate) fn new(method: Method, url: Url, repeat: Repeat) -> Self {
        Self {
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            repeat,
            auth: Auth::Token,
            secrets: Vec::new(),
        }
    }

    /// Sets a JSON body, and asks for a JSON answer.
    pub(crate) fn json(mut self, body: &serde_json::Value) -> Self {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        self.headers.insert(CONTENT_TYPE, JSON);
        self.headers.insert(ACCEPT, JSON);
        self.body = Some(body.to_string().into());
        self
    }
}

impl Client {
    /// Returns the URL of a path below the base, with these segments before and behind it. The query of the path stays
    /// the query.
    pub(crate) fn url_of(&self, before: &[&str], path: &str, behind: &[&str]) -> Url {
        let mut url = self.shared.base.clone();
        let (path, query) = path
            .split_once('?')
            .map_or((path, None), |(path, query)| (path, Some(query)));
        let inner = path.split('/').filter(|word| !word.is_empty());
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty();
            segments.extend(before.iter().copied().chain(inner).chain(behind.iter().copied()));
        }
        url.set_query(query);
        url
    }

    /// Sends a request once, and returns the head of the answer.
    pub(crate) async fn send(&self, request: &Request) -> Result<RawAnswer, Error> {
        let mut secrets = request.secrets.clone();
        let timeout = self.shared.timeout;
        let mut sent = self
            .shared
            .http
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .timeout(timeout);
        if request.auth == Auth::Token {
            let token = self.read_token()?;
            sent = sent.header(AUTHORIZATION, bearer(&token).map_err(Error::Token)?);
            secrets.push(("(the token)", token));
        }
        if let Some(body) = &request.body {
            sent = sent.body(body.expose_secret().to_owned());
        }
        let response = sent.send().await.map_err(|error| Error::transport(error, timeout))?;
        Ok(RawAnswer { response, secrets })
    }

    /// Sends a request and returns its answer, which must be JSON with the status `expected`.
    pub(crate) async fn json<T: DeserializeOwned>(&self, request: Request, expected: StatusCode) -> Result<T, Error> {
        let body = self
            .repeat(request.repeat, || async {
                let answer = self.send(&request).await?;
                if answer.response.status() != expected {
                    return Err(failure(answer).await);
                }
                self.body(answer.response).await
            })
            .await?;
        serde_json::from_slice(&body).map_err(|error| Error::Unreadable(without_text(&error)))
    }

    /// Makes attempts as the retry policy says, until one succeeds or fails for good.
    pub(crate) async fn repeat<T, F>(&self, repeat: Repeat, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let retry = &self.shared.retry;
        let (mut failures, mut waits) = (0, 0);
        loop {
            let error = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let pause = match &error {
                Error::Unavailable(problem)
                    if problem.status() == StatusCode::TOO_MANY_REQUESTS.as_u16() && waits < retry.waits =>
                {
                    waits += 1;
                    retry.wait_after(problem.retry_after())
                }
                Error::Connection(_) if repeat == Repeat::Safe && failures + 1 < retry.attempts => {
                    failures += 1;
                    retry.pause_after(failures)
                }
                _ => return Err(error),
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns the token.
    pub(crate) fn read_token(&self) -> Result<SecretString, Error> {
        let token = self.shared.token.as_ref().ok_or(Error::NoToken)?;
        token.read().map_err(Error::Token)
    }

    async fn body(&self, mut response: Response) -> Result<Vec<u8>, Error> {
        let (limit, timeout) = (self.shared.max_body, self.shared.timeout);
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| Error::transport(error, timeout))?
        {
            if body.len() + chunk.len() > limit {
                return Err(Error::TooLarge { limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

/// Makes an error of an answer whose status is not the expected one.
pub(crate) async fn failure(answer: RawAnswer) -> Error {
    let status = answer.response.status();
    let problem = Problem::read(answer).await;
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused(problem),
        // These ask for patience, as a fault of the server does.
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            Error::Unavailable(problem)
        }
        status if status.is_client_error() => Error::Rejected(problem),
        _ => Error::Unavailable(problem),
    }
}

/// Returns the place and kind of a JSON error. Its text is left out: it can repeat a part of the answer, for example a
/// token.
fn without_text(error: &serde_json::Error) -> std::io::Error {
    let kind = match error.classify() {
        serde_json::error::Category::Data => "the JSON has another shape than this route gives",
        _ => "the body is not JSON",
    };
    let what = format!("{kind}, line {} column {}", error.line(), error.column());
    std::io::Error::new(std::io::ErrorKind::InvalidData, what)
}
