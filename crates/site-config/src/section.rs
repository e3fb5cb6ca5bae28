//! Walks one map of a file: hands out known keys once, and reports the unknown ones at the end.

use std::collections::BTreeMap;

use secrecy::SecretString;

use crate::keys::Key;
use crate::problem::{Place, Report, Wrong};
use crate::value;
use crate::yaml::{Entry, Node, Scalar, Value, shown_key};

/// One map whose keys are those of a table.
pub(crate) struct Section<'r> {
    table: &'static [Key],
    /// `token_minting.` inside that map; empty at the top of a file.
    prefix: &'static str,
    place: Place,
    entries: Vec<Entry>,
    pub(crate) report: &'r mut Report,
}

impl<'r> Section<'r> {
    pub(crate) fn new(table: &'static [Key], prefix: &'static str, node: Node, report: &'r mut Report) -> Option<Self> {
        match node.value {
            Value::Map(entries) => Some(Self {
                table,
                prefix,
                place: node.place,
                entries,
                report,
            }),
            other => {
                let what = format!("is {}, not a map of keys", kind_of(&other));
                let instead = "write one `key: value` per line".to_owned();
                let key = prefix.trim_end_matches('.');
                report.problem(node.place, key, Wrong { what, instead });
                None
            }
        }
    }

    /// Whether the key stands here and has not been taken.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.iter().any(|e| e.key.text.as_str() == name)
    }

    /// Where the key stands, or else where the section begins.
    pub(crate) fn place_of(&self, name: &str) -> Place {
        let entry = self.entries.iter().find(|e| e.key.text.as_str() == name);
        entry.map_or(self.place, |e| e.node.place)
    }

    /// Where each key stands that has not been taken.
    pub(crate) fn places(&self) -> BTreeMap<String, Place> {
        let place = |entry: &Entry| (entry.key.text.to_string(), entry.node.place);
        self.entries.iter().map(place).collect()
    }

    /// Takes a key out; a key without a value is reported and counts as absent.
    pub(crate) fn take(&mut self, name: &'static str) -> Option<Node> {
        debug_assert!(
            self.table.iter().any(|key| self.first_name(key) == Some(name)),
            "{name} is missing in the table of keys"
        );
        let index = self.entries.iter().position(|e| e.key.text.as_str() == name)?;
        let entry = self.entries.remove(index);
        if let Value::Scalar(scalar) = &entry.node.value
            && value::is_null(scalar)
        {
            let wrong = Wrong::new("has no value", "write one, or remove the line");
            self.wrong(entry.place, name, wrong);
            return None;
        }
        Some(entry.node)
    }

    /// Reads a single value.
    pub(crate) fn value<T>(&mut self, name: &'static str, read: impl FnOnce(&Scalar) -> Result<T, Wrong>) -> Option<T> {
        let node = self.take(name)?;
        let read = match &node.value {
            Value::Scalar(scalar) => read(scalar),
            other => Err(Wrong::new(
                format!("is {}, not a single value", kind_of(other)),
                format!("write a single value ({})", self.expected(name)),
            )),
        };
        read.map_err(|wrong| self.wrong(node.place, name, wrong)).ok()
    }

    /// Reads a list item by item; every wrong item is reported, the right ones are returned.
    pub(crate) fn list<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(&Scalar) -> Result<Item<T>, Wrong>,
    ) -> Option<Vec<T>> {
        let node = self.take(name)?;
        let Value::List(items) = node.value else {
            let wrong = Wrong::new(
                format!("is {}, not a list", kind_of(&node.value)),
                "write each item in a line of its own after `- `, or all of them in `[...]`",
            );
            self.wrong(node.place, name, wrong);
            return None;
        };
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let key = format!("{}{name}[{index}]", self.prefix);
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
        Some(values)
    }

    /// Reads `True`, `False` and what else YAML 1.1 takes for them.
    pub(crate) fn yes_no(&mut self, name: &'static str, default: bool) -> bool {
        self.value(name, value::yes_no).unwrap_or(default)
    }

    /// Reads a whole number between two bounds.
    pub(crate) fn number(&mut self, name: &'static str, low: u64, high: u64, default: u64) -> u64 {
        self.value(name, |scalar| value::number(scalar, low, high))
            .unwrap_or(default)
    }

    /// Reads a line of text, which may be empty.
    pub(crate) fn text(&mut self, name: &'static str, default: &str) -> String {
        self.value(name, value::text).unwrap_or_else(|| default.to_owned())
    }

    /// Reads a secret without ever showing it.
    pub(crate) fn secret(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&str) -> Result<SecretString, Wrong>,
    ) -> Option<SecretString> {
        self.value(name, |scalar| read(value::secret_text(scalar)?))
    }

    /// Reports a problem of a key of this section.
    pub(crate) fn wrong(&mut self, place: Place, name: &str, wrong: Wrong) {
        let key = format!("{}{name}", self.prefix);
        self.report.problem(place, key, wrong);
    }

    /// Notes something about a key of this section.
    pub(crate) fn note(&mut self, place: Place, name: &str, what: impl Into<String>) {
        let key = format!("{}{name}", self.prefix);
        self.report.note(place, key, what);
    }

    /// Reports every key that nobody took, with the closest known name.
    pub(crate) fn finish(mut self) {
        for entry in std::mem::take(&mut self.entries) {
            let name = entry.key.text.as_str();
            let known = self.table.iter().filter_map(|key| self.first_name(key));
            let shown = shown_key(name);
            // Comparing names is slow, and nobody reads the thousandth hint.
            let close = (!self.report.is_full()).then(|| value::closest(name, known));
            let instead = match close.flatten() {
                Some(close) => format!("write `{close}`, or remove the line"),
                None if shown != name => "write `key: value`, with a space after the colon".to_owned(),
                None => "remove the line; the example file lists every key".to_owned(),
            };
            self.wrong(entry.place, &shown, Wrong::new("unknown key", instead));
        }
    }

    /// The part of a table key that stands in this section; `None` for keys of another one.
    fn first_name(&self, key: &'static Key) -> Option<&'static str> {
        let rest = key.name.strip_prefix(self.prefix)?;
        rest.split('.').next()
    }

    fn expected(&self, name: &str) -> &'static str {
        let full = |key: &&Key| key.name.strip_prefix(self.prefix) == Some(name);
        self.table.iter().find(full).map_or("a value", |k| k.value)
    }
}

/// An item of a list: its value, if it has an effect, and what is worth knowing about it.
pub(crate) struct Item<T> {
    pub(crate) value: Option<T>,
    pub(crate) note: Option<String>,
}

impl<T> From<T> for Item<T> {
    fn from(value: T) -> Self {
        Self {
            value: Some(value),
            note: None,
        }
    }
}

/// What a value is, in words.
pub(crate) fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Scalar(_) => "a single value",
        Value::List(_) => "a list",
        Value::Map(_) => "a map",
    }
}
