//! `/v1/vendor/…`, and its formats.

use http::Method;
use misp_sim::{Attribute, Event, Sim};
use serde_json::json;
use token_crypto::Scope;

use crate::support::{Ask, Daemon, FEED, Setup};

const URLS: &str = "/v1/vendor/paloalto/feed/block/type/url/age/1w";

async fn daemon() -> Daemon {
    let event = [
        "https://b.example/x",
        "http://b.example/x",
        "http://a.example/",
        "c.example/?u=http://d.example/",
        "http://*.example/",
    ]
    .into_iter()
    .fold(
        Event::new("block").tag("example:incident-classification=block"),
        |event, url| event.attribute(Attribute::new("url", url)),
    )
    .attribute(Attribute::new("ip-dst", "198.51.100.7"))
    .attribute(Attribute::new("ip-dst", "198.51.100.10"));
    Daemon::with(Setup {
        sim: Sim::builder().event(event),
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn paloalto_gets_urls_as_the_firewall_takes_them() {
    let daemon = daemon().await;
    let answer = daemon.get(URLS).await;
    assert_eq!(
        answer.feed(),
        (200, "a.example/\r\nb.example/x\r\nc.example/?u=http://d.example/")
    );
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!((answer.header("x-cache"), answer.header("x-feed-count")), ("MISS", "4"));
    assert_eq!(answer.header("x-feed-dropped"), "1");
    let again = Ask::get(URLS)
        .header("token", daemon.token())
        .header("if-none-match", answer.header("etag"));
    assert_eq!(daemon.send(again).await.status, 304);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_exporter_is_both_an_output_and_a_vendor() {
    let daemon = daemon().await;
    for name in ["txt", "json", "xml", "yaml", "b64", "paloalto", "cisco"] {
        let vendor = daemon
            .get(&format!("/v1/vendor/{name}/feed/block/type/ipv4/age/1w?cache=60"))
            .await;
        let output = daemon.get(&FEED.replace("txt", name)).await;
        assert_eq!((vendor.status.as_u16(), vendor.text()), (200, output.text()), "{name}");
        assert_eq!(vendor.header("etag"), output.header("etag"));
        assert_eq!(output.header("x-cache"), "HIT");
    }
    let txt = daemon.get(FEED).await;
    assert_eq!(daemon.get(&FEED.replace("txt", "cisco")).await.text(), txt.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_parts_of_a_vendor_path_are_named_in_its_order() {
    let daemon = daemon().await;
    let answer = daemon.get("/v1/vendor/x/feed/y/type/z/age/0?cache=0").await;
    assert_eq!(answer.status, 422);
    let detail = answer.detail();
    let places: Vec<&str> = detail
        .as_array()
        .unwrap()
        .iter()
        .map(|wrong| wrong["loc"][1].as_str().unwrap())
        .collect();
    assert_eq!(places, ["vendorName", "feedName", "dataType", "dataAge", "cache"]);
    assert!(detail[0]["msg"].as_str().unwrap().contains("'paloalto', 'cisco'"));
    let post = daemon.send(Ask::new(Method::POST, URLS)).await;
    assert_eq!((post.status.as_u16(), post.header("allow")), (405, "GET, HEAD"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_outputs_counts_for_vendors_too() {
    let daemon = daemon().await;
    let claims = daemon.claims().with_scope(Scope::new().with_outputs(["paloalto"]));
    for path in [URLS, "/v1/feed/block/type/url/age/1w/output/paloalto"] {
        assert_eq!(daemon.get_as(&claims, path).await.status, 200, "{path}");
    }
    let cisco = daemon.get_as(&claims, &URLS.replace("paloalto", "cisco")).await;
    assert_eq!(
        (cisco.status.as_u16(), cisco.detail()),
        (403, json!("This token does not cover output `cisco`."))
    );
    assert_eq!(daemon.send(Ask::get(URLS)).await.status, 401);
}

/// Juniper SRX, for example, accepts only URLs that end in a file extension.
#[tokio::test(flavor = "multi_thread")]
async fn a_path_may_end_in_the_file_extension_of_its_output() {
    let daemon = daemon().await;
    let uuid = FEED.replace("/v1/feed/block", "/v1/uuid/5c0ba7a0-0001-4000-8000-000000000001");
    let names = FEED.replace("ipv4", "domain");
    for (path, suffix) in [
        (FEED.to_owned(), ".txt"),
        (uuid, ".txt"),
        (FEED.replace("txt", "json"), ".json"),
        (FEED.replace("txt", "b64"), ".b64"),
        (FEED.replace("txt", "b64"), ".txt"),
        (names.replace("txt", "rpz"), ".zone"),
        (URLS.to_owned(), ".txt"),
        ("/v1/vendor/json/feed/block/type/ipv4/age/1w".to_owned(), ".json"),
    ] {
        let (plain, ended) = (
            daemon.get(&path).await,
            daemon.get(&format!("{path}{suffix}?cache=60")).await,
        );
        assert_eq!(ended.status, 200, "{path}{suffix}: {}", ended.text());
        assert_eq!(
            (ended.text(), ended.header("content-type")),
            (plain.text(), plain.header("content-type"))
        );
    }
    let claims = daemon.claims().with_scope(Scope::new().with_outputs(["txt"]));
    assert_eq!(daemon.get_as(&claims, &format!("{FEED}.txt")).await.status, 200);
    let clear = format!("{}.txt", FEED.replace("/v1/feed", "/v1/clear_cache/feed"));
    let cleared = daemon.send(Ask::new(Method::DELETE, &clear).header("token", daemon.token()));
    assert_eq!(cleared.await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suffix_that_does_not_fit_the_output_is_422_with_the_possible_ones() {
    let daemon = daemon().await;
    for suffix in [".json", ".exe", ".", ".TXT", ".txt.txt"] {
        let output = daemon.get(&format!("{FEED}{suffix}")).await;
        assert_eq!(output.status, 422, "{suffix}");
        assert_eq!(output.detail()[0]["loc"], json!(["path", "returnedDataType"]));
        assert_eq!(output.detail()[0]["input"], json!(format!("txt{suffix}")));
        let vendor = daemon.get(&format!("{URLS}{suffix}")).await;
        assert_eq!(
            (vendor.status.as_u16(), &vendor.detail()[0]["loc"]),
            (422, &json!(["path", "dataAge"]))
        );
    }
}
