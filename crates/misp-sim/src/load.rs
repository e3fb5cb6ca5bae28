//! Event files: our own short form with ages, and MISP's own export of an event.

mod export;

use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    model::{Attribute, Event, InObject, Moment, Organisation, Publication, Tag, TagUse, Warninglist, WarninglistKind},
    store::Store,
};

/// An event file is not understood.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {what}")]
pub struct LoadError {
    file: String,
    what: String,
}

/// The data of a file.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    organisations: Vec<Organisation>,
    tags: Vec<Tag>,
    warninglists: Vec<Warninglist>,
    events: Vec<Event>,
}

impl Loaded {
    pub(crate) fn add_to(self, store: &mut Store) {
        for organisation in self.organisations {
            if !store.organisations.iter().any(|known| known.uuid == organisation.uuid) {
                store.add_organisation(organisation);
            }
        }
        for tag in self
            .tags
            .into_iter()
            .filter(|tag| store.tag_named(&tag.name).is_none())
            .collect::<Vec<_>>()
        {
            store.add_tag(tag);
        }
        for list in self.warninglists {
            store.add_warninglist(list);
        }
        for event in self.events {
            store.add_event(event);
        }
    }
}

/// Reads a file; JSON is YAML too, so one parser takes both.
pub(crate) fn read_events(file: &str, text: &str) -> Result<Loaded, LoadError> {
    let fail = |what: String| LoadError {
        file: file.to_owned(),
        what,
    };
    let document: Value = if text.trim_start().starts_with(['{', '[']) {
        serde_json::from_str(text).map_err(|error| fail(error.to_string()))?
    } else {
        let options = serde_yaml::options! { with_snippet: false };
        serde_yaml::from_str_with_options(text, options).map_err(|error| fail(error.to_string()))?
    };
    let mut loaded = Loaded::default();
    take(document, &mut loaded).map_err(fail)?;
    Ok(loaded)
}

/// A document is an event, a list of documents, MISP's `{"Event": …}` or `{"response": […]}`, or a file with several
/// sections.
fn take(document: Value, loaded: &mut Loaded) -> Result<(), String> {
    match document {
        Value::Array(list) => list.into_iter().try_for_each(|document| take(document, loaded)),
        Value::Object(mut map) if map.contains_key("Event") => {
            let event: export::Event = from(map.remove("Event").unwrap_or_default())?;
            event.add_to(loaded)
        }
        Value::Object(mut map) if map.contains_key("response") => {
            take(map.remove("response").unwrap_or_default(), loaded)
        }
        Value::Object(map) if map.contains_key("info") => {
            loaded.events.push(from::<FileEvent>(Value::Object(map))?.into_event()?);
            Ok(())
        }
        other => {
            let file: FileSections = from(other)?;
            loaded.organisations.extend(
                file.organisations
                    .into_iter()
                    .map(|raw| Organisation::new(raw.name, raw.uuid)),
            );
            loaded.tags.extend(file.tags.into_iter().map(FileTag::into_tag));
            for list in file.warninglists {
                loaded.warninglists.push(list.into_list()?);
            }
            file.events.into_iter().try_for_each(|event| {
                loaded.events.push(event.into_event()?);
                Ok(())
            })
        }
    }
}

