//! Bodies: the same indicators give the same bytes, in every compression.

use std::io::Read as _;

use feed_classification::{FeedName, IndicatorType};
use feed_engine::Encoding;
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
