//! A server that follows a script: its answers are whole, cut, hanging or contradictory.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::*;
use cratos_client::{IndicatorType, Retry, Token, Url};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\nretry: 3000\n\n";
const SNAPSHOT: &str =
    "event: snapshot\ndata: {\"part\":1,\"parts\":1,\"count\":1,\"values\":[\"a.example\"]}\nid: s1\n\n";
const ALIVE: &str = "event: alive\ndata: {}\n\n";

/// The answer to one request for the stream.
#[derive(Clone, Debug)]
enum Act {
    /// This is said, and then the line is cut.
    Cut(String),
    /// This is said, and then nothing more.
    Hang(String),
    /// This is said, and then there are signs of life.
    Live(String),
    /// This is said bit by bit, so that no two changes come together.
    Slow(Vec<String>),
}

#[derive(Debug)]
struct Script {
    heads: Arc<Mutex<Vec<String>>>,
    client: Client,
}

impl Script {
    /// Does one act for each question for the stream, the last one again and again; polls are answered with `polled`,
    /// if there is that.
    fn start(acts: Vec<Act>, polled: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let seen = Arc::clone(&heads);
        let left = Arc::new(Mutex::new(acts));
        thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                let (seen, left) = (Arc::clone(&seen), Arc::clone(&left));
                // A client may leave at any time.
                thread::spawn(move || drop(serve(&socket, &seen, &left, polled)));
            }
        });
        let client = Client::builder(url)
            .token(Token::new("a-token"))
            .timeout(Duration::from_secs(3))
            .max_body(10_000)
            .retry(Retry::never())
            .build()
            .unwrap();
        Self { heads, client }
    }

    fn follow(&self, silence: Duration, may_poll: bool) -> Follow {
        let timing = StreamTiming::default()
            .silence(silence)
            .group(Duration::from_millis(300), Duration::from_secs(5))
            .pause(Duration::from_millis(10))
            .report(Duration::ZERO);
        let feed = Feed::from_path("v1/feed/block/type/domain/age/1w", IndicatorType::Domain);
        let interval = Duration::from_millis(200);
        Follow::timed(self.client.clone(), feed, interval, may_poll, timing)
    }

    /// Returns the head of each question for the stream.
    fn streams(&self) -> Vec<String> {
        let heads = self.heads.lock().unwrap();
        heads
            .iter()
            .filter(|head| head.starts_with("GET /v1/stream/"))
            .cloned()
            .collect()
    }
}

