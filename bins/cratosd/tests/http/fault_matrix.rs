//! Every fault of the stand-in for MISP, with and without a last good feed, at 10 and at 100 000 values: the status,
//! the headers and the body of each answer.
//!
//! [`table`] has one row for each fault, and a fault without a row fails. The usual run has the large set for a few
//! faults that strike in the middle of a feed; `CRATOS_FAULT_MATRIX=1` in the environment has it for all.

mod site;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use feed_engine::ManualClock;
use futures_util::{StreamExt as _, stream};
use misp_sim::Fault;

use crate::support::{Answer, Daemon};
use site::{FORCED, PATH, Size};
use table::{Expected, Row};

/// No feed takes longer to be made, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// Headers that every answer has, whatever the fault; `reply.rs` of the gateway tests them. The length is compared with
/// the body.
const OF_EVERY_ANSWER: [&str; 9] = [
    "date",
    "content-length",
    // A long body goes out while it is made.
    "transfer-encoding",
    "x-content-type-options",
    "referrer-policy",
    "content-security-policy",
    "x-frame-options",
    "strict-transport-security",
    "cross-origin-resource-policy",
];

#[test]
fn each_fault_of_the_stand_in_has_a_row() {
    let unknown = serde_json::from_str::<Fault>("\"no such fault\"")
        .unwrap_err()
        .to_string();
    let (_, names) = unknown.split_once("expected one of ").unwrap();
    let names: Vec<&str> = names.split('`').skip(1).step_by(2).collect();
    assert!(names.contains(&"refuse") && names.contains(&"many_tags"), "{unknown}");
    let rows: Vec<String> = table::rows().iter().map(|row| name(&row.fault(1))).collect();
    for fault in names {
        assert!(
            rows.iter().any(|row| row == fault),
            "no row for `{fault}`: add it to fault_matrix/table.rs"
        );
    }
}

