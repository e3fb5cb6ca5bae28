//! One connection from its first byte: its limits, and each of its requests.

use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use client_address::Peer;
use http::{Request, Response, StatusCode, Version};
use hyper::body::{Body, Incoming};
use hyper::server::conn::{http1, http2};
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::access_log::{AccessLog, Record};
use crate::account::{Account, Charge};
use crate::answer_frames::AnswerFrames;
use crate::body_file::BodyFiles;
use crate::costs;
use crate::ending::Watcher;
use crate::first_bytes::{self, FirstBytes, MAX_HEAD_BYTES};
use crate::head_timer::HeadTimer;
use crate::held_body::HeldBody;
use crate::idle_timeout::{IdleTimeout, Movement, OpenRequest, OpenRequests};
use crate::known_peer::Connection;
use crate::newcomers::Newcomer;
use crate::panic_guard::{Panicked, caught, caught_call};
use crate::repeated::Repeated;
use crate::repeats::Repeats;
use crate::repetition::Repetition;
use crate::rewound::Rewound;
use crate::send_file::SendFile;
use crate::service::HttpService;

/// How long the head of a request may take to arrive, including the wait for its first byte.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long no answer may move on a connection while the service works on none of its requests.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// The most open requests of one HTTP/2 connection: the least that RFC 9113 recommends (6.5.2). Clients count on it,
/// and some send as many before they know the number. hyper cannot raise it later, for example after a good token.
const MAX_STREAMS: u32 = 100;

/// The most requests of one HTTP/2 connection that the client cancels before the service sees them, and that hyper
/// resets for a fault in them. With more, the connection is closed.
const MAX_RESET_STREAMS: usize = 20;
const MAX_FAULTY_STREAMS: usize = 100;

/// The most bytes that all requests of an HTTP/2 connection may send before the service reads them. Less is not
/// possible at the start of a connection (RFC 9113, 6.9.2).
const CONNECTION_WINDOW: u32 = 65_535;

/// After this time without a frame an HTTP/2 peer gets a ping, and how long it may take to answer. Longer than
/// [`IDLE_TIMEOUT`], so that the ping does not keep an unused connection open: it is for answers without an end, for
/// example streams of events.
const PING_AFTER: Duration = Duration::from_secs(75);
const PONG_WITHIN: Duration = Duration::from_secs(20);

/// The socket, or TLS on it.
pub(crate) type Stream = Box<dyn Duplex>;

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + SendFile + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + SendFile + Unpin + Send> Duplex for S {}

/// A connection that has sent enough for HTTP to begin.
pub(crate) struct Begun {
    stream: Stream,
    first: FirstBytes,
    charge: Charge,
}

/// What a connection belongs to.
pub(crate) struct Belongings<S> {
    pub(crate) service: S,
    pub(crate) log: Option<AccessLog>,
    pub(crate) account: Account,
    pub(crate) newcomer: Newcomer,
    /// The address that counts.
    pub(crate) peer: IpAddr,
    /// Counts requests that were answered below hyper.
    pub(crate) repeated: Arc<AtomicU64>,
    /// Long bodies that peers ask for again and again.
    pub(crate) files: BodyFiles,
}

/// Waits until HTTP can begin on this connection; returns nothing if the peer left before its first byte.
///
/// # Errors
/// [`io::ErrorKind::TimedOut`] where the first head takes too long; those of the stream.
pub(crate) async fn begin(mut stream: Stream, mut charge: Charge) -> io::Result<Option<Begun>> {
    let first = tokio::time::timeout(HEAD_TIMEOUT, first_bytes::read(&mut stream, &mut charge)).await;
    let first = first.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))??;
    Ok(first.map(|first| Begun { stream, first, charge }))
}

/// Serves a connection to its end.
///
/// # Errors
/// Why it ended early: mostly the client left or was too slow. An error holds no byte that the client sent.
pub(crate) async fn serve<S: HttpService>(
    begun: Begun,
    belongings: Belongings<S>,
    watcher: Watcher,
) -> Result<(), hyper::Error> {
    let Begun {
        stream,
        first,
        mut charge,
    } = begun;
    let FirstBytes { bytes, is_http2 } = first;
    let head = HeadTimer::new(HEAD_TIMEOUT);
    let (cost, movement) = if is_http2 {
        (costs::HTTP2, Movement::Frames(AnswerFrames::default()))
    } else {
        // The head is in its own buffer and in that of hyper for a moment.
        (costs::HTTP1 + 2 * bytes.len(), Movement::EveryByte(head.clone()))
    };
    charge.grow_to(charge.bytes() + cost);
    let requests = OpenRequests::default();
    let account = belongings.account.clone();
    let repetition = Arc::new(Repetition::new(
        account.clone(),
        belongings.log.clone(),
        Arc::clone(&belongings.repeated),
        belongings.files.clone(),
        bytes.len(),
    ));
    let stream = IdleTimeout::new(
        Rewound::new(bytes, stream),
        account,
        requests.clone(),
        movement,
        IDLE_TIMEOUT,
    );
    let service = of_connection(belongings, requests, Arc::clone(&repetition));
    let ended = if is_http2 {
        watcher
            .watch(http2().serve_connection(TokioIo::new(stream), service))
            .await
    } else {
        let stream = TokioIo::new(Repeats::new(stream, repetition, head.clone()));
        watcher.watch(http1(head).serve_connection(stream, service)).await
    };
    drop(charge);
    ended
}

