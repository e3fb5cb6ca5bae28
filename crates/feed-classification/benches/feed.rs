//! The time of a feed of 100 000 attributes between MISP and the wire: extraction, sorting, writing.

use std::net::Ipv4Addr;

use feed_classification::{Extractor, FeedInfo, IndicatorSet, IndicatorSetBuilder, IndicatorType, Registry};

const ATTRIBUTES: u32 = 100_000;

fn main() {
    divan::main();
}

/// Addresses in no order, as MISP sends them by id.
fn addresses() -> Vec<String> {
    (0..ATTRIBUTES)
        .map(|number| Ipv4Addr::from(number.wrapping_mul(2_654_435_761)).to_string())
        .collect()
}

fn domains() -> Vec<String> {
    (0..ATTRIBUTES)
        .map(|number| format!("host-{:08x}.example.net", number.wrapping_mul(2_654_435_761)))
        .collect()
}

/// Every second URL has no path, so its canonical key (with a `/`) differs from its text.
fn urls() -> Vec<String> {
    let url = |number: u32| {
        let host = number.wrapping_mul(2_654_435_761);
        let path = if number.is_multiple_of(2) { "" } else { "/gate.php?id=7" };
        format!("http://host-{host:08x}.example.net{path}")
    };
    (0..ATTRIBUTES).map(url).collect()
}

fn extract(kind: IndicatorType, attribute_type: &str, values: &[String]) -> IndicatorSet {
    let extractor = Extractor::new(kind);
    let mut builder = IndicatorSetBuilder::new(kind);
    for value in values {
        let _ = extractor.extract(attribute_type, value, &mut |value| builder.push(value));
    }
    builder.finish()
}

fn write(output: &str, set: &IndicatorSet) -> Vec<u8> {
    let mut body = Vec::new();
    let registry = Registry::builtin();
    if let Some(exporter) = registry.by_name(output) {
        let _ = exporter.export(&FeedInfo::new(set.kind(), "bench"), &mut set.indicators(), &mut body);
    }
    body
}

#[divan::bench]
fn addresses_to_set(bencher: divan::Bencher<'_, '_>) {
    let values = addresses();
    bencher.bench_local(|| extract(IndicatorType::Ipv4, "ip-dst", &values));
}

#[divan::bench]
fn domains_to_set(bencher: divan::Bencher<'_, '_>) {
    let values = domains();
    bencher.bench_local(|| extract(IndicatorType::Domain, "domain", &values));
}

#[divan::bench]
fn urls_to_set(bencher: divan::Bencher<'_, '_>) {
    let values = urls();
    bencher.bench_local(|| extract(IndicatorType::Url, "url", &values));
}

#[divan::bench]
fn addresses_to_txt(bencher: divan::Bencher<'_, '_>) {
    let values = addresses();
    bencher.bench_local(|| write("txt", &extract(IndicatorType::Ipv4, "ip-dst", &values)));
}

#[divan::bench(args = ["txt", "json", "xml", "yaml", "b64"])]
fn set_to_output(bencher: divan::Bencher<'_, '_>, output: &str) {
    let set = extract(IndicatorType::Ipv4, "ip-dst", &addresses());
    bencher.bench_local(|| write(output, &set));
}
