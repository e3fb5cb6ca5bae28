//! A small server in place of cratosd: it notes requests, and its answers come from a closure.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use cratos_client::{Builder, Client, Retry, Token};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

pub(crate) const TOKEN: &str = "a-token-of-cratosd";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// The path and the query.
    pub(crate) target: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
}

/// The answer to a request; `None` ends the connection without one.
pub(crate) type Answer = Option<Response<Full<Bytes>>>;

impl Server {
    /// Answers each request by `answer`, which gets the request and its number from 0.
    pub(crate) async fn start(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static) -> Self {
        Self::serve(answer, None).await
    }

    /// As `start`, behind TLS.
    pub(crate) async fn start_tls(
        answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static,
        tls: TlsAcceptor,
    ) -> Self {
        Self::serve(answer, Some(tls)).await
    }

    async fn serve(answer: impl Fn(&Seen, usize) -> Answer + Send + Sync + 'static, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let server = Self {
            url: format!("{scheme}://{address}"),
            seen: Arc::clone(&seen),
        };
        let answer = Arc::new(answer);
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let (seen, answer, tls) = (Arc::clone(&seen), Arc::clone(&answer), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => connection(socket, seen, answer).await,
                        // A client that does not trust the certificate goes away.
                        Some(tls) => {
                            if let Ok(socket) = tls.accept(socket).await {
                                connection(socket, seen, answer).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Returns the settings of a client for this server, with short pauses.
    pub(crate) fn settings(&self) -> Builder {
        Client::builder(self.url.parse().unwrap())
            .token(Token::new(TOKEN))
            .timeout(Duration::from_secs(20))
            .max_body(100_000)
            .retry(Retry::default().pause(Duration::from_millis(1)))
    }

    pub(crate) fn client(&self) -> Client {
        self.settings().build().unwrap()
    }
}

async fn connection(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<impl Fn(&Seen, usize) -> Answer>,
) {
    let service = service_fn(|request: Request<Incoming>| {
        let (seen, answer) = (Arc::clone(&seen), Arc::clone(&answer));
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let request = Seen {
                method: head.method.to_string(),
                target: head.uri.to_string(),
                headers: head.headers,
                body: String::from_utf8(body.to_vec()).unwrap(),
            };
            let number = {
                let mut seen = seen.lock().unwrap();
                seen.push(request.clone());
                seen.len() - 1
            };
            answer(&request, number).ok_or(std::io::Error::other("no answer"))
        }
    });
    // A test may leave at any time.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .await;
}

/// An answer with this status, these headers and this body.
pub(crate) fn reply(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    Some(response.body(Full::new(body.into())).unwrap())
}

/// A feed with these values and the right count.
pub(crate) fn feed(values: &[&str]) -> Answer {
    let count = values.len().to_string();
    reply(
        200,
        &[("x-feed-count", &count), ("etag", "\"one\"")],
        values.join("\r\n"),
    )
}

/// An error as cratosd writes it.
pub(crate) fn problem(status: u16, detail: &str) -> Answer {
    let body = serde_json::json!({ "detail": detail, "type": "about:blank", "status": status });
    reply(
        status,
        &[("content-type", "application/problem+json")],
        body.to_string(),
    )
}
