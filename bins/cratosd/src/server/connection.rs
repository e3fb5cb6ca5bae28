//! One connection: its limits, and each of its requests.

use std::any::Any;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{Method, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::Watcher;
use tokio::io::{AsyncRead, AsyncWrite};

use super::newcomers::Newcomer;
use super::watched::{Requests, Watched};
use crate::App;
use crate::body::RequestBody;
use crate::reject::Reject;
use crate::reply::{Body, Reply};
use crate::service;

/// How long the head of a request may take to arrive, waiting for its first byte included.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a connection may neither send nor take a byte while we owe it no answer.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The largest head of a request: the longest token in the longest path needs 3 KiB, cookies of a browser a few more.
const MAX_HEAD_BYTES: usize = 32 * 1024;

/// Header fields of one request.
const MAX_HEADERS: usize = 100;

/// Requests that one HTTP/2 connection may have under way.
const MAX_STREAMS: u32 = 128;

/// Requests of one HTTP/2 connection that were taken back before we saw them, and those that we took back for a fault in them: with more,
/// the connection is closed.
const MAX_RESET_STREAMS: usize = 20;
const MAX_FAULTY_STREAMS: usize = 100;

/// What one HTTP/2 request, and all of a connection together, may send before we have looked at it, in bytes.
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 256 * 1024;

/// After so long without a frame an HTTP/2 peer is asked whether it is there, and how long it may take to say so. Longer than
/// [`IDLE_TIMEOUT`], so that the question keeps no connection open that nobody uses: it is for answers that have no end of their own.
const ASK_AFTER: Duration = Duration::from_secs(75);
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// Serves one connection to its end, whatever that is.
pub(super) async fn serve<S>(app: Arc<App>, watcher: Watcher, newcomer: Newcomer, stream: S, peer: IpAddr)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let requests = Requests::default();
    let stream = TokioIo::new(Watched::new(stream, requests.clone(), IDLE_TIMEOUT));
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        newcomer.asks();
        let (app, under_way) = (Arc::clone(&app), requests.begin());
        async move {
            let is_head = request.method() == Method::HEAD;
            let response = unharmed(service::respond(&app, request.map(RequestBody::new), peer), is_head).await;
            drop(under_way);
            Ok::<_, Infallible>(response)
        }
    });
    let connection = watcher.watch(builder().serve_connection(stream, service).into_owned());
    if let Err(error) = connection.await {
        // Mostly a caller that left or was too slow. What it sent is not in the error.
        tracing::debug!(%peer, %error, "a connection ended early");
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
        // A caller that says "that was all" by closing its half still wants the answer.
        .half_close(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_FAULTY_STREAMS)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(ASK_AFTER)
        .keep_alive_timeout(ANSWER_WITHIN)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    builder
}

/// Waits for an answer; a panic on the way to it is a 500 for this request only.
async fn unharmed(answer: impl Future<Output = Response<Body>>, is_head: bool) -> Response<Body> {
    // What a request shares with others survives a panic: maps behind locks that are never left half changed.
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            tracing::error!(panic = message(&*panic), "a request panicked");
            Reply::from(Reject::Internal).into_response(is_head)
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncWriteExt as _, DuplexStream};

    #[tokio::test]
    async fn a_panic_is_a_500_for_its_own_request() {
        let response = unharmed(async { panic!("a defect") }, false).await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
        let good = unharmed(async { Reply::text("x").into_response(false) }, false).await;
        assert_eq!(good.status(), 200);
    }
    /// Serves one connection as ever, with an answer of so many bytes for whatever is asked; tells why it ended.
    async fn ended(mut ours: DuplexStream, theirs: DuplexStream, sent: &[u8], drips: bool, bytes: usize) -> String {
        let service =
            service_fn(
                move |_| async move { Ok::<_, Infallible>(Reply::text("x".repeat(bytes)).into_response(false)) },
            );
        let stream = TokioIo::new(Watched::new(theirs, Requests::default(), IDLE_TIMEOUT));
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
        // Time stands still until nobody has anything to do, so that no test waits for it; `ours` is open until here.
        let ended = tokio::time::timeout(Duration::from_secs(600), connection).await;
        drop(ours);
        format!("{:?}", ended.unwrap().unwrap().unwrap_err())
    }

    #[tokio::test(start_paused = true)]
    async fn who_sends_or_takes_nothing_more_is_left() {
        let head = b"GET / HTTP/1.1\r\nhost: x\r\n";
        let whole = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
        for (what, sent, drips, bytes, why) in [
            ("nothing", &b""[..], false, 1, "TimedOut"),
            ("what may become HTTP/2", b"PR", false, 1, "TimedOut"),
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
