//! Checks values against warninglists, as MISP does (facts 28, 47 and 64; its `Warninglist.php` and `CidrTool.php`).

mod expression;
mod networks;

use std::collections::{HashMap, HashSet};

use self::{expression::Expression, networks::Networks};
use crate::model::{Warninglist, WarninglistKind};

/// The enabled lists, prepared for comparison, by attribute type.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    /// In ascending order of number.
    lists: Vec<Prepared>,
    by_type: HashMap<String, Vec<usize>>,
    /// Lists that are for every type.
    for_all: Vec<usize>,
}

/// A list that a value is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hit<'a> {
    pub(crate) list: u64,
    pub(crate) name: &'a str,
    /// The entry.
    pub(crate) matched: String,
    /// The value, or the half of it that is on the list.
    pub(crate) value: &'a str,
}

#[derive(Debug)]
struct Prepared {
    id: u64,
    name: String,
    entries: Entries,
    /// Values that it judges otherwise than its entries say.
    exceptions: HashMap<String, bool>,
}

#[derive(Debug)]
enum Entries {
    Networks(Networks),
    Hosts(HashSet<String>),
    Whole(HashSet<String>),
    Parts(Vec<String>),
    Expressions(Vec<Expression>),
}

impl Checker {
    /// Prepares the enabled ones of these lists. An exception is a list, a value and whether that list has it, whatever
    /// its entries say.
    pub(crate) fn new(lists: &[Warninglist], exceptions: &[(u64, String, bool)]) -> Self {
        let mut checker = Self::default();
        let mut enabled: Vec<&Warninglist> = lists.iter().filter(|list| list.enabled).collect();
        enabled.sort_by_key(|list| list.id);
        for (place, list) in enabled.into_iter().enumerate() {
            for kind in &list.attribute_types {
                match kind.as_str() {
                    "ALL" => checker.for_all.push(place),
                    kind => checker.by_type.entry(kind.to_owned()).or_default().push(place),
                }
            }
            checker.lists.push(Prepared {
                id: list.id,
                name: list.name.clone(),
                entries: Entries::of(list.kind, &list.entries),
                exceptions: exceptions_of(list.id, exceptions),
            });
        }
        checker
    }

    /// Returns whether a value of that attribute type is on a list that is meant for the type.
    pub(crate) fn is_listed(&self, kind: &str, value: &str) -> bool {
        self.hits(kind, value).next().is_some()
    }

    /// Returns the lists for that attribute type that the value is on, in ascending order of number.
    pub(crate) fn hits<'a>(&'a self, kind: &str, value: &'a str) -> impl Iterator<Item = Hit<'a>> + use<'a> {
        let mut places = self.for_all.clone();
        places.extend(self.by_type.get(kind).into_iter().flatten());
        places.sort_unstable();
        places.dedup();
        let is_divided = kind == "malware-sample" || kind.contains('|');
        let halves = value.split_once('|').filter(|_| is_divided);
        let (first, second) = halves.map_or((value, None), |(first, second)| (first, Some(second)));
        let hit = move |place: usize| {
            let list = &self.lists[place];
            list.hit(first).or_else(|| list.hit(second?))
        };
        places.into_iter().filter_map(hit)
    }

    /// Returns the lists that the value is on; their attribute types do not matter (fact 47).
    pub(crate) fn hits_of_any_type<'a>(&'a self, value: &'a str) -> impl Iterator<Item = Hit<'a>> {
        self.lists.iter().filter_map(move |list| list.hit(value))
    }
}

impl Prepared {
    fn hit<'a>(&'a self, value: &'a str) -> Option<Hit<'a>> {
        let matched = match self.exceptions.get(value) {
            Some(is_listed) => is_listed.then(|| value.to_owned())?,
            None => self.entries.first_that_matches(value)?,
        };
        Some(Hit {
            list: self.id,
            name: &self.name,
            matched,
            value,
        })
    }
}

fn exceptions_of(list: u64, exceptions: &[(u64, String, bool)]) -> HashMap<String, bool> {
    let of_list = exceptions.iter().filter(|(of, ..)| *of == list);
    of_list
        .map(|(_, value, is_listed)| (value.clone(), *is_listed))
        .collect()
}

impl Entries {
    fn of(kind: WarninglistKind, entries: &[String]) -> Self {
        match kind {
            WarninglistKind::Cidr => Self::Networks(Networks::of(entries)),
            WarninglistKind::Hostname => {
                let name = |entry: &String| entry.trim_matches('.').to_ascii_lowercase();
                Self::Hosts(entries.iter().map(name).collect())
            }
            WarninglistKind::String => Self::Whole(entries.iter().cloned().collect()),
            WarninglistKind::Substring => Self::Parts(entries.to_vec()),
            WarninglistKind::Regex => {
                Self::Expressions(entries.iter().filter_map(|entry| Expression::of(entry)).collect())
            }
        }
    }

