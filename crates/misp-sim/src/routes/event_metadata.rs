//! `/events/restSearch`: whole events, or with `metadata` events without their attributes; also those that the index
//! leaves out (facts 61 and 62).

use http::StatusCode;
use serde_json::{Map, Value};

use super::{PageRequest, Twist, auth, event_order::EventOrder, events::cut, searches::filters};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{Organisation, User},
    query::{Refusal, TagFilter, Terms, TimeFilter, ValueFilter, switch, truthy},
    search::{EventIds, organisations},
    shared::Shared,
    store::{EventRow, Reader, Store, TagRef},
};

/// Filters of a real MISP that are not built here.
const NOT_BUILT: &[&str] = &[
    "category",
    "first_seen",
    "from",
    "last_seen",
    "object_relation",
    "searchall",
    "sharinggroup",
    "threat_level_id",
    "to",
    "to_ids",
    "type",
    "uuid",
];

/// The tags of events that an answer shows.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShownTags {
    /// Whether tags that are not exportable come too.
    all: bool,
    local: bool,
}

impl ShownTags {
    /// Every tag, as `/events/view` shows them.
    pub(super) const ALL: Self = Self { all: true, local: true };

    fn of(filters: &Map<String, Value>) -> Self {
        let flag = |key: &str| filters.get(key).is_some_and(truthy);
        Self {
            all: flag("includeAllTags"),
            local: !flag("excludeLocalTags"),
        }
    }

    fn shows(self, store: &Store, attached: &TagRef) -> bool {
        (self.all || store.tags[attached.tag as usize].exportable) && (self.local || !attached.local)
    }
}

pub(super) fn search(shared: &Shared, request: &PageRequest, user: &User, twist: Twist) -> Answer {
    let limited = match auth::count_search(shared, request, user) {
        Ok(headers) => headers,
        Err(refused) => return *refused,
    };
    let mut answer = match filters(request) {
        Ok(filters) => found(shared, request, user, twist, &filters),
        Err(refused) => *refused,
    };
    answer.add(limited);
    answer
}

fn found(shared: &Shared, request: &PageRequest, user: &User, twist: Twist, filters: &Map<String, Value>) -> Answer {
    // A filter that a real MISP has and the stand-in lacks: an answer without it would be a lie.
    if NOT_BUILT.iter().any(|key| filters.contains_key(*key)) {
        return Answer::usual_error(StatusCode::NOT_FOUND, &request.path_as_sent());
    }
    let metadata = filters.get("metadata").is_some_and(truthy);
    let store = shared.read();
    let reader = Reader::from(user);
    let Ok(mut rows) = matching(&store, filters, reader, shared.clock.now()) else {
        return Answer::usual_error(StatusCode::INTERNAL_SERVER_ERROR, &request.path_as_sent());
    };
    rows.retain(|event| twist.listed.admits(event));
    EventOrder::of_search(filters).sort(&mut rows);
    let shown = ShownTags::of(filters);
    let mut body = b"{\"response\": [".to_vec();
    for (index, event) in cut(&rows, filters).iter().enumerate() {
        if index > 0 {
            body.push(b',');
        }
        let node = match metadata {
            true => object([("Event", described(&store, event, reader, shown))]),
            false => super::whole_event::wrapped(&store, event, reader, shown),
        };
        node.compact(&mut body, twist.stringify);
    }
    body.extend_from_slice(b"]}\n");
    let mut answer = Answer::json(body);
    answer.add(vec![
        ("x-result-count", rows.len().to_string()),
        ("x-export-module-used", "json".to_owned()),
        ("x-response-format", "json".to_owned()),
        ("x-skipped-elements-count", "0".to_owned()),
    ]);
    answer
}

