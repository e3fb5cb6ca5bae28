//! A warninglist.

/// How a warninglist compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WarninglistKind {
    /// Networks: an address inside one is a hit.
    Cidr,
    /// Host names: the name itself and everything below it; URLs by their host.
    Hostname,
    /// Whole values.
    String,
    /// Parts of values.
    Substring,
    /// Regular expressions as PHP writes them, with delimiters: `/^evil[0-9]+\.example\.org$/i`.
    Regex,
}

/// A list of values that are known to be harmless.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warninglist {
    /// Its number; 0 asks for the next free one.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its description.
    pub description: String,
    /// How it compares.
    pub kind: WarninglistKind,
    /// Whether it is switched on.
    pub enabled: bool,
    /// The attribute types it is for, `ALL` for every one; others are never taken out by it.
    pub attribute_types: Vec<String>,
    /// Its version; a new one makes readers fetch the entries again.
    pub version: u64,
    /// Its entries.
    pub entries: Vec<String>,
}

impl Warninglist {
    /// Returns an enabled list.
    #[must_use]
    pub fn new(name: impl Into<String>, kind: WarninglistKind, attribute_types: &[&str], entries: &[&str]) -> Self {
        let name = name.into();
        Self {
            id: 0,
            description: format!("Event contains one or more entries of: {name}"),
            name,
            kind,
            enabled: true,
            version: 1,
            attribute_types: attribute_types.iter().map(ToString::to_string).collect(),
            entries: entries.iter().map(ToString::to_string).collect(),
        }
    }
}
