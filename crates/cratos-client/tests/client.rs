//! The client against a small server that answers well, badly, or not at all.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cratos_client::{
    Age, Client, Error, Feed, FeedAnswer, FeedName, IndicatorType, LookUp, MAX_SIGHTINGS, Retry, Scope, SecretString,
    Sighting, StreamTiming, StreamUpdate, Token, TokenOrder,
};
use serde_json::{Value, json};
use support::{Answer, Seen, Server, TOKEN, feed, problem, reply};

const KEY: &str = "0123456789012345678901234567890123456789";

fn domains() -> Feed {
    Feed::new(FeedName::Block, IndicatorType::Domain, Age::Weeks1)
}

/// Returns an error with all its causes, as `Display` and as `Debug`.
fn all_texts(error: &Error) -> String {
    let mut text = format!("{error:?} {error}");
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text += &format!(" {error:?} {error}");
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn a_feed_is_asked_for_with_the_token_in_its_header_and_again_with_the_entity_tag() {
    let server = Server::start(|request, _| match request.header("if-none-match") {
        "\"one\"" => reply(304, &[("etag", "\"one\"")], ""),
        _ => feed(&["a.example", "b.example"]),
    })
    .await;
    let client = server.client();
    let FeedAnswer::Values(values) = client.feed(&domains(), None).await.unwrap() else {
        panic!("the question had no tag")
    };
    assert!(values.set.iter().eq(["a.example", "b.example"]) && values.refused.count() == 0);
    let again = client.feed(&domains(), values.etag.as_deref()).await.unwrap();
    assert_eq!(again, FeedAnswer::NotModified);
    let seen = server.seen();
    assert_eq!(seen[0].target, "/v1/feed/block/type/domain/age/1w/output/txt");
    assert_eq!(seen[0].header("authorization"), format!("Bearer {TOKEN}"));
    assert_eq!(seen[0].header("accept-encoding"), "zstd, gzip");
    assert_eq!(
        (seen[0].header("if-none-match"), seen[1].header("if-none-match")),
        ("", "\"one\"")
    );
}

#[tokio::test]
async fn an_answer_that_is_no_whole_feed_is_an_error() {
    type Case = (&'static str, fn() -> Answer, fn(&Error) -> bool);
    let cases: [Case; 9] = [
        (
            "too few",
            || reply(200, &[("x-feed-count", "2")], "a.example"),
            |error| matches!(error, Error::WrongCount { declared: 2, found: 1 }),
        ),
        (
            "no count",
            || reply(200, &[], "a.example"),
            |error| matches!(error, Error::NoCount),
        ),
        (
            "a log-in page",
            || reply(200, &[("x-feed-count", "2")], "<html>\n</html>"),
            |error| matches!(error, Error::Nonsense { refused: 2, found: 2 }),
        ),
        (
            "too large",
            || reply(200, &[("x-feed-count", "1")], vec![b'a'; 100_001]),
            |error| matches!(error, Error::TooLarge { limit: 100_000 }),
        ),
        (
            "no gzip",
            || reply(200, &[("x-feed-count", "1"), ("content-encoding", "gzip")], "a.example"),
            |error| matches!(error, Error::Encoding(_)),
        ),
        (
            "brotli",
            || reply(200, &[("x-feed-count", "1"), ("content-encoding", "br")], "a.example"),
            |error| matches!(error, Error::Encoding(_)),
        ),
        (
            "not modified",
            || reply(304, &[], ""),
            |error| matches!(error, Error::NotConditional),
        ),
        (
            "a redirect",
            || reply(302, &[("location", "/elsewhere")], ""),
            |error| matches!(error, Error::Unavailable(problem) if problem.status() == 302),
        ),
        (
            "another success",
            || reply(204, &[("x-feed-count", "0")], ""),
            |error| matches!(error, Error::Unavailable(problem) if problem.status() == 204),
        ),
    ];
    for (name, answer, is_right) in cases {
        let server = Server::start(move |_, _| answer()).await;
        let error = server.client().feed(&domains(), None).await.unwrap_err();
        assert!(is_right(&error), "{name}: {error:?}");
        assert_eq!(server.seen().len(), 1, "{name}: it is neither repeated nor redirected");
    }
}

#[tokio::test]
async fn a_small_body_that_unfolds_beyond_the_limit_is_refused() {
    use std::io::Write as _;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(&vec![b'a'; 1 << 20]).unwrap();
    let bomb = encoder.finish().unwrap();
    let server = Server::start(move |_, _| {
        reply(
            200,
            &[("x-feed-count", "1"), ("content-encoding", "gzip")],
            bomb.clone(),
        )
    })
    .await;
    let error = server.client().feed(&domains(), None).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { limit: 100_000 }), "{error:?}");
}

