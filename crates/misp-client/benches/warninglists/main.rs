//! How long the matcher takes for a value, with 40 lists of which one has a million names, beside one look-up in a
//! `HashSet` of the same million names.
//!
//! `cargo bench -p cratos-misp-client --bench warninglists`; the fastest time divided by the items is the time of a
//! value.

use std::collections::HashSet;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use misp_client::Warninglist;
use misp_client::warninglist::{WarninglistMatcher, WarninglistMatcherBuilder};

const NAMES: u64 = 1_000_000;

static POPULAR: LazyLock<Vec<String>> = LazyLock::new(|| (0..NAMES).map(name).collect());
/// A third of them is popular, a third is below a popular name, and a third is on no list.
static VALUES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let value = |number: u64| match number % 3 {
        0 => name(number),
        1 => format!("www.{}", name(number)),
        _ => name(number + NAMES),
    };
    // A step that shares no factor with the count visits each once, in no order.
    (0..NAMES).map(|number| value(number * 611_953 % NAMES)).collect()
});
static MATCHER: LazyLock<WarninglistMatcher> = LazyLock::new(|| builder().build());
static SET: LazyLock<HashSet<String>> = LazyLock::new(|| POPULAR.iter().cloned().collect());

fn main() {
    divan::main();
}

/// Names of the length of popular ones, spread over many top-level domains.
fn name(number: u64) -> String {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    let top = ["com", "org", "net", "de", "io", "co.uk", "example", "info"];
    let top = usize::try_from(mixed % 8)
        .ok()
        .and_then(|place| top.get(place))
        .copied()
        .unwrap_or("com");
    format!("{:x}{number}.{top}", mixed & 0xf_ffff)
}

fn builder() -> WarninglistMatcherBuilder {
    let list = |id, kind: &str, types: [&'static str; 3]| {
        Warninglist::new(id, format!("list {id}"), kind).attribute_types(types)
    };
    let mut builder = WarninglistMatcher::builder();
    builder = builder.add_values(&list(1, "hostname", ["domain", "hostname", "url"]), &*POPULAR);
    for id in 2..=40_u64 {
        let many = |count: u64| (0..count).map(move |number| name(number * 7 + id * NAMES));
        builder = match id % 5 {
            0 => builder.add_values(&list(id, "hostname", ["domain", "hostname", "url"]), many(10_000)),
            1 => builder.add_values(&list(id, "string", ["domain", "hostname", "domain|ip"]), many(10_000)),
            2 => builder.add_values(&list(id, "string", ["md5", "sha1", "sha256"]), many(10_000)),
            3 => {
                let network = |number: u64| format!("{}.{}.{}.0/24", id + 40, number / 256, number % 256);
                builder.add_values(
                    &list(id, "cidr", ["ip-dst", "ip-src", "domain|ip"]),
                    (0..4_096).map(network),
                )
            }
            _ => builder.add_values(
                &list(id, "substring", ["email-src", "email-dst", "domain|ip"]),
                many(500),
            ),
        };
    }
    builder
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn a_naive_hash_set(bencher: divan::Bencher<'_, '_>) {
    let (set, values) = (&*SET, &*VALUES);
    bencher
        .counter(ItemsCount::new(values.len()))
        .bench(|| values.iter().filter(|value| set.contains(value.as_str())).count());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn b_matcher_on_domains(bencher: divan::Bencher<'_, '_>) {
    let (matcher, values) = (&*MATCHER, &*VALUES);
    bencher
        .counter(ItemsCount::new(values.len()))
        .bench(|| values.iter().filter(|value| matcher.matches("domain", value)).count());
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn c_matcher_on_addresses(bencher: divan::Bencher<'_, '_>) {
    let matcher = &*MATCHER;
    let address = |number: u64| {
        format!(
            "{}.{}.{}.{}",
            20 + number % 97,
            number / 7 % 256,
            number / 3 % 256,
            number % 256
        )
    };
    let values: Vec<String> = (0..NAMES).map(address).collect();
    bencher
        .counter(ItemsCount::new(values.len()))
        .bench(|| values.iter().filter(|value| matcher.matches("ip-dst", value)).count());
}

#[divan::bench(sample_count = 2, sample_size = 1)]
fn d_building(bencher: divan::Bencher<'_, '_>) {
    bencher
        .with_inputs(builder)
        .bench_values(WarninglistMatcherBuilder::build);
}
