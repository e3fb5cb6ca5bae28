//! One map of a file: it hands out each known key once, and reports the unknown ones at the end.

use std::collections::BTreeMap;
use std::path::Path;

use secrecy::SecretString;

use crate::item::Item;
use crate::word::{closest, shown_key};
use crate::{Entry, Key, Node, Place, Report, Scalar, Tables, Value, Wrong, value, yaml};

/// One map whose keys are those of some tables.
///
/// Names are those of the tables: inside the map `tls`, a section that was opened with the prefix `tls.` takes both
/// `certificate` and `tls.certificate`.
pub struct Section<'r> {
    tables: Tables,
    /// The part of the tables' names that stands outside of this map: `token_minting.` inside that map, empty at the
    /// top of a file.
    prefix: &'static str,
    /// The part of a key's path that messages show before its name: `feeds[0].` inside the first feed.
    path: String,
    place: Place,
    entries: Vec<Entry>,
    /// The report of the file.
    pub report: &'r mut Report,
}

impl<'r> Section<'r> {
    /// Opens a map. `prefix` is empty at the top of a file and `name.` inside the map `name`. Another node is reported.
    pub fn new(tables: Tables, prefix: &'static str, node: Node, report: &'r mut Report) -> Option<Self> {
        Self::open(tables, prefix, prefix.to_owned(), node, report)
    }

    /// Opens a map that is an item of a list, or belongs to one. `path` is its place among the keys, such as
    /// `feeds[0]`; the tables are those of the item alone.
    pub fn item(tables: Tables, path: &str, node: Node, report: &'r mut Report) -> Option<Self> {
        Self::open(tables, "", format!("{path}."), node, report)
    }

