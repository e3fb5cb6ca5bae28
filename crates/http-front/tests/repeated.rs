//! Requests that a peer repeats on its connection, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use http_front::{AccessLog, AccessLogSettings, AnswerAgain, Connection, Front, ReadyAnswer, Repeated};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// What the service and its answerers have seen.
#[derive(Default)]
struct Seen {
    by_service: AtomicUsize,
    by_answerer: AtomicUsize,
    /// What the answerers do from now on.
    mood: Mutex<Mood>,
}

#[derive(Clone, Copy, Default)]
enum Mood {
    #[default]
    Answer,
    Refuse,
    Panic,
}

/// Says the path, as the service does.
struct Echo {
    body: Bytes,
    seen: Arc<Seen>,
}

impl AnswerAgain for Echo {
    fn answer_again(&self) -> Option<ReadyAnswer> {
        let mood = *self.seen.mood.lock().unwrap();
        match mood {
            Mood::Answer => {}
            Mood::Refuse => return None,
            Mood::Panic => panic!("a defect"),
        }
        self.seen.by_answerer.fetch_add(1, Ordering::Relaxed);
        let body = self.body.clone();
        let mut answer = ReadyAnswer::new(StatusCode::OK);
        answer.head = format!("HTTP/1.1 200 OK\r\nx-by: us\r\ncontent-length: {}\r\n", body.len()).into();
        answer.length = body.len() as u64;
        answer.body = body;
        Some(answer)
    }
}

fn text(path: &str, body: &[u8]) -> String {
    format!("{path} {} {}\n", body.len(), "x".repeat(path.len() * 1_000))
}

async fn answer(seen: Arc<Seen>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    seen.by_service.fetch_add(1, Ordering::Relaxed);
    // Of strangers no longer head is kept than their first one.
    request.extensions().get::<Connection>().unwrap().vouch();
    let path = request.uri().path().to_owned();
    if let Some(repeated) = request.extensions().get::<Repeated>() {
        let (body, seen) = (text(&path, b"").into(), Arc::clone(&seen));
        repeated.answer_with(Arc::new(Echo { body, seen }));
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = text(&path, &body);
    let response = Response::builder()
        .header("x-by", "us")
        .header("content-length", text.len());
    Ok(response.body(text.into()).unwrap())
}

struct Running {
    address: SocketAddr,
    seen: Arc<Seen>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn start(front: Front) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel();
    let seen = Arc::<Seen>::default();
    let theirs = Arc::clone(&seen);
    let serving = tokio::spawn(async move {
        let service = service_fn(move |request| answer(Arc::clone(&theirs), request));
        let shutdown = async { stopped.await.unwrap_or_default() };
        front.serve(listener, service, shutdown).await
    });
    Running {
        address,
        seen,
        stop,
        serving,
    }
}

impl Running {
    async fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        stream
    }

    /// Returns how many requests the service has seen, and how many its answerers.
    fn counts(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.seen.by_service), of(&self.seen.by_answerer))
    }

    fn becomes(&self, mood: Mood) {
        *self.seen.mood.lock().unwrap() = mood;
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\ntoken: secret\r\n\r\n")
}

/// Returns the next answer on a connection, its date left out.
async fn next(stream: &mut TcpStream) -> String {
    let (mut bytes, mut byte) = (Vec::new(), [0]);
    while !bytes.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).await.unwrap();
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.unwrap().parse().unwrap()];
    stream.read_exact(&mut body).await.unwrap();
    let (date, others): (Vec<_>, Vec<_>) = head.lines().partition(|line| line.starts_with("date: "));
    assert_eq!(date.len(), 1, "{head}");
    others.join("\n") + &String::from_utf8(body).unwrap()
}

async fn ask(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    next(stream).await
}