/// The future of an answer. It is boxed: HTTP keeps its place until the peer has taken the answer, and thousands of
/// peers may take none.
type Answering<B, E> = Pin<Box<dyn Future<Output = Result<Response<HeldBody<B>>, E>> + Send>>;

/// A service of hyper that answers as `S` does.
trait Answers<S: HttpService>:
    Service<
        Request<Incoming>,
        Response = Response<HeldBody<S::Body>>,
        Error = S::Error,
        Future = Answering<S::Body, S::Error>,
    >
{
}

impl<S: HttpService, T> Answers<S> for T where
    T: Service<
            Request<Incoming>,
            Response = Response<HeldBody<S::Body>>,
            Error = S::Error,
            Future = Answering<S::Body, S::Error>,
        >
{
}

/// Returns the service with what the front does for each request.
fn of_connection<S: HttpService>(
    belongings: Belongings<S>,
    requests: OpenRequests,
    repetition: Arc<Repetition>,
) -> impl Answers<S> {
    service_fn(move |mut request: Request<Incoming>| -> Answering<S::Body, S::Error> {
        let Belongings {
            service,
            log,
            account,
            newcomer,
            peer,
            ..
        } = &belongings;
        newcomer.asks();
        let now = Instant::now();
        account.moved_at(now);
        request.extensions_mut().insert(Peer(*peer));
        request.extensions_mut().insert(Connection::of(account));
        let turn = repetition.request(&request);
        let repeated = turn.map(|turn| Repeated::of(&repetition, turn));
        if let Some(repeated) = &repeated {
            request.extensions_mut().insert(repeated.clone());
        }
        let asked = Asked {
            record: log.as_ref().and_then(|log| log.record(&request, *peer, now.into_std())),
            repeated,
            charge: account.charge(costs::of_request(&request)),
            account: account.clone(),
            open: requests.one(),
        };
        if request.version() == Version::HTTP_2 {
            let service = service.clone();
            // Boxed when it begins, not when the request arrives: many requests may wait for their turn.
            let answer = async move { caught(async move { service.answer(request).await }).await };
            return Box::pin(async move { asked.answered(Box::pin(answer).await) });
        }
        // HTTP/1 waits for no turn. An answer out of memory is made here, before there is a future to move around.
        let begun = caught_call(|| service.answer(request));
        Box::pin(async move {
            let answer = match begun {
                Ok(answer) => caught(answer).await,
                Err(panicked) => Err(panicked),
            };
            asked.answered(answer)
        })
    })
}

/// A request that the service works on.
struct Asked {
    record: Option<Record>,
    repeated: Option<Repeated>,
    charge: Charge,
    account: Account,
    open: OpenRequest,
}

impl Asked {
    /// Returns the answer of the service, or an empty 500 where it panicked.
    fn answered<B: Body, E>(
        self,
        answer: Result<Result<Response<B>, E>, Panicked>,
    ) -> Result<Response<HeldBody<B>>, E> {
        let response = match answer {
            Ok(outcome) => outcome?.map(Some),
            Err(_) => {
                let mut response = Response::new(None);
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                response
            }
        };
        if let Some(record) = self.record {
            record.write(&response);
            if let Some(repeated) = self.repeated {
                repeated.keep(&record);
            }
        }
        drop(self.open);
        self.account.moved();
        Ok(response.map(|body| HeldBody::new(body, self.charge)))
    }
}

fn http1(head: HeadTimer) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(head)
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(MAX_HEAD_BYTES)
        // hyper takes 100 header fields. It fills its room for them at each request if a number is set here.
        // A client may close its half after the request and still wait for the answer.
        .half_close(true);
    builder
}

fn http2() -> http2::Builder<TokioExecutor> {
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        .max_local_error_reset_streams(MAX_FAULTY_STREAMS)
        .initial_stream_window_size(costs::WAITING_BODY)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(PING_AFTER)
        .keep_alive_timeout(PONG_WITHIN)
        .max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    builder
}

#[cfg(test)]
mod tests;
