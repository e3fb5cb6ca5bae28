//! Checks values against the enabled warninglists, as `enforceWarninglist` does (fact 28).

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
};

use ipnet::IpNet;

use crate::model::{Warninglist, WarninglistKind};

/// The enabled lists, prepared for comparison, by attribute type.
#[derive(Debug, Default)]
pub(crate) struct Checker {
    lists: Vec<Prepared>,
    by_type: HashMap<String, Vec<usize>>,
}

#[derive(Debug)]
enum Prepared {
    Networks(Vec<IpNet>),
    Hosts(HashSet<String>),
    Whole(HashSet<String>),
    Parts(Vec<String>),
}

impl Checker {
    pub(crate) fn new(lists: &[Warninglist]) -> Self {
        let mut checker = Self::default();
        for list in lists.iter().filter(|list| list.enabled) {
            for kind in &list.attribute_types {
                checker
                    .by_type
                    .entry(kind.clone())
                    .or_default()
                    .push(checker.lists.len());
            }
            checker.lists.push(Prepared::of(list.kind, &list.entries));
        }
        checker
    }

    /// Returns whether a value of that attribute type is on a list that is meant for the type.
    pub(crate) fn is_listed(&self, kind: &str, value: &str) -> bool {
        let Some(lists) = self.by_type.get(kind) else {
            return false;
        };
        let halves = if kind.contains('|') {
            value.split_once('|')
        } else {
            None
        };
        let (first, second) = halves.map_or((value, None), |(first, second)| (first, Some(second)));
        lists.iter().any(|list| {
            self.lists[*list].hits(kind, first) || second.is_some_and(|half| self.lists[*list].hits(kind, half))
        })
    }
}

/// Returns the entry of a list that fits a value; the attribute types of the list do not matter (fact 47).
pub(crate) fn matched(list: &Warninglist, value: &str) -> Option<String> {
    let kind = if value.contains("://") { "url" } else { "" };
    let fits = |entry: &&String| Prepared::of(list.kind, std::slice::from_ref(*entry)).hits(kind, value);
    list.entries.iter().find(fits).cloned()
}

impl Prepared {
    fn of(kind: WarninglistKind, entries: &[String]) -> Self {
        let lower = || entries.iter().map(|entry| entry.to_lowercase());
        match kind {
            WarninglistKind::Cidr => Self::Networks(entries.iter().filter_map(|entry| network(entry)).collect()),
            WarninglistKind::Hostname => {
                Self::Hosts(lower().map(|name| name.trim_start_matches('.').to_owned()).collect())
            }
            WarninglistKind::String => Self::Whole(lower().collect()),
            WarninglistKind::Substring => Self::Parts(lower().collect()),
        }
    }

    fn hits(&self, kind: &str, value: &str) -> bool {
        match self {
            Self::Networks(networks) => {
                network(value).is_some_and(|asked| networks.iter().any(|listed| listed.contains(&asked)))
            }
            Self::Hosts(names) => {
                let host = if matches!(kind, "url" | "uri" | "link") {
                    host_of(value)
                } else {
                    value
                };
                let host = host.to_lowercase();
                parents(&host).any(|name| names.contains(name))
            }
            Self::Whole(values) => values.contains(&value.to_lowercase()),
            Self::Parts(parts) => {
                let value = value.to_lowercase();
                parts.iter().any(|part| value.contains(part))
            }
        }
    }
}

/// Returns the name itself, then its parents.
fn parents(host: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(host), |name| name.split_once('.').map(|(_, parent)| parent))
}

fn network(text: &str) -> Option<IpNet> {
    text.parse::<IpNet>()
        .ok()
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn host_of(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    host.split_once(':').map_or(host, |(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checker() -> Checker {
        Checker::new(&[
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
        ])
    }

    #[test]
    fn hits_are_found_in_every_kind_of_list() {
        for (kind, value) in [
            ("ip-dst", "198.51.100.7"),
            ("ip-dst", "198.51.100.0/26"),
            ("domain|ip", "a.example.net|198.51.100.7"),
            ("domain|ip", "shared.example.org|192.0.2.1"),
            ("hostname", "sub.Shared.example.org"),
            ("url", "https://user@shared.example.org:8443/x?y"),
            ("filename", "SETUP.exe"),
            ("user-agent", "Example Updater/1"),
        ] {
            assert!(checker().is_listed(kind, value), "{kind} {value}");
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
}
