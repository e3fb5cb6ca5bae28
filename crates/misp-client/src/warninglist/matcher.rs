//! The matcher: all lists together, by kind.

use std::sync::Arc;

use super::attribute_types::{TypeLists, TypeTable};
use super::digest::WarninglistDigest;
use super::expressions::Expressions;
use super::hosts::Hosts;
use super::list::List;
use super::list_sets::{ListSets, Slot};
use super::network::Asked;
use super::networks::Networks;
use super::substrings::Substrings;
use super::texts::TextIndex;
use super::unjudged::Unjudged;
use crate::{Warninglist, WarninglistHit};

/// The entries of all lists.
#[derive(Debug)]
pub(super) struct Index {
    pub(super) lists: Vec<List>,
    pub(super) sets: ListSets,
    pub(super) texts: TextIndex,
    pub(super) hosts: Hosts,
    pub(super) networks: Networks,
    pub(super) substrings: Vec<(Slot, Substrings)>,
    pub(super) expressions: Vec<(Slot, Expressions)>,
    pub(super) unjudged: Vec<Unjudged>,
    pub(super) digest: WarninglistDigest,
    /// All lists that were added, judged or not.
    pub(super) added: Vec<Warninglist>,
}

impl Index {
    fn slots(&self) -> impl Iterator<Item = (Slot, &List)> + Clone {
        (0..).zip(&self.lists)
    }
}

/// Judges values against warninglists, as MISP does; the [module](super) has the rules.
///
/// Clones share the entries. A matcher needs about as many bytes as the different entries of `string` and `hostname`
/// lists have as text, and 25 bytes for each network.
#[derive(Clone, Debug)]
pub struct WarninglistMatcher {
    index: Arc<Index>,
    types: TypeTable,
    left_out: Vec<u64>,
}

impl WarninglistMatcher {
    pub(super) fn new(index: Index) -> Self {
        let types = TypeTable::new(index.slots());
        Self {
            index: Arc::new(index),
            types,
            left_out: Vec::new(),
        }
    }

    /// Returns whether an attribute of this type and value is on a list. It stops at the first list that has it.
    ///
    /// Lists and entries that are [unjudged](Self::unjudged) match nothing.
    #[must_use]
    pub fn matches(&self, attribute_type: &str, value: &str) -> bool {
        let lists = self.types.get(attribute_type);
        compared_parts(attribute_type, value).any(|part| self.matches_part(lists, part))
    }

    fn matches_part(&self, lists: &TypeLists, part: &str) -> bool {
        let index = &*self.index;
        let meets = |set| index.sets.meets(set, &lists.all);
        let is_text = || index.texts.get(part.as_bytes()).is_some_and(meets);
        let is_host = || index.hosts.each(part, |set, _| meets(set));
        (lists.has_string && is_text())
            || (lists.has_hostname && is_host())
            || (lists.has_cidr && index.networks.any(part, &lists.all, &index.sets))
            || among(&index.substrings, &lists.substring).any(|(_, list)| list.find(part).is_some())
            || among(&index.expressions, &lists.regex).any(|(_, list)| list.find(part).is_some())
    }

    /// Returns every list that an attribute of this type and value is on, by number, with the entry that matches.
    #[must_use]
    pub fn hits(&self, attribute_type: &str, value: &str) -> Vec<WarninglistHit> {
        let lists = self.types.get(attribute_type);
        let mut hits: Vec<WarninglistHit> = Vec::new();
        for part in compared_parts(attribute_type, value) {
            self.each_hit(lists, part, |slot, matched| {
                let Some(list) = self.index.lists.get(usize::from(slot)) else {
                    return;
                };
                // MISP stops at the first half that a list has, and names the shortest parent.
                if hits.iter().all(|hit| hit.id != list.id) {
                    hits.push(WarninglistHit {
                        id: list.id,
                        name: list.name.clone(),
                        matched,
                        value: part.to_owned(),
                        category: list.category.clone(),
                    });
                }
            });
        }
        hits.sort_by_key(|hit| hit.id);
        hits
    }

