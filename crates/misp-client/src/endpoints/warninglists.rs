//! `GET /warninglists/index` and `/warninglists/view/ID`: MISP's lists of values that are probably harmless.

use serde::Deserialize;

use super::read;
use crate::json::lenient::{self, Flag, Int, Text};
use crate::request::Request;
use crate::{Client, Error, ErrorKind};

pub(super) const INDEX: &str = "/warninglists/index";
pub(super) const VIEW: &str = "/warninglists/view";
/// The attribute type that stands for all of them.
const ALL_TYPES: &str = "ALL";
const MAX_INDEX_BYTES: u64 = 16 << 20;

/// A warninglist without its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Warninglist {
    /// MISP's number of it; another MISP has other numbers.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// How values are compared with it: `cidr`, `hostname`, `string`, `substring` or `regex`.
    pub kind: String,
    /// Its description.
    pub description: String,
    /// Its version, mostly a date.
    pub version: String,
    /// Whether MISP uses it.
    pub enabled: bool,
    /// Whether it came with MISP; otherwise it was made there.
    pub is_default: bool,
    /// The meaning of a hit: `false_positive` or `known`; empty in versions without this field.
    pub category: String,
    /// The attribute types that are compared with it, where MISP sends them; `ALL` stands for every type.
    pub attribute_types: Vec<String>,
    /// MISP's own count of its entries, where MISP sends it.
    pub entry_count: Option<u64>,
}

impl Warninglist {
    /// Returns a list that is enabled, for no attribute type yet. The kind is `cidr`, `hostname`, `string`, `substring`
    /// or `regex`.
    #[must_use]
    pub fn new(id: u64, name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self {
            id,
            name: name.into(),
            kind: kind.into(),
            description: String::new(),
            version: String::new(),
            enabled: true,
            is_default: false,
            category: "false_positive".to_owned(),
            attribute_types: Vec::new(),
            entry_count: None,
        }
    }

    /// Sets the attribute types that are compared with it.
    #[must_use]
    pub fn attribute_types<S: Into<String>>(mut self, types: impl IntoIterator<Item = S>) -> Self {
        self.attribute_types = types.into_iter().map(Into::into).collect();
        self
    }

    /// Returns whether values of this attribute type are compared with it.
    #[must_use]
    pub fn judges(&self, attribute_type: &str) -> bool {
        let names = |name: &String| name == attribute_type || name == ALL_TYPES;
        self.attribute_types.iter().any(names)
    }
}

/// A warninglist with its entries.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WarninglistEntries {
    /// The list.
    pub list: Warninglist,
    /// Its entries in MISP's order, duplicates included.
    pub entries: Vec<WarninglistEntry>,
}

impl WarninglistEntries {
    /// Returns a list with these entries, without comments.
    #[must_use]
    pub fn new<S: Into<String>>(list: Warninglist, values: impl IntoIterator<Item = S>) -> Self {
        let entry = |value: S| WarninglistEntry {
            value: value.into(),
            id: None,
            comment: String::new(),
        };
        let entries = values.into_iter().map(entry).collect();
        Self { list, entries }
    }
}

/// One entry of a warninglist.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct WarninglistEntry {
    /// The value, probably harmless: an address, a network, a name, a text.
    pub value: String,
    /// MISP's number of the entry, where MISP sends it.
    pub id: Option<u64>,
    /// The comment; empty for most.
    pub comment: String,
}

#[derive(Deserialize)]
struct RawIndex {
    #[serde(rename = "Warninglists")]
    lists: Vec<RawOne>,
}

#[derive(Deserialize)]
struct RawOne {
    #[serde(rename = "Warninglist")]
    list: RawList,
}

#[derive(Deserialize)]
struct RawList {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    name: Text,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    description: Text,
    #[serde(default)]
    version: Text,
    #[serde(default)]
    enabled: Flag,
    #[serde(default)]
    default: Flag,
    #[serde(default)]
    category: Text,
    #[serde(default)]
    valid_attributes: Text,
    #[serde(default, rename = "WarninglistType", deserialize_with = "lenient::list")]
    types: Vec<RawType>,
    #[serde(default)]
    warninglist_entry_count: Int,
    #[serde(default, rename = "WarninglistEntry", deserialize_with = "lenient::list")]
    entries: Vec<RawEntry>,
}

/// The index names the types in one text, a single list has a list of them.
#[derive(Deserialize)]
struct RawType {
    #[serde(default, rename = "type")]
    name: Text,
}

#[derive(Deserialize)]
struct RawEntry {
    #[serde(default)]
    id: Int,
    #[serde(default)]
    value: Text,
    #[serde(default)]
    comment: Text,
}

impl RawList {
    fn into_list(self) -> Option<(Warninglist, Vec<WarninglistEntry>)> {
        let entry = |raw: RawEntry| {
            Some(WarninglistEntry {
                value: raw.value.into_option()?,
                id: raw.id.unsigned(),
                comment: raw.comment.into_option().unwrap_or_default(),
            })
        };
        let entries = self.entries.into_iter().filter_map(entry).collect();
        let mut attribute_types = names(&self.valid_attributes.into_option().unwrap_or_default());
        if attribute_types.is_empty() {
            attribute_types.extend(self.types.into_iter().filter_map(|raw| raw.name.into_option()));
        }
        let list = Warninglist {
            id: self.id.unsigned()?,
            name: self.name.into_option().unwrap_or_default(),
            kind: self.kind.into_option().unwrap_or_default(),
            description: self.description.into_option().unwrap_or_default(),
            version: self.version.into_option().unwrap_or_default(),
            enabled: self.enabled.or(false),
            is_default: self.default.or(false),
            category: self.category.into_option().unwrap_or_default(),
            attribute_types,
            entry_count: self.warninglist_entry_count.unsigned(),
        };
        Some((list, entries))
    }
}

/// Reads `ip-src, ip-dst`.
fn names(list: &str) -> Vec<String> {
    let names = list.split(',').map(str::trim).filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

pub(super) fn view(id: u64) -> Request {
    Request::get(VIEW).with_path(format!("{VIEW}/{id}"))
}

impl Client {
    /// Returns all warninglists of this MISP, without their entries.
    ///
    /// # Errors
    /// Any [`ErrorKind`] of a question.
    pub async fn warninglists(&self) -> Result<Vec<Warninglist>, Error> {
        self.warninglists_of(Request::get(INDEX)).await
    }

    pub(super) async fn warninglists_of(&self, request: Request) -> Result<Vec<Warninglist>, Error> {
        let body = self.ask_small(request, MAX_INDEX_BYTES).await?;
        let raw: RawIndex = read(&body, INDEX)?;
        Ok(raw
            .lists
            .into_iter()
            .filter_map(|one| one.list.into_list())
            .map(|(list, _)| list)
            .collect())
    }

    /// Returns one warninglist with all its entries.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when MISP has no such number; any [`ErrorKind`] of a question.
    pub async fn warninglist(&self, id: u64) -> Result<WarninglistEntries, Error> {
        let body = self.ask_small(view(id), self.limits().page_bytes).await?;
        let raw: RawOne = read(&body, VIEW)?;
        match raw.list.into_list() {
            Some((list, entries)) if list.id == id => Ok(WarninglistEntries { list, entries }),
            _ => Err(Error::new(ErrorKind::UnexpectedAnswer)
                .with_detail("not the list asked for")
                .at(VIEW)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_the_list_stands_in_the_path_but_not_in_errors() {
        let request = view(101);
        assert_eq!(request.path, "/warninglists/view/101");
        assert_eq!(request.endpoint, "/warninglists/view");
    }
}
