//! A list without its entries, and its kind.

/// The five kinds of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Substring,
    Hostname,
    Cidr,
    Regex,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "string" => Some(Self::String),
            "substring" => Some(Self::Substring),
            "hostname" => Some(Self::Hostname),
            "cidr" => Some(Self::Cidr),
            "regex" => Some(Self::Regex),
            _ => None,
        }
    }
}

/// A list without its entries.
#[derive(Debug)]
pub(super) struct List {
    pub(super) id: u64,
    pub(super) name: String,
    pub(super) category: String,
    pub(super) kind: Kind,
    pub(super) attribute_types: Vec<String>,
}
