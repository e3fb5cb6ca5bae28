//! Sends a question and takes its answer piece by piece, within bounds of time and size.

use std::borrow::Cow;
use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use service_kit::{StepKind, TraceContext, causes};
use tokio::time::{Instant, timeout};

use crate::breakers::Breakers;
use crate::connections::Connections;
use crate::refusal::refusal;
use crate::request::Request;
use crate::retry::RetryPolicy;
use crate::traffic::TrafficCounter;
use crate::{BaseUrl, Error, ErrorKind};

/// The header of W3C Trace Context.
const TRACEPARENT: &str = "traceparent";

/// The light question that finds out whether MISP answers again, and its time.
const LIGHT_QUESTION: &str = "/servers/getVersion";
const LIGHT_QUESTION_TIME: Duration = Duration::from_secs(10);

/// As much of the body of an error answer as the client reads.
const MAX_ERROR_BODY: u64 = 64 << 10;

/// The way to one MISP with one key, with its bounds.
#[derive(Clone)]
pub(crate) struct Transport {
    connections: Connections,
    base_url: Arc<BaseUrl>,
    /// The key, marked as secret. It goes to `base_url` only.
    key: HeaderValue,
    timeout: Duration,
    silence: Duration,
    retries: RetryPolicy,
    traffic: TrafficCounter,
    breakers: Breakers,
}

impl Transport {
    pub(crate) fn new(
        connections: Connections,
        base_url: BaseUrl,
        key: HeaderValue,
        timeout: Duration,
        silence: Duration,
    ) -> Self {
        Self {
            connections,
            base_url: Arc::new(base_url),
            key,
            timeout,
            silence,
            retries: RetryPolicy::default(),
            traffic: TrafficCounter::default(),
            breakers: Breakers::default(),
        }
    }

    pub(crate) fn with_retries(self, retries: RetryPolicy) -> Self {
        Self { retries, ..self }
    }

    pub(crate) fn with_breakers(self, breakers: Breakers) -> Self {
        Self { breakers, ..self }
    }

    pub(crate) fn traffic(&self) -> &TrafficCounter {
        &self.traffic
    }

    pub(crate) fn base_url(&self) -> &BaseUrl {
        &self.base_url
    }

    pub(crate) fn connections(&self) -> &Connections {
        &self.connections
    }

    /// Returns the time-out of a question.
    pub(crate) fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Sends a question and returns the answer when its status is 200 or one of `also`; its body may have `max_bytes`.
    pub(crate) async fn ask(&self, request: Request, max_bytes: u64, also: &[StatusCode]) -> Result<Answer, Error> {
        self.ask_within(self.timeout, request, max_bytes, also).await
    }

    /// As [`ask`](Self::ask), and waits no longer than this for the whole answer.
    pub(crate) async fn ask_within(
        &self,
        time: Duration,
        request: Request,
        max_bytes: u64,
        also: &[StatusCode],
    ) -> Result<Answer, Error> {
        let mut waited = Duration::ZERO;
        loop {
            self.admit(&request).await?;
            let error = match self.ask_once(time, &request, max_bytes, also).await {
                Err(error) => error,
                answer => return answer,
            };
            self.breakers.failed(&error);
            let Some(wait) = self.retries.wait_for_limit(&error, waited) else {
                return Err(error);
            };
            // Not a part of the time that MISP may take for the question.
            tokio::time::sleep(wait).await;
            waited += wait;
        }
    }

    /// Returns when the question may be sent. While a breaker is open, a light question goes first when it is time for
    /// a try.
    async fn admit(&self, request: &Request) -> Result<(), Error> {
        let at = |error: Error| error.at(request.endpoint.clone());
        let tries = self.breakers.admit().map_err(at)?;
        if tries.is_none() {
            return Ok(());
        }
        let light = Request::get(LIGHT_QUESTION);
        let time = LIGHT_QUESTION_TIME.min(self.timeout);
        let answer = match self.ask_once(time, &light, MAX_ERROR_BODY, &[]).await {
            Ok(mut answer) => answer.body().await,
            Err(error) => Err(error),
        };
        tries.ended(answer.as_ref().err());
        match answer {
            // Any other answer shows that MISP is there.
            Err(error) if error.status().is_none() || error.kind() == ErrorKind::KeyRefused => Err(error),
            _ => Ok(()),
        }
    }