#[tokio::test]
async fn requests_that_change_nothing_are_repeated_after_a_failed_connection() {
    let server = Server::start(|_, number| if number < 2 { None } else { feed(&["a.example"]) }).await;
    server.client().feed(&domains(), None).await.unwrap();
    assert_eq!(server.seen().len(), 3);
    let dead = Server::start(|_, _| None).await;
    let error = dead.client().feed(&domains(), None).await.unwrap_err();
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
    assert_eq!(dead.seen().len(), 3);
    let once = dead.settings().retry(Retry::never()).build().unwrap();
    once.feed(&domains(), None).await.unwrap_err();
    assert_eq!(dead.seen().len(), 4);
}

#[tokio::test]
async fn sightings_and_token_orders_are_sent_once_when_the_connection_fails() {
    let server = Server::start(|_, _| None).await;
    let client = server.client();
    client.report(&[Sighting::new("192.0.2.7")]).await.unwrap_err();
    client
        .mint(&TokenOrder::new("misp.example.net", KEY, "2099-12-31"))
        .await
        .unwrap_err();
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_server_that_asks_for_patience_gets_it_within_bounds() {
    let busy = |_: &Seen, number| {
        if number < 2 {
            reply(429, &[("retry-after", "0")], "")
        } else {
            reply(202, &[], r#"{"accepted": 1, "duplicates": 0, "errors": []}"#)
        }
    };
    let server = Server::start(busy).await;
    assert_eq!(
        server
            .client()
            .report(&[Sighting::new("192.0.2.7")])
            .await
            .unwrap()
            .accepted,
        1
    );
    assert_eq!(server.seen().len(), 3);
    let always = Server::start(|_, _| reply(429, &[("retry-after", "9999")], "")).await;
    let impatient = Retry::default().waits(2).longest_wait(Duration::from_millis(1));
    let client = always.settings().retry(impatient).build().unwrap();
    let error = client.feed(&domains(), None).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(9999)));
    assert_eq!(always.seen().len(), 3);
}

#[tokio::test]
async fn a_silent_server_costs_no_more_than_the_time_limit() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let client = Client::builder(url.parse().unwrap())
        .token(Token::new(TOKEN))
        .timeout(Duration::from_millis(300))
        .build()
        .unwrap();
    let error = client.feed(&domains(), None).await.unwrap_err();
    assert!(matches!(error, Error::TooSlow { .. }), "{error:?}");
}

#[tokio::test]
async fn problems_are_typed_and_hold_no_secret() {
    let server = Server::start(|request, _| match request.target.as_str() {
        "/v1/sightings" => {
            let detail = json!([{ "loc": ["body", "sightings", 0, "type"], "msg": "no such type", "type": "enum" }]);
            reply(422, &[], json!({ "detail": detail }).to_string())
        }
        "/v1/generate_token_json" => problem(422, &format!("MISP refused {KEY}")),
        _ => problem(403, &format!("{TOKEN} ended on 2026-11-01")),
    })
    .await;
    let client = server.client();
    let refused = client.feed(&domains(), None).await.unwrap_err();
    assert!(matches!(&refused, Error::Refused(problem) if problem.status() == 403));
    assert_eq!(
        refused.to_string(),
        "cratosd refuses the token or this address (403): (the token) ended on 2026-11-01"
    );
    let rejected = client.report(&[Sighting::new("192.0.2.7")]).await.unwrap_err();
    let field = &rejected.problem().unwrap().fields()[0];
    assert_eq!(
        (field.location.as_str(), field.kind.as_str()),
        ("body.sightings.0.type", "enum")
    );
    let order = TokenOrder::new("misp.example.net", KEY, "2099-12-31");
    let refused_key = client.mint(&order).await.unwrap_err();
    assert!(
        refused_key.to_string().ends_with("(422): MISP refused (the key)"),
        "{refused_key}"
    );
    for error in [refused, rejected, refused_key] {
        assert!(error.is_callers_fault());
        let texts = all_texts(&error);
        assert!(!texts.contains(TOKEN) && !texts.contains(KEY), "{texts}");
    }
}

