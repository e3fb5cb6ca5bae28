//! Takes lists one by one and builds a matcher of them.

use super::digest::WarninglistDigest;
use super::expressions::Expressions;
use super::hosts::HostPile;
use super::list::{Kind, List};
use super::list_sets::{ListSets, Slot};
use super::matcher::{Index, WarninglistMatcher};
use super::networks::NetworkPile;
use super::substrings::Substrings;
use super::texts::TextPile;
use super::unjudged::{Unjudged, UnjudgedReason};
use crate::{Warninglist, WarninglistEntries};

const MAX_LISTS: usize = 4_096;
/// Lists of a million popular names have 15 MB each.
const DEFAULT_MAX_TEXT: usize = 256 << 20;
/// An automaton takes about 60 times its text while it is built.
const MAX_SUBSTRING_TEXT: usize = 2 << 20;
const MAX_EXPRESSIONS: usize = 1_024;
const MAX_UNJUDGED_ENTRIES: usize = 100;

/// Collects lists for a [`WarninglistMatcher`].
///
/// It holds the entries as bare bytes, so add each list as soon as it was read and drop it. Adding a list twice is a
/// mistake that only costs memory.
#[derive(Debug)]
pub struct WarninglistMatcherBuilder {
    lists: Vec<List>,
    added: Vec<Warninglist>,
    texts: TextPile,
    hosts: HostPile,
    networks: NetworkPile,
    substrings: Vec<(Slot, Substrings)>,
    expressions: Vec<(Slot, Expressions)>,
    unjudged: Vec<Unjudged>,
    max_text: usize,
    text: usize,
    substring_text: usize,
    expression_count: usize,
}

/// A list whose entries are still arriving.
#[derive(Debug)]
pub(crate) struct OpenList {
    list: List,
    /// How much the builder had before; what it returns to if the list becomes too large.
    before: Marks,
    substrings: Vec<String>,
    expressions: Expressions,
    refused: Vec<(String, UnjudgedReason)>,
    is_too_large: bool,
}

#[derive(Debug)]
struct Marks {
    texts: super::texts::Mark,
    hosts: super::texts::Mark,
    networks: (usize, usize),
    text: usize,
    substring_text: usize,
}

impl WarninglistMatcher {
    /// Returns a builder without lists.
    #[must_use]
    pub fn builder() -> WarninglistMatcherBuilder {
        WarninglistMatcherBuilder::new()
    }
}

impl WarninglistMatcherBuilder {
    pub(super) fn new() -> Self {
        Self {
            lists: Vec::new(),
            added: Vec::new(),
            texts: TextPile::default(),
            hosts: HostPile::default(),
            networks: NetworkPile::default(),
            substrings: Vec::new(),
            expressions: Vec::new(),
            unjudged: Vec::new(),
            max_text: DEFAULT_MAX_TEXT,
            text: 0,
            substring_text: 0,
            expression_count: 0,
        }
    }

    /// Sets how many bytes the entries of all lists may have together, each counted with 12 bytes more; 256 MiB by
    /// default, at most 2 GiB. A list that does not fit is [unjudged](WarninglistMatcher::unjudged) as a whole.
    #[must_use]
    pub fn max_bytes(mut self, bytes: usize) -> Self {
        self.max_text = bytes.min(2 << 30);
        self
    }

    /// Adds a list. A list that is not enabled is ignored.
    #[must_use]
    pub fn add_list(self, list: &WarninglistEntries) -> Self {
        let entries = list.entries.iter().map(|entry| entry.value.as_str());
        self.add_values(&list.list, entries)
    }

    /// Adds a list whose entries come from elsewhere. A list that is not enabled is ignored.
    #[must_use]
    pub fn add_values<E: AsRef<str>>(mut self, list: &Warninglist, entries: impl IntoIterator<Item = E>) -> Self {
        if let Some(mut open) = self.open(list) {
            for entry in entries {
                self.push(&mut open, entry.as_ref());
            }
            self.close(open);
        }
        self
    }