    async fn ask_once(
        &self,
        time: Duration,
        request: &Request,
        max_bytes: u64,
        also: &[StatusCode],
    ) -> Result<Answer, Error> {
        let endpoint = request.endpoint.clone();
        let mut budget = Budget::new(time);
        let answer = match self.send_with_retries(request, &mut budget).await {
            Ok(answer) => answer,
            Err(error) => return Err(error.at(endpoint)),
        };
        let mut answer = Answer {
            http: answer,
            endpoint: endpoint.clone(),
            budget,
            silence: self.silence,
            left: max_bytes,
            traffic: self.traffic.clone(),
            breakers: self.breakers.clone(),
        };
        if answer.status() == StatusCode::OK {
            return Ok(answer);
        }
        if also.contains(&answer.status()) {
            // It may have no body to read.
            self.breakers.answered();
            return Ok(answer);
        }
        answer.left = answer.left.min(MAX_ERROR_BODY);
        // Any part of the body is enough: the status is the error.
        let body = answer.error_body().await;
        Err(refusal(answer.status(), answer.headers(), &body).at(endpoint))
    }

    async fn send_with_retries(&self, request: &Request, budget: &mut Budget) -> Result<reqwest::Response, Error> {
        let mut failed = 0;
        loop {
            let error = match self.send(request, budget).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            failed += 1;
            match self.retries.wait(failed) {
                Some(wait) if request.repeatable && error.is_retryable() && budget.left > wait => {
                    budget.spend(tokio::time::sleep(wait), wait).await.ok();
                }
                _ => return Err(error),
            }
        }
    }

    async fn send(&self, request: &Request, budget: &mut Budget) -> Result<reqwest::Response, Error> {
        let url = format!("{}{}", self.base_url, request.path);
        let mut builder = self
            .connections
            .http()
            .request(request.method.clone(), url)
            .headers(request.headers.clone())
            .header(header::AUTHORIZATION, self.key.clone());
        if let Some(body) = &request.body {
            builder = builder.body(body.clone());
        }
        let trace = TraceContext::current().map(|above| above.child());
        if let Some(trace) = &trace {
            builder = builder.header(TRACEPARENT, trace.traceparent());
        }
        let began = SystemTime::now();
        self.traffic.sent();
        let outcome = match budget.spend(builder.send(), budget.left).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) => Err(send_error(error, self.base_url.is_https())),
            Err(OutOfTime) => Err(Error::new(ErrorKind::Timeout).with_detail("no answer came")),
        };
        if let Some(trace) = trace {
            trace.report(StepKind::Client, began, |step| {
                step.name = format!("{} {}", request.method, request.endpoint);
                step.facts = vec![("http.request.method", request.method.to_string())];
                step.status = outcome.as_ref().ok().map(|answer| answer.status().as_u16());
                step.is_failed = step.status.is_none_or(|status| status >= 400);
            });
        }
        outcome
    }
}

/// The time that the client may still wait for MISP. The caller's work between two waits does not count.
#[derive(Debug)]
struct Budget {
    left: Duration,
    spent: Duration,
}

struct OutOfTime;

impl Budget {
    fn new(left: Duration) -> Self {
        let spent = Duration::ZERO;
        Self { left, spent }
    }

    async fn spend<F: Future>(&mut self, work: F, at_most: Duration) -> Result<F::Output, OutOfTime> {
        let began = Instant::now();
        let outcome = timeout(at_most.min(self.left), work).await;
        let spent = began.elapsed();
        self.left = self.left.saturating_sub(spent);
        self.spent += spent;
        outcome.map_err(|_| OutOfTime)
    }
}