    fn each_hit(&self, lists: &TypeLists, part: &str, mut found: impl FnMut(Slot, String)) {
        let index = &*self.index;
        if let Some(set) = index.texts.get(part.as_bytes()).filter(|_| lists.has_string) {
            index
                .sets
                .among(set, &lists.all)
                .for_each(|slot| found(slot, part.to_owned()));
        }
        if lists.has_hostname {
            index.hosts.each(part, |set, name| {
                index
                    .sets
                    .among(set, &lists.all)
                    .for_each(|slot| found(slot, name.to_owned()));
                false
            });
        }
        if let Some(asked) = Asked::of_value(part).filter(|_| lists.has_cidr) {
            index
                .networks
                .each_largest(&asked, &lists.all, &index.sets, |slot, network| {
                    found(slot, network.text(asked.family));
                });
        }
        for (slot, list) in among(&index.substrings, &lists.substring) {
            list.find(part)
                .into_iter()
                .for_each(|entry| found(slot, entry.to_owned()));
        }
        for (slot, list) in among(&index.expressions, &lists.regex) {
            list.find(part)
                .into_iter()
                .for_each(|entry| found(slot, entry.to_owned()));
        }
    }

    /// Returns the lists and entries that this matcher does not judge, so that MISP must be asked; at most 100 entries
    /// of a list.
    pub fn unjudged(&self) -> impl Iterator<Item = &Unjudged> {
        let all = self.index.unjudged.iter();
        all.filter(|unjudged| !self.left_out.contains(&unjudged.list_id))
    }

    /// Returns the lists that were added, without those that are not enabled, and without entries. Lists that are
    /// unjudged or left out are here too.
    #[must_use]
    pub fn lists(&self) -> &[Warninglist] {
        &self.index.added
    }

    /// Returns the digest of the lists that were added. It is equal to that of
    /// [`Client::warninglist_digest`](crate::Client::warninglist_digest) while MISP's lists are the same.
    #[must_use]
    pub fn digest(&self) -> WarninglistDigest {
        self.index.digest
    }

    /// Returns a matcher that leaves out these lists too, by MISP's number, and shares the entries with this one.
    #[must_use]
    pub fn without_lists(&self, ids: impl IntoIterator<Item = u64>) -> Self {
        let mut left_out = self.left_out.clone();
        left_out.extend(ids);
        let stays = |(_, list): &(Slot, &List)| !left_out.contains(&list.id);
        Self {
            index: Arc::clone(&self.index),
            types: TypeTable::new(self.index.slots().filter(stays)),
            left_out,
        }
    }
}

/// Returns what MISP compares with each list: the value of an attribute, or both halves of a composite one.
///
/// ```
/// use misp_client::warninglist::compared_parts;
///
/// assert!(compared_parts("domain|ip", "a.example.org|192.0.2.1").eq(["a.example.org", "192.0.2.1"]));
/// assert!(compared_parts("url", "http://a.example.org/?b|c").eq(["http://a.example.org/?b|c"]));
/// ```
pub fn compared_parts<'v>(attribute_type: &str, value: &'v str) -> impl Iterator<Item = &'v str> {
    let is_composite = attribute_type == "malware-sample" || attribute_type.contains('|');
    value.splitn(if is_composite { 2 } else { 1 }, '|')
}

/// Returns the lists with one of these slots; both are sorted.
fn among<'a, L>(lists: &'a [(Slot, L)], slots: &'a [Slot]) -> impl Iterator<Item = (Slot, &'a L)> {
    slots.iter().filter_map(|slot| {
        let place = lists.binary_search_by_key(slot, |(slot, _)| *slot).ok()?;
        lists.get(place).map(|(slot, list)| (*slot, list))
    })
}