fn serve(
    mut socket: &TcpStream,
    seen: &Mutex<Vec<String>>,
    left: &Mutex<Vec<Act>>,
    polled: Option<&str>,
) -> std::io::Result<()> {
    let mut head = String::new();
    let mut reader = BufReader::new(socket);
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(());
        }
    }
    seen.lock().unwrap().push(head.clone());
    if !head.starts_with("GET /v1/stream/feed/block/type/domain/age/1w HTTP/1.1\r\n") {
        let Some(polled) = polled else {
            return socket.write_all(refused("503 Service Unavailable").as_bytes());
        };
        let length = polled.len();
        let head =
            format!("HTTP/1.1 200 OK\r\nX-Feed-Count: 1\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
        return socket.write_all(format!("{head}{polled}").as_bytes());
    }
    let act = {
        let mut left = left.lock().unwrap();
        if left.len() > 1 {
            left.remove(0)
        } else {
            left[0].clone()
        }
    };
    match act {
        Act::Cut(text) => socket.write_all(text.as_bytes()),
        Act::Hang(text) => {
            socket.write_all(text.as_bytes())?;
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
        Act::Live(text) => {
            socket.write_all(text.as_bytes())?;
            loop {
                thread::sleep(Duration::from_millis(500));
                socket.write_all(ALIVE.as_bytes())?;
            }
        }
        Act::Slow(texts) => {
            for text in texts {
                socket.write_all(text.as_bytes())?;
                thread::sleep(Duration::from_secs(1));
            }
            Ok(())
        }
    }
}

fn refused(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno")
}

fn change(name: &str, values: &str, id: &str) -> String {
    let count = values.split(',').count();
    format!("event: {name}\ndata: {{\"part\":1,\"parts\":1,\"count\":{count},\"values\":[{values}]}}\n{id}\n")
}

fn said(more: &[&str]) -> String {
    format!("{HEAD}{SNAPSHOT}{}", more.concat())
}

/// Waits for news; errors and signs of life on the way do not count.
async fn values(follow: &mut Follow) -> Vec<String> {
    let whole = async {
        loop {
            if let Ok(News::Whole { set, .. }) = follow.next(None).await {
                return set.iter().map(str::to_owned).collect();
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), whole).await.unwrap()
}

/// Waits until the feed has only this value. On a busy machine a poll may come before the stream has begun.
async fn told(follow: &mut Follow, wanted: &str) {
    let told = async { while values(follow).await != [wanted] {} };
    tokio::time::timeout(Duration::from_secs(120), told).await.unwrap();
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn many_changes_in_a_burst_are_one_piece_of_news() {
    let changes: String = (0..50)
        .map(|number| change("added", &format!("\"n{number}.example\""), &format!("id: t{number}\n")))
        .collect();
    let gone = change("removed", "\"a.example\"", "id: last\n");
    let script = Script::start(vec![Act::Live(said(&[&changes, &gone]))], None);
    let mut follow = script.follow(LONG, false);
    assert_eq!(values(&mut follow).await.len(), 50);
    assert!(
        matches!(follow.next(None).await, Ok(News::Unchanged)),
        "a sign of life is a success"
    );
    let head = script.streams()[0].to_ascii_lowercase();
    assert!(
        head.contains("authorization: bearer a-token\r\n") && !head.contains("last-event-id"),
        "{head}"
    );
}

#[tokio::test]
async fn a_cut_link_goes_on_where_it_was_and_half_a_change_is_none() {
    let half = change("added", "\"b.example\"", "");
    let cut = Act::Slow(vec![said(&[]), half.clone()]);
    let resumed = Act::Live(format!(
        "{HEAD}{half}{}",
        change("removed", "\"a.example\"", "id: s2\n")
    ));
    let script = Script::start(vec![cut, resumed], None);
    let mut follow = script.follow(LONG, false);
    assert_eq!(values(&mut follow).await, ["a.example"]);
    assert_eq!(values(&mut follow).await, ["b.example"]);
    assert!(
        script.streams()[1].contains("last-event-id: s1\r\n"),
        "{:?}",
        script.streams()
    );
}

#[tokio::test]
async fn a_lie_throws_away_what_is_held_and_the_feed_is_told_anew() {
    let lies = [
        change("removed", "\"x.example\"", "id: s2\n"),
        change("added", "\"b.example\",\"b.example\"", "id: s2\n"),
        "event: added\ndata: {\"part\":2,\"parts\":2,\"count\":1,\"values\":[]}\nid: s2\n\n".to_owned(),
        "event: added\ndata: {\"part\":1,\"parts\":1,\"count\":9,\"values\":[\"b.example\"]}\nid: s2\n\n".to_owned(),
        format!("data: {}\n\n", "x".repeat(10_001)),
    ];
    for lie in lies {
        let anew = SNAPSHOT.replace("a.example", "new.example");
        let script = Script::start(
            vec![
                Act::Slow(vec![said(&[]), lie.clone()]),
                Act::Live(format!("{HEAD}{anew}")),
            ],
            None,
        );
        let mut follow = script.follow(LONG, false);
        assert_eq!(values(&mut follow).await, ["a.example"]);
        let error = follow.next(None).await;
        assert!(error.is_err(), "{lie}: {error:?}");
        assert_eq!(values(&mut follow).await, ["new.example"], "{lie}");
        assert!(!script.streams()[1].contains("last-event-id"), "{:?}", script.streams());
    }
}

#[tokio::test]
async fn silence_is_a_dead_link_and_polls_fill_in() {
    let script = Script::start(
        vec![Act::Hang(said(&[])), Act::Hang(HEAD.to_owned())],
        Some("polled.example"),
    );
    let mut follow = script.follow(Duration::from_millis(700), true);
    told(&mut follow, "a.example").await;
    told(&mut follow, "polled.example").await;
    // The poll may come before the next try to follow, which goes on all the same.
    let tried_again = async {
        while script.streams().len() < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let going_on = async {
        loop {
            let _ = follow.next(None).await;
        }
    };
    let outcome = tokio::time::timeout(Duration::from_secs(60), async {
        tokio::select! { () = tried_again => {}, () = going_on => {} }
    });
    assert!(outcome.await.is_ok());
}

#[tokio::test]
async fn a_stream_that_is_refused_or_unknown_is_polled_instead() {
    let html = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>".to_owned();
    for answer in [
        refused("403 Forbidden"),
        refused("404 Not Found"),
        refused("503 Service Unavailable"),
        html,
        String::new(),
    ] {
        let script = Script::start(vec![Act::Cut(answer.clone())], Some("polled.example"));
        let mut follow = script.follow(LONG, true);
        assert_eq!(values(&mut follow).await, ["polled.example"], "{answer}");
        let mut alone = script.follow(LONG, false);
        assert!(alone.next(None).await.is_err(), "{answer}");
    }
}

#[tokio::test]
async fn a_stream_that_is_back_is_told_again_after_polls() {
    let back = Act::Live(HEAD.to_owned());
    let script = Script::start(
        vec![
            Act::Cut(said(&[])),
            Act::Cut(refused("503 Service Unavailable")),
            Act::Hang(String::new()),
            back,
        ],
        Some("polled.example"),
    );
    let mut follow = script.follow(Duration::from_secs(5), true);
    told(&mut follow, "a.example").await;
    told(&mut follow, "polled.example").await;
    // The third question hangs until its time is over; the fourth goes on from the state that the first one left.
    told(&mut follow, "a.example").await;
    assert!(
        script.streams()[3].contains("last-event-id: s1\r\n"),
        "{:?}",
        script.streams()
    );
}

#[tokio::test]
async fn who_asks_once_polls() {
    let script = Script::start(vec![Act::Hang(String::new())], Some("polled.example"));
    let mut follow = script.follow(LONG, true);
    let News::Whole { set, .. } = follow.once(None).await.unwrap() else {
        unreachable!("asked without a tag")
    };
    assert!(set.iter().eq(["polled.example"]));
    assert_eq!(script.streams().len(), 0);
}

#[tokio::test]
async fn the_end_of_polling_is_logged_once_and_a_stream_from_the_start_is_not() {
    let script = Script::start(vec![Act::Hang(String::new())], None);
    let mut follow = script.follow(LONG, true);
    assert_eq!(logged(|| follow.stream_answered()), "");
    follow.state = State::Polling;
    let line = logged(|| follow.stream_answered());
    assert!(line.contains("the feed is followed as a stream"), "{line}");
    assert_eq!(logged(|| follow.stream_answered()), "");
}

/// Returns the lines that are logged meanwhile.
fn logged(act: impl FnOnce()) -> String {
    let file = tempfile::NamedTempFile::new().unwrap();
    let writer = Mutex::new(file.reopen().unwrap());
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
    tracing::subscriber::with_default(subscriber, act);
    std::fs::read_to_string(file.path()).unwrap()
}
