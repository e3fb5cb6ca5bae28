//! The options of outputs in the queries of feeds.

#![expect(clippy::unwrap_used, reason = "helpers of tests are tests")]

use std::sync::Arc;

use feed_classification::IndicatorSet;
use feed_engine::{Errand, FeedEngine, FeedScope, GatherFuture, IndicatorSource, Upstream};
use gateway::testkit::{Installation, SITE, token_claims};
use gateway::{Gateway, Peer};
use http::{HeaderMap, Request};
use http_body_util::{BodyExt as _, Empty};
use serde_json::Value;
use site_config::ConfigStore;
use tower_service::Service;

/// One value of each type that the tests ask for.
#[derive(Debug)]
struct OneOfEach;

impl IndicatorSource for OneOfEach {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        let value = match scope.kind.as_str() {
            "domain" => "evil.example",
            _ => "198.51.100.7",
        };
        Box::pin(async move { Ok(IndicatorSet::of(scope.kind, [value]).into()) })
    }
}

struct Stage {
    gateway: Gateway,
    token: String,
    _installation: Installation,
}

struct Answer {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
    fn etag(&self) -> &str {
        self.headers["etag"].to_str().unwrap()
    }
}

impl Stage {
    fn new() -> Self {
        let installation = Installation::new("");
        installation.write("sites/127.0.0.1.yaml", SITE);
        let engine = FeedEngine::builder().source(Arc::new(OneOfEach)).build();
        let config = ConfigStore::open(installation.paths()).unwrap();
        Self {
            gateway: Gateway::new(config, engine).unwrap(),
            token: installation.seal(&token_claims("127.0.0.1", 443)),
            _installation: installation,
        }
    }

    async fn get(&self, target: &str, headers: &[(&str, &str)]) -> Answer {
        let request = Request::get(target).header("host", "x").header("token", &*self.token);
        let request = headers
            .iter()
            .fold(request, |request, (name, value)| request.header(*name, *value));
        let request = request.extension(Peer(std::net::Ipv4Addr::LOCALHOST.into()));
        let mut service = self.gateway.clone();
        let response = service
            .call(request.body(Empty::<&[u8]>::new()).unwrap())
            .await
            .unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body).unwrap(),
        }
    }
}

const ZONE: &str = "/v1/feed/block/type/domain/age/1w/output/rpz";

#[tokio::test]
async fn an_option_changes_the_body_and_the_tag_of_every_path_to_the_output() {
    let stage = Stage::new();
    let plain = stage.get(ZONE, &[]).await;
    assert!(
        plain.body.ends_with("evil.example CNAME .\n*.evil.example CNAME .\n"),
        "{}",
        plain.body
    );
    let mut tags = vec![plain.etag().to_owned()];
    for path in [
        ZONE,
        "/v1/feed/block/type/domain/age/1w/output/rpz.zone",
        "/v1/vendor/rpz/feed/block/type/domain/age/1w",
        "/v1/vendor/rpz/feed/block/type/domain/age/1w.zone",
    ] {
        let answer = stage.get(&format!("{path}?action=drop"), &[]).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        assert!(
            answer.body.ends_with("\n*.evil.example CNAME rpz-drop.\n"),
            "{path}: {}",
            answer.body
        );
        tags.push(answer.etag().to_owned());
    }
    tags.dedup();
    assert_eq!(tags.len(), 2, "{tags:?}");
}

#[tokio::test]
async fn a_device_that_begins_to_name_the_default_keeps_what_it_has() {
    let stage = Stage::new();
    let before = stage.get(ZONE, &[]).await;
    let named = stage
        .get(&format!("{ZONE}?action=nxdomain"), &[("if-none-match", before.etag())])
        .await;
    assert_eq!(named.status, 304);
    let other = stage
        .get(&format!("{ZONE}?action=nodata"), &[("if-none-match", before.etag())])
        .await;
    assert_eq!(other.status, 200);
}

#[tokio::test]
async fn a_name_that_the_output_does_not_declare_is_ignored() {
    let stage = Stage::new();
    let plain = stage.get(ZONE, &[]).await;
    let other = stage
        .get(&format!("{ZONE}?ttl=never&list=x&actions=drop&foo=bar"), &[])
        .await;
    assert_eq!((other.status, other.etag()), (200, plain.etag()));
}

#[tokio::test]
async fn wrong_values_are_422_that_names_each_parameter_and_what_is_allowed() {
    let stage = Stage::new();
    let sets = "/v1/feed/block/type/ipv4/age/1w/output/nftables";
    let answer = stage.get(&format!("{sets}?ttl=-1&list=my;list&cache=0"), &[]).await;
    assert_eq!(answer.status, 422);
    let zone = stage.get(&format!("{ZONE}?action=block"), &[]).await;
    assert_eq!(zone.status, 422);
    let details = [answer.json()["detail"].clone(), zone.json()["detail"].clone()];
    insta::assert_snapshot!(serde_json::to_string_pretty(&details).unwrap());
}

#[tokio::test]
async fn mistakes_in_path_and_options_are_answered_together() {
    let stage = Stage::new();
    let answer = stage
        .get("/v1/feed/block/type/url/age/1w/output/rpz?action=block", &[])
        .await;
    let detail = answer.json()["detail"].clone();
    let places: Vec<String> = detail
        .as_array()
        .unwrap()
        .iter()
        .map(|part| part["loc"].to_string())
        .collect();
    assert_eq!(places, [r#"["path","dataType"]"#, r#"["query","action"]"#]);
    let unknown = stage
        .get("/v1/feed/block/type/url/age/1w/output/rpq?action=block", &[])
        .await;
    assert_eq!(unknown.json()["detail"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_document_lists_each_option_with_its_outputs_and_bounds() {
    let stage = Stage::new();
    let document = stage.get("/openapi.json", &[]).await.json();
    for path in [
        "/v1/feed/{feed}/type/{type}/age/{age}/output/{output}",
        "/v1/vendor/{vendor}/feed/{feed}/type/{type}/age/{age}",
        "/v1/uuid/{uuid}/type/{type}/age/{age}/output/{output}",
        "/v1/explain/feed/{feed}/type/{type}/age/{age}/output/{output}",
    ] {
        let parameters = document["paths"][path]["get"]["parameters"].as_array().unwrap();
        let ttl = parameters.iter().find(|parameter| parameter["name"] == "ttl").unwrap();
        assert_eq!((&ttl["in"], &ttl["required"]), (&Value::from("query"), &Value::Null));
        let description = ttl["description"].as_str().unwrap();
        for output in ["`nftables`: ", "`ipset`: "] {
            assert!(description.contains(output), "{description}");
        }
    }
    let changes = &document["paths"]["/v1/changes/feed/{feed}/type/{type}/age/{age}"]["get"]["parameters"];
    assert!(
        changes
            .as_array()
            .unwrap()
            .iter()
            .all(|parameter| parameter["name"] != "ttl")
    );
}
