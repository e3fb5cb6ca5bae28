//! The gateway as a tower service, without any server.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::future::poll_fn;

use feed_engine::FeedEngine;
use gateway::testkit::{Installation, SITE, token_claims};
use gateway::{Facts, Gateway, Peer};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Empty, Full};
use prometheus_client::metrics::gauge::Gauge;
use site_config::ConfigStore;
use std::sync::Arc;
use tower_service::Service;

const CLIENT: Peer = Peer(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST));

fn gateway(installation: &Installation) -> Gateway {
    installation.write("sites/127.0.0.1.yaml", SITE);
    let config = ConfigStore::open(installation.paths()).unwrap();
    Gateway::new(config, FeedEngine::default()).unwrap()
}

async fn call<B>(gateway: &Gateway, request: Request<B>) -> Response<gateway::Body>
where
    B: http_body::Body + Send + 'static,
{
    let mut service = gateway.clone();
    poll_fn(|context| Service::<Request<B>>::poll_ready(&mut service, context))
        .await
        .unwrap();
    service.call(request).await.unwrap()
}

async fn text(response: Response<gateway::Body>) -> String {
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

#[tokio::test]
async fn a_request_with_any_body_is_answered() {
    let installation = Installation::new("");
    let gateway = gateway(&installation);
    let token = installation.seal(&token_claims("127.0.0.1", 443));
    let request = || {
        let request = Request::get("/v1/feedmapping").header("host", "x").extension(CLIENT);
        request.header("token", &*token)
    };
    let empty = call(&gateway, request().body(Empty::<&[u8]>::new()).unwrap()).await;
    let full = call(&gateway, request().body(Full::new(&b"ignored"[..])).unwrap()).await;
    assert_eq!((empty.status().as_u16(), full.status().as_u16()), (200, 200));
    let facts = full.extensions().get::<Arc<Facts>>().unwrap();
    assert_eq!(
        (facts.route, facts.notes.site()),
        (Some("/v1/feedmapping"), Some("127.0.0.1"))
    );
    assert!(text(full).await.contains("incident-classification=block"));
}

/// Otherwise a token that is limited to networks would work from anywhere.
#[tokio::test]
async fn a_request_whose_server_names_no_peer_is_refused_with_500() {
    let installation = Installation::new("");
    let gateway = gateway(&installation);
    let request = Request::get("/healthz").header("host", "x");
    let response = call(&gateway, request.body(Empty::<&[u8]>::new()).unwrap()).await;
    assert_eq!(response.status(), 500);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
}

#[tokio::test]
async fn an_embedding_program_adds_its_own_metrics() {
    let installation = Installation::new("metrics_allowed_ips: [127.0.0.1]\n");
    let gateway = gateway(&installation);
    for name in ["widgets", "gadgets"] {
        gateway.add_metrics(move |registry| registry.register(name, "Parts in stock", Gauge::<i64>::default()));
    }
    let request = Request::get("/metrics").header("host", "x").extension(CLIENT);
    let page = text(call(&gateway, request.body(Empty::<&[u8]>::new()).unwrap()).await).await;
    assert!(
        page.contains("cratos_widgets 0") && page.contains("cratos_gadgets 0"),
        "{page}"
    );
    assert!(page.contains("cratos_build_info"));
}

#[tokio::test]
async fn the_catalogue_of_outputs_needs_no_token_and_is_sent_once_to_a_caller_that_keeps_it() {
    let installation = Installation::new("");
    let gateway = gateway(&installation);
    let request = || Request::get("/v1/outputs").header("host", "x").extension(CLIENT);
    let first = call(&gateway, request().body(Empty::<&[u8]>::new()).unwrap()).await;
    assert_eq!(first.status(), 200);
    assert_eq!(first.headers()["content-type"], "application/json");
    let etag = first.headers()["etag"].clone();
    let catalogue = text(first).await;
    assert!(catalogue.starts_with(r#"{"outputs":[{"name":"txt","#), "{catalogue}");
    let again = request().header("if-none-match", etag);
    let again = call(&gateway, again.body(Empty::<&[u8]>::new()).unwrap()).await;
    assert_eq!(again.status(), 304);
}
