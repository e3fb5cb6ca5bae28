//! Paths that the client has no method for: same bounds, retries and redaction.

use std::time::{Duration, Instant};

use misp_client::{Error, ErrorKind, Fault, RetryPolicy};
use misp_sim::{Sim, User};
use serde_json::{Value, json};

use crate::server::{KEY, Reply, Server};
use crate::sim;

#[tokio::test]
async fn any_page_can_be_read_as_any_type() {
    #[derive(serde::Deserialize)]
    struct Version {
        version: String,
    }
    let sim = Sim::builder().start().await.unwrap();
    let misp = sim::client(&sim);
    assert_eq!(
        misp.get::<Version>("/servers/getVersion").await.unwrap().version,
        "2.5.1"
    );
    let body = json!({"returnFormat": "json", "value": "nowhere.example.com"});
    let found: Value = misp.post("/attributes/restSearch", &body).await.unwrap();
    assert_eq!(found, json!({"response": {"Attribute": []}}));
    let list: Vec<Value> = misp.post("/events/index", &json!({"minimal": 1})).await.unwrap();
    assert!(list.is_empty());
}

#[tokio::test]
async fn error_shows_neither_key_nor_address_nor_argument_nor_body() {
    let server = Server::always(Reply::json(r#"{"version": "secret-value"}"#)).await;
    let misp = server.client();
    let wrong: Error = misp
        .get::<Vec<u8>>("/attributes/restSearch/value:secret-value")
        .await
        .unwrap_err();
    assert_eq!(
        (wrong.kind(), wrong.fault()),
        (ErrorKind::UnexpectedAnswer, Fault::Upstream)
    );
    let text = format!("{wrong} {wrong:?}");
    assert!(text.contains("/attributes/restSearch"), "{text}");
    for secret in [KEY, "secret-value", "localhost"] {
        assert!(!text.contains(secret), "{text}");
    }
    let missing = misp.get::<Value>("no/slash").await.unwrap_err();
    assert_eq!(
        (missing.kind(), missing.fault()),
        (ErrorKind::InvalidSearch, Fault::Caller)
    );
    assert_eq!(server.seen().len(), 1, "a wrong path is not sent");
}

#[tokio::test]
async fn answer_over_the_bound_is_too_large_and_a_late_one_times_out() {
    let server = Server::always(Reply::json(format!("[{}1]", "1,".repeat(10_000)))).await;
    let misp = server.builder().max_page_bytes(1_000).build().unwrap();
    let error = misp.get::<Vec<u8>>("/tags/index").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TooLarge);
    let hanging = Server::always(Reply::nothing().then_hang()).await;
    let misp = hanging.builder().timeout(Duration::from_millis(200)).build().unwrap();
    assert!(misp.get::<Value>("/tags/index").await.unwrap_err().is_timeout());
}

#[tokio::test]
async fn get_is_tried_again_after_a_lost_connection_and_post_is_not() {
    let server = Server::start(|_, number| match number {
        0 => Reply::nothing(),
        _ => Reply::json("{}"),
    })
    .await;
    server.client().get::<Value>("/roles/index").await.unwrap();
    assert_eq!(server.seen().len(), 2);
    let server = Server::always(Reply::nothing()).await;
    let error = server
        .client()
        .post::<_, Value>("/roles/add", &json!({}))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Connect);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn rate_limit_is_an_error_at_once_unless_the_policy_waits() {
    let limited = || Reply::new(429, &[("Retry-After", "1")], r#"{"message":"Rate limit exceeded."}"#);
    let server = Server::start(move |_, number| if number % 2 == 0 { limited() } else { Reply::json("{}") }).await;
    let error = server.client().get::<Value>("/roles/index").await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(1)))
    );
    let server = Server::start(move |_, number| if number == 0 { limited() } else { Reply::json("{}") }).await;
    let patient = RetryPolicy::none().rate_limit_wait(Duration::from_secs(5));
    // The wait is longer than the time-out, which is for MISP alone.
    let misp = server
        .builder()
        .retries(patient)
        .timeout(Duration::from_millis(900))
        .build()
        .unwrap();
    let began = Instant::now();
    // MISP did nothing, so a request that writes is sent again too.
    misp.post::<_, Value>("/roles/add", &json!({})).await.unwrap();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn rate_limit_that_lasts_longer_than_the_policy_waits_is_an_error_at_once() {
    let mut user = User::reader(
        "limited@cert.example.org",
        1,
        "limitedkeylimitedkeylimitedkeylimited009",
    );
    user.rate_limit = Some(1);
    let sim = Sim::builder().user(user).start().await.unwrap();
    let misp = sim::builder(&sim, "limitedkeylimitedkeylimitedkeylimited009")
        .retries(RetryPolicy::new().rate_limit_wait(Duration::from_secs(60)))
        .build()
        .unwrap();
    let search = || misp_client::AttributeSearch::new(["domain"]).unwrap();
    assert!(misp.search(search()).next_batch().await.unwrap().is_none());
    let began = Instant::now();
    let error = misp.search(search()).next_batch().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert!(error.retry_after().unwrap() > Duration::from_secs(800));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn user_agent_is_neutral_and_can_be_set() {
    let server = Server::always(Reply::json("{}")).await;
    server.client().get::<Value>("/a/b").await.unwrap();
    let named = server.builder().user_agent("hunter/3").build().unwrap();
    named.get::<Value>("/a/b").await.unwrap();
    let seen = server.seen();
    let neutral = concat!("misp-client/", env!("CARGO_PKG_VERSION"));
    assert_eq!(seen[0].header("user-agent"), Some(neutral));
    assert_eq!(seen[1].header("user-agent"), Some("hunter/3"));
}
