//! The matcher against the stand-in, which judges by code of its own, and very large lists.

use std::collections::HashSet;
#[cfg(target_os = "linux")]
use std::process::Command;
use std::sync::LazyLock;

use misp_client::Warninglist;
use misp_client::warninglist::WarninglistMatcher;
use misp_sim::{RunningSim, Sim, Warninglist as ListThere, WarninglistKind};
use proptest::prelude::*;
use proptest::sample::select;

const TYPES: [&str; 4] = ["domain", "url", "ip-dst", "domain|ip"];
const KINDS: [(&str, WarninglistKind); 5] = [
    ("string", WarninglistKind::String),
    ("substring", WarninglistKind::Substring),
    ("hostname", WarninglistKind::Hostname),
    ("cidr", WarninglistKind::Cidr),
    ("regex", WarninglistKind::Regex),
];

/// A list: the place of its kind, and its entries.
type Drawn = (usize, Vec<String>);

/// A stand-in with an empty list of each kind.
static THERE: LazyLock<RunningSim> = LazyLock::new(|| {
    let lists = KINDS
        .iter()
        .map(|(name, kind)| ListThere::new(*name, *kind, &TYPES, &[]));
    let sim = lists.fold(Sim::builder(), |sim, list| sim.warninglist(list));
    sim.start_now().unwrap()
});

fn name() -> impl Strategy<Value = String> {
    let label = select(vec!["a", "b", "www", "example", "org", "com", "Org", "0"]);
    prop::collection::vec(label, 1..5).prop_map(|labels| labels.join("."))
}

fn network() -> impl Strategy<Value = String> {
    let address = select(vec![
        "10.0.0.0",
        "10.1.0.0",
        "10.1.2.3",
        "192.0.2.0",
        "2001:db8::",
        "2001:db8::1",
        "::",
    ]);
    let length = select(vec!["", "/8", "/16", "/24", "/32", "/48", "/128"]);
    (address, length).prop_map(|(address, length)| format!("{address}{length}"))
}

/// Expressions of the parts that both PHP and Rust know, and some that only PHP knows or that it refuses.
fn expression() -> impl Strategy<Value = String> {
    let atom = select(vec![
        "a",
        "b",
        r"\.",
        ".",
        "[a-c]",
        "[^.]",
        r"\d",
        r"\w",
        "org",
        "(?:a|www)",
        "(com|org)",
        r"\b",
        "(?=w)",
        "(?!a)",
        r"(?<=\.)",
    ]);
    let count = select(vec!["", "", "", "*", "+", "?", "{2}", "{1,3}", "+?"]);
    let part = (atom, count).prop_map(|(atom, count)| match atom {
        r"\b" | "(?=w)" | "(?!a)" | r"(?<=\.)" => atom.to_owned(),
        atom => format!("{atom}{count}"),
    });
    let parts = prop::collection::vec(part, 1..5).prop_map(|parts| parts.concat());
    let frame = select(vec![
        ("/", "/"),
        ("#", "#i"),
        ("{^", "}"),
        ("/^", "$/D"),
        ("~", "$~iD"),
        ("/", "/g"),
        ("a", "a"),
        ("/(", "/"),
    ]);
    (parts, frame).prop_map(|(parts, (open, close))| format!("{open}{parts}{close}"))
}

fn list() -> impl Strategy<Value = Drawn> {
    let of = |kind: usize, entries: BoxedStrategy<String>, most| (Just(kind), prop::collection::vec(entries, 0..most));
    prop_oneof![
        of(0, prop_oneof![name(), network()].boxed(), 8),
        of(1, "[ab./]{1,3}".boxed(), 3),
        of(2, name().boxed(), 8),
        of(3, network().boxed(), 8),
        of(4, expression().boxed(), 4),
    ]
}

