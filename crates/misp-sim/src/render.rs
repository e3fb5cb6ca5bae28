//! Writes the rows of a search answer, in MISP's key order and without building anything in between.

use std::collections::HashMap;

use crate::{
    decaying::DecayScore,
    json::{Node, object, write_number, write_text},
    model::Tag,
    query::Query,
    store::{AttributeRow, EventRow, Store, TagRef},
};

/// Writes one answer.
pub(crate) struct Renderer<'a> {
    store: &'a Store,
    out: Vec<u8>,
    /// The inner of the object of each tag that came up so far: a site may have a million tags.
    tags: HashMap<u32, Vec<u8>>,
    /// The types and categories as JSON strings.
    names: Vec<Vec<u8>>,
    /// The part of the last event, which most following rows share.
    event: Option<(u32, EventPart)>,
    stringify: bool,
    event_tags: bool,
    all_tags: bool,
    context: bool,
    event_uuid: bool,
    full_model: bool,
    sightings: bool,
    warnings: bool,
    first: bool,
}

#[derive(Default)]
struct EventPart {
    object: Vec<u8>,
    inherited: Vec<u8>,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(store: &'a Store, query: &Query, stringify: bool) -> Self {
        let quoted = |name: &str| {
            let mut out = Vec::new();
            write_text(&mut out, name);
            out
        };
        Self {
            out: b"{\"response\": {\"Attribute\": [".to_vec(),
            tags: HashMap::new(),
            names: store.names.iter().map(quoted).collect(),
            store,
            event: None,
            stringify,
            event_tags: query.include_event_tags,
            all_tags: query.include_all_tags,
            context: query.include_context,
            event_uuid: query.include_event_uuid,
            sightings: query.include_sightings,
            warnings: query.include_warninglist_hits,
            full_model: query.decay.as_ref().is_some_and(|decay| decay.full_model),
            first: true,
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.out.extend_from_slice(b"]}}\n");
        self.out
    }

    pub(crate) fn row(&mut self, row: &AttributeRow, scores: &[DecayScore<'_>]) {
        let store = self.store;
        let event = store.event_of(row);
        if self.event.as_ref().is_none_or(|(slot, _)| *slot != row.event) {
            self.event = Some((row.event, self.event_part(event)));
        }
        let rare = row.rare.as_deref();
        let object = rare.and_then(|rare| rare.object.as_ref());
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.number("{\"id\":", row.id);
        self.number(",\"event_id\":", event.id);
        self.number(",\"object_id\":", object.map_or(0, |object| object.id));
        self.optional(",\"object_relation\":", object.map(|object| object.relation.as_str()));
        self.raw(",\"category\":");
        self.name(row.category);
        self.raw(",\"type\":");
        self.name(row.kind);
        self.flag(",\"to_ids\":", row.to_ids);
        self.text(",\"uuid\":", row.uuid.hyphenated().encode_lower(&mut [0; 36]));
        self.number(",\"timestamp\":", unsigned(row.timestamp));
        self.number(",\"distribution\":", row.distribution.into());
        self.number(",\"sharing_group_id\":", 0);
        self.text(",\"comment\":", rare.map_or("", |rare| &rare.comment));
        self.flag(",\"deleted\":", row.deleted);
        self.raw(",\"disable_correlation\":false");
        self.optional(",\"first_seen\":", rare.and_then(|rare| rare.first_seen.as_deref()));
        self.optional(",\"last_seen\":", rare.and_then(|rare| rare.last_seen.as_deref()));
        self.text(",\"value\":", &row.value);
        if self.event_uuid {
            self.text(",\"event_uuid\":", event.uuid.hyphenated().encode_lower(&mut [0; 36]));
        }
        if self.sightings {
            self.sighting_list(row);
        }
        self.decay_scores(scores);
        if self.warnings && (row.to_ids || self.store.settings.warning_for_all) {
            self.warning_list(row);
        }
        self.raw(",\"Event\":");
        if let Some((_, part)) = &self.event {
            self.out.extend_from_slice(&part.object);
        }
        if let Some(object) = object {
            self.number(",\"Object\":{\"id\":", object.id);
            self.number(",\"distribution\":", object.distribution.into());
            self.number(",\"sharing_group_id\":", 0);
            self.raw("}");
        }
        self.tag_list(row);
        self.raw("}");
    }

    /// Writes `warnings`, one for each list that the value is on; nothing when it is on none (207, 820, 825).
    fn warning_list(&mut self, row: &AttributeRow) {
        let store = self.store;
        let mut lead = ",\"warnings\":[";
        for hit in store.checker.hits(store.names.name(row.kind), &row.value) {
            self.raw(lead);
            self.text("{\"match\":", &hit.matched);
            self.text(",\"value\":", hit.value);
            self.number(",\"warninglist_id\":", hit.list);
            self.text(",\"warninglist_name\":", hit.name);
            self.raw(",\"warninglist_category\":\"false_positive\"}");
            lead = ",";
        }
        if lead == "," {
            self.raw("]");
        }
    }

    /// Writes `Sighting`, an empty list when there are none (206, 557).
    fn sighting_list(&mut self, row: &AttributeRow) {
        let store = self.store;
        self.raw(",\"Sighting\":[");
        let mut lead = "";
        for seen in store.sightings().filter(|seen| seen.attribute == row.id) {
            let organisation = store.organisation(seen.organisation);
            let node = object([
                ("id", seen.id.into()),
                ("attribute_id", seen.attribute.into()),
                ("event_id", seen.event.into()),
                ("org_id", seen.organisation.into()),
                ("date_sighting", unsigned(seen.seen_at).into()),
                ("uuid", Node::Text(seen.uuid.to_string())),
                ("source", seen.source.as_str().into()),
                ("type", u64::from(seen.kind).into()),
                ("attribute_uuid", Node::Text(row.uuid.to_string())),
                (
                    "Organisation",
                    object([
                        ("id", seen.organisation.into()),
                        (
                            "uuid",
                            organisation.map_or(Node::Null, |known| Node::Text(known.uuid.to_string())),
                        ),
                        ("name", organisation.map_or("", |known| &known.name).into()),
                    ]),
                ),
            ]);
            self.raw(lead);
            node.compact(&mut self.out, self.stringify);
            lead = ",";
        }
        self.raw("]");
    }

    /// Writes `decay_score`, one for each model; nothing when no model has a say.
    fn decay_scores(&mut self, scores: &[DecayScore<'_>]) {
        let mut lead = ",\"decay_score\":[";
        for score in scores {
            let model = if self.full_model {
                score.model.page(true)
            } else {
                object([
                    ("id", score.model.id.into()),
                    ("name", score.model.name.as_str().into()),
                ])
            };
            let node = object([
                ("score", Node::Decimal(score.score)),
                ("base_score", Node::Decimal(score.base_score)),
                ("decayed", score.decayed.into()),
                ("DecayingModel", model),
            ]);
            self.raw(lead);
            node.compact(&mut self.out, self.stringify);
            lead = ",";
        }
        if lead == "," {
            self.raw("]");
        }
    }

    /// Writes `Tag` with the attribute's own tags and, when asked for, those it inherits; nothing when there are none.
    fn tag_list(&mut self, row: &AttributeRow) {
        let mut lead: &[u8] = b",\"Tag\":[";
        for attached in &row.tags {
            if !self.shown(attached) {
                continue;
            }
            self.out.extend_from_slice(lead);
            lead = b",";
            self.out.push(b'{');
            self.tag(attached.tag);
            let galaxy = self.store.tags[attached.tag as usize].name.starts_with("misp-galaxy:");
            self.flag(",\"is_galaxy\":", galaxy);
            self.flag(",\"local\":", attached.local);
            self.out.push(b'}');
        }
        if let Some((_, part)) = &self.event
            && !part.inherited.is_empty()
        {
            self.out.extend_from_slice(lead);
            lead = b",";
            self.out.extend_from_slice(&part.inherited);
        }
        if lead == b"," {
            self.out.push(b']');
        }
    }

    fn tag(&mut self, place: u32) {
        let stringify = self.stringify;
        let inner = self.tags.entry(place);
        let inner = inner.or_insert_with(|| inner_of(&self.store.tags[place as usize], stringify));
        self.out.extend_from_slice(inner);
    }

    fn tag_inner(&mut self, place: u32) -> &[u8] {
        let stringify = self.stringify;
        let inner = self.tags.entry(place);
        inner.or_insert_with(|| inner_of(&self.store.tags[place as usize], stringify))
    }

    fn shown(&self, attached: &TagRef) -> bool {
        self.all_tags || self.store.tags[attached.tag as usize].exportable
    }

    fn event_part(&mut self, event: &EventRow) -> EventPart {
        let before = std::mem::take(&mut self.out);
        if self.context {
            self.event_in_full(event);
        } else {
            self.number("{\"org_id\":", event.owner);
            self.number(",\"distribution\":", event.distribution.into());
            self.number(",\"publish_timestamp\":", unsigned(event.publish_timestamp));
            self.number(",\"id\":", event.id);
            self.text(",\"info\":", &event.info);
            self.number(",\"orgc_id\":", event.creator);
            self.text(",\"uuid\":", event.uuid.hyphenated().encode_lower(&mut [0; 36]));
            self.raw("}");
        }
        let object = std::mem::replace(&mut self.out, before);
        let mut inherited = Vec::new();
        if self.event_tags {
            for attached in &event.tags {
                if !self.shown(attached) {
                    continue;
                }
                inherited.extend_from_slice(if inherited.is_empty() { b"{" } else { b",{" });
                inherited.extend_from_slice(self.tag_inner(attached.tag));
                inherited.extend_from_slice(b",\"inherited\":1}");
            }
        }
        EventPart { object, inherited }
    }

    fn event_in_full(&mut self, event: &EventRow) {
        self.number("{\"id\":", event.id);
        self.number(",\"orgc_id\":", event.creator);
        self.number(",\"org_id\":", event.owner);
        self.text(",\"date\":", &event.date);
        self.number(",\"threat_level_id\":", event.threat_level.into());
        self.text(",\"info\":", &event.info);
        self.flag(",\"published\":", event.published);
        self.text(",\"uuid\":", event.uuid.hyphenated().encode_lower(&mut [0; 36]));
        self.number(",\"analysis\":", event.analysis.into());
        self.number(",\"timestamp\":", unsigned(event.timestamp));
        self.number(",\"distribution\":", event.distribution.into());
        self.number(",\"publish_timestamp\":", unsigned(event.publish_timestamp));
        self.number(",\"sharing_group_id\":", 0);
        self.raw(",\"extends_uuid\":\"\",\"Tag\":[");
        let mut lead = "";
        for attached in &event.tags {
            if !self.shown(attached) {
                continue;
            }
            self.raw(lead);
            lead = ",";
            self.flag("{\"local\":", attached.local);
            self.out.push(b',');
            self.tag(attached.tag);
            self.out.push(b'}');
        }
        self.raw("]");
        if let Some(creator) = self.store.organisation(event.creator) {
            self.number(",\"Orgc\":{\"id\":", creator.id);
            self.text(",\"name\":", &creator.name);
            self.text(",\"uuid\":", creator.uuid.hyphenated().encode_lower(&mut [0; 36]));
            self.raw(",\"local\":true}");
        }
        self.raw("}");
    }

    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, key: &str, number: u64) {
        self.raw(key);
        write_number(&mut self.out, number, self.stringify);
    }

    fn flag(&mut self, key: &str, value: bool) {
        self.raw(key);
        self.raw(if value { "true" } else { "false" });
    }

    fn text(&mut self, key: &str, text: &str) {
        self.raw(key);
        write_text(&mut self.out, text);
    }

    fn optional(&mut self, key: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(key, text),
            None => {
                self.raw(key);
                self.raw("null");
            }
        }
    }

    fn name(&mut self, number: u16) {
        if let Some(name) = self.names.get(usize::from(number)) {
            self.out.extend_from_slice(name);
        }
    }
}

/// Returns what a tag's object begins with, without its brace.
fn inner_of(tag: &Tag, stringify: bool) -> Vec<u8> {
    let mut out = b"\"id\":".to_vec();
    write_number(&mut out, tag.id, stringify);
    out.extend_from_slice(b",\"name\":");
    write_text(&mut out, &tag.name);
    out.extend_from_slice(b",\"colour\":");
    write_text(&mut out, &tag.colour);
    out.extend_from_slice(b",\"numerical_value\":");
    match tag.numerical_value {
        None => out.extend_from_slice(b"null"),
        Some(worth) if stringify => write_text(&mut out, &worth.to_string()),
        Some(worth) => out.extend_from_slice(worth.to_string().as_bytes()),
    }
    out
}

fn unsigned(unix: i64) -> u64 {
    u64::try_from(unix).unwrap_or_default()
}
