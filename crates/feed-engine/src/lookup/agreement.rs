//! Holds the two kinds of indexes against each other: the one that is gathered from MISP's rows, and the one over a
//! catalogue of the same rows.

use std::sync::Arc;

use catalogue::{Catalogue, Classes, Finder, Harmless, Question, Selected};
use feed_classification::{IndicatorType, Tlp};
use misp_client::{Attribute, Tag};
use misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};
use proptest::prelude::*;
use site_config::{Mappings, Site};

use super::LookupIndex;
use super::entries::Entries;
use super::feed_types::FeedTypes;
use crate::pass::Sink as _;
use crate::{Filter, Judge, Query};

const BLOCK: &str = "example:block";
const HARMLESS: &str = "example:false-positive";

/// These types count without the `to_ids` flag.
const WITHOUT_FLAG: &[IndicatorType] = &[IndicatorType::Hostname, IndicatorType::Cidr4];

const ATTRIBUTES: &[(&str, &str)] = &[
    ("ip-dst", "192.0.2.1"),
    ("ip-src", "192.0.2.0/24"),
    ("ip-dst", "192.0.0.0/16"),
    ("ip-dst|port", "192.0.2.1|443"),
    ("ip-dst", "2001:DB8::1"),
    ("ip-dst", "2001:db8::/32"),
    ("domain", "evil.example"),
    ("domain", "EVIL.example."),
    ("hostname", "www.evil.example"),
    ("domain|ip", "evil.example|192.0.2.1"),
    ("url", "http://evil.example/"),
    ("url", "HTTP://EVIL.example"),
    ("url", "192.0.2.0/24"),
    ("filename|md5", "evil.example|d41d8cd98f00b204e9800998ecf8427e"),
    ("md5", "D41D8CD98F00B204E9800998ECF8427E"),
    ("email-src", "user@evil.example"),
    ("mutex", "evil.example"),
    ("domain", "not a domain"),
];

const TAGS: &[&str] = &[
    BLOCK,
    BLOCK,
    HARMLESS,
    "tlp:green",
    "tlp:red",
    "misp-galaxy:threat-actor=\"APT28\"",
    "misp-galaxy:mitre-intrusion-set=\"APT29 - G0016\"",
];

const ASKED: &[&str] = &[
    "192.0.2.1",
    "192.0.2.0/24",
    "192.0.2.0/29",
    "2001:db8::1",
    "evil.example",
    "a.www.evil.example",
    "http://evil.example",
    "http://192.0.2.1/x",
    "hxxp://www[.]evil.example/",
    "user@evil.example",
    "d41d8cd98f00b204e9800998ecf8427e",
    "not a domain",
];

fn tags() -> impl Strategy<Value = Vec<Tag>> {
    let tags = prop::sample::subsequence(TAGS, 0..=3);
    tags.prop_map(|tags| tags.into_iter().map(Tag::own).collect())
}

fn row() -> impl Strategy<Value = MirrorRow> {
    let attribute = prop::sample::select(ATTRIBUTES);
    (attribute, any::<bool>(), tags()).prop_map(|((kind, value), to_ids, tags)| MirrorRow {
        id: 0,
        kind: kind.into(),
        value: value.to_owned(),
        to_ids,
        timestamp: 1_795_000_000,
        last_seen: None,
        last_sighting: None,
        tags: tags.into(),
        warninglists: Vec::new(),
    })
}

/// Events in MISP's order, with numbers for events and rows.
fn blocks() -> impl Strategy<Value = Vec<Block>> {
    let block = (prop::collection::vec(row(), 0..10), tags());
    prop::collection::vec(block, 0..6).prop_map(|blocks| {
        let mut next = 0;
        let blocks = blocks.into_iter().zip(1..).map(|((mut rows, tags), id)| {
            for row in &mut rows {
                next += 1;
                row.id = next;
            }
            let event = EventFacts {
                id,
                info: format!("event {id}"),
                timestamp: 1_795_000_000,
                published: true,
                publish_timestamp: 1_795_000_000,
                tags,
                ..EventFacts::default()
            };
            Block { event, rows }
        });
        blocks.collect()
    })
}

