//! The forms of a list of events: minimal or whole, as JSON or as CSV (recordings 570 to 576 and 801 to 803).

use serde_json::{Map, Value};

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object, write_number, write_text},
    model::Organisation,
    query::truthy,
    store::{EventRow, Store, TagRef},
};

/// How a list is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct EventList {
    /// Only what shows a change.
    minimal: bool,
    csv: bool,
}

const COLUMNS: &str = "id,date,info,tags,uuid,published,analysis,attribute_count,orgc_id,orgc_name,orgc_uuid,timestamp,\
                       distribution,sharing_group_id,threat_level_id,publish_timestamp,extends_uuid\n";

impl EventList {
    pub(super) fn asked_for(request: &PageRequest, filters: &Map<String, Value>) -> Self {
        Self {
            minimal: filters.get("minimal").is_some_and(truthy),
            csv: request.wants_csv(),
        }
    }

    /// Writes the events.
    pub(super) fn body<'a>(
        self,
        store: &Store,
        events: impl Iterator<Item = &'a EventRow>,
        stringify: bool,
    ) -> Vec<u8> {
        match (self.csv, self.minimal) {
            (true, minimal) => {
                let mut out = COLUMNS.as_bytes().to_vec();
                for event in events {
                    csv_line(&mut out, store, event, minimal);
                }
                out
            }
            (false, true) => minimal_list(store, events, stringify),
            (false, false) => Node::List(events.map(|event| whole(store, event)).collect()).pretty(stringify),
        }
    }

    pub(super) fn answer(self, body: bytes::Bytes) -> Answer {
        if self.csv {
            Answer::csv(body)
        } else {
            Answer::json_bytes(body)
        }
    }
}

/// Writes the list with four spaces of indentation and nothing built in between, as it is sent often.
fn minimal_list<'a>(store: &Store, events: impl Iterator<Item = &'a EventRow>, stringify: bool) -> Vec<u8> {
    let mut out = b"[".to_vec();
    let mut lead = "\n    {";
    for event in events {
        out.extend_from_slice(lead.as_bytes());
        let mut number = |key: &str, number: u64| {
            out.extend_from_slice(key.as_bytes());
            write_number(&mut out, number, stringify);
        };
        number("\n        \"id\": ", event.id);
        number(",\n        \"timestamp\": ", unsigned(event.timestamp));
        number(
            ",\n        \"sighting_timestamp\": ",
            unsigned(event.sighting_timestamp),
        );
        out.extend_from_slice(b",\n        \"published\": ");
        out.extend_from_slice(if event.published { b"true" } else { b"false" });
        out.extend_from_slice(b",\n        \"uuid\": ");
        write_text(&mut out, event.uuid.hyphenated().encode_lower(&mut [0; 36]));
        out.extend_from_slice(b",\n        \"orgc_uuid\": ");
        match store.organisation(event.creator) {
            Some(creator) => write_text(&mut out, creator.uuid.hyphenated().encode_lower(&mut [0; 36])),
            None => out.extend_from_slice(b"null"),
        }
        out.extend_from_slice(b"\n    }");
        lead = ",\n    {";
    }
    out.extend_from_slice(if out.len() > 1 { b"\n]" } else { b"]" });
    out
}

/// Returns an event with all columns and its exportable tags (803).
fn whole(store: &Store, event: &EventRow) -> Node {
    object([
        ("id", event.id.into()),
        ("org_id", event.owner.into()),
        ("date", event.date.as_str().into()),
        ("info", event.info.as_str().into()),
        ("uuid", Node::Text(event.uuid.to_string())),
        ("published", event.published.into()),
        ("analysis", u64::from(event.analysis).into()),
        ("attribute_count", event.attribute_count.into()),
        ("orgc_id", event.creator.into()),
        ("timestamp", unsigned(event.timestamp).into()),
        ("distribution", u64::from(event.distribution).into()),
        ("sharing_group_id", 0.into()),
        ("proposal_email_lock", false.into()),
        ("locked", false.into()),
        ("threat_level_id", u64::from(event.threat_level).into()),
        ("publish_timestamp", unsigned(event.publish_timestamp).into()),
        ("sighting_timestamp", unsigned(event.sighting_timestamp).into()),
        ("disable_correlation", false.into()),
        ("extends_uuid", "".into()),
        ("protected", event.protected.map_or(Node::Null, Node::from)),
        ("Org", organisation(store.organisation(event.owner))),
        ("Orgc", organisation(store.organisation(event.creator))),
        (
            "EventTag",
            Node::List(
                exportable(store, event)
                    .map(|attached| tag(store, event, attached))
                    .collect(),
            ),
        ),
    ])
}

fn organisation(known: Option<&Organisation>) -> Node {
    let Some(known) = known else { return Node::Null };
    object([
        ("id", known.id.into()),
        ("name", known.name.as_str().into()),
        ("uuid", Node::Text(known.uuid.to_string())),
    ])
}

fn exportable<'a>(store: &'a Store, event: &'a EventRow) -> impl Iterator<Item = &'a TagRef> {
    event
        .tags
        .iter()
        .filter(|attached| store.tags[attached.tag as usize].exportable)
}

/// Returns a tag on the event; its first number counts the uses of tags, which the stand-in does not number.
fn tag(store: &Store, event: &EventRow, attached: &TagRef) -> Node {
    let tag = &store.tags[attached.tag as usize];
    object([
        ("id", (event.id * 1_000 + tag.id).into()),
        ("event_id", event.id.into()),
        ("tag_id", tag.id.into()),
        ("local", attached.local.into()),
        ("relationship_type", "".into()),
        (
            "Tag",
            object([
                ("id", tag.id.into()),
                ("name", tag.name.as_str().into()),
                ("colour", tag.colour.as_str().into()),
                ("is_galaxy", tag.name.starts_with("misp-galaxy:").into()),
            ]),
        ),
    ])
}

/// Writes a line: texts in quotes, numbers bare, tags as one text in which local ones look like others.
fn csv_line(out: &mut Vec<u8>, store: &Store, event: &EventRow, minimal: bool) {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let uuid = quoted(&event.uuid.to_string());
    let (published, timestamp) = (u8::from(event.published), event.timestamp);
    let line = if minimal {
        format!("{},,,\"\",{uuid},{published},,,,,,{timestamp},,,,,\n", event.id)
    } else {
        let names = exportable(store, event).map(|attached| store.tags[attached.tag as usize].name.as_str());
        let tags = quoted(&names.collect::<Vec<_>>().join(", "));
        let creator = store.organisation(event.creator);
        let organisation = quoted(creator.map_or("", |creator| &creator.name));
        let organisation_uuid = quoted(&creator.map(|creator| creator.uuid.to_string()).unwrap_or_default());
        format!(
            "{},{},{},{tags},{uuid},{published},{},{},{},{organisation},{organisation_uuid},{timestamp},{},0,{},{},\"\"\n",
            event.id,
            quoted(&event.date),
            quoted(&event.info),
            event.analysis,
            event.attribute_count,
            event.creator,
            event.distribution,
            event.threat_level,
            event.publish_timestamp,
        )
    };
    out.extend_from_slice(line.as_bytes());
}

fn unsigned(unix: i64) -> u64 {
    u64::try_from(unix).unwrap_or_default()
}