#[tokio::test]
async fn a_request_that_comes_the_third_time_is_answered_without_the_service_and_looks_the_same() {
    let running = start(Front::new()).await;
    let mut stream = running.connect().await;
    let first = ask(&mut stream, &get("/a")).await;
    for counts in [(2, 0), (2, 1), (2, 2)] {
        assert_eq!(ask(&mut stream, &get("/a")).await, first);
        assert_eq!(running.counts(), counts);
    }
    let other = ask(&mut stream, &get("/b")).await;
    assert!(other.contains("/b 0 xx"), "{other}");
    assert_eq!(ask(&mut stream, &get("/a")).await, first);
    assert_eq!(running.counts(), (4, 2));
    // Each connection by itself.
    assert_eq!(ask(&mut running.connect().await, &get("/a")).await, first);
    assert_eq!(running.counts(), (5, 2));
}

#[tokio::test]
async fn the_service_answers_again_what_its_answerer_does_not() {
    for mood in [Mood::Refuse, Mood::Panic] {
        let running = start(Front::new()).await;
        let mut stream = running.connect().await;
        let first = ask(&mut stream, &get("/a")).await;
        ask(&mut stream, &get("/a")).await;
        running.becomes(mood);
        assert_eq!(ask(&mut stream, &get("/a")).await, first);
        assert_eq!(running.counts(), (3, 0));
        running.becomes(Mood::Answer);
        assert_eq!(ask(&mut stream, &get("/a")).await, first);
        assert_eq!(running.counts(), (3, 1), "the third one was a repeated request, too");
    }
}

#[tokio::test]
async fn requests_with_bodies_and_those_of_http_1_0_always_reach_the_service() {
    let running = start(Front::new()).await;
    let post = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\n\r\nhi";
    let chunked = "GET /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n";
    let old = "GET /a HTTP/1.0\r\nhost: x\r\nconnection: keep-alive\r\n\r\n";
    for (round, request) in [post, chunked, old].into_iter().enumerate() {
        let mut stream = running.connect().await;
        for _ in 0..4 {
            ask(&mut stream, request).await;
        }
        assert_eq!(running.counts(), (4 * (round + 1), 0), "{request}");
    }
}

#[tokio::test]
async fn a_repeated_request_has_its_line_in_the_log_also_in_one_that_was_switched_on_meanwhile() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let log = AccessLog::start(AccessLogSettings::off()).unwrap();
    let running = start(Front::new().access_log(log.clone())).await;
    let mut stream = running.connect().await;
    for _ in 0..3 {
        ask(&mut stream, &get("/a")).await;
    }
    assert_eq!(running.counts(), (2, 1));
    log.reopen(AccessLogSettings::to(&file));
    for _ in 0..3 {
        ask(&mut stream, &get("/a")).await;
    }
    assert_eq!(running.counts(), (3, 3));
    tokio::task::spawn_blocking(move || log.flush()).await.unwrap();
    let written = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = written.lines().collect();
    assert_eq!(lines.len(), 3, "{written}");
    let length = text("/a", b"").len();
    for line in lines {
        assert!(line.contains(&format!("\"GET /a HTTP/1.1\" 200 {length} ")), "{line}");
    }
}

#[tokio::test]
async fn the_end_waits_for_a_repeated_answer_that_has_begun() {
    let running = start(Front::new()).await;
    let mut stream = running.connect().await;
    // Too much for the kernel to take it at once.
    let request = get(&format!("/{}", "a".repeat(2_000)));
    let first = ask(&mut stream, &request).await;
    ask(&mut stream, &request).await;
    stream.write_all(request.as_bytes()).await.unwrap();
    soon(|| running.counts().1 > 0).await;
    running.stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(next(&mut stream).await, first);
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    running.serving.await.unwrap().unwrap();
}

/// From the second repetition on the kernel sends it out of a file. More than it takes at once.
#[tokio::test]
async fn a_long_body_comes_whole_each_time() {
    let running = start(Front::new()).await;
    let mut stream = running.connect().await;
    let request = get(&format!("/{}", "b".repeat(2_999)));
    let first = ask(&mut stream, &request).await;
    assert!(first.len() > 3_000_000);
    for _ in 0..6 {
        assert!(ask(&mut stream, &request).await == first);
    }
    assert_eq!(running.counts(), (2, 5));
    if cfg!(target_os = "linux") {
        assert!(has_a_body_file());
    }
    drop(stream);
    // As long as a connection wants it.
    soon(|| !has_a_body_file()).await;
}