fn matching<'a>(
    store: &'a Store,
    filters: &Map<String, Value>,
    reader: Reader,
    now: i64,
) -> Result<Vec<&'a EventRow>, Refusal> {
    let published = switch(filters.get("published"));
    let ids = EventIds::of(store, Terms::read(filters.get("eventid"))?.as_ref());
    let tags = TagFilter::read(filters.get("tags"))?.map(|tags| tags.resolve(store));
    let time = |key: &str| TimeFilter::read(filters.get(key), now);
    let timestamp = time("timestamp").or_else(|| time("event_timestamp"));
    let publish_timestamp = time("publish_timestamp").or_else(|| time("last"));
    let values = Terms::read(filters.get("value"))?.and_then(ValueFilter::new);
    let organisations = Terms::read(filters.get("org"))?.map(|terms| organisations(store, &terms));
    let titles = Terms::read(filters.get("eventinfo"))?;
    let has_value = |event: &EventRow| {
        let rows = event.attributes.iter().map(|place| &store.attributes[*place as usize]);
        let mut live = rows.filter(|row| !row.gone && !row.deleted);
        values
            .as_ref()
            .is_none_or(|values| live.any(|row| values.admits(store.names.name(row.kind), &row.value)))
    };
    let tagged = |event: &EventRow| {
        let attributes = event.attributes.iter().map(|place| &store.attributes[*place as usize]);
        tags.as_ref().is_none_or(|tags| {
            let mut live = attributes.filter(|row| !row.gone && !row.deleted);
            tags.admit(&[], &event.tags) || live.any(|row| tags.admit(&row.tags, &event.tags))
        })
    };
    let wanted = ids.rows(store).map(|(_, event)| event).filter(|event| {
        store.shows(event, reader)
            && published.is_none_or(|published| event.published == published)
            && timestamp.is_none_or(|time| time.admits(event.timestamp))
            && publish_timestamp.is_none_or(|time| time.admits(event.publish_timestamp))
            && tagged(event)
            && has_value(event)
            && titles.as_ref().is_none_or(|terms| terms.admit(&event.info))
            && organisations
                .as_ref()
                .is_none_or(|known| known.contains(&event.creator))
    });
    Ok(wanted.collect())
}

pub(super) fn described(store: &Store, event: &EventRow, reader: Reader, shown: ShownTags) -> Node {
    let mut keys = object([
        ("id", event.id.into()),
        ("orgc_id", event.creator.into()),
        ("org_id", event.owner.into()),
        ("date", event.date.as_str().into()),
        ("threat_level_id", u64::from(event.threat_level).into()),
        ("info", event.info.as_str().into()),
        ("published", event.published.into()),
        ("uuid", Node::Text(event.uuid.to_string())),
        ("attribute_count", event.attribute_count.into()),
        ("analysis", u64::from(event.analysis).into()),
        ("timestamp", unsigned(event.timestamp).into()),
        ("distribution", u64::from(event.distribution).into()),
        ("proposal_email_lock", false.into()),
        ("locked", false.into()),
        ("publish_timestamp", unsigned(event.publish_timestamp).into()),
        ("sharing_group_id", 0.into()),
        ("disable_correlation", false.into()),
        ("extends_uuid", "".into()),
        ("protected", event.protected.map_or(Node::Null, Node::from)),
    ]);
    if let Node::Object(keys) = &mut keys {
        let mut add = |key: &str, node: Node| keys.push((key.to_owned(), node));
        if reader.sees_everything || reader.organisation == event.owner {
            add("event_creator_email", event.creator_email.as_str().into());
        }
        add("Org", organisation(store.organisation(event.owner)));
        add("Orgc", organisation(store.organisation(event.creator)));
        // Correlations, clusters and keys are things that the stand-in does not have.
        for empty in ["RelatedEvent", "Galaxy", "CryptographicKey"] {
            add(empty, Node::List(Vec::new()));
        }
        let tags = event.tags.iter().filter(|attached| shown.shows(store, attached));
        let tags: Vec<Node> = tags.map(|attached| tag(store, attached)).collect();
        if !tags.is_empty() {
            add("Tag", Node::List(tags));
        }
    }
    keys
}

fn organisation(known: Option<&Organisation>) -> Node {
    let Some(known) = known else { return Node::Null };
    object([
        ("id", known.id.into()),
        ("name", known.name.as_str().into()),
        ("uuid", Node::Text(known.uuid.to_string())),
        ("local", true.into()),
    ])
}

pub(super) fn tag(store: &Store, attached: &TagRef) -> Node {
    let tag = &store.tags[attached.tag as usize];
    let worth = tag.numerical_value.and_then(|worth| u64::try_from(worth).ok());
    object([
        ("id", tag.id.into()),
        ("name", tag.name.as_str().into()),
        ("colour", tag.colour.as_str().into()),
        ("exportable", tag.exportable.into()),
        ("user_id", 0.into()),
        ("hide_tag", false.into()),
        ("numerical_value", worth.map_or(Node::Null, Node::from)),
        ("is_galaxy", tag.name.starts_with("misp-galaxy:").into()),
        ("is_custom_galaxy", false.into()),
        ("local_only", false.into()),
        ("local", attached.local.into()),
        ("relationship_type", Node::Null),
    ])
}

fn unsigned(unix: i64) -> u64 {
    u64::try_from(unix).unwrap_or_default()
}
