//! The warninglists that MISP is asked about: those that cannot be judged here, and those that MISP judged otherwise.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use misp_client::Warninglist;
use misp_client::warninglist::{WarninglistDigest, WarninglistMatcher};

/// The most lists that are kept for a row; one is enough for its mark.
const MAX_LISTS_A_ROW: usize = 16;

/// The lists that MISP is asked about.
#[derive(Clone, Debug, Default)]
pub(crate) struct AskedLists {
    lists: Vec<Warninglist>,
    key: String,
}

impl AskedLists {
    /// Returns the lists that the matcher cannot judge, as a whole or one entry of them, and the differing ones that
    /// still have the same [version](version_of).
    pub(crate) fn of(matcher: &WarninglistMatcher, differing: &BTreeMap<u64, String>) -> Self {
        let unjudged: BTreeSet<u64> = matcher.unjudged().map(|unjudged| unjudged.list_id).collect();
        let differs = |list: &Warninglist| differing.get(&list.id).is_some_and(|known| *known == version_of(list));
        let all = matcher.lists().iter();
        let lists: Vec<Warninglist> = all
            .filter(|list| unjudged.contains(&list.id) || differs(list))
            .cloned()
            .collect();
        let mut key = String::new();
        if !lists.is_empty() {
            // For rows without `to_ids` MISP says that a list has the value, but not which one. So any list that
            // changes is a reason to ask again.
            let _ = write!(key, "{}", matcher.digest());
            for list in &lists {
                let _ = write!(key, " {}", list.id);
            }
        }
        Self { lists, key }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lists.is_empty()
    }

    /// Returns a text that changes with the answers that MISP gives about these lists; empty without lists.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = u64> {
        self.lists.iter().map(|list| list.id)
    }

    /// Returns the version of each list, by number.
    pub(crate) fn versions(&self) -> BTreeMap<u64, String> {
        self.lists.iter().map(|list| (list.id, version_of(list))).collect()
    }

    /// Returns whether one of these lists judges this attribute type.
    pub(crate) fn judge(&self, attribute_type: &str) -> bool {
        self.lists.iter().any(|list| list.judges(attribute_type))
    }

    /// Returns the lists that judge this attribute type.
    pub(crate) fn for_type(&self, attribute_type: &str) -> Vec<u64> {
        let lists = self.lists.iter().filter(|list| list.judges(attribute_type));
        lists.map(|list| list.id).take(MAX_LISTS_A_ROW).collect()
    }

    /// Returns those of these numbers that are among the lists.
    pub(crate) fn among(&self, ids: &[u64]) -> Vec<u64> {
        let known = ids.iter().copied().filter(|id| self.name(*id).is_some());
        known.take(MAX_LISTS_A_ROW).collect()
    }

    /// Returns the name of a list that MISP is asked about.
    pub(crate) fn name(&self, id: u64) -> Option<&str> {
        let list = self.lists.iter().find(|list| list.id == id)?;
        Some(&list.name)
    }

    /// Returns the names, for a log.
    pub(crate) fn names(&self) -> String {
        let names: Vec<&str> = self.lists.iter().map(|list| list.name.as_str()).collect();
        names.join(", ")
    }
}

/// Returns a text that changes with the version of a list.
pub(crate) fn version_of(list: &Warninglist) -> String {
    WarninglistDigest::of([list]).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(id: u64, kind: &str, types: [&str; 1]) -> Warninglist {
        Warninglist::new(id, format!("list {id}"), kind).attribute_types(types)
    }

    #[test]
    fn lists_that_cannot_be_judged_and_those_that_differ_are_asked_about_until_their_version_changes() {
        let mut names = list(1, "hostname", ["domain"]);
        let build = |names: &Warninglist| {
            WarninglistMatcher::builder()
                .add_values(names, ["example.org"])
                .add_values(&list(2, "regex", ["url"]), ["/(?=a)b/"])
                .add_values(&list(3, "soundex", ["ALL"]), ["a"])
                .build()
        };
        let matcher = build(&names);
        let differing = BTreeMap::from([(1, version_of(&names))]);
        let asked = AskedLists::of(&matcher, &BTreeMap::new());
        assert_eq!(asked.ids().collect::<Vec<_>>(), [2, 3]);
        assert_eq!((asked.for_type("url"), asked.for_type("domain")), (vec![2, 3], vec![3]));
        assert_eq!(asked.among(&[1, 3]), [3]);
        let more = AskedLists::of(&matcher, &differing);
        assert_eq!(more.ids().collect::<Vec<_>>(), [1, 2, 3]);
        assert_ne!(asked.key(), more.key());
        names.version = "2".to_owned();
        let later = AskedLists::of(&build(&names), &differing);
        assert_eq!(later.ids().collect::<Vec<_>>(), [2, 3]);
    }

    #[test]
    fn without_such_lists_nothing_is_asked() {
        let matcher = WarninglistMatcher::builder()
            .add_values(&list(1, "string", ["domain"]), ["a"])
            .build();
        let asked = AskedLists::of(&matcher, &BTreeMap::new());
        assert!(asked.is_empty() && asked.key().is_empty() && !asked.judge("domain"));
    }
}
