//! Records for tests.

use misp_client::Tag;
use misp_mirror::{Block, EventFacts, EventRecord, LastPublished, MirrorRow};
use proptest::prelude::*;
use uuid::Uuid;

pub(crate) const BINDING: &[u8] = b"misp.example.net";
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Returns a record with `rows` rows, each of which names the version: two versions share no row.
pub(crate) fn record(id: u64, rows: u64, version: i64) -> EventRecord {
    let mut tag = Tag::own("tlp:green");
    tag.local = id.is_multiple_of(2);
    let row = |at: u64| MirrorRow {
        id: id * 1000 + at,
        kind: if at.is_multiple_of(3) {
            "domain".into()
        } else {
            "ip-dst".into()
        },
        value: format!("v{version}-{at}.event{id}.example.com"),
        to_ids: at.is_multiple_of(2),
        timestamp: 1_700_000_000 + version,
        last_seen: at.is_multiple_of(5).then_some(1_600_000_000),
        last_sighting: at.is_multiple_of(7).then_some(1_700_000_100),
        tags: if at.is_multiple_of(4) {
            [tag.clone(), Tag::own("x").worth(3)].into()
        } else {
            [].into()
        },
        warninglists: Vec::new(),
    };
    EventRecord {
        current: Block {
            event: EventFacts {
                id,
                uuid: Some(Uuid::from_u128(id.into())),
                info: format!("event {id}"),
                orgc_uuid: None,
                timestamp: 1_700_000_000 + version,
                published: true,
                publish_timestamp: 1_700_000_000,
                tags: vec![tag.clone()],
                attribute_count: Some(rows),
                protected: false,
            },
            rows: (0..rows).map(row).collect(),
        },
        last_published: LastPublished::Current,
        withdrawn_at: None,
    }
}

fn tag() -> impl Strategy<Value = Tag> {
    let parts = (".{0,12}", any::<bool>(), any::<bool>(), any::<Option<i64>>());
    parts.prop_map(|(name, inherited, local, numerical_value)| {
        let mut tag = Tag::own(name);
        tag.inherited = inherited;
        tag.local = local;
        tag.numerical_value = numerical_value;
        tag
    })
}

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    prop::collection::vec(tag(), 0..4)
}

fn row() -> impl Strategy<Value = MirrorRow> {
    let texts = (prop_oneof![".{0,8}", Just("domain|ip".to_owned())], ".{0,40}");
    let times = (any::<i64>(), any::<Option<i64>>(), any::<Option<i64>>());
    let lists = prop::collection::vec(any::<u64>(), 0..3);
    (any::<u64>(), texts, any::<bool>(), times, tags(), lists).prop_map(|(id, texts, to_ids, times, tags, lists)| {
        MirrorRow {
            id,
            kind: texts.0.as_str().into(),
            value: texts.1,
            to_ids,
            timestamp: times.0,
            last_seen: times.1,
            last_sighting: times.2,
            tags: tags.into(),
            warninglists: lists,
        }
    })
}

fn block(id: u64) -> impl Strategy<Value = Block> {
    let times = (any::<i64>(), any::<bool>(), any::<i64>());
    let ids = (any::<Option<u128>>(), any::<Option<u128>>());
    let counts = (any::<Option<u64>>(), any::<bool>());
    let rows = prop::collection::vec(row(), 0..20);
    (ids, ".{0,60}", times, tags(), counts, rows).prop_map(move |(ids, info, times, tags, counts, rows)| Block {
        event: EventFacts {
            id,
            uuid: ids.0.map(Uuid::from_u128),
            info,
            orgc_uuid: ids.1.map(Uuid::from_u128),
            timestamp: times.0,
            published: times.1,
            publish_timestamp: times.2,
            tags,
            attribute_count: counts.0,
            protected: counts.1,
        },
        rows,
    })
}

/// Draws records with everything that a record can have.
pub(crate) fn any_record() -> impl Strategy<Value = EventRecord> {
    (0_u64..200).prop_flat_map(|id| {
        let last_published = prop_oneof![
            Just(LastPublished::Current),
            Just(LastPublished::Nothing),
            block(id).prop_map(|block| LastPublished::Block(Box::new(block))),
        ];
        (block(id), last_published, any::<Option<i64>>()).prop_map(|(current, last_published, withdrawn_at)| {
            EventRecord {
                current,
                last_published,
                withdrawn_at,
            }
        })
    })
}