#[tokio::test]
async fn an_error_of_the_connection_names_no_value() {
    let client = Client::new("http://127.0.0.1:1".parse().unwrap(), Token::new(TOKEN)).unwrap();
    let error = client.look_up("secret.example", &LookUp::new()).await.unwrap_err();
    let texts = all_texts(&error);
    assert!(!texts.contains("secret.example") && !texts.contains(TOKEN), "{texts}");
}

#[tokio::test]
async fn a_client_without_a_token_sends_nothing_that_needs_one() {
    let server = Server::start(|_, _| feed(&[])).await;
    let client = Client::builder(server.url.parse().unwrap()).build().unwrap();
    assert!(matches!(client.feed(&domains(), None).await, Err(Error::NoToken)));
    let unreadable = Token::from_fn(|| Err(std::io::ErrorKind::NotFound.into()));
    let client = Client::new(server.url.parse().unwrap(), unreadable).unwrap();
    assert!(matches!(client.feed(&domains(), None).await, Err(Error::Token(_))));
    assert_eq!(server.seen().len(), 0);
}

/// The answer of a look-up: names that begin with `bad` are listed.
fn verdict(value: &str) -> Value {
    let found = value.starts_with("bad");
    let matches = if found {
        json!([{ "value": value, "type": "domain", "relation": "exact", "feed": "block", "event_uuid": "u-1", "event_info": "Campaign" }])
    } else {
        json!([])
    };
    json!({ "found": found, "value": value, "looked_up": value, "type": "", "relation": "", "listed": "", "feed": "",
        "count": u8::from(found), "event_uuid": "", "matches": matches })
}

#[tokio::test]
async fn one_value_is_looked_up_in_the_query_and_many_in_bodies_of_a_thousand() {
    let server = Server::start(|request, _| {
        if request.method == "GET" {
            return reply(200, &[], verdict("bad+name.example").to_string());
        }
        let body = request.json();
        let values = body["values"].as_array().unwrap();
        let results: Vec<Value> = values.iter().map(|value| verdict(value.as_str().unwrap())).collect();
        reply(200, &[], json!({ "results": results }).to_string())
    })
    .await;
    let client = server.settings().max_body(10 << 20).build().unwrap();
    let settings = LookUp::new().age(Age::Weeks1).feed(FeedName::Block);
    let one = client.look_up("bad+name.example", &settings).await.unwrap();
    let context = one.matches[0].context.as_ref().unwrap();
    assert_eq!((one.count, context.event_info.as_str()), (1, "Campaign"));
    assert_eq!(
        server.seen()[0].target,
        "/v1/lookup?value=bad%2Bname.example&age=1w&feed=block"
    );
    let names: Vec<String> = (0..2500).map(|number| format!("bad{number}.example")).collect();
    let all = client.look_up_many(&names, &settings).await.unwrap();
    assert!(
        all.iter()
            .zip(&names)
            .all(|(verdict, name)| verdict.value == *name && verdict.found)
    );
    let sizes: Vec<usize> = server.seen()[1..]
        .iter()
        .map(|request| request.json()["values"].as_array().unwrap().len())
        .collect();
    assert_eq!(sizes, [1000, 1000, 500]);
    assert_eq!(server.seen()[1].json()["age"], "1w");
}

#[tokio::test]
async fn an_answer_about_another_value_is_an_error() {
    let server = Server::start(|_, _| reply(200, &[], verdict("other.example").to_string())).await;
    let error = server.client().look_up("a.example", &LookUp::new()).await.unwrap_err();
    assert!(matches!(error, Error::Mismatch(_)), "{error:?}");
}

