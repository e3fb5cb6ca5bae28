//! Drawn events.

use std::sync::Arc;

use catalogue::misp_client::Tag;
use catalogue::misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};
use catalogue::uuid::Uuid;
use proptest::prelude::*;

pub(crate) const NOW: i64 = 1_795_308_097;
pub(crate) const BLOCK: &str = "example:incident-classification=\"block\"";
pub(crate) const HARMLESS: &str = "example:incident-classification=\"false-positive\"";

/// Attribute types, each with values that suit it more or less.
const ATTRIBUTES: &[(&str, &[&str])] = &[
    (
        "ip-dst",
        &[
            "192.0.2.1",
            "192.0.2.1/32",
            "::ffff:192.0.2.1",
            "192.0.2.0/29",
            "192.0.2.0/30",
            "192.0.2.4/30",
            "192.0.2.0",
            "192.0.2.1/31",
            "192.0.2.2/31",
            "192.0.2.77/24",
            "10.0.0.0/8",
            "0.0.0.0/0",
            "2001:DB8::1",
            "2001:db8::/126",
            "2001:db8::/127",
            "2001:db8::2/127",
            "2001:db8::/32",
            "192.0.2.300",
            "",
        ],
    ),
    (
        "ip-src|port",
        &["192.0.2.2|443", "192.0.2.1|0", "[2001:db8::2]|1", "192.0.2.3"],
    ),
    (
        "domain",
        &[
            "evil.example",
            "EVIL.example.",
            "a.example",
            "z.example",
            "co.uk",
            "*.example",
            "b",
            "ä.example",
        ],
    ),
    (
        "domain|ip",
        &[
            "evil.example|192.0.2.1",
            "c.example|2001:db8::1",
            "-|192.0.2.9",
            "d.example|x",
            "e.example",
        ],
    ),
    (
        "hostname",
        &[
            "evil.example",
            "www.evil.example",
            "host_name.example",
            "\u{200b}evil.example",
        ],
    ),
    (
        "url",
        &[
            "http://evil.example",
            "http://evil.example/",
            "HTTP://EVIL.example:80",
            "http://evil.example/a",
            "https://a.example?q",
            "https://a.example/?q",
            "hxxp://evil.example/",
        ],
    ),
    (
        "filename|md5",
        &[
            "a.exe|d41d8cd98f00b204e9800998ecf8427e",
            "b|D41D8CD98F00B204E9800998ECF8427E",
            "c|x",
        ],
    ),
    ("text", &["t13d1516h2_8daaf6152771_b186095e22b6", "an ordinary text"]),
    (
        "yara",
        &["rule a { condition: true }", "rule b {\n condition: false }", " "],
    ),
    ("comment", &["not taken"]),
];

const TAGS: &[&str] = &[
    BLOCK,
    HARMLESS,
    "tlp:green",
    "tlp:amber",
    "TLP:RED",
    "tlp:unknown",
    "retention:1d",
];

pub(crate) fn organisation(number: u8) -> Uuid {
    Uuid::from_u128(u128::from(number))
}

fn times() -> impl Strategy<Value = i64> {
    prop_oneof![NOW - 200_000..NOW + 100, Just(0), Just(-5), Just(i64::MAX)]
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    let tag = (
        prop::sample::select(TAGS),
        prop::option::of(0_i64..100),
        prop::bool::weighted(0.3),
    );
    prop::collection::vec(tag, 0..3).prop_map(|tags| {
        let tag = |(name, worth, local): (&str, Option<i64>, bool)| {
            let mut tag = match worth {
                Some(worth) => Tag::own(name).worth(worth),
                None => Tag::own(name),
            };
            tag.local = local;
            tag
        };
        tags.into_iter().map(tag).collect()
    })
}

fn row() -> impl Strategy<Value = MirrorRow> {
    let attribute = prop::sample::select(ATTRIBUTES).prop_flat_map(|(kind, values)| {
        let suitable = prop::sample::select(values).prop_map(str::to_owned);
        let value = prop_oneof![9 => suitable, 1 => any::<String>(), 1 => "[a-z./:|]{0,300}"];
        (Just(kind), value)
    });
    let seen = (prop::option::of(times()), prop::option::of(times()));
    (attribute, any::<bool>(), times(), seen, tags()).prop_map(|((kind, value), to_ids, timestamp, seen, tags)| {
        MirrorRow {
            id: 0,
            kind: kind.into(),
            value,
            to_ids,
            timestamp,
            last_seen: seen.0,
            last_sighting: seen.1,
            tags: tags.into(),
            warninglists: Vec::new(),
        }
    })
}