fn attributes(blocks: &[Block]) -> Vec<Attribute> {
    let of_block = |block: &Block| {
        let (event, rows) = (block.event.clone(), block.rows.clone());
        rows.into_iter().map(move |row| {
            let mut attribute = Attribute::new(row.id, &*row.kind, &row.value);
            (attribute.event_id, attribute.to_ids, attribute.timestamp) = (event.id, row.to_ids, row.timestamp);
            attribute.event.info = Some(event.info.clone());
            attribute.tags = row.tags.to_vec();
            let inherited = event.tags.iter().map(|tag| Tag::inherited(&tag.name));
            attribute.tags.extend(inherited);
            attribute
        })
    };
    blocks.iter().flat_map(of_block).collect()
}

fn is_tagged(attribute: &Attribute, name: &str) -> bool {
    attribute.tags.iter().any(|tag| tag.name == name)
}

/// Makes the index as [`super::gather`] does, of the rows that MISP would send.
fn gathered(attributes: &[Attribute]) -> LookupIndex {
    let (without_flag, with_flag): (Vec<_>, Vec<_>) = catalogue::LOOKED_UP_FEEDS
        .iter()
        .partition(|kind| WITHOUT_FLAG.contains(kind));
    let mappings = Mappings::default();
    let mut rows: Option<Entries> = None;
    for (kinds, to_ids) in [(with_flag, true), (without_flag, false)] {
        let mut entries = Entries::new(Arc::new(FeedTypes::feeds(&mappings, &kinds)), None);
        for attribute in attributes {
            let is_asked = is_tagged(attribute, BLOCK) && !is_tagged(attribute, HARMLESS);
            if is_asked && (attribute.to_ids || !to_ids) {
                entries.take(attribute).unwrap();
            }
        }
        match &mut rows {
            None => rows = Some(entries),
            Some(rows) => rows.join(entries),
        }
    }
    let kinds: Vec<IndicatorType> = catalogue::LOOKED_UP_FEEDS.iter().collect();
    let mut harmless = Entries::new(Arc::new(FeedTypes::families(&mappings, &kinds)), None);
    for attribute in attributes.iter().filter(|attribute| is_tagged(attribute, HARMLESS)) {
        harmless.take(attribute).unwrap();
    }
    rows.unwrap()
        .into_index(|_| true, &harmless.into_false_positives())
        .into()
}

fn over_catalogue(blocks: &[Block]) -> LookupIndex {
    let mappings = Mappings::default();
    let catalogue = Catalogue::new(Classes::new(|kind| mappings.attribute_types(kind)));
    let changes = blocks.iter().map(|block| Change::Replaced {
        record: Arc::new(EventRecord {
            current: block.clone(),
            last_published: LastPublished::Current,
            withdrawn_at: None,
        }),
        warned: Vec::new(),
        warned_published: Vec::new(),
    });
    catalogue.apply(&Batch::new(changes.collect(), None, true)).unwrap();
    let question = |kind| {
        let mut question = Question::new(kind);
        question.selected = Selected::Tag(BLOCK.to_owned());
        question.without_tag = Some(HARMLESS.to_owned());
        question.to_ids_only = !WITHOUT_FLAG.contains(&kind);
        question.harmless = Some(Harmless {
            tag: HARMLESS.to_owned(),
            since: 0,
        });
        question
    };
    Finder::new(catalogue.snapshot(), question).into()
}

proptest! {
    #[test]
    fn an_index_over_a_catalogue_finds_what_a_gathered_one_finds(
        blocks in blocks(),
        level in 0_usize..5,
        most in prop_oneof![Just(50), 0_usize..3],
    ) {
        let (gathered, over_catalogue) = (gathered(&attributes(&blocks)), over_catalogue(&blocks));
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        let judge = Judge::new(Filter::NONE.with_max_tlp(Tlp::ALL[level]), &site);
        for asked in ASKED {
            let query = Query::asking(asked);
            prop_assert_eq!(
                over_catalogue.find(&query, &judge, most),
                gathered.find(&query, &judge, most),
                "{}", asked
            );
        }
    }
}
