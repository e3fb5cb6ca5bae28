//! Size and speed of a store of one million attributes in 20 000 events: `cargo bench -p cratos-misp-mirror`.
//!
//! 40 % addresses, 30 % domains, 20 % URLs, 10 % SHA-256; one to three tags an attribute, two an event; every value is
//! drawn at random.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench reports on the terminal, and may stop"
)]

use std::time::Instant;

use misp_client::Tag;
use misp_mirror::{Block, EventFacts, EventRecord, LastPublished, MirrorRow, Store, StoreKey};

const EVENTS: u64 = 20_000;
const ROWS: u64 = 50;
const BATCH: u64 = 500;

fn main() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    let open = || {
        Store::open(&path, &StoreKey::new([7; 32]), b"misp.example.net", 1 << 30)
            .unwrap()
            .0
    };
    let store = open();
    let mut random = Random(42);
    let (mut writing, mut next_id) = (std::time::Duration::ZERO, 1);
    for first in (0..EVENTS).step_by(usize::try_from(BATCH).unwrap()) {
        let ids = first..first + BATCH;
        let records: Vec<_> = ids.map(|id| record(id * 3 / 2, &mut next_id, &mut random)).collect();
        let began = Instant::now();
        store.put(&records).unwrap();
        writing += began.elapsed();
    }
    println!("write all, {BATCH} events a transaction: {writing:.2?}");
    println!("{} rows, {} bytes on disk", store.rows(), store.bytes_on_disk());
    timed("compact", || store.compact().unwrap());
    println!("{} bytes on disk", store.bytes_on_disk());
    for _ in 0..5 {
        let record = record(4500, &mut next_id, &mut random);
        timed("write one event", || store.put(&[record]).unwrap());
    }
    timed("close", || drop(store));
    for threads in [1, 2, 2] {
        let store = timed("open", open);
        let mut rows = 0;
        timed(&format!("read all on {threads} threads"), || {
            store
                .read_all(threads, |record| rows += record.current.rows.len())
                .unwrap();
        });
        assert_eq!(rows, 1_000_000);
        timed("list all states", || assert_eq!(store.states().len(), 20_000));
        timed("read one event", || store.get(4500).unwrap());
    }
}

fn timed<T>(name: &str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    println!("{name}: {:.2?}", began.elapsed());
    result
}

/// Xorshift: the same numbers in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }
}

fn record(id: u64, next_id: &mut u64, random: &mut Random) -> EventRecord {
    let time = 1_600_000_000 + i64::try_from(id * 5000).unwrap();
    let event = EventFacts {
        id,
        uuid: Some(uuid::Uuid::from_u64_pair(random.next(), random.next())),
        info: format!("Campaign {:x} of the group {}", random.next(), id % 40),
        orgc_uuid: Some(uuid::Uuid::from_u128((id % 30).into())),
        timestamp: time,
        published: true,
        publish_timestamp: time + 60,
        tags: vec![Tag::own("tlp:green"), Tag::own(format!("feed:{}", id % 11))],
        attribute_count: Some(ROWS),
        protected: false,
    };
    let rows = (0..ROWS).map(|_| {
        *next_id += 1 + random.next() % 3;
        row(*next_id, time - i64::try_from(random.next() % 5000).unwrap(), random)
    });
    EventRecord {
        current: Block {
            event,
            rows: rows.collect(),
        },
        last_published: LastPublished::Current,
        withdrawn_at: None,
    }
}

fn row(id: u64, timestamp: i64, random: &mut Random) -> MirrorRow {
    let bits = random.next();
    let (kind, value) = match bits % 10 {
        0..4 => (
            "ip-dst",
            std::net::Ipv4Addr::from_bits(u32::try_from(bits >> 32).unwrap()).to_string(),
        ),
        4..7 => ("domain", format!("{}.example.com", letters(random.next()))),
        7..9 => (
            "url",
            format!("https://{}.example.net/{}", letters(bits), letters(random.next())),
        ),
        _ => ("sha256", (0..4).map(|_| format!("{:016x}", random.next())).collect()),
    };
    let tags = (0..=random.next() % 3).map(|at| Tag::own(format!("kill-chain:phase-{}", at * 5 + bits % 5)));
    MirrorRow {
        id,
        kind: kind.into(),
        value,
        to_ids: !bits.is_multiple_of(8),
        timestamp,
        last_seen: None,
        last_sighting: None,
        tags: tags.collect(),
        warninglists: Vec::new(),
    }
}

fn letters(mut bits: u64) -> String {
    (0..12)
        .map(|_| {
            let letter = u8::try_from(bits % 26).unwrap_or_default();
            bits /= 26;
            char::from(b'a' + letter)
        })
        .collect()
}
