//! The processor instructions of the parts of an answer: `cargo bench -p cratosd --bench parts`.
//!
//! Each part runs in a process of its own under valgrind's callgrind, once a few times and once more often. The
//! difference is what one further run costs, without start and end. `cargo xtask bench --check` compares the figures
//! with a baseline. Arguments select parts by a piece of their names.
#![expect(clippy::unwrap_used, reason = "a bench whose set-up fails may stop")]
#![expect(clippy::print_stdout, reason = "printing is what a bench is for")]

use std::hint::black_box;
use std::net::Ipv4Addr;
use std::process::Command;

use feed_classification::{Extractor, FeedInfo, IndicatorSet, IndicatorSetBuilder, IndicatorType, Registry};
use gateway::testkit::{KEY, SALT, route_of, token_claims};
use token_crypto::{KeyRing, Permission, Scope};

/// Values that extraction, sets and outputs take at once.
const VALUES: u32 = 10_000;

/// The word in front of the part and the number of runs, for the process that is counted.
const COUNTED: &str = "counted";

/// One part of an answer, whose instructions are counted.
struct Part {
    name: &'static str,
    /// Things that one run does, for example values.
    things: u32,
    /// The runs that the shorter process makes, and those that the longer one makes beyond them.
    few: u32,
    more: u32,
    /// Prepares, and then does the work so many times.
    work: fn(u32),
}

const PARTS: [Part; 7] = [
    Part {
        name: "open a token",
        things: 1,
        few: 100,
        more: 500,
        work: open_tokens,
    },
    Part {
        name: "find a route",
        things: 1,
        few: 1_000,
        more: 10_000,
        work: find_routes,
    },
    Part {
        name: "extract an address",
        things: VALUES,
        few: 1,
        more: 10,
        work: |runs| extract(runs, IndicatorType::Ipv4, "ip-dst", address),
    },
    Part {
        name: "extract a domain",
        things: VALUES,
        few: 1,
        more: 10,
        work: |runs| extract(runs, IndicatorType::Domain, "domain", domain),
    },
    Part {
        name: "put a domain into a set",
        things: VALUES,
        few: 1,
        more: 10,
        work: make_sets,
    },
    Part {
        name: "write a domain as txt",
        things: VALUES,
        few: 1,
        more: 20,
        work: |runs| export(runs, "txt"),
    },
    Part {
        name: "write a domain as paloalto",
        things: VALUES,
        few: 1,
        more: 20,
        work: |runs| export(runs, "paloalto"),
    },
];

fn main() {
    // `cargo bench` adds `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    if let [counted, part, runs] = words.as_slice()
        && counted == COUNTED
    {
        let part = PARTS.iter().find(|known| known.name == part).unwrap();
        return (part.work)(runs.parse().unwrap());
    }
    let is_wanted = |part: &Part| words.is_empty() || words.iter().any(|word| part.name.contains(word));
    for part in PARTS.iter().filter(|part| is_wanted(part)) {
        let beyond = part.instructions(part.few + part.more) - part.instructions(part.few);
        let each = beyond / u64::from(part.more * part.things);
        println!("{:<28} {each:>8} instructions", part.name);
    }
}

impl Part {
    /// Returns the instructions of a process that makes so many runs.
    fn instructions(&self, runs: u32) -> u64 {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("callgrind.out");
        let mut command = Command::new("valgrind");
        command
            .args(["--tool=callgrind", "--quiet"])
            .arg(format!("--callgrind-out-file={}", out.display()))
            .arg(std::env::current_exe().unwrap())
            .args([COUNTED, self.name, &runs.to_string()]);
        assert!(command.status().unwrap().success());
        let profile = std::fs::read_to_string(&out).unwrap();
        let total = profile.lines().find_map(|line| line.strip_prefix("totals: ")).unwrap();
        total.trim().parse().unwrap()
    }
}

fn open_tokens(runs: u32) {
    let ring = KeyRing::builder(&SALT.into()).key(KEY.into()).build().unwrap();
    let scope = Scope::new()
        .with_feeds(["block"])
        .with_permissions([Permission::Lookup]);
    let claims = token_claims("misp.example.net", 443)
        .with_scope(scope)
        .with_label("fw1");
    let token = ring.seal(&claims).unwrap();
    for _ in 0..runs {
        black_box(ring.open(black_box(token.expose()))).unwrap();
    }
}

fn find_routes(runs: u32) {
    for _ in 0..runs {
        let path = black_box("/v1/feed/block/type/domain/age/1w/output/txt");
        black_box(route_of(path)).unwrap();
    }
}

fn extract(runs: u32, kind: IndicatorType, attribute_type: &str, value: fn(u32) -> String) {
    let values: Vec<String> = (0..VALUES).map(value).collect();
    let extractor = Extractor::new(kind);
    for _ in 0..runs {
        for value in &values {
            extractor
                .extract(attribute_type, value, &mut |value| {
                    black_box(value);
                })
                .unwrap();
        }
    }
}

fn make_sets(runs: u32) {
    let values: Vec<String> = (0..VALUES).map(domain).collect();
    for _ in 0..runs {
        black_box(set(&values));
    }
}

fn export(runs: u32, output: &str) {
    let set = set(&(0..VALUES).map(domain).collect::<Vec<_>>());
    let registry = Registry::builtin();
    let exporter = registry.by_name(output).unwrap();
    let info = FeedInfo::new(set.kind(), "bench");
    for _ in 0..runs {
        let mut body = Vec::new();
        exporter.export(&info, &mut set.indicators(), &mut body).unwrap();
        black_box(body);
    }
}

fn set(values: &[String]) -> IndicatorSet {
    let mut builder = IndicatorSetBuilder::new(IndicatorType::Domain);
    values.iter().for_each(|value| builder.push(value));
    builder.finish()
}

/// Values come in no order, as MISP sends them by id.
fn shuffled(number: u32) -> u32 {
    number.wrapping_mul(2_654_435_761)
}

fn address(number: u32) -> String {
    Ipv4Addr::from(shuffled(number) | 0x0b00_0000).to_string()
}

fn domain(number: u32) -> String {
    format!("host-{:08x}.example.net", shuffled(number))
}