async fn soon(has_come: impl Fn() -> bool) {
    let wait = async {
        while !has_come() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap();
}

/// Only the test above sends a body often enough.
fn has_a_body_file() -> bool {
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else {
        return false;
    };
    let mut names = files.filter_map(|file| std::fs::read_link(file.ok()?.path()).ok());
    names.any(|name| name.to_string_lossy().contains("cratos-body"))
}

/// One request of a peer, and what its answer begins with.
#[derive(Clone, Debug)]
struct Sent {
    bytes: Vec<u8>,
    has_body: bool,
    answer: String,
}

fn sent() -> impl Strategy<Value = Sent> {
    let plain = |path: &str| Sent {
        bytes: get(path).into_bytes(),
        has_body: false,
        answer: format!("{path} 0 "),
    };
    // A body that is a whole request: it must never be taken for one.
    let with_body = |body: &str| Sent {
        bytes: format!(
            "POST /c HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes(),
        has_body: !body.is_empty(),
        answer: format!("/c {} ", body.len()),
    };
    prop_oneof![
        8 => Just(plain("/a")),
        3 => Just(plain("/b")),
        1 => Just(with_body(&get("/a"))),
        1 => Just(with_body("")),
    ]
}

/// Returns how many of these requests are answered below hyper: the third and further ones in a row, as long as no body
/// came before.
fn repetitions(requests: &[Sent]) -> usize {
    let first = requests.iter().position(|sent| sent.has_body);
    let sure = first.unwrap_or(requests.len());
    let sure = &requests[..sure];
    let is_third = |three: &&[Sent]| three.iter().all(|sent| sent.bytes == three[0].bytes);
    sure.windows(3).filter(is_third).count()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the bytes arrive: in pieces, many requests at once, while answers are still on their way.
    #[test]
    fn each_request_gets_its_own_answer_in_its_turn(
        requests in prop::collection::vec(sent(), 1..24),
        cuts in prop::collection::vec((1_usize..200, any::<bool>()), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        runtime.block_on(async {
            let running = start(Front::new()).await;
            let stream = running.connect().await;
            let bytes: Vec<u8> = requests.iter().flat_map(|sent| sent.bytes.clone()).collect();
            let (mut theirs, mut ours) = stream.into_split();
            let writing = async move {
                let (mut rest, mut cuts) = (&bytes[..], cuts.iter().cycle());
                while let Some((length, is_apart)) = cuts.next().filter(|_| !rest.is_empty()) {
                    let (piece, others) = rest.split_at((*length).min(rest.len()));
                    ours.write_all(piece).await.unwrap();
                    rest = others;
                    if *is_apart {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                    }
                }
                ours.shutdown().await.unwrap();
            };
            let reading = async move {
                let mut all = Vec::new();
                theirs.read_to_end(&mut all).await.unwrap();
                String::from_utf8(all).unwrap()
            };
            let ((), all) = tokio::join!(writing, reading);
            let answers = all.split("HTTP/1.1 200 OK\r\n").skip(1);
            let bodies: Vec<&str> = answers.map(|answer| answer.split_once("\r\n\r\n").unwrap().1).collect();
            assert_eq!(bodies.len(), requests.len());
            for (sent, body) in requests.iter().zip(bodies) {
                assert!(body.starts_with(&sent.answer), "{sent:?}");
            }
        });
    }

    /// As a polling device does: each request at once, after the answer before.
    #[test]
    fn a_peer_that_waits_for_each_answer_gets_its_own(requests in prop::collection::vec(sent(), 1..24)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let running = start(Front::new()).await;
            let mut stream = running.connect().await;
            for Sent { bytes, answer, .. } in &requests {
                stream.write_all(bytes).await.unwrap();
                let got = next(&mut stream).await;
                assert!(got.contains(answer), "{answer}");
            }
            assert_eq!(running.counts().1, repetitions(&requests));
        });
    }
}
