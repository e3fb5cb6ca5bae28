//! A server with scripted answers, byte by byte, on a socket.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use misp_client::{AuthKey, BaseUrl, Client, ClientBuilder};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

pub(crate) const KEY: &str = "0123456789abcdefghijklmnopqrstuvwxyzABCD";

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    /// Head in lower case, but for nothing: names and values as sent.
    pub(crate) head: String,
    pub(crate) body: String,
    /// The connection that it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(crate) fn page(&self) -> u64 {
        self.json()["page"].as_u64().unwrap()
    }
}

/// An answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reply {
    steps: Vec<Step>,
    /// Keep the connection for a further request.
    keep: bool,
}

#[derive(Clone, Debug)]
enum Step {
    Send(Vec<u8>),
    /// These bytes again and again with pauses, until the other side goes away.
    Forever(Vec<u8>, Duration),
    /// Nothing more, and no end.
    Hang,
}

impl Reply {
    /// A whole answer, with its length.
    pub(crate) fn new(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut reply = Self::head(status, headers, Some(body.len()));
        reply.keep = true;
        reply.then(body)
    }

    pub(crate) fn json(body: impl AsRef<[u8]>) -> Self {
        Self::new(200, &[("Content-Type", "application/json; charset=UTF-8")], body)
    }

    /// A page with MISP's headers.
    pub(crate) fn page(body: impl AsRef<[u8]>, count: u64, skipped: u64) -> Self {
        let (count, skipped) = (count.to_string(), skipped.to_string());
        Self::new(
            200,
            &[("X-Result-Count", &count), ("X-Skipped-Elements-Count", &skipped)],
            body,
        )
    }

    /// The head alone; without a length the body goes on until the connection ends.
    pub(crate) fn head(status: u16, headers: &[(&str, &str)], length: Option<usize>) -> Self {
        let mut head = format!("HTTP/1.1 {status} Whatever\r\nDate: Sun, 22 Nov 2026 00:39:03 GMT\r\n");
        for (name, value) in headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match length {
            Some(length) => head.push_str(&format!("Content-Length: {length}\r\n\r\n")),
            None => head.push_str("\r\n"),
        }
        Self {
            steps: vec![Step::Send(head.into_bytes())],
            keep: false,
        }
    }

    /// No answer at all, and the connection ends.
    pub(crate) fn nothing() -> Self {
        Self::default()
    }

    pub(crate) fn then(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.steps.push(Step::Send(bytes.as_ref().to_vec()));
        self
    }

    pub(crate) fn then_forever(mut self, bytes: impl AsRef<[u8]>, pause: Duration) -> Self {
        self.steps.push(Step::Forever(bytes.as_ref().to_vec(), pause));
        self
    }

    pub(crate) fn then_hang(mut self) -> Self {
        self.steps.push(Step::Hang);
        self
    }

    /// The same head, and then no more than so many bytes of the body.
    pub(crate) fn cut_off_and_hang(mut self, after: usize) -> Self {
        if let Some(Step::Send(body)) = self.steps.last_mut() {
            body.truncate(after);
        }
        self.then_hang()
    }

    async fn send<S: AsyncWrite + Unpin>(&self, stream: &mut S) -> std::io::Result<()> {
        for step in &self.steps {
            match step {
                Step::Send(bytes) => stream.write_all(bytes).await?,
                Step::Forever(bytes, pause) => loop {
                    stream.write_all(bytes).await?;
                    tokio::time::sleep(*pause).await;
                },
                Step::Hang => std::future::pending().await,
            }
            stream.flush().await?;
        }
        Ok(())
    }
}

type Script = dyn Fn(&Seen, usize) -> Reply + Send + Sync;

/// A running server; ends with the runtime of its test.
pub(crate) struct Server {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    https: bool,
}

impl Server {
    /// Answers the request number n (from 0) with what `script` makes of it.
    pub(crate) async fn start(script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static) -> Self {
        Self::run(Arc::new(script), None).await
    }

    pub(crate) async fn start_tls(
        config: ServerConfig,
        script: impl Fn(&Seen, usize) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::run(Arc::new(script), Some(TlsAcceptor::from(Arc::new(config)))).await
    }

    /// Answers every request with this.
    pub(crate) async fn always(reply: Reply) -> Self {
        Self::start(move |_, _| reply.clone()).await
    }

    async fn run(script: Arc<Script>, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            addr: listener.local_addr().unwrap(),
            seen: Arc::default(),
            https: tls.is_some(),
        };
        let seen = server.seen.clone();
        tokio::spawn(async move {
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (script, seen, tls) = (script.clone(), seen.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, connection, &*script, &seen).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, connection, &*script, &seen).await;
                            }
                        }
                    }
                });
            }
        });
        server
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn base_url(&self) -> BaseUrl {
        let scheme = if self.https { "https" } else { "http" };
        BaseUrl::parse(&format!("{scheme}://localhost:{}", self.addr.port())).unwrap()
    }

    pub(crate) fn builder(&self) -> ClientBuilder {
        Client::builder(self.base_url(), AuthKey::new(KEY).unwrap())
    }

    pub(crate) fn client(&self) -> Client {
        self.builder().build().unwrap()
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

async fn serve<S>(mut stream: S, connection: usize, script: &Script, seen: &Mutex<Vec<Seen>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    while let Some(request) = read_request(&mut stream, connection).await {
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        let reply = script(&request, number);
        if reply.send(&mut stream).await.is_err() || !reply.keep {
            break;
        }
    }
    stream.shutdown().await.ok();
}

async fn read_request<S: AsyncRead + Unpin>(stream: &mut S, connection: usize) -> Option<Seen> {
    let mut bytes = Vec::new();
    let head_end = loop {
        if let Some(at) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
    let mut seen = Seen {
        head,
        body: String::new(),
        connection,
    };
    let length: usize = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    while bytes.len() < head_end + 4 + length {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
    seen.body = String::from_utf8(bytes[head_end + 4..].to_vec()).unwrap();
    Some(seen)
}
