//! Every fault on the way, and its kind.

use std::io::Write as _;
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use misp_client::{AuthKey, BaseUrl, Client, Error, ErrorKind, Fault};

use crate::server::{KEY, Reply, Server};
use crate::{all, answer, any_search};

async fn kind_of(reply: Reply) -> ErrorKind {
    let server = Server::always(reply).await;
    let error = all(&server.client(), any_search()).await.unwrap_err();
    assert_shows_nothing(&error, &server);
    error.kind()
}

/// Neither the key nor the address of MISP is in an error, however it is printed.
fn assert_shows_nothing(error: &Error, server: &Server) {
    let mut text = format!("{error} {error:?}");
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(&format!(" {source} {source:?}"));
        cause = source.source();
    }
    assert!(!text.contains(KEY), "{text}");
    assert!(!text.contains("http://"), "{text}");
    assert!(!text.contains(&server.addr().port().to_string()), "{text}");
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn refused_connection_is_a_connection_fault_and_tried_again() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let url = BaseUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap();
    let client = Client::builder(url, AuthKey::new(KEY).unwrap()).build().unwrap();
    let began = Instant::now();
    let error = client.version().await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Connect, Fault::Upstream));
    assert!(error.is_retryable());
    assert!(
        began.elapsed() >= Duration::from_millis(150),
        "two waits of at least 50 and 100 ms"
    );
}

#[tokio::test]
async fn unknown_host_is_a_connection_fault() {
    let url = BaseUrl::parse("http://no-such-host.invalid").unwrap();
    let client = Client::builder(url, AuthKey::new(KEY).unwrap())
        .max_retries(0)
        .build()
        .unwrap();
    assert_eq!(client.version().await.unwrap_err().kind(), ErrorKind::Connect);
}