#[tokio::test]
async fn sightings_are_reported_and_those_that_were_refused_are_named() {
    let server = Server::start(|_, _| {
        let errors = json!([{ "index": 1, "reason": "the value is no address" }]);
        let receipt = json!({ "accepted": 1, "duplicates": 0, "errors": errors });
        reply(202, &[], receipt.to_string())
    })
    .await;
    let seen_at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_308_235);
    let sightings = [Sighting::new("192.0.2.7").seen_at(seen_at), Sighting::new("hello")];
    let receipt = server.client().report(&sightings).await.unwrap();
    assert_eq!((receipt.accepted, receipt.errors[0].index), (1, 1));
    let first = json!({ "value": "192.0.2.7", "type": "hit", "seen_at": "2026-11-22T00:43:55Z" });
    assert_eq!(server.seen()[0].json()["sightings"][0], first);
    let many = vec![Sighting::new("192.0.2.7"); MAX_SIGHTINGS + 1];
    assert!(matches!(
        server.client().report(&many).await,
        Err(Error::TooMany { limit: 1000 })
    ));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_token_is_made_without_the_clients_token() {
    use secrecy::ExposeSecret as _;
    let server = Server::start(|_, _| {
        let made =
            json!({ "MISP": "https://misp.example.net/", "validity": "2099-12-31", "token": "new", "sha256": "aa" });
        reply(200, &[], made.to_string())
    })
    .await;
    let order = TokenOrder::new("misp.example.net", SecretString::from(KEY), "2099-12-31")
        .port(8443)
        .scope(Scope::new().feeds([FeedName::Block]).label("fw1"));
    let minted = server.client().mint(&order).await.unwrap();
    assert_eq!(
        (minted.token.expose_secret(), minted.expires.as_str()),
        ("new", "2099-12-31")
    );
    assert!(!format!("{minted:?}").contains("new"));
    let request = &server.seen()[0];
    assert_eq!(
        (request.target.as_str(), request.header("authorization")),
        ("/v1/generate_token_json", "")
    );
    let expected = json!({ "domain": "misp.example.net", "proto": "https", "port": 8443, "auth": KEY,
        "expire": "2099-12-31", "scope": { "feeds": ["block"], "label": "fw1" } });
    assert_eq!(request.json(), expected);
}

fn event(name: &str, values: &[&str], id: &str) -> String {
    let data = json!({ "part": 1, "parts": 1, "count": values.len(), "values": values });
    format!("event: {name}\ndata: {data}\nid: {id}\n\n")
}

fn stream_of(text: String) -> Answer {
    reply(200, &[("content-type", "text/event-stream")], text)
}

#[tokio::test]
async fn a_stream_goes_on_from_the_last_state_and_starts_again_after_a_contradiction() {
    let server = Server::start(|request, number| match (number, request.header("last-event-id")) {
        (0, "") => stream_of(event("snapshot", &["a.example"], "s1")),
        (1, "s1") => stream_of(event("added", &["b.example"], "s2")),
        (2, "s2") => stream_of(event("removed", &["never-there.example"], "s3")),
        (3, "") => stream_of(event("snapshot", &["c.example"], "s4")),
        _ => problem(503, "MISP is down"),
    })
    .await;
    let timing = StreamTiming::default().pause(Duration::from_millis(1));
    let mut stream = server.client().follow_with(&domains(), timing);
    let mut states = Vec::new();
    let mut contradictions = 0;
    let error = loop {
        match stream.next().await {
            Ok(StreamUpdate::Changed(state)) => {
                states.push((state.id().to_owned(), state.set().iter().collect::<Vec<_>>().join(" ")));
            }
            Ok(_) => {}
            Err(Error::Contradiction(_)) => contradictions += 1,
            Err(error) => break error,
        }
    };
    let states: Vec<(&str, &str)> = states.iter().map(|(id, set)| (id.as_str(), set.as_str())).collect();
    assert_eq!(
        states,
        [("s1", "a.example"), ("s2", "a.example b.example"), ("s4", "c.example")]
    );
    assert_eq!(contradictions, 1);
    assert!(error.to_string().ends_with("(503): MISP is down"), "{error}");
    assert_eq!(server.seen()[0].target, "/v1/stream/feed/block/type/domain/age/1w");
    assert_eq!(server.seen()[0].header("authorization"), format!("Bearer {TOKEN}"));
}

#[tokio::test]
async fn an_answer_of_another_media_type_is_no_stream() {
    let server = Server::start(|_, _| feed(&["a.example"])).await;
    let error = server.client().follow(&domains()).next().await.unwrap_err();
    assert!(matches!(error, Error::NoStream), "{error:?}");
}

#[tokio::test]
async fn only_a_server_with_a_trusted_certificate_gets_the_token() {
    let own = rcgen::generate_simple_self_signed(vec!["127.0.0.1".to_owned()]).unwrap();
    let key = own.signing_key.serialize_der().try_into().unwrap();
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![own.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let server = Server::start_tls(|_, _| feed(&["a.example"]), acceptor).await;
    let error = server.client().feed(&domains(), None).await.unwrap_err();
    assert!(matches!(error, Error::Connection(_)), "{error:?}");
    assert_eq!(server.seen().len(), 0);
    for settings in [
        server.settings().trust_also(own.cert.pem()),
        server.settings().trust_only(own.cert.pem()),
    ] {
        settings.build().unwrap().feed(&domains(), None).await.unwrap();
    }
}
