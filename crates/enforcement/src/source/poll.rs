//! The source that polls: conditional questions over HTTP.

use std::path::Path;
use std::time::Duration;

use config_file::SecretFile;
use feed_classification::IndicatorType;
use reqwest::header::{ACCEPT_ENCODING, AUTHORIZATION, HeaderValue, IF_NONE_MATCH};
use reqwest::redirect::Policy;
use service_kit::chance;
use tokio::time::Instant;
use url::Url;

use super::pace::Pace;
use super::{FeedSource, News, Next, SourceError, answer, parse, url_of};

/// A server that does not even accept is not worth the time that an answer may take.
const MAX_CONNECT: Duration = Duration::from_secs(10);

/// How cratosd is asked; one for all feeds.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) http: reqwest::Client,
    pub(super) token: SecretFile,
    pub(super) timeout: Duration,
    pub(super) max_body: usize,
}

impl Server {
    /// Makes it ready to be asked. `ca_file` holds certificates (PEM) that are trusted beside those of the system.
    ///
    /// An answer is waited for as long as `timeout` from the first byte sent to the last one read, and may have `max_body` bytes.
    /// A stream is waited for until it begins; each of its changes may have as many bytes.
    ///
    /// # Errors
    /// If the certificates cannot be read.
    pub fn new(
        token: SecretFile,
        ca_file: Option<&Path>,
        timeout: Duration,
        max_body: usize,
    ) -> Result<Self, SourceError> {
        let mut http = reqwest::Client::builder()
            // A redirect would carry the token to another host.
            .redirect(Policy::none())
            // Decompressed by ourselves, within bounds.
            .no_gzip()
            .no_proxy()
            .connect_timeout(timeout.min(MAX_CONNECT))
            .user_agent(concat!("cratos-agent/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = ca_file {
            let pem = std::fs::read(path).map_err(|error| SourceError::Certificates(error.into()))?;
            let read = reqwest::Certificate::from_pem_bundle(&pem);
            http = http.tls_certs_merge(read.map_err(|error| SourceError::Certificates(error.into()))?);
        }
        let http = http.build().map_err(|error| SourceError::Certificates(error.into()))?;
        Ok(Self {
            http,
            token,
            timeout,
            max_body,
        })
    }
}

/// One feed, asked for again and again.
#[derive(Debug)]
pub struct Poll {
    server: Server,
    url: Url,
    kind: IndicatorType,
    pace: Pace,
    due: Option<Instant>,
}

impl Poll {
    /// Makes a source of the feed below `base`: `feed` is its path up to the age, such as `v1/feed/block/type/ip/age/1w`, and its
    /// limits as a query.
    #[must_use]
    pub fn new(server: Server, base: &Url, feed: &str, kind: IndicatorType, interval: Duration) -> Self {
        let url = url_of(base, &[], feed, &["output", parse::output(kind)]);
        let pace = Pace::new(interval);
        Self {
            server,
            url,
            kind,
            pace,
            due: None,
        }
    }

    /// Lets the next question wait for so long from now on.
    pub(super) fn wait(&mut self, pause: Duration) {
        self.due = Some(Instant::now() + pause);
    }

    async fn ask(&self, known: Option<&str>) -> Result<News, SourceError> {
        let server = &self.server;
        let mut request = server
            .http
            .get(self.url.clone())
            .timeout(server.timeout)
            .header(
                AUTHORIZATION,
                server.token.header("Bearer").map_err(SourceError::Token)?,
            )
            .header(ACCEPT_ENCODING, "zstd, gzip");
        let known = known.and_then(|tag| HeaderValue::from_str(tag).ok());
        let conditional = known.is_some();
        if let Some(tag) = known {
            request = request.header(IF_NONE_MATCH, tag);
        }
        let response = request.send().await.map_err(|error| self.connection(error))?;
        let Some(response) = answer::judged(response, conditional, &server.token).await? else {
            return Ok(News::Unchanged);
        };
        let answer = answer::whole(response, server.max_body)
            .await
            .map_err(|error| match error {
                SourceError::Connection(source) if timed_out(source.as_ref()) => self.too_slow(),
                other => other,
            })?;
        let kind = self.kind;
        let read = tokio::task::spawn_blocking(move || read(kind, answer)).await;
        read.map_err(|error| SourceError::Connection(error.into()))?
    }

    fn connection(&self, error: reqwest::Error) -> SourceError {
        if error.is_timeout() {
            return self.too_slow();
        }
        SourceError::Connection(error.without_url().into())
    }

    fn too_slow(&self) -> SourceError {
        SourceError::TooSlow {
            after: self.server.timeout,
        }
    }
}

impl FeedSource for Poll {
    fn next<'a>(&'a mut self, known: Option<&'a str>) -> Next<'a> {
        Box::pin(async move {
            if let Some(due) = self.due {
                tokio::time::sleep_until(due).await;
            }
            let outcome = self.ask(known).await;
            let pause = match &outcome {
                Ok(_) => self.pace.after_answer(chance()),
                Err(error) => self.pace.after_failure(error.retry_after(), chance()),
            };
            self.due = Some(Instant::now() + pause);
            outcome
        })
    }
}

fn read(kind: IndicatorType, answer: answer::Answer) -> Result<News, SourceError> {
    let parsed = parse::values(kind, &answer.decoded()?)?;
    if parsed.found != answer.count {
        return Err(SourceError::WrongCount {
            said: answer.count,
            found: parsed.found,
        });
    }
    Ok(News::Whole {
        set: parsed.set,
        etag: answer.etag,
        refused: parsed.refused,
    })
}

fn timed_out(error: &(dyn std::error::Error + 'static)) -> bool {
    error
        .downcast_ref::<reqwest::Error>()
        .is_some_and(reqwest::Error::is_timeout)
}