fn from<T: serde::de::DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_json::from_value(value).map_err(|error| error.to_string())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileSections {
    #[serde(default)]
    organisations: Vec<FileOrganisation>,
    #[serde(default)]
    tags: Vec<FileTag>,
    #[serde(default)]
    warninglists: Vec<FileWarninglist>,
    #[serde(default)]
    events: Vec<FileEvent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileOrganisation {
    name: String,
    uuid: Uuid,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileTag {
    name: String,
    #[serde(default)]
    id: u64,
    colour: Option<String>,
    #[serde(default = "yes")]
    exportable: bool,
    numerical_value: Option<i64>,
}

impl FileTag {
    fn into_tag(self) -> Tag {
        let usual = Tag::new(self.name);
        Tag {
            id: self.id,
            colour: self.colour.unwrap_or(usual.colour),
            exportable: self.exportable,
            numerical_value: self.numerical_value,
            name: usual.name,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWarninglist {
    name: String,
    #[serde(default)]
    description: Option<String>,
    kind: String,
    #[serde(default = "yes")]
    enabled: bool,
    types: Vec<String>,
    entries: Vec<String>,
}

impl FileWarninglist {
    fn into_list(self) -> Result<Warninglist, String> {
        let kind = match self.kind.as_str() {
            "cidr" => WarninglistKind::Cidr,
            "hostname" => WarninglistKind::Hostname,
            "string" => WarninglistKind::String,
            "substring" => WarninglistKind::Substring,
            "regex" => WarninglistKind::Regex,
            other => {
                return Err(format!(
                    "warninglist {}: kind {other}: write cidr, hostname, regex, string or substring",
                    self.name
                ));
            }
        };
        let mut list = Warninglist::new(self.name, kind, &[], &[]);
        list.enabled = self.enabled;
        list.attribute_types = self.types;
        list.entries = self.entries;
        if let Some(description) = self.description {
            list.description = description;
        }
        Ok(list)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEvent {
    info: String,
    #[serde(default)]
    id: u64,
    uuid: Option<Uuid>,
    creator: Option<String>,
    owner: Option<String>,
    age: Option<String>,
    timestamp: Option<i64>,
    date: Option<String>,
    state: Option<String>,
    published_age: Option<String>,
    #[serde(default = "one")]
    distribution: u8,
    #[serde(default = "two")]
    threat_level: u8,
    #[serde(default = "one")]
    analysis: u8,
    #[serde(default)]
    tags: Vec<Value>,
    #[serde(default)]
    protected: bool,
    attribute_count: Option<u64>,
    creator_email: Option<String>,
    #[serde(default)]
    attributes: Vec<FileAttribute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileAttribute {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    #[serde(default)]
    id: u64,
    uuid: Option<Uuid>,
    category: Option<String>,
    #[serde(default = "yes")]
    to_ids: bool,
    age: Option<String>,
    timestamp: Option<i64>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    comment: String,
    #[serde(default = "five")]
    distribution: u8,
    first_seen: Option<String>,
    last_seen: Option<String>,
    object: Option<FileObject>,
    #[serde(default)]
    tags: Vec<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileObject {
    id: u64,
    relation: String,
    #[serde(default)]
    distribution: u8,
}

fn yes() -> bool {
    true
}

fn one() -> u8 {
    1
}

fn two() -> u8 {
    2
}

fn five() -> u8 {
    5
}

impl FileEvent {
    fn into_event(self) -> Result<Event, String> {
        let at = |what: String| format!("event {:?}: {what}", self.info);
        let published = self.published_age.as_deref().map(age).transpose().map_err(at)?;
        let publication = match (self.state.as_deref().unwrap_or("published"), published) {
            ("published", moment) => Publication::Published(moment),
            ("draft", _) => Publication::Draft,
            ("withdrawn", moment) => Publication::Withdrawn(moment),
            ("edited", Some(moment)) => Publication::Edited(moment),
            ("edited", None) => {
                return Err(at("state edited: write published_age too, such as 2h".to_owned()));
            }
            (other, _) => {
                return Err(at(format!(
                    "state {other}: write published, draft, edited or withdrawn"
                )));
            }
        };
        let changed = moment(self.age.as_deref(), self.timestamp).map_err(at)?;
        let tags = tag_uses(self.tags).map_err(at)?;
        let mut attributes = Vec::with_capacity(self.attributes.len());
        for attribute in self.attributes {
            attributes.push(attribute.into_attribute().map_err(at)?);
        }
        Ok(Event {
            id: self.id,
            uuid: self.uuid,
            creator: self.creator,
            owner: self.owner,
            changed,
            date: self.date,
            publication,
            distribution: self.distribution,
            threat_level: self.threat_level,
            analysis: self.analysis,
            tags,
            attributes,
            protected: self.protected,
            attribute_count: self.attribute_count,
            creator_email: self.creator_email.unwrap_or_else(|| Event::new("").creator_email),
            info: self.info,
        })
    }
}

impl FileAttribute {
    fn into_attribute(self) -> Result<Attribute, String> {
        let changed = moment(self.age.as_deref(), self.timestamp)
            .map_err(|what| format!("attribute {:?}: {what}", self.value))?;
        Ok(Attribute {
            id: self.id,
            uuid: self.uuid,
            kind: self.kind,
            category: self.category,
            value: self.value,
            to_ids: self.to_ids,
            changed,
            deleted: self.deleted,
            comment: self.comment,
            distribution: self.distribution,
            first_seen: self.first_seen,
            last_seen: self.last_seen,
            object: self.object.map(|raw| InObject {
                id: raw.id,
                relation: raw.relation,
                distribution: raw.distribution,
            }),
            tags: tag_uses(self.tags)?,
        })
    }
}

/// A tag is its name, or `{name: …, local: true}`.
fn tag_uses(tags: Vec<Value>) -> Result<Vec<TagUse>, String> {
    let one = |tag: Value| match tag {
        Value::String(name) => Ok(TagUse::from(name)),
        Value::Object(map) => {
            let name = map.get("name").and_then(Value::as_str).ok_or("a tag without a name")?;
            Ok(TagUse {
                name: name.to_owned(),
                local: map.get("local").and_then(Value::as_bool).unwrap_or_default(),
            })
        }
        other => Err(format!("tag {other}: write a name")),
    };
    tags.into_iter().map(one).collect()
}

fn moment(text: Option<&str>, timestamp: Option<i64>) -> Result<Option<Moment>, String> {
    match (text, timestamp) {
        (Some(text), None) => age(text).map(Some),
        (None, timestamp) => Ok(timestamp.map(Moment::At)),
        (Some(_), Some(_)) => Err("age and timestamp together: write one of them".to_owned()),
    }
}

fn age(text: &str) -> Result<Moment, String> {
    Moment::from_age(text).ok_or_else(|| format!("age {text:?}: write a number and s, m (minutes), h, d, w or y"))
}