/// Returns whether the stand-in has each of these values on this list.
fn there((kind, entries): &Drawn, asked: &[(&str, String)]) -> Vec<bool> {
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let number = (1..).nth(*kind).unwrap();
    THERE.edit(|store| {
        for (other, _) in (1..).zip(KINDS) {
            store.enable_warninglist(other, other == number);
        }
        store.set_warninglist_entries(number, &entries);
        let asked = asked.iter();
        asked
            .map(|(kind, value)| store.is_on_a_warninglist(kind, value))
            .collect()
    })
}

fn value() -> impl Strategy<Value = String> {
    // Inside several IPv6 entries, a network is compared with any one of them; see the module's differences.
    let address = || network().prop_filter("an IPv6 network", |text| !(text.contains(':') && text.contains('/')));
    prop_oneof![
        name(),
        address(),
        name().prop_map(|name| format!("https://{name}/a/b")),
        (name(), address()).prop_map(|(name, address)| format!("{name}|{address}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn matcher_judges_as_the_stand_in(
        list in list(),
        asked in prop::collection::vec((select(TYPES.to_vec()), value()), 1..16),
    ) {
        let facts = Warninglist::new(1, "drawn", KINDS[list.0].0).attribute_types(TYPES);
        let matcher = WarninglistMatcher::builder().add_values(&facts, &list.1).build();
        let unjudged: HashSet<&str> = matcher.unjudged().filter_map(|one| one.entry.as_deref()).collect();
        let is_unjudged = |entry: &String| unjudged.contains(entry.as_str());
        let judged = (list.0, list.1.iter().filter(|entry| !is_unjudged(entry)).cloned().collect());
        for ((kind, value), expected) in asked.iter().zip(there(&judged, &asked)) {
            prop_assert_eq!(matcher.matches(kind, value), expected, "{:?}: {} {:?}", judged, kind, value);
        }
        // What Rust does not have is left to MISP, never judged in another sense.
        let parts = ["(?=", "(?!", "(?<="];
        let is_refused = |entry: &str| entry.ends_with("/g") || entry.starts_with("/(") && !entry.ends_with(")/");
        for entry in list.1.iter().filter(|entry| parts.iter().any(|part| entry.contains(part))) {
            let is_delimited = entry.starts_with(['/', '#', '{', '~']);
            prop_assert!(is_unjudged(entry) || !is_delimited || is_refused(entry), "{}", entry);
        }
    }
}

#[cfg(target_os = "linux")]
const CHILD: &str = "CRATOS_TEST_LARGE_LISTS";
/// The most memory of a process that reads a list of a million names and one of a million networks, in KiB: 55 MB of
/// text, the same again while the lists are sorted, and the process itself.
#[cfg(target_os = "linux")]
const MOST_KIB: u64 = 160 << 10;

#[cfg(target_os = "linux")]
#[test]
fn lists_of_a_million_entries_take_a_bounded_amount_of_memory() {
    let program = std::env::current_exe().unwrap();
    let name = "warninglist_sim::builds_large_lists_and_shows_its_memory";
    let output = Command::new(program)
        .args(["--exact", name, "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    let line = text.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    assert!(kib < MOST_KIB, "{kib} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn builds_large_lists_and_shows_its_memory() {
    const ENTRIES: u32 = 1_000_000;
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let names = Warninglist::new(1, "names", "hostname").attribute_types(["domain"]);
    let networks = Warninglist::new(2, "networks", "cidr").attribute_types(["ip-dst"]);
    let name = |number: u32| format!("host-{:08x}.example.org", number.wrapping_mul(0x9e37_79b1));
    let network = |number: u32| format!("{}/32", std::net::Ipv4Addr::from(number.wrapping_mul(0x9e37_79b1)));
    let matcher = WarninglistMatcher::builder()
        .add_values(&names, (0..ENTRIES).map(name))
        .add_values(&networks, (0..ENTRIES).map(network))
        .build();
    assert_eq!(matcher.unjudged().count(), 0);
    for number in (0..ENTRIES).step_by(9_973) {
        assert!(matcher.matches("domain", &format!("www.{}", name(number))));
        assert!(matcher.matches("ip-dst", network(number).trim_end_matches("/32")));
    }
    assert!(!matcher.matches("domain", "host.example.org"));
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    print!("\n{status}");
}