    /// Returns what `read` makes of a map without any key: the defaults of its rows.
    pub fn defaults<T>(tables: Tables, prefix: &'static str, read: impl FnOnce(&mut Section<'_>) -> T) -> T {
        let mut report = Report::new(Path::new(""));
        let mut section = Section {
            tables,
            prefix,
            path: prefix.to_owned(),
            place: Place::START,
            entries: Vec::new(),
            report: &mut report,
        };
        read(&mut section)
    }

    fn open(tables: Tables, prefix: &'static str, path: String, node: Node, report: &'r mut Report) -> Option<Self> {
        match node.value {
            Value::Map(entries) => Some(Self {
                tables,
                prefix,
                path,
                place: node.place,
                entries,
                report,
            }),
            other => {
                let what = format!("is {}, not a map of keys", kind_of(&other));
                let key = path.trim_end_matches('.');
                report.problem(node.place, key, Wrong::new(what, "write one `key: value` per line"));
                None
            }
        }
    }

    /// Opens the map at the key `name`, whose own keys have the prefix `name.`. Without it, or with another value, the
    /// section is empty, so that its keys have their defaults.
    pub fn inner(&mut self, name: &'static str, prefix: &'static str) -> Section<'_> {
        let place = self.place_of(name);
        let (tables, node) = (self.tables, self.take(name));
        let path = format!("{}{}", self.path, prefix.strip_prefix(self.prefix).unwrap_or(prefix));
        let entries = match node.map(|node| node.value) {
            None => Vec::new(),
            Some(Value::Map(entries)) => entries,
            Some(other) => {
                let what = format!("is {}, not a map of keys", kind_of(&other));
                self.wrong(place, name, Wrong::new(what, "write one `key: value` per line"));
                Vec::new()
            }
        };
        Section {
            tables,
            prefix,
            path,
            place,
            entries,
            report: self.report,
        }
    }

    /// Returns whether the key is in the file and has not been taken.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.index_of(name).is_some()
    }

    /// Returns the place of the key's value, or of the section if it does not have the key.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Place {
        let entry = self.index_of(name).and_then(|index| self.entries.get(index));
        entry.map_or(self.place, |entry| entry.node.place)
    }

    /// Returns the place of each key that has not been taken.
    #[must_use]
    pub fn places(&self) -> BTreeMap<String, Place> {
        let place = |entry: &Entry| (entry.key.text.to_string(), entry.node.place);
        self.entries.iter().map(place).collect()
    }

    /// Returns the path of a key as messages show it, for example `feeds[0].type`.
    #[must_use]
    pub fn path_of(&self, name: &str) -> String {
        format!("{}{}", self.path, self.own(name))
    }

    /// Takes a key out; a key without a value is reported and counts as absent.
    pub fn take(&mut self, name: &'static str) -> Option<Node> {
        debug_assert!(
            self.names().any(|known| known == self.own(name)),
            "{name} is missing in the table of keys"
        );
        let entry = self.entries.remove(self.index_of(name)?);
        if let Value::Scalar(scalar) = &entry.node.value
            && value::is_null(scalar)
        {
            let wrong = Wrong::new("has no value", "write one, or remove the line");
            self.wrong(entry.place, name, wrong);
            return None;
        }
        Some(entry.node)
    }

    /// Reads a single value; a wrong one is reported and counts as absent.
    pub fn value<T>(&mut self, name: &'static str, read: impl FnOnce(&Scalar) -> Result<T, Wrong>) -> Option<T> {
        let node = self.take(name)?;
        let read = match &node.value {
            Value::Scalar(scalar) => read(scalar),
            other => Err(Wrong::new(
                format!("is {}, not a single value", kind_of(other)),
                format!("write a single value ({})", self.form_of(name)),
            )),
        };
        read.map_err(|wrong| self.wrong(node.place, name, wrong)).ok()
    }

    /// Reads a single value, or else the default of the key's row.
    pub fn value_or_default<T>(&mut self, name: &'static str, read: impl Fn(&Scalar) -> Result<T, Wrong>) -> T {
        match self.value(name, &read) {
            Some(value) => value,
            None => self.default_of(name, &read),
        }
    }

    /// Reads a key that must be there. If it is missing, that is reported with its cure, unless a key is spelt so much
    /// like it that it is the same mistake.
    pub fn required<T>(
        &mut self,
        name: &'static str,
        instead: &str,
        read: impl FnOnce(&Scalar) -> Result<T, Wrong>,
    ) -> Option<T> {
        self.miss(name, instead);
        self.value(name, read)
    }

    /// Reports a key that must be there and is missing, as [`required`](Self::required) does.
    pub fn miss(&mut self, name: &'static str, instead: &str) {
        if !self.has(name) && !self.is_misspelt(name) {
            self.wrong(self.place, name, Wrong::new("is missing", instead));
        }
    }

    /// Reads a list item by item; every wrong item is reported, the right ones are returned.
    pub fn list<T>(
        &mut self,
        name: &'static str,
        read: impl FnMut(&Scalar) -> Result<Item<T>, Wrong>,
    ) -> Option<Vec<T>> {
        let items = self.nodes(name)?;
        Some(self.items(name, items, read))
    }

    /// Reads a list, or else the default of the key's row.
    pub fn list_or_default<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&Scalar) -> Result<Item<T>, Wrong>,
    ) -> Vec<T> {
        if let Some(list) = self.list(name, &mut read) {
            return list;
        }
        let mut report = Report::new(Path::new(name));
        let node = yaml::read_text(self.default_text(name), &mut report);
        let Some(Value::List(items)) = node.map(|node| node.value) else {
            return Vec::new();
        };
        self.items(name, items, read)
    }

    /// Takes the items of a list out without reading them, for example maps; another value is reported and counts as
    /// absent.
    pub fn nodes(&mut self, name: &'static str) -> Option<Vec<Node>> {
        let node = self.take(name)?;
        let Value::List(items) = node.value else {
            let wrong = Wrong::new(
                format!("is {}, not a list", kind_of(&node.value)),
                "write each item in a line of its own after `- `, or all of them in `[...]`",
            );
            self.wrong(node.place, name, wrong);
            return None;
        };
        Some(items)
    }

    fn items<T>(
        &mut self,
        name: &'static str,
        items: Vec<Node>,
        mut read: impl FnMut(&Scalar) -> Result<Item<T>, Wrong>,
    ) -> Vec<T> {
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{}[{index}]", self.path_of(name));
            let read = match &item.value {
                Value::Scalar(scalar) if value::is_null(scalar) => {
                    Err(Wrong::new("has no value", "write one, or remove the line"))
                }
                Value::Scalar(scalar) => read(scalar),
                other => Err(Wrong::new(
                    format!("is {}, not a single value", kind_of(other)),
                    "write one value per item",
                )),
            };
            match read {
                Ok(Item { value, note }) => {
                    values.extend(value);
                    if let Some(note) = note {
                        self.report.note(item.place, key, note);
                    }
                }
                Err(wrong) => self.report.problem(item.place, key, wrong),
            }
        }
        values
    }

    /// Reads a secret without ever showing it.
    pub fn secret(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<SecretString, Wrong>,
    ) -> Option<SecretString> {
        self.value(name, |scalar| read(value::secret_text(scalar)?))
    }

    /// Reports a problem of a key of this section.
    pub fn wrong(&mut self, place: Place, name: &str, wrong: Wrong) {
        let key = self.path_of(name);
        self.report.problem(place, key, wrong);
    }

    /// Adds a note about a key of this section.
    pub fn note(&mut self, place: Place, name: &str, what: impl Into<String>) {
        let key = self.path_of(name);
        self.report.note(place, key, what);
    }

    /// Returns whether a key is in the file that no table has.
    #[must_use]
    pub fn has_unknown(&self) -> bool {
        let is_unknown = |entry: &Entry| !self.names().any(|name| name == entry.key.text.as_str());
        self.entries.iter().any(is_unknown)
    }

    /// Reports every key that was not taken, with the closest known name.
    pub fn finish(mut self) {
        for entry in std::mem::take(&mut self.entries) {
            let name = entry.key.text.as_str();
            let shown = shown_key(name);
            // Comparing names is slow, and the thousandth hint helps no reader.
            let close = (!self.report.is_full()).then(|| closest(name, self.names()));
            let instead = match close.flatten() {
                Some(close) => format!("write `{close}`, or remove the line"),
                None if shown != name => "write `key: value`, with a space after the colon".to_owned(),
                None => "remove the line; the example file lists every key".to_owned(),
            };
            self.wrong(entry.place, &shown, Wrong::new("unknown key", instead));
        }
    }

    fn is_misspelt(&self, name: &str) -> bool {
        let wanted = self.own(name);
        let entries = self.entries.iter().take(100).map(|entry| entry.key.text.as_str());
        let mut unknown = entries.filter(|written| !self.names().any(|known| known == *written));
        unknown.any(|written| closest(written, self.names()) == Some(wanted))
    }

    fn index_of(&self, name: &str) -> Option<usize> {
        let name = self.own(name);
        self.entries.iter().position(|entry| entry.key.text.as_str() == name)
    }

    /// Returns a name without the prefix of this section.
    fn own<'n>(&self, name: &'n str) -> &'n str {
        name.strip_prefix(self.prefix).unwrap_or(name)
    }

    fn rows(&self) -> impl Iterator<Item = &'static Key> {
        self.tables.iter().flat_map(|table| table.iter())
    }

    /// Returns the names that this map may have; `tls` for all keys inside the map `tls`.
    fn names(&self) -> impl Iterator<Item = &'static str> {
        let prefix = self.prefix;
        self.rows()
            .filter_map(move |key| key.name.strip_prefix(prefix)?.split('.').next())
    }

    fn row(&self, name: &str) -> Option<&'static Key> {
        let own = self.own(name);
        self.rows().find(|key| key.name.strip_prefix(self.prefix) == Some(own))
    }

    fn form_of(&self, name: &str) -> &'static str {
        self.row(name).map_or("a value", |row| row.value)
    }

    /// Returns the default of a key as its row has it; empty if it has none.
    #[must_use]
    pub fn default_text(&self, name: &str) -> &'static str {
        self.row(name).and_then(Key::default_value).unwrap_or_default()
    }

    #[expect(clippy::panic, reason = "a constant that the tests of every file read")]
    fn default_of<T>(&self, name: &str, read: impl FnOnce(&Scalar) -> Result<T, Wrong>) -> T {
        let scalar = Scalar::plain(self.default_text(name));
        match read(&scalar) {
            Ok(value) => value,
            Err(wrong) => panic!("the default of {name} {}", wrong.what),
        }
    }
}

/// Returns the kind of a value in words.
#[must_use]
pub fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}