    /// Builds the matcher. A million names take one to four seconds of one core.
    #[must_use]
    pub fn build(self) -> WarninglistMatcher {
        let mut sets = ListSets::default();
        WarninglistMatcher::new(Index {
            texts: self.texts.into_index(&mut sets),
            hosts: self.hosts.into_index(&mut sets),
            networks: self.networks.into_index(&mut sets),
            sets,
            substrings: self.substrings,
            expressions: self.expressions,
            unjudged: self.unjudged,
            digest: WarninglistDigest::of(&self.added),
            added: self.added,
            lists: self.lists,
        })
    }

    /// Begins a list; none if its entries are not needed.
    pub(crate) fn open(&mut self, list: &Warninglist) -> Option<OpenList> {
        if !list.enabled {
            return None;
        }
        self.added.push(list.clone());
        let (reason, kind) = match Kind::of(&list.kind) {
            _ if self.lists.len() >= MAX_LISTS => (UnjudgedReason::TooManyLists, None),
            kind => (UnjudgedReason::UnknownKind, kind),
        };
        let Some(kind) = kind else {
            self.unjudged.push(Unjudged {
                list_id: list.id,
                list_name: list.name.clone(),
                entry: None,
                reason,
            });
            return None;
        };
        Some(OpenList {
            list: List {
                id: list.id,
                name: list.name.clone(),
                category: list.category.clone(),
                kind,
                attribute_types: list.attribute_types.clone(),
            },
            before: self.marks(),
            substrings: Vec::new(),
            expressions: Expressions::default(),
            refused: Vec::new(),
            is_too_large: false,
        })
    }

    /// Adds an entry to the list that was opened last.
    pub(crate) fn push(&mut self, open: &mut OpenList, entry: &str) {
        if open.is_too_large {
            return;
        }
        self.text += entry.len() + 12;
        let slot = self.next_slot();
        open.is_too_large = self.text > self.max_text
            || !match open.list.kind {
                Kind::String => self.texts.push(entry.bytes(), slot),
                Kind::Hostname => self.hosts.push(entry, slot),
                Kind::Cidr => {
                    self.networks.push(entry, slot);
                    true
                }
                Kind::Substring => {
                    self.substring_text += entry.len();
                    open.substrings.push(entry.to_owned());
                    self.substring_text <= MAX_SUBSTRING_TEXT
                }
                Kind::Regex => self.push_expression(open, entry),
            };
    }

    fn push_expression(&mut self, open: &mut OpenList, entry: &str) -> bool {
        if self.expression_count + open.expressions.len() >= MAX_EXPRESSIONS {
            return false;
        }
        if let Err(reason) = open.expressions.push(entry)
            && open.refused.len() < MAX_UNJUDGED_ENTRIES
        {
            open.refused.push((entry.to_owned(), reason));
        }
        true
    }

    /// Ends the list that was opened last.
    pub(crate) fn close(&mut self, mut open: OpenList) {
        let slot = self.next_slot();
        match open.list.kind {
            Kind::Substring if !open.is_too_large => match Substrings::new(&open.substrings) {
                Ok(list) => self.substrings.push((slot, list)),
                Err(_) => open.is_too_large = true,
            },
            Kind::Regex if !open.is_too_large => {
                self.expression_count += open.expressions.len();
                self.expressions.push((slot, std::mem::take(&mut open.expressions)));
            }
            _ => {}
        }
        let mut unjudged = |entry, reason| {
            self.unjudged.push(Unjudged {
                list_id: open.list.id,
                list_name: open.list.name.clone(),
                entry,
                reason,
            });
        };
        if open.is_too_large {
            unjudged(None, UnjudgedReason::TooLarge);
            return self.return_to(open.before);
        }
        for (entry, reason) in open.refused {
            unjudged(Some(entry), reason);
        }
        self.lists.push(open.list);
    }

    /// The lists are at most [`MAX_LISTS`].
    fn next_slot(&self) -> Slot {
        Slot::try_from(self.lists.len()).unwrap_or(Slot::MAX)
    }

    fn marks(&self) -> Marks {
        Marks {
            texts: self.texts.mark(),
            hosts: self.hosts.mark(),
            networks: self.networks.mark(),
            text: self.text,
            substring_text: self.substring_text,
        }
    }

    fn return_to(&mut self, marks: Marks) {
        self.texts.return_to(marks.texts);
        self.hosts.return_to(marks.hosts);
        self.networks.return_to(marks.networks);
        self.text = marks.text;
        self.substring_text = marks.substring_text;
    }
}
