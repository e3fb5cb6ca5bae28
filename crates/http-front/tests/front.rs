//! A front with a small service, over real sockets.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Extensions;
use http_body_util::Full;
use http_front::{AccessDetails, AccessLog, AccessLogSettings, Front, PanicGuard, Peer, Proxies};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

type Answer = Response<Full<Bytes>>;

/// Answers with the peer; `/panic` panics, `/slow` takes a moment.
async fn answer(request: Request<Incoming>) -> Result<Answer, Infallible> {
    match request.uri().path() {
        "/panic" => panic!("a defect"),
        "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
        _ => {}
    }
    let peer = request.extensions().get::<Peer>().unwrap().0;
    let mut response = Answer::new(format!("peer {peer}\n").into());
    response.extensions_mut().insert(Account("alice"));
    Ok(response)
}

#[derive(Clone, Copy)]
struct Account(&'static str);

fn details(extensions: &Extensions) -> AccessDetails<'_> {
    let mut details = AccessDetails::default();
    details.route = Some("/{name}");
    details.account = extensions.get::<Account>().map(|account| account.0);
    details
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
}

async fn start(front: &Front) -> Running {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, front) = (listener.local_addr().unwrap(), front.clone());
    let (stop, stopped) = oneshot::channel();
    let serving = tokio::spawn(async move {
        let shutdown = async { stopped.await.unwrap_or_default() };
        front.serve(listener, service_fn(answer), shutdown).await
    });
    Running { address, stop, serving }
}

/// Sends bytes and returns everything that comes back.
async fn exchange(address: SocketAddr, sent: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(sent.as_bytes()).await.unwrap();
    let mut text = String::new();
    // A refused connection may be reset.
    let _ = stream.read_to_string(&mut text).await;
    text
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
}

#[tokio::test]
async fn the_service_sees_the_peer_and_the_client_that_a_proxy_names() {
    let running = start(&Front::new()).await;
    let text = exchange(running.address, &get("/")).await;
    assert!(text.ends_with("peer 127.0.0.1\n"), "{text}");
    let proxies = Proxies::new(["127.0.0.1/32".parse().unwrap()]).proxy_protocol(true);
    let running = start(&Front::new().proxies(move || proxies.clone())).await;
    let header = "PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n";
    let text = exchange(running.address, &format!("{header}{}", get("/"))).await;
    assert!(text.ends_with("peer 198.51.100.9\n"), "{text}");
}

#[tokio::test]
async fn a_refused_connection_is_closed_and_reported() {
    let reports = Arc::new(Mutex::new(Vec::new()));
    let theirs = Arc::clone(&reports);
    let proxies = Proxies::new(["127.0.0.1/32".parse().unwrap()]).proxy_protocol(true);
    let front = Front::new()
        .proxies(move || proxies.clone())
        .on_refusal(move |peer, refusal| theirs.lock().unwrap().push(format!("{peer}: {refusal}")));
    let running = start(&front).await;
    assert_eq!(exchange(running.address, &get("/")).await, "");
    let expected = ["127.0.0.1: the connection does not begin with a PROXY header"];
    assert_eq!(*reports.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_panic_is_an_empty_500_and_the_connection_goes_on() {
    let running = start(&Front::new()).await;
    let both = format!("GET /panic HTTP/1.1\r\nHost: x\r\n\r\n{}", get("/"));
    let text = exchange(running.address, &both).await;
    assert!(text.starts_with("HTTP/1.1 500 Internal Server Error\r\n"), "{text}");
    assert!(text.ends_with("peer 127.0.0.1\n"), "{text}");
}

#[tokio::test]
async fn a_guard_gives_a_panic_its_own_answer() {
    let guarded = PanicGuard::new(service_fn(answer), |_: &Method| {
        let mut response = Answer::new("our defect".into());
        *response.status_mut() = hyper::StatusCode::INTERNAL_SERVER_ERROR;
        response
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { Front::new().serve(listener, guarded, std::future::pending()).await });
    let text = exchange(address, &get("/panic")).await;
    assert!(text.ends_with("our defect"), "{text}");
}

#[tokio::test]
async fn the_end_waits_for_an_answer_that_has_begun() {
    let front = Front::new();
    let running = start(&front).await;
    let slow = tokio::spawn(async move { exchange(running.address, &get("/slow")).await });
    while front.open_connections() == 0 {
        tokio::task::yield_now().await;
    }
    running.stop.send(()).unwrap();
    assert!(slow.await.unwrap().ends_with("peer 127.0.0.1\n"));
    running.serving.await.unwrap().unwrap();
    assert_eq!(front.open_connections(), 0);
    TcpStream::connect(running.address).await.unwrap_err();
}

#[tokio::test]
async fn every_answer_has_a_line_in_the_log_and_a_panic_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("access.log");
    let log = AccessLog::start(AccessLogSettings::to(&file)).unwrap().details(details);
    let running = start(&Front::new().access_log(log.clone())).await;
    exchange(running.address, &get("/a?password=hunter2")).await;
    exchange(running.address, &get("/panic")).await;
    tokio::task::spawn_blocking(move || log.flush()).await.unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 2, "{text}");
    assert!(lines[0].starts_with("127.0.0.1 - \"alice\" ["), "{text}");
    assert!(
        lines[0].contains("\"GET /a?password=ANONYMIZED HTTP/1.1\" 200 "),
        "{text}"
    );
    assert!(lines[1].contains("\"GET /panic HTTP/1.1\" 500 "), "{text}");
}

#[tokio::test]
async fn a_request_may_have_a_hundred_header_fields_and_no_more() {
    let running = start(&Front::new()).await;
    for (fields, status) in [(100, "200"), (101, "431")] {
        // `Host` and `Connection` are two of them.
        let others: String = (2..fields).map(|number| format!("x-{number}: 1\r\n")).collect();
        let head = format!("GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{others}\r\n");
        let answer = exchange(running.address, &head).await;
        assert_eq!(answer.split(' ').nth(1), Some(status), "{fields} fields");
    }
}
