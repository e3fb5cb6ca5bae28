//! A million attributes in 20 000 events: the first snapshot, a feed, and a change of one event. The naive benches do
//! the same over the records, with texts in vectors that are sorted.

use std::net::Ipv4Addr;
use std::sync::{Arc, LazyLock};

use catalogue::feed_classification::{Extractor, IndicatorSet, IndicatorType};
use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};
use catalogue::{Catalogue, Classes, Publication, Question, Selected, Snapshot};
use divan::{AllocProfiler, Bencher, black_box};

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

const EVENTS: u64 = 20_000;
const ROWS_AN_EVENT: u64 = 50;
const BLOCK: &str = "example:incident-classification=block";
const CHANGED: i64 = 1_795_308_097;

static RECORDS: LazyLock<Vec<Arc<EventRecord>>> =
    LazyLock::new(|| (1..=EVENTS).map(|id| Arc::new(record(id, 0))).collect());

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(|| {
    let catalogue = built();
    report(&catalogue);
    catalogue
});

fn main() {
    divan::main();
}

/// Returns an event. Of a hundred rows 30 are addresses, 30 domains, 15 URLs and 20 hashes; the others repeat addresses
/// of other events. Each `version` of an event has another domain and another address.
fn record(id: u64, version: u64) -> EventRecord {
    let tag = if id.is_multiple_of(3) { "tlp:green" } else { BLOCK };
    let own = |number: u64| {
        if number.is_multiple_of(50) {
            vec![Tag::own("tlp:amber")]
        } else {
            Vec::new()
        }
    };
    let rows = (0..ROWS_AN_EVENT).map(|place| {
        let changed = (u64::from(place < 2) * version) << 40;
        let number = id * ROWS_AN_EVENT + place + changed;
        let (kind, value) = attribute(number, place + ROWS_AN_EVENT * (id % 2));
        MirrorRow {
            id: number,
            kind: kind.into(),
            value,
            to_ids: !number.is_multiple_of(10),
            timestamp: CHANGED - i64::try_from(number % 10_000_000).unwrap_or_default(),
            last_seen: None,
            last_sighting: None,
            tags: own(number).into(),
            warninglists: Vec::new(),
        }
    });
    EventRecord {
        current: Block {
            event: EventFacts {
                id,
                info: format!("OSINT report {id}: phishing and loaders"),
                timestamp: CHANGED,
                published: true,
                publish_timestamp: CHANGED,
                tags: vec![
                    Tag::own(tag),
                    Tag::own(format!("misp-galaxy:threat-actor=\"Actor {}\"", id % 200)),
                ],
                ..EventFacts::default()
            },
            rows: rows.collect(),
        },
        last_published: LastPublished::Current,
        withdrawn_at: None,
    }
}

/// Returns the attribute of a number; `place` is one of a hundred.
fn attribute(number: u64, place: u64) -> (&'static str, String) {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let short = u32::try_from(mixed >> 32).unwrap_or_default();
    match place {
        0 | 2..31 => ("ip-dst", Ipv4Addr::from(short).to_string()),
        1 | 31..60 => ("domain", format!("{short:08x}.host-{}.example.net", number % 1_000)),
        60..75 if number.is_multiple_of(4) => ("url", format!("http://{short:08x}.example.net")),
        60..75 => (
            "url",
            format!("http://{short:08x}.example.net/gate.php?id={}", number % 97),
        ),
        75..95 => ("sha256", format!("{mixed:016x}").repeat(4)),
        _ => ("ip-dst", Ipv4Addr::from(short % 1_000).to_string()),
    }
}

fn replaced(record: &Arc<EventRecord>) -> Change {
    Change::Replaced {
        record: Arc::clone(record),
        warned: Vec::new(),
        warned_published: Vec::new(),
    }
}

fn built() -> Catalogue {
    let catalogue = Catalogue::new(Classes::defaults());
    let batches = RECORDS
        .chunks(500)
        .map(|records| records.iter().map(replaced).collect());
    for changes in batches {
        apply(&catalogue, changes, false);
    }
    apply(&catalogue, Vec::new(), true);
    catalogue
}

fn apply(catalogue: &Catalogue, changes: Vec<Change>, is_complete: bool) {
    let outcome = catalogue.apply(&Batch::new(changes, None, is_complete));
    assert!(outcome.is_ok(), "{outcome:?}");
}

