//! HTTP/1.1 without a client library's opinions.

use std::net::SocketAddr;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// A request that is being written.
#[must_use]
pub(crate) struct Ask {
    request: Request<Full<Bytes>>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: http::HeaderMap,
    pub(crate) body: Bytes,
}

impl Ask {
    pub(crate) fn new(method: Method, target: &str) -> Self {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().unwrap();
        request
            .headers_mut()
            .insert("host", HeaderValue::from_static("cratos.example.net"));
        Self { request }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new(Method::GET, target)
    }

    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name: HeaderName = name.parse().unwrap();
        self.request
            .headers_mut()
            .append(name, HeaderValue::from_bytes(value.as_ref()).unwrap());
        self
    }

    /// Asks under this name.
    pub(crate) fn host(mut self, host: &str) -> Self {
        let headers = self.request.headers_mut();
        headers.insert("host", HeaderValue::from_str(host).unwrap());
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        *self.request.body_mut() = Full::new(body.into());
        self
    }

    /// Sends it over a connection of its own.
    pub(crate) async fn send(self, to: SocketAddr) -> Answer {
        self.send_over(TcpStream::connect(to).await.unwrap()).await
    }

    /// Sends it over this connection, and nothing after it.
    pub(crate) async fn send_over(self, stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Answer {
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let response = sender.send_request(self.request).await.unwrap();
        let answer = Answer::received(response).await;
        drop(sender);
        let _ = connection.await;
        answer
    }

    /// Returns the method, and the path with its query.
    pub(super) fn target(&self) -> (Method, String) {
        (self.request.method().clone(), self.request.uri().to_string())
    }

    /// Returns it for a client of another kind.
    pub(crate) fn into_request(self) -> Request<Full<Bytes>> {
        self.request
    }
}

impl Answer {
    /// Waits for the rest of an answer.
    pub(crate) async fn received(response: Response<Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: head.status,
            headers: head.headers,
            body,
        }
    }

    /// Returns a header that must be there once.
    pub(crate) fn header(&self, name: &str) -> &str {
        let mut values = self.headers.get_all(name).iter();
        let value = values
            .next()
            .unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(values.next().is_none(), "{name} stands twice");
        value.to_str().unwrap()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {:?}", self.body))
    }

    /// Returns the words of an error, after a look at the rest of its body.
    pub(crate) fn detail(&self) -> Value {
        let problem = self.json();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["title"], self.status.canonical_reason().unwrap());
        assert!(problem["type"].is_string());
        problem["detail"].clone()
    }

    /// Returns status and body of a feed.
    pub(crate) fn feed(&self) -> (u16, &str) {
        (self.status.as_u16(), self.text())
    }
}

/// Sends bytes as they are and returns what comes until the other side closes; empty if nothing does.
pub(crate) async fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    // The server may answer and close before it has read everything.
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}
