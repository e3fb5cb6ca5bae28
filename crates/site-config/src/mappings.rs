//! `config/mappings.yaml`: which MISP attribute types are searched for an indicator type.

use std::collections::BTreeMap;
use std::path::Path;

use config_file::word::{closest, shown_key};
use config_file::{Entry, Key, Node, Origin, Problems, Report, Section, Tables, Value, Wrong, absent, kind_of};
use feed_classification::IndicatorType;

#[rustfmt::skip]
pub(crate) const MAPPINGS: Tables = &[&[
    theirs("output", "list", "none", "without effect: the outputs are built in"),
    theirs("feeds", "list", "none", "without effect: the feed names are built in"),
    theirs("ages", "map", "none", "without effect: the ages are built in"),
    theirs("types", "map from indicator type to a list of MISP attribute types", "the built-in list for each type that is not named",
        "MISP attribute types that are searched for an indicator type"),
]];

const fn theirs(name: &'static str, value: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key::new(Origin::Reference, name, value, absent(default), meaning)
}

/// Names of indicator types in older files of Cratos FastAPI.
const OLDER_NAMES: &[(&str, IndicatorType)] = &[
    ("md5", IndicatorType::FileMd5),
    ("sha1", IndicatorType::FileSha1),
    ("sha256", IndicatorType::FileSha256),
];

/// What `config/mappings.yaml` says, with the built-in lists where it is silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mappings {
    /// Of every type.
    types: BTreeMap<IndicatorType, Vec<String>>,
}

impl Mappings {
    /// Returns the built-in lists of `feed-classification` for every type.
    #[must_use]
    pub fn builtin() -> Self {
        let defaults = |kind: &IndicatorType| {
            let names = kind.default_attribute_types();
            (*kind, names.iter().map(|&n| n.to_owned()).collect())
        };
        Self {
            types: IndicatorType::ALL.iter().map(defaults).collect(),
        }
    }

    /// Reads the text of a mappings file that is not on disk.
    ///
    /// # Errors
    /// Every problem of the text; its file is shown as `mappings.yaml`.
    pub fn from_yaml(text: &str) -> Result<Self, Problems> {
        let mut report = Report::new(Path::new("mappings.yaml"));
        let mappings = config_file::read_text(text, &mut report).and_then(|node| read(node, &mut report));
        mappings.ok_or_else(|| report.sorted().into())
    }

    /// Returns the MISP attribute types that are searched for an indicator type; never an empty list, since MISP would
    /// read that as every type.
    #[must_use]
    pub fn attribute_types(&self, kind: IndicatorType) -> &[String] {
        self.types.get(&kind).map_or(&[], Vec::as_slice)
    }
}

impl Default for Mappings {
    fn default() -> Self {
        Self::builtin()
    }
}

/// Reads the tree of `mappings.yaml`; nothing is returned if there is any problem in `report`.
pub(crate) fn read(node: Node, report: &mut Report) -> Option<Mappings> {
    let mut section = Section::new(MAPPINGS, "", node, report)?;
    for (name, is_right, shape) in [
        ("output", is_list as fn(&Value) -> bool, "a list"),
        ("feeds", is_list, "a list"),
        ("ages", is_map, "a map"),
    ] {
        let place = section.place_of(name);
        let Some(node) = section.take(name) else {
            continue;
        };
        if is_right(&node.value) {
            section.note(place, name, "has no effect; what it lists is built in");
        } else {
            let what = format!("is {}, not {shape}", kind_of(&node.value));
            let wrong = Wrong::new(what, "remove the key; it has no effect");
            section.wrong(place, name, wrong);
        }
    }
    let mut mappings = Mappings::builtin();
    if let Some(node) = section.take("types") {
        types(node, &mut mappings, &mut section);
    }
    section.finish();
    report.problems.is_empty().then_some(mappings)
}

fn is_list(value: &Value) -> bool {
    matches!(value, Value::List(_))
}

fn is_map(value: &Value) -> bool {
    matches!(value, Value::Map(_))
}

