//! Bodies: the same indicators give the same bytes, in every compression.

use std::io::Read as _;
use std::sync::Arc;

use feed_classification::{FeedName, IndicatorType, Options, Registry};
use feed_engine::{Encoding, FeedEngine, FeedRequest, MispSource};
use misp_sim::{Attribute, Event, Moment};

use crate::support::{Bench, domains, lines, tag, wanted};

fn event(names: &[&str]) -> Event {
    let event = Event::new("one").tag(tag("block")).changed(Moment::Ago(3_600));
    names
        .iter()
        .fold(event, |event, name| event.attribute(Attribute::new("domain", *name)))
}

#[tokio::test]
async fn two_replicas_give_the_same_tag_for_any_order_in_misp() {
    let one = Bench::of([event(&["a.example.com", "b.example.com"])]).await;
    let two = Bench::of([event(&["b.example.com"]), event(&["b.example.com", "a.example.com"])]).await;
    let (one, two) = (one.ask(domains()).await.unwrap(), two.ask(domains()).await.unwrap());
    assert_eq!((one.body.whole(), one.etag), (two.body.whole(), two.etag));
}

#[tokio::test]
async fn every_compression_unpacks_to_the_plain_body_and_has_its_own_tag() {
    let bench = Bench::of([event(&["a.example.com", "b.example.com"])]).await;
    let plain = bench.ask(domains()).await.unwrap();
    let mut tags = vec![plain.etag.clone()];
    for encoding in [Encoding::Gzip, Encoding::Brotli, Encoding::Zstd] {
        let packed = bench.ask(domains().encoding(encoding)).await.unwrap();
        let body = packed.body.whole().unwrap();
        let mut unpacked = Vec::new();
        match encoding {
            Encoding::Gzip => flate2::read::GzDecoder::new(body.as_ref())
                .read_to_end(&mut unpacked)
                .unwrap(),
            Encoding::Brotli => brotli::Decompressor::new(body.as_ref(), 4096)
                .read_to_end(&mut unpacked)
                .unwrap(),
            _ => zstd::Decoder::new(body.as_ref())
                .unwrap()
                .read_to_end(&mut unpacked)
                .unwrap(),
        };
        assert_eq!(Some(&unpacked.into()), plain.body.whole(), "{encoding:?}");
        tags.push(packed.etag);
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

#[tokio::test]
async fn networks_are_merged_when_asked_for() {
    let event = Event::new("nets")
        .tag(tag("block"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("ip-dst", "192.0.2.0/25"))
        .attribute(Attribute::new("ip-dst", "192.0.2.128/25"));
    let bench = Bench::of([event]).await;
    let request = wanted(FeedName::Block, IndicatorType::Cidr4);
    assert_eq!(lines(&bench.ask(request.clone()).await.unwrap()).len(), 2);
    assert_eq!(
        lines(&bench.ask(request.aggregate(true)).await.unwrap()),
        ["192.0.2.0/24"]
    );
}

#[tokio::test]
async fn an_empty_feed_is_valid_in_every_output() {
    let bench = Bench::of([]).await;
    for (output, body) in [("txt", ""), ("json", "[]"), ("b64", ""), ("yaml", "--- []\n")] {
        let mut request = domains();
        request.output = output.to_owned();
        let feed = bench.ask(request).await.unwrap();
        assert_eq!(
            (feed.body.whole().unwrap().as_ref(), feed.count),
            (body.as_bytes(), 0),
            "{output}"
        );
    }
}

fn zone(pairs: &[(&str, &str)]) -> FeedRequest {
    let registry = Registry::builtin();
    let declared = registry.by_name("rpz").unwrap().about().options;
    let mut request = domains().options(Options::of(declared, pairs).unwrap());
    request.output = "rpz".to_owned();
    request
}

#[tokio::test]
async fn each_choice_of_options_has_its_own_body_and_tag_and_a_chosen_default_has_those_of_none() {
    let bench = Bench::of([event(&["a.example.com"])]).await;
    let mut seen = Vec::new();
    for (action, policy) in [("nxdomain", "."), ("nodata", "*."), ("drop", "rpz-drop.")] {
        let request = zone(&[("action", action)]);
        let feed = bench.ask(request.clone()).await.unwrap();
        let text = String::from_utf8(feed.body.whole().unwrap().to_vec()).unwrap();
        assert!(text.ends_with(&format!("\n*.a.example.com CNAME {policy}\n")), "{text}");
        let again = bench.ask(request).await.unwrap();
        assert_eq!((again.body.whole(), &again.etag), (feed.body.whole(), &feed.etag));
        seen.push(feed.etag);
    }
    assert_eq!(bench.ask(zone(&[])).await.unwrap().etag, seen[0]);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 3);
}

#[tokio::test]
async fn bodies_of_ever_other_options_stay_within_the_memory_for_bodies() {
    let bench = Bench::of([event(&["a.example.com"])]).await;
    let small = FeedEngine::builder()
        .source(Arc::new(MispSource::new()))
        .memory_bytes(64 * 1024)
        .build();
    let registry = Registry::builtin();
    let declared = registry.by_name("ipset").unwrap().about().options;
    for ttl in 1..=1_000 {
        let chosen = [("ttl", ttl.to_string()), ("list", "l".repeat(26))];
        let pairs = chosen.each_ref().map(|(name, text)| (*name, text.as_str()));
        let mut request = wanted(FeedName::Block, IndicatorType::Ip).options(Options::of(declared, &pairs).unwrap());
        request.output = "ipset".to_owned();
        small.feed(&bench.upstream, &request).await.unwrap();
    }
    let held = small.held_bytes();
    assert!((16 * 1024..=64 * 1024).contains(&held), "{held}");
}