/// Returns the name of a fault without its numbers.
fn name(fault: &Fault) -> String {
    match serde_json::to_value(fault).unwrap() {
        serde_json::Value::Object(fields) => fields.keys().next().unwrap().clone(),
        name => name.as_str().unwrap().to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_ten_values_has_its_exact_answer() {
    let rows = stream::iter(table::rows()).map(|row| check(row, Size::Ten));
    assert_none(rows.buffer_unordered(8).concat().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_in_the_middle_of_100_000_values_has_its_exact_answer() {
    let is_complete = std::env::var_os("CRATOS_FAULT_MATRIX").is_some();
    let rows = table::rows()
        .into_iter()
        .filter(|row| is_complete || row.depends_on_size);
    let checks = stream::iter(rows).map(|row| check(row, Size::HundredThousand));
    assert_none(checks.buffer_unordered(2).concat().await);
}

/// Fails with all wrong answers at once, so that a change that concerns several faults shows what it does to each.
fn assert_none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "{} wrong answers:\n{}", wrong.len(), wrong.join("\n"));
}

/// Returns the differences from the expected answers, of a daemon without a feed and then of the same one with a feed.
async fn check(row: Row, size: Size) -> Vec<String> {
    let case = format!("{:?} at {size:?}", row.fault(size.middle()));
    let clock = Arc::new(ManualClock::new());
    let daemon = Daemon::with(size.setup(row.hangs(), &clock)).await;
    let whole = size.body();

    daemon.sim.set_fault(size.rule(&row));
    let first = daemon.get(PATH).await;
    daemon.sim.clear_fault();
    clock.advance(Duration::from_millis(1_100));
    let good = until_whole(&daemon, &clock, &whole, &case).await;

    daemon.sim.set_fault(size.rule(&row));
    clock.advance(Duration::from_millis(1_100));
    let later = daemon.get(FORCED).await;
    daemon.sim.clear_fault();
    if size == Size::Ten {
        until_whole(&daemon, &clock, &whole, &case).await;
    }

    let pairs = [("without", row.first(size), first), ("with", row.later, later)];
    let differences = pairs.into_iter().filter_map(|(with, expected, answer)| {
        let expected = shortened(row.answer(expected, &answer, &good));
        let seen = shortened(seen(&answer));
        let is_right = expected == seen;
        (!is_right).then(|| format!("{case}, {with} a last good feed:\n  is        {seen:?}\n  should be {expected:?}"))
    });
    differences.collect()
}

/// Asks until a new answer is whole, as a device does after `Retry-After`. Every other answer is an error or the
/// same values.
async fn until_whole(daemon: &Daemon, clock: &ManualClock, whole: &str, case: &str) -> Answer {
    let began = Instant::now();
    loop {
        let answer = daemon.get(FORCED).await;
        let is_feed = answer.status == 200 && answer.text() == whole;
        if is_feed && answer.header("x-cache") != "STALE" && answer.header("age") == "0" {
            return answer;
        }
        let is_right = is_feed || matches!(answer.status.as_u16(), 503 | 504);
        assert!(
            is_right && began.elapsed() < PATIENCE,
            "after {case}: {} {:?}",
            answer.status,
            answer.headers
        );
        clock.advance(Duration::from_millis(1_100));
    }
}

impl Row {
    /// Returns the expected answer; times and entity tags that the fault does not decide are those of `answer`, or of
    /// the feed from before the fault.
    fn answer(&self, expected: Expected, answer: &Answer, good: &Answer) -> Seen {
        match expected {
            Expected::Whole => feed(good, "MISS"),
            Expected::LastGood => feed(good, "STALE"),
            Expected::HeldBack => held_back(feed(good, "STALE"), answer, good.header("x-feed-count")),
            Expected::Empty => (200, empty(answer), String::new()),
            Expected::Trouble(status, words) => trouble(status, self.retry_after, &Expected::sentence(words)),
            Expected::Sentence(status, sentence) => trouble(status, self.retry_after, sentence),
        }
    }
}

/// The status, the headers by name, and the body of an answer.
type Seen = (u16, Vec<(String, String)>, String);

fn seen(answer: &Answer) -> Seen {
    if let Some(length) = answer.headers.get("content-length") {
        assert_eq!(length.to_str().unwrap(), answer.body.len().to_string());
    }
    let headers = answer.headers.iter();
    let own = headers.filter(|(name, _)| !OF_EVERY_ANSWER.contains(&name.as_str()));
    let headers = own.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let body = without_cause(answer.text());
    (answer.status.as_u16(), headers.collect(), body)
}

/// Returns a problem without the words of the operating system and of the HTTP library.
fn without_cause(body: &str) -> String {
    match body.split_once(": error ") {
        Some((before, cause)) => {
            let (_, after) = cause.split_once('"').unwrap();
            format!("{before}\"{after}")
        }
        None => body.to_owned(),
    }
}

/// Sorts the headers, and replaces a body that no reader of a failure wants to see whole.
fn shortened((status, mut headers, body): Seen) -> Seen {
    headers.sort();
    let body = match body.len() {
        0..=1_000 => body,
        length => {
            use std::hash::{DefaultHasher, Hash as _, Hasher as _};
            let mut digest = DefaultHasher::new();
            body.hash(&mut digest);
            format!("{length} bytes, digest {:x}", digest.finish())
        }
    };
    (status, headers, body)
}

/// Returns the answer with the values of `good`, made now or a second ago.
fn feed(good: &Answer, x_cache: &str) -> Seen {
    let (_, mut headers, _) = seen(good);
    let is_stale = x_cache == "STALE";
    let (age, fresh_for) = if is_stale { (1, 0) } else { (0, 1) };
    let mut set = |name: &str, value: String| {
        headers.retain(|(known, _)| known != name);
        headers.push((name.to_owned(), value));
    };
    set("x-cache", x_cache.to_owned());
    set("age", age.to_string());
    set("cache-control", format!("private, max-age={fresh_for}"));
    if is_stale {
        set("warning", "110 - \"Response is Stale\"".to_owned());
    }
    (200, headers, good.text().to_owned())
}

/// Returns the same with the header of a feed whose empty set is held back; the fault does not decide since when.
fn held_back((status, mut headers, body): Seen, answer: &Answer, count: &str) -> Seen {
    let held = answer.headers.get("x-feed-held").and_then(|text| text.to_str().ok());
    let begins = format!("from={count}, to=0, since=");
    let value = held.filter(|text| text.starts_with(&begins)).unwrap_or(&begins);
    headers.push(("x-feed-held".to_owned(), value.to_owned()));
    (status, headers, body)
}

/// Returns the headers of a feed without values.
fn empty(answer: &Answer) -> Vec<(String, String)> {
    let pairs = [
        ("age", "0"),
        ("cache-control", "private, max-age=1"),
        ("content-type", "text/plain; charset=utf-8"),
        ("etag", answer.header("etag")),
        ("last-modified", answer.header("last-modified")),
        ("vary", "Accept-Encoding"),
        ("x-cache", "MISS"),
        ("x-feed-count", "0"),
        ("x-feed-dropped", "0"),
    ];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn trouble(status: u16, retry_after: u64, words: &str) -> Seen {
    let title = http::StatusCode::from_u16(status).unwrap().canonical_reason().unwrap();
    let words = serde_json::to_string(words).unwrap();
    let body = format!("{{\"detail\":{words},\"type\":\"about:blank\",\"title\":\"{title}\",\"status\":{status}}}");
    let pairs = [
        ("cache-control", "no-store".to_owned()),
        ("content-type", "application/problem+json".to_owned()),
        ("retry-after", retry_after.to_string()),
    ];
    let headers = pairs.map(|(name, value)| (name.to_owned(), value)).to_vec();
    (status, headers, body)
}