#[tokio::test]
async fn connection_lost_before_an_answer_is_tried_again() {
    let server = Server::start(|_, number| match number {
        0 | 1 => Reply::nothing(),
        _ => Reply::json(answer([1])),
    })
    .await;
    assert_eq!(all(&server.client(), any_search()).await.unwrap().len(), 1);
    assert_eq!(server.seen().len(), 3);

    let server = Server::always(Reply::nothing()).await;
    let client = server.builder().max_retries(0).build().unwrap();
    let error = all(&client, any_search()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_shows_nothing(&error, &server);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn silence_ends_as_a_time_out() {
    for reply in [
        Reply::nothing().then_hang(),
        Reply::head(200, &[], Some(100)).then_hang(),
        Reply::head(200, &[], Some(100)).then("{\"response\":").then_hang(),
    ] {
        let server = Server::always(reply).await;
        let client = server.builder().timeout(Duration::from_millis(300)).build().unwrap();
        let began = Instant::now();
        let error = all(&client, any_search()).await.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(!error.is_retryable());
        assert!(began.elapsed() < Duration::from_secs(5));
        assert_eq!(server.seen().len(), 1, "not asked again");
        assert_shows_nothing(&error, &server);
    }
}

#[tokio::test]
async fn slow_drip_ends_as_a_time_out() {
    let drip = Reply::head(200, &[], None)
        .then("{\"response\":")
        .then_forever(" ", Duration::from_millis(20));
    let server = Server::always(drip).await;
    let client = server.builder().timeout(Duration::from_millis(400)).build().unwrap();
    let began = Instant::now();
    assert!(all(&client, any_search()).await.unwrap_err().is_timeout());
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn time_that_the_caller_takes_does_not_count() {
    let body = answer(1..=3_000);
    let half = body.len() / 2;
    let server = Server::always(
        Reply::head(200, &[], Some(body.len()))
            .then(&body.as_bytes()[..half])
            .then(&body.as_bytes()[half..]),
    )
    .await;
    let client = server.builder().timeout(Duration::from_millis(500)).build().unwrap();
    let mut search = client.search(any_search());
    let mut rows = 0;
    while let Some(batch) = search.next_batch().await.unwrap() {
        rows += batch.attributes.len();
        tokio::time::sleep(Duration::from_millis(600)).await;
    }
    assert_eq!(rows, 3_000);
}

#[tokio::test]
async fn answer_that_is_cut_off_is_cut_short_wherever_that_is() {
    let body = answer(1..=20);
    let between_rows = body.find("},{").unwrap() + 1;
    let in_a_value = body.find("host9").unwrap() + 2;
    let before_the_end = body.len() - 3;
    for at in [0, 1, between_rows, in_a_value, before_the_end] {
        let part = body.get(..at).unwrap();
        assert_eq!(
            kind_of(Reply::head(200, &[], Some(body.len())).then(part)).await,
            ErrorKind::CutShort,
            "at {at}"
        );
        assert_eq!(
            kind_of(Reply::head(200, &[], None).then(part)).await,
            ErrorKind::CutShort,
            "no length, at {at}"
        );
        assert_eq!(
            kind_of(Reply::json(part)).await,
            ErrorKind::CutShort,
            "wrong length, at {at}"
        );
        let chunk = format!("{:x}\r\n{part}\r\n", part.len());
        let chunked = Reply::head(200, &[("Transfer-Encoding", "chunked")], None);
        if at > 0 {
            assert_eq!(
                kind_of(chunked.then(&chunk)).await,
                ErrorKind::CutShort,
                "chunk without end, at {at}"
            );
        }
    }
}

#[tokio::test]
async fn whole_json_in_an_unfinished_body_is_cut_short() {
    let body = answer(1..=3);
    assert_eq!(
        kind_of(Reply::head(200, &[], Some(body.len() + 1)).then(&body)).await,
        ErrorKind::CutShort
    );
    let chunk = format!("{:x}\r\n{body}\r\n", body.len());
    let chunked = || Reply::head(200, &[("Transfer-Encoding", "chunked")], None);
    assert_eq!(kind_of(chunked().then(&chunk)).await, ErrorKind::CutShort);
    let server = Server::always(chunked().then(&chunk).then("0\r\n\r\n")).await;
    assert_eq!(all(&server.client(), any_search()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn body_that_ends_with_the_connection_is_fine_when_it_is_whole() {
    let server = Server::always(Reply::head(200, &[], None).then(answer(1..=3))).await;
    assert_eq!(all(&server.client(), any_search()).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_not_json_is_not_an_answer() {
    let html = "<!DOCTYPE html><html><head><title>Login - MISP</title></head></html>";
    assert_eq!(
        kind_of(Reply::new(200, &[("Content-Type", "text/html")], html)).await,
        ErrorKind::NotJson
    );
    assert_eq!(kind_of(Reply::json("nonsense")).await, ErrorKind::NotJson);
    assert_eq!(
        kind_of(Reply::json(format!("{}<br />Fatal error", answer([1])))).await,
        ErrorKind::NotJson
    );
    assert_eq!(
        kind_of(Reply::json(format!("{0}{0}", answer([1])))).await,
        ErrorKind::NotJson
    );
    let warning = r#"{"response":{"Attribute":[{"id":"1","type":"domain","value":"a"},<b>Warning</b>"#;
    assert_eq!(kind_of(Reply::json(warning)).await, ErrorKind::NotJson);
}

#[tokio::test]
async fn json_of_another_shape_is_not_an_answer() {
    for body in [
        "{}",
        "[]",
        "null",
        r#"{"response":{}}"#,
        r#"{"errors":["no"]}"#,
        r#"{"response":{"Attribute":[1]}}"#,
    ] {
        assert_eq!(kind_of(Reply::json(body)).await, ErrorKind::UnexpectedAnswer, "{body}");
    }
}

#[tokio::test]
async fn nothing_found_is_no_fault() {
    for body in ["{\"response\": {\"Attribute\": []}}\n", "{\"response\": []}\n"] {
        let server = Server::always(Reply::json(body)).await;
        assert_eq!(all(&server.client(), any_search()).await.unwrap(), []);
    }
}

#[tokio::test]
async fn misps_errors_keep_their_message_within_bounds() {
    let message = format!("bad \\u0007\\r\\nthing {}", "x".repeat(5_000));
    let server = Server::always(Reply::new(
        500,
        &[],
        format!("{{\"name\":\"n\",\"message\":\"{message}\"}}"),
    ))
    .await;
    let error = all(&server.client(), any_search()).await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::MispError, Some(500)));
    let kept = error.misp_message().unwrap();
    assert!(kept.starts_with("bad    thing xxx") && kept.len() <= 512, "{kept}");

    assert_eq!(
        kind_of(Reply::new(502, &[], "<html>502</html>")).await,
        ErrorKind::MispError
    );
    assert_eq!(
        kind_of(Reply::new(503, &[], vec![b' '; 1 << 20])).await,
        ErrorKind::MispError
    );
    assert_eq!(
        kind_of(Reply::head(500, &[], Some(10)).then("{")).await,
        ErrorKind::MispError
    );
    assert_eq!(kind_of(Reply::new(204, &[], "")).await, ErrorKind::UnexpectedAnswer);
}

#[tokio::test]
async fn answer_that_is_not_http_is_refused() {
    assert_eq!(
        kind_of(Reply::nothing().then("SSH-2.0-OpenSSH_9.6\r\n\r\n")).await,
        ErrorKind::UnexpectedAnswer
    );
}

#[tokio::test]
async fn body_over_the_bound_is_too_large_plain_or_compressed() {
    let space = vec![b' '; 64 << 10];
    let endless = Reply::head(200, &[], None)
        .then("{\"response\":")
        .then_forever(&space, Duration::ZERO);
    let bomb = gzip(&[b"{\"response\":".to_vec(), vec![b' '; 64 << 20]].concat());
    assert!(bomb.len() < 128 << 10);
    for reply in [endless, Reply::new(200, &[("Content-Encoding", "gzip")], bomb)] {
        let server = Server::always(reply).await;
        let client = server.builder().max_page_bytes(1 << 20).build().unwrap();
        assert_eq!(
            all(&client, any_search()).await.unwrap_err().kind(),
            ErrorKind::TooLarge
        );
    }
}

#[tokio::test]
async fn compressed_answers_are_read_and_cut_ones_are_cut_short() {
    let body = gzip(answer(1..=500).as_bytes());
    let server = Server::always(Reply::new(200, &[("Content-Encoding", "gzip")], &body)).await;
    assert_eq!(all(&server.client(), any_search()).await.unwrap().len(), 500);
    assert!(server.seen()[0].header("accept-encoding").unwrap().contains("gzip"));
    for at in [body.len() / 2, body.len() - 4] {
        let reply = Reply::new(200, &[("Content-Encoding", "gzip")], &body[..at]);
        assert_eq!(kind_of(reply).await, ErrorKind::CutShort, "at {at}");
    }
}

#[tokio::test]
async fn redirect_is_never_followed_so_the_key_goes_nowhere_else() {
    for status in [301, 302, 303, 307, 308] {
        let other = Server::always(Reply::json(answer([1]))).await;
        let target = format!("http://localhost:{}/users/login", other.addr().port());
        let server = Server::always(Reply::new(status, &[("Location", &target)], "")).await;
        let error = all(&server.client(), any_search()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Redirected);
        assert!(error.is_login_redirect());
        assert_shows_nothing(&error, &server);
        assert_eq!(server.seen().len(), 1);
        assert_eq!(other.seen().len(), 0, "nobody else was asked");
    }
    let server = Server::always(Reply::new(302, &[("Location", "https://elsewhere.example/")], "")).await;
    assert!(
        !all(&server.client(), any_search())
            .await
            .unwrap_err()
            .is_login_redirect()
    );
}

#[tokio::test]
async fn fault_of_a_whole_answer_is_not_asked_for_again() {
    for reply in [
        Reply::new(500, &[], "{}"),
        Reply::new(429, &[], "{}"),
        Reply::json("<html>"),
        Reply::json("{\"a\":"),
    ] {
        let server = Server::always(reply).await;
        all(&server.client(), any_search()).await.unwrap_err();
        assert_eq!(server.seen().len(), 1);
    }
}