fn report(catalogue: &Catalogue) {
    let snapshot = catalogue.snapshot();
    eprintln!(
        "{} events, {} rows: snapshot {} bytes, catalogue {} bytes",
        snapshot.events(),
        snapshot.rows(),
        snapshot.weight_bytes(),
        catalogue.weight_bytes()
    );
    for kind in [
        IndicatorType::Ip,
        IndicatorType::Domain,
        IndicatorType::Url,
        IndicatorType::FileSha256,
    ] {
        let class = snapshot.class(kind);
        let (values, rows) = (class.values().len(), class.values().all_rows().len());
        eprintln!("  {kind}: {values} values, {rows} rows, {} bytes", class.weight_bytes());
    }
}

fn question(kind: IndicatorType) -> Question {
    let mut question = Question::new(kind);
    question.publication = Publication::AsLastPublished { edited_from: CHANGED };
    question.since = CHANGED - 9_000_000;
    question
}

fn values(snapshot: &Snapshot, question: &Question) -> Option<IndicatorSet> {
    snapshot.answer(question).ok().map(|answer| answer.values)
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn first_snapshot(bencher: Bencher<'_, '_>) {
    LazyLock::force(&RECORDS);
    bencher.bench_local(built);
}

/// Collects the values of each type and sorts them: a part of what a snapshot needs.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn first_snapshot_naive(bencher: Bencher<'_, '_>) {
    LazyLock::force(&RECORDS);
    bencher.bench_local(|| {
        let types = [
            (IndicatorType::Ip, "ip-dst"),
            (IndicatorType::Domain, "domain"),
            (IndicatorType::Url, "url"),
            (IndicatorType::FileSha256, "sha256"),
        ];
        types.map(|(kind, attribute_type)| sorted(kind, attribute_type, |_, _| true))
    });
}

#[divan::bench(
    args = [IndicatorType::Ipv4, IndicatorType::Domain, IndicatorType::Url, IndicatorType::FileSha256],
    sample_count = 20,
    sample_size = 1
)]
fn feed(bencher: Bencher<'_, '_>, kind: IndicatorType) {
    let snapshot = CATALOGUE.snapshot();
    bencher.bench_local(|| values(&snapshot, black_box(&question(kind))));
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn feed_of_a_tag(bencher: Bencher<'_, '_>) {
    let snapshot = CATALOGUE.snapshot();
    let mut question = question(IndicatorType::Domain);
    question.selected = Selected::Tag(BLOCK.to_owned());
    question.to_ids_only = true;
    bencher.bench_local(|| values(&snapshot, black_box(&question)));
}

/// Judges and extracts each record for the feed of all domains, and sorts the texts.
#[divan::bench(sample_count = 5, sample_size = 1)]
fn feed_naive(bencher: Bencher<'_, '_>) {
    LazyLock::force(&RECORDS);
    bencher.bench_local(|| {
        let values = sorted(IndicatorType::Domain, "domain", |record, row| {
            record.current.event.published && row.timestamp >= CHANGED - 9_000_000
        });
        IndicatorSet::of(IndicatorType::Domain, values.iter().map(String::as_str))
    });
}

#[divan::bench(sample_count = 20, sample_size = 1)]
fn change_of_one_event(bencher: Bencher<'_, '_>) {
    LazyLock::force(&CATALOGUE);
    let mut version = 0;
    let next = || {
        version += 1;
        vec![replaced(&Arc::new(record(EVENTS / 2, version)))]
    };
    bencher
        .with_inputs(next)
        .bench_local_values(|changes| apply(&CATALOGUE, changes, true));
}

/// Returns the texts of all records that count, in order.
fn sorted(kind: IndicatorType, attribute_type: &str, counts: impl Fn(&EventRecord, &MirrorRow) -> bool) -> Vec<String> {
    let extractor = Extractor::new(kind);
    let mut values = Vec::new();
    for record in RECORDS.iter() {
        let rows = record.current.rows.iter().filter(|row| *row.kind == *attribute_type);
        for row in rows.filter(|row| counts(record, row)) {
            let _ = extractor.extract(&row.kind, &row.value, &mut |value| values.push(value.to_owned()));
        }
    }
    values.sort();
    values.dedup();
    values
}
