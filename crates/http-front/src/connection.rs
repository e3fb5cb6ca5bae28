//! One connection: its limits, and each of its requests.

use std::net::IpAddr;
use std::time::Duration;

use client_address::Peer;
use http::{Request, Response, StatusCode};
use http_body_util::{Either, Empty};
use hyper::body::{Body, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::access_log::AccessLog;
use crate::idle_timeout::{IdleTimeout, OpenRequests};
use crate::newcomers::Newcomer;
use crate::panic_guard::caught;
use crate::service::HttpService;

/// How long the head of a request may take to arrive, including the wait for its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long no byte may move on a connection while the service works on none of its requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The largest head of a request, in bytes. For example, a path with a token of 3 KiB and the cookies of a browser fit.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// The most header fields of one request.
const MAX_HEADERS: usize = 100;

/// The most open requests of one HTTP/2 connection.
const MAX_STREAMS: u32 = 128;

/// The most requests of one HTTP/2 connection that the client cancels before the service sees them, and that hyper
/// resets for a fault in them. With more, the connection is closed.
const MAX_RESET_STREAMS: usize = 20;
const MAX_FAULTY_STREAMS: usize = 100;

/// The most bytes that one HTTP/2 request, and all requests of a connection together, may send before the service reads
/// them.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// After this time without a frame an HTTP/2 peer gets a ping, and how long it may take to answer. Longer than
/// [`IDLE_TIMEOUT`], so that the ping does not keep an unused connection open: it is for answers without an end, for
/// example streams of events.
const PING_AFTER: Duration = Duration::from_secs(75);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// The body of an answer: that of the service, or none after a panic.
type Answer<B> = Response<Either<B, Empty<<B as Body>::Data>>>;

/// Serves one connection to its end.
pub(crate) async fn serve<S, I>(
    service: S,
    log: Option<AccessLog>,
    watcher: Watcher,
    newcomer: Newcomer,
    stream: I,
    peer: IpAddr,
) where
    S: HttpService,
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let requests = OpenRequests::default();
    let stream = TokioIo::new(IdleTimeout::new(stream, requests.clone(), IDLE_TIMEOUT));
    let service = service_fn(move |mut request: Request<Incoming>| {
        newcomer.asks();
        request.extensions_mut().insert(Peer(peer));
        let record = log.as_ref().and_then(|log| log.record(&request, peer));
        let (service, open) = (service.clone(), requests.one());
        async move {
            let response = answer(service, request).await?;
            if let Some(record) = record {
                record.write(&response);
            }
            drop(open);
            Ok::<_, S::Error>(response)
        }
    });
    let connection = watcher.watch(builder().serve_connection(stream, service).into_owned());
    if let Err(error) = connection.await {
        // Mostly a client that left or was too slow. The error holds no byte that the client sent.
        tracing::debug!(%peer, %error, "a connection ended early");
    }
}

/// Returns the answer of the service, or an empty 500 where it panics.
async fn answer<S: HttpService>(service: S, request: Request<Incoming>) -> Result<Answer<S::Body>, S::Error> {
    match caught(async move { service.answer(request).await }).await {
        Ok(outcome) => Ok(outcome?.map(Either::Left)),
        Err(_) => {
            let mut response = Response::new(Either::Right(Empty::new()));
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            Ok(response)
        }
    }
}

fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        .max_headers(MAX_HEADERS)
        // A client may close its half after the request and still wait for the answer.
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_FAULTY_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    builder
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::Full;
    use hyper::body::Bytes;
    use tokio::io::{AsyncWriteExt as _, DuplexStream};

    use super::*;

    /// Serves one connection and answers each request with so many bytes; returns why the connection ended.
    async fn ended(mut ours: DuplexStream, theirs: DuplexStream, sent: &[u8], drips: bool, bytes: usize) -> String {
        let service =
            service_fn(
                move |_| async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("x".repeat(bytes)))) },
            );
        let stream = TokioIo::new(IdleTimeout::new(theirs, OpenRequests::default(), IDLE_TIMEOUT));
        let connection = tokio::spawn(builder().serve_connection(stream, service).into_owned());
        if drips {
            for byte in sent.iter().cycle() {
                tokio::time::sleep(Duration::from_secs(5)).await;
                if ours.write_all(&[*byte]).await.is_err() {
                    break;
                }
            }
        } else {
            ours.write_all(sent).await.unwrap();
        }
        // The clock is paused and jumps ahead when every task waits, so the test takes no time. `ours` is open until
        // here.
        let ended = tokio::time::timeout(Duration::from_secs(600), connection).await;
        drop(ours);
        format!("{:?}", ended.unwrap().unwrap().unwrap_err())
    }

    #[tokio::test(start_paused = true)]
    async fn a_peer_that_sends_or_takes_no_more_bytes_is_disconnected() {
        let head = b"GET / HTTP/1.1\r\nhost: x\r\n";
        let whole = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        for (what, sent, drips, bytes, why) in [
            ("nothing", &b""[..], false, 1, "TimedOut"),
            ("a possible start of HTTP/2", b"PR", false, 1, "TimedOut"),
            ("half a method", b"PO", false, 1, "HeaderTimeout"),
            ("half a head", head, false, 1, "HeaderTimeout"),
            ("a head that drips", head, true, 1, "HeaderTimeout"),
            ("no reading of the answer", whole, false, 100_000, "TimedOut"),
            (
                "the beginning of HTTP/2",
                b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
                false,
                1,
                "TimedOut",
            ),
        ] {
            let (ours, theirs) = tokio::io::duplex(1_024);
            let ended = ended(ours, theirs, sent, drips, bytes).await;
            assert!(ended.contains(why), "{what}: {ended}");
        }
    }
}