fn block(id: u64) -> impl Strategy<Value = Block> {
    let facts = (0_u8..3, times(), any::<bool>(), times(), tags());
    (facts, prop::collection::vec(row(), 0..12)).prop_map(move |((orgc, timestamp, published, publish, tags), rows)| {
        Block {
            event: EventFacts {
                id,
                info: format!("event {id}"),
                orgc_uuid: Some(organisation(orgc)),
                timestamp,
                published,
                publish_timestamp: publish,
                tags,
                ..EventFacts::default()
            },
            rows,
        }
    })
}

fn record(id: u64) -> impl Strategy<Value = Change> {
    let published = prop_oneof![
        3 => Just(None).prop_map(|_: Option<()>| LastPublished::Current),
        2 => (block(id), any::<bool>()).prop_map(|(block, _)| LastPublished::Block(Box::new(block))),
        1 => Just(LastPublished::Nothing),
    ];
    let warned = || prop::collection::vec(prop::bool::weighted(0.2), 0..12);
    let edit = any::<(u16, u16, u16, bool)>();
    (block(id), published, edit, warned(), warned()).prop_map(
        |(mut current, mut published, (kept, changed, marked, is_retagged), warned, other)| {
            (1..).zip(&mut current.rows).for_each(|(id, row)| row.id = id);
            if let LastPublished::Block(block) = &mut published {
                if !is_retagged {
                    block.event.tags.clone_from(&current.event.tags);
                }
                // Some rows are other versions of present ones, and some were deleted.
                for (place, row) in block.rows.iter_mut().enumerate() {
                    row.id = place as u64 + if changed & 1 << (place % 16) == 0 { 1 } else { 100 };
                }
                // An edited event keeps most of its rows.
                let stayed = current
                    .rows
                    .iter()
                    .enumerate()
                    .filter(|(place, _)| kept & 1 << (place % 16) != 0);
                block.rows.extend(stayed.map(|(place, row)| {
                    let mut row = row.clone();
                    if marked & 1 << (place % 16) != 0 {
                        row.tags = row.tags.iter().filter(|tag| !tag.local).cloned().collect();
                        row.last_sighting = None;
                    }
                    row
                }));
            }
            Change::Replaced {
                record: Arc::new(EventRecord {
                    current,
                    last_published: published,
                    withdrawn_at: None,
                }),
                warned,
                warned_published: other,
            }
        },
    )
}

fn change() -> impl Strategy<Value = Change> {
    let id = 1_u64..8;
    id.prop_flat_map(|id| prop_oneof![5 => record(id), 1 => Just(Change::Removed { id })])
}

/// Returns a published event with these attributes (type and value).
pub(crate) fn event(id: u64, attributes: &[(&str, &str)]) -> EventRecord {
    let row = |(kind, value): &(&str, &str)| MirrorRow {
        id: 0,
        kind: (*kind).into(),
        value: (*value).to_owned(),
        to_ids: true,
        timestamp: NOW,
        last_seen: None,
        last_sighting: None,
        tags: [].into(),
        warninglists: Vec::new(),
    };
    EventRecord {
        current: Block {
            event: EventFacts {
                id,
                timestamp: NOW,
                published: true,
                publish_timestamp: NOW,
                ..EventFacts::default()
            },
            rows: attributes.iter().map(row).collect(),
        },
        last_published: LastPublished::Current,
        withdrawn_at: None,
    }
}

/// Returns the complete batch with this event alone.
pub(crate) fn batch_of(record: EventRecord) -> Batch {
    let change = Change::Replaced {
        record: Arc::new(record),
        warned: Vec::new(),
        warned_published: Vec::new(),
    };
    Batch::new(vec![change], None, true)
}

/// Batches of which the last one is complete.
pub(crate) fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let batch = (prop::collection::vec(change(), 0..4), prop::bool::weighted(0.7));
    prop::collection::vec(batch, 1..7).prop_map(|batches| {
        let last = batches.len() - 1;
        let batches = batches.into_iter().enumerate();
        batches
            .map(|(place, (changes, complete))| Batch::new(changes, None, complete || place == last))
            .collect()
    })
}