/// An answer with the right status, before its body.
#[derive(Debug)]
pub(crate) struct Answer {
    http: reqwest::Response,
    endpoint: Cow<'static, str>,
    budget: Budget,
    silence: Duration,
    left: u64,
    traffic: TrafficCounter,
    breakers: Breakers,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.http.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.http.headers()
    }

    /// Returns a header that is a number; `None` when it is missing or not a number.
    pub(crate) fn count(&self, name: &str) -> Option<u64> {
        self.headers().get(name)?.to_str().ok()?.trim().parse().ok()
    }

    /// Returns MISP's clock at the time of the answer, in unix seconds.
    pub(crate) fn date(&self) -> Option<i64> {
        let date = httpdate::parse_http_date(self.headers().get(header::DATE)?.to_str().ok()?).ok()?;
        let since = date.duration_since(std::time::UNIX_EPOCH).ok()?;
        i64::try_from(since.as_secs()).ok()
    }

    /// Returns how long the client has waited for MISP so far.
    pub(crate) fn waited(&self) -> Duration {
        self.budget.spent
    }

    /// Returns the next piece of the body, decompressed; `None` at its proper end.
    pub(crate) async fn piece(&mut self) -> Result<Option<Bytes>, Error> {
        let piece = self.next_piece().await;
        // Other statuses are judged with the question.
        if self.status() == StatusCode::OK {
            match &piece {
                Ok(None) => self.breakers.answered(),
                Ok(Some(_)) => {}
                Err(error) => self.breakers.failed(error),
            }
        }
        piece
    }

    async fn next_piece(&mut self) -> Result<Option<Bytes>, Error> {
        let silence = self.silence;
        let piece = match self.budget.spend(self.http.chunk(), silence).await {
            Ok(Ok(piece)) => piece,
            Ok(Err(error)) => return Err(body_error(error).at(self.endpoint.clone())),
            Err(OutOfTime) => {
                let detail = "the answer began, but did not end in time";
                return Err(Error::new(ErrorKind::Timeout)
                    .with_detail(detail)
                    .at(self.endpoint.clone()));
            }
        };
        let Some(piece) = piece else { return Ok(None) };
        self.traffic.received(piece.len());
        match self.left.checked_sub(piece.len() as u64) {
            Some(left) => self.left = left,
            None => return Err(Error::new(ErrorKind::TooLarge).at(self.endpoint.clone())),
        }
        Ok(Some(piece))
    }

    /// Returns the whole body; for small answers.
    pub(crate) async fn body(&mut self) -> Result<Vec<u8>, Error> {
        let mut body = Vec::new();
        while let Some(piece) = self.piece().await? {
            body.extend_from_slice(&piece);
        }
        Ok(body)
    }

    async fn error_body(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        while let Ok(Some(piece)) = self.piece().await {
            body.extend_from_slice(&piece);
        }
        body
    }
}

/// Returns the error of a question that got no answer.
fn send_error(error: reqwest::Error, https: bool) -> Error {
    let error = error.without_url();
    let kind = if is_tls(&error) || (https && error.is_connect() && ended_in_handshake(&error)) {
        ErrorKind::Tls
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else if error.is_connect() {
        ErrorKind::Connect
    } else if is_broken_connection(&error) {
        return Error::new(ErrorKind::Connect)
            .with_detail("lost before an answer came")
            .with_source(error);
    } else {
        return Error::new(ErrorKind::UnexpectedAnswer)
            .with_detail("not HTTP, or not as it should be")
            .with_source(error);
    };
    Error::new(kind).with_source(error)
}

fn body_error(error: reqwest::Error) -> Error {
    let kind = if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        ErrorKind::CutShort
    };
    Error::new(kind).with_source(error.without_url())
}

/// Returns the I/O errors among the causes. `source` of an I/O error skips the error that it wraps, and that may be
/// another I/O error.
fn io_causes(error: &reqwest::Error) -> impl Iterator<Item = &io::Error> {
    fn wrapped<'a>(cause: &&'a io::Error) -> Option<&'a io::Error> {
        cause.get_ref()?.downcast_ref()
    }
    causes(error)
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .flat_map(|outer| std::iter::successors(Some(outer), wrapped))
}

fn is_tls(error: &reqwest::Error) -> bool {
    causes(error).any(|cause| cause.is::<rustls::Error>())
        || io_causes(error).any(|cause| cause.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()))
}

fn ended_in_handshake(error: &reqwest::Error) -> bool {
    io_causes(error).any(|cause| cause.kind() == io::ErrorKind::UnexpectedEof)
}

fn is_broken_connection(error: &reqwest::Error) -> bool {
    use io::ErrorKind as Io;
    let broken = |kind| {
        matches!(
            kind,
            Io::ConnectionReset | Io::ConnectionAborted | Io::BrokenPipe | Io::UnexpectedEof
        )
    };
    io_causes(error).any(|cause| broken(cause.kind()))
        || causes(error).any(|cause| {
            cause
                .downcast_ref::<hyper::Error>()
                .is_some_and(hyper::Error::is_incomplete_message)
        })
}
