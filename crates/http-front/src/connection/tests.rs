use std::convert::Infallible;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

use super::*;
use crate::account::Accounts;
use crate::ending::Ending;
use crate::newcomers::Newcomers;
use crate::{AnswerAgain, ReadyAnswer};

/// Serves one connection and answers each request with so many bytes; returns why the connection ended.
async fn ended(mut ours: DuplexStream, theirs: DuplexStream, sent: &[u8], drips: &[u8], bytes: usize) -> String {
    let service =
        service_fn(move |_| async move { Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("x".repeat(bytes)))) });
    let peer = "192.0.2.1".parse().unwrap();
    let account = Accounts::of(10, Arc::default()).open(peer, false).unwrap();
    let (charge, graceful) = (account.charge(0), Ending::new());
    let watcher = graceful.watcher();
    let connection = tokio::spawn(async move {
        let belongings = Belongings {
            service,
            log: None,
            account,
            newcomer: Newcomers::none().one(),
            peer,
            repeated: Arc::default(),
            files: BodyFiles::default(),
        };
        match begin(Box::new(theirs), charge).await {
            Ok(begun) => format!("{:?}", serve(begun.unwrap(), belongings, watcher).await.unwrap_err()),
            Err(error) => format!("before HTTP: {:?}", error.kind()),
        }
    });
    ours.write_all(sent).await.unwrap();
    while !drips.is_empty() {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if ours.write_all(drips).await.is_err() {
            break;
        }
    }
    // The clock is paused and jumps ahead when every task waits, so the test takes no time. `ours` is open until here.
    let ended = tokio::time::timeout(Duration::from_secs(600), connection).await;
    drop((ours, graceful));
    ended.unwrap().unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_sends_no_head_or_takes_no_answer_is_disconnected() {
    let head = b"GET / HTTP/1.1\r\nhost: x\r\n";
    let whole = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let settings = [&preface[..], &[0, 0, 0, 4, 0, 0, 0, 0, 0]].concat();
    // A window of zero, and one request.
    let request = [1, 5, 0, 0, 0, 1, 0x82, 0x86, 0x84, 0x41, 1, b'x'];
    let no_window = [
        &preface[..],
        &[0, 0, 6, 4, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0],
        &[0, 0, 6],
        &request,
    ]
    .concat();
    let ping = &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    for (what, sent, drips, bytes, why) in [
        ("nothing", &b""[..], &b""[..], 1, "before HTTP: TimedOut"),
        ("a possible start of HTTP/2", b"PR", b"", 1, "before HTTP: TimedOut"),
        ("half a method", b"PO", b"", 1, "before HTTP: TimedOut"),
        ("half a head", head, b"", 1, "before HTTP: TimedOut"),
        ("a head that drips", head, b"x", 1, "before HTTP: TimedOut"),
        (
            "half of a second head",
            &[&whole[..], head].concat(),
            b"",
            1,
            "HeaderTimeout",
        ),
        ("no reading of the answer", whole, b"", 100_000, "TimedOut"),
        ("the beginning of HTTP/2", preface, b"", 1, "TimedOut"),
        ("HTTP/2 that only pings", &settings, ping, 1, "TimedOut"),
        ("HTTP/2 with no window that pings", &no_window, ping, 1, "TimedOut"),
    ] {
        let (ours, theirs) = tokio::io::duplex(1_024);
        let ended = ended(ours, theirs, sent, drips, bytes).await;
        assert!(ended.contains(why), "{what}: {ended}");
    }
}

/// An answer of so many bytes.
struct Bytewise(usize);

impl AnswerAgain for Bytewise {
    fn answer_again(&self) -> Option<ReadyAnswer> {
        let mut answer = ReadyAnswer::new(StatusCode::OK);
        answer.head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n", self.0).into();
        answer.body = "x".repeat(self.0).into();
        Some(answer)
    }
}

/// Serves one connection on which the third of three equal requests is answered below hyper, with so many bytes;
/// returns why it ended and how long after that answer.
async fn ended_after_a_repeated_answer(bytes: usize, is_read: bool) -> (String, Duration) {
    const HEAD: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";
    const PAUSE: Duration = Duration::from_secs(20);
    let service = service_fn(move |request: Request<Incoming>| async move {
        if let Some(repeated) = request.extensions().get::<Repeated>() {
            repeated.answer_with(Arc::new(Bytewise(bytes)));
        }
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("x")))
    });
    let (mut ours, theirs) = tokio::io::duplex(1_024);
    let peer = "192.0.2.1".parse().unwrap();
    let account = Accounts::of(10, Arc::default()).open(peer, false).unwrap();
    let (charge, graceful) = (account.charge(0), Ending::new());
    let watcher = graceful.watcher();
    let connection = tokio::spawn(async move {
        let belongings = Belongings {
            service,
            log: None,
            account,
            newcomer: Newcomers::none().one(),
            peer,
            repeated: Arc::default(),
            files: BodyFiles::default(),
        };
        let begun = begin(Box::new(theirs), charge).await.unwrap().unwrap();
        format!("{:?}", serve(begun, belongings, watcher).await.unwrap_err())
    });
    // The time for a head is over after the second pause, unless each answer restarts it.
    for _ in 0..2 {
        ours.write_all(HEAD).await.unwrap();
        let mut answer = vec![0; 1_024];
        assert!(ours.read(&mut answer).await.unwrap() > 0);
        tokio::time::sleep(PAUSE).await;
    }
    ours.write_all(HEAD).await.unwrap();
    if is_read {
        let mut answer = vec![0; 1_024];
        while !answer.ends_with(b"x") {
            let count = ours.read(&mut answer).await.unwrap();
            assert!(count > 0);
            answer.truncate(count);
        }
    }
    let answered = Instant::now();
    let ended = tokio::time::timeout(Duration::from_secs(600), connection).await;
    drop((ours, graceful));
    (ended.unwrap().unwrap(), answered.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_repeats_its_request_has_the_same_time_for_its_heads_and_its_answers() {
    let (why, after) = ended_after_a_repeated_answer(1, true).await;
    assert_eq!((&*why, after.as_secs()), ("hyper::Error(HeaderTimeout)", 30));
    let (why, after) = ended_after_a_repeated_answer(100_000, false).await;
    assert!(why.contains("TimedOut"), "{why}");
    assert_eq!(after.as_secs(), 60);
}