    /// Returns the entry that MISP names. It compares byte by byte: only the entries of `hostname` lists are lowered.
    fn first_that_matches(&self, value: &str) -> Option<String> {
        match self {
            Self::Networks(networks) => networks.containing(value),
            Self::Hosts(names) => host_on(names, value),
            Self::Whole(values) => values.get(value).cloned(),
            Self::Parts(parts) => parts.iter().find(|part| value.contains(part.as_str())).cloned(),
            Self::Expressions(list) => {
                let matching = list.iter().find(|expression| expression.matches(value));
                matching.map(|expression| expression.text().to_owned())
            }
        }
    }
}

/// Builds the host up from its last label, as MISP does, and returns the first name that is an entry.
///
/// The host is what stands before the first slash, or between the second and the third where there are two in a row: a
/// port and a user stay parts of it, so that such a URL is on no list.
fn host_on(names: &HashSet<String>, value: &str) -> Option<String> {
    let place = if value.contains("//") { 2 } else { 0 };
    let host = value.split('/').nth(place)?.trim_end_matches('.');
    let mut name = String::new();
    for label in host.rsplit('.') {
        // PHP takes "0" for empty too.
        name = match name.as_str() {
            "" | "0" => label.to_owned(),
            _ => format!("{label}.{name}"),
        };
        if names.contains(&name) {
            return Some(name);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checker() -> Checker {
        let lists = [
            Warninglist::new(
                "nets",
                WarninglistKind::Cidr,
                &["ip-dst", "domain|ip"],
                &["198.51.100.0/25"],
            ),
            Warninglist::new(
                "hosts",
                WarninglistKind::Hostname,
                &["domain", "hostname", "url", "domain|ip"],
                &["shared.example.org"],
            ),
            Warninglist::new("names", WarninglistKind::String, &["filename"], &["setup.exe"]),
            Warninglist::new("parts", WarninglistKind::Substring, &["user-agent"], &["updater"]),
            Warninglist::new(
                "forms",
                WarninglistKind::Regex,
                &["mutex"],
                &[r"/^local\\[a-z]+$/i", "(broken"],
            ),
            Warninglist::new("all", WarninglistKind::String, &["ALL"], &["anything"]),
        ];
        Checker::new(&lists, &[])
    }

    #[test]
    fn hits_are_found_in_every_kind_of_list() {
        for (kind, value) in [
            ("ip-dst", "198.51.100.7"),
            ("ip-dst", "198.51.100.0/26"),
            ("domain|ip", "a.example.net|198.51.100.7"),
            ("domain|ip", "shared.example.org|192.0.2.1"),
            ("hostname", "sub.shared.example.org"),
            ("url", "https://a.shared.example.org/x?y"),
            ("filename", "setup.exe"),
            ("user-agent", "Example updater/1"),
            ("mutex", r"LOCAL\abc"),
            ("mutex", "anything"),
            ("comment", "anything"),
        ] {
            assert!(checker().is_listed(kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn values_are_compared_as_they_are() {
        // As MISP 2.5.1 does: `checkValue` neither lowers a value nor takes a user or a port off a URL.
        for (kind, value) in [
            ("hostname", "sub.Shared.example.org"),
            ("url", "https://user@shared.example.org/"),
            ("url", "https://shared.example.org:8443/x?y"),
            ("filename", "SETUP.exe"),
            ("user-agent", "Example Updater/1"),
        ] {
            assert!(!checker().is_listed(kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn a_type_that_no_list_names_is_never_listed() {
        for (kind, value) in [
            ("hostname|port", "shared.example.org|443"),
            ("ip-src", "198.51.100.7"),
            ("domain", "example.org"),
            ("domain", "notshared.example.org"),
            ("filename", "setup.exe.txt"),
        ] {
            assert!(!checker().is_listed(kind, value), "{kind} {value}");
        }
    }

    #[test]
    fn a_hit_names_the_entry_and_the_half() {
        let checker = checker();
        let hits: Vec<Hit<'_>> = checker.hits("domain|ip", "a.shared.example.org|198.51.100.7").collect();
        let told: Vec<(&str, &str, &str)> = hits
            .iter()
            .map(|hit| (hit.name, hit.matched.as_str(), hit.value))
            .collect();
        assert_eq!(
            told,
            [
                ("nets", "198.51.100.0/25", "198.51.100.7"),
                ("hosts", "shared.example.org", "a.shared.example.org"),
            ]
        );
    }
}