fn types(node: Node, mappings: &mut Mappings, section: &mut Section<'_>) {
    let Value::Map(entries) = node.value else {
        let what = format!("is {}, not a map", kind_of(&node.value));
        let instead = "write each indicator type with its list of MISP attribute types";
        section.wrong(node.place, "types", Wrong::new(what, instead));
        return;
    };
    let listed: Vec<IndicatorType> = entries.iter().filter_map(indicator_type).collect();
    for entry in entries {
        let key = format!("types.{}", shown_key(&entry.key.text));
        let Some(kind) = indicator_type(&entry) else {
            unknown_type(&entry, &key, &listed, section);
            continue;
        };
        if kind.as_str() != entry.key.text.as_str() {
            if listed.iter().filter(|k| **k == kind).count() > 1 {
                let wrong = Wrong::new(
                    format!("is the older name of `{kind}`, which stands here too"),
                    "keep one of the two",
                );
                section.wrong(entry.place, &key, wrong);
                continue;
            }
            let note = format!("is the older name of `{kind}` and read as that");
            section.note(entry.place, &key, note);
        }
        if let Some(names) = attribute_types(&entry.node, &key, section) {
            mappings.types.insert(kind, names);
        }
    }
}

fn indicator_type(entry: &Entry) -> Option<IndicatorType> {
    let name = entry.key.text.as_str();
    let older = OLDER_NAMES.iter().find(|(older, _)| *older == name);
    older.map(|(_, kind)| *kind).or_else(|| name.parse().ok())
}

/// A type that we do not have is noted, so that files of newer versions load. Refused is only what looks like a
/// misspelt name of a type that is otherwise missing in the file: its line would silently do nothing.
fn unknown_type(entry: &Entry, key: &str, listed: &[IndicatorType], section: &mut Section<'_>) {
    let missing = IndicatorType::ALL.iter().filter(|kind| !listed.contains(kind));
    if section.report.is_full() {
        return;
    }
    let name = entry.key.text.as_str();
    let misspelt = missing
        .map(|kind| kind.as_str())
        .find(|known| known.len() > 4 && strsim::damerau_levenshtein(known, name) == 1);
    match misspelt {
        Some(known) => {
            let wrong = Wrong::new("is not an indicator type", format!("write `{known}`"));
            section.wrong(entry.place, key, wrong);
        }
        None => {
            let names = IndicatorType::ALL.iter().map(|kind| kind.as_str());
            let close = closest(name, names)
                .map(|close| format!("; the closest one is `{close}`"))
                .unwrap_or_default();
            let note = format!("is not an indicator type here and has no effect{close}");
            section.note(entry.place, key, note);
        }
    }
}

/// The list of one indicator type, each name once.
fn attribute_types(node: &Node, key: &str, section: &mut Section<'_>) -> Option<Vec<String>> {
    let items = match &node.value {
        Value::List(items) if !items.is_empty() => items,
        other => {
            let what = match other {
                Value::List(_) => "is an empty list, which MISP would read as every type".to_owned(),
                other => format!("is {}, not a list", kind_of(other)),
            };
            let instead = "write the MISP attribute types, or remove the key for the built-in ones";
            section.wrong(node.place, key, Wrong::new(what, instead));
            return None;
        }
    };
    let mut names = Vec::with_capacity(items.len());
    for (index, item) in items.iter().enumerate() {
        match &item.value {
            Value::Scalar(scalar) if is_attribute_type(&scalar.text) => {
                if !names.contains(&*scalar.text) {
                    names.push(scalar.text.to_string());
                }
            }
            _ => {
                let wrong = Wrong::new(
                    "is not the name of a MISP attribute type",
                    "write it as MISP does, such as `ip-dst|port`",
                );
                section.wrong(item.place, &format!("{key}[{index}]"), wrong);
            }
        }
    }
    Some(names)
}

/// Letters, digits and `-_|./`; MISP reads other characters (`!`, `%`, `&`) as operators.
fn is_attribute_type(name: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b"-_|./".contains(&b);
    (1..=100).contains(&name.len()) && name.bytes().all(allowed)
}
