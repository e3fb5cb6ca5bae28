//! The `value` filter: either half of a composite, never the whole (fact 27).

use std::{collections::HashSet, net::Ipv6Addr};

use super::{Terms, like};

/// Values that are looked for.
#[derive(Debug)]
pub(crate) struct ValueFilter {
    exact: HashSet<String>,
    patterns: Vec<String>,
}

impl ValueFilter {
    /// Returns the filter; values with `!` in front do not filter at all, as in MISP.
    pub(crate) fn new(terms: Terms) -> Option<Self> {
        let wanted = terms.any.into_iter().chain(terms.all);
        let (patterns, exact): (Vec<_>, Vec<_>) = wanted.partition(|value| value.contains('%'));
        let exact: HashSet<_> = exact
            .iter()
            .map(|value| compressed(value.trim()).to_lowercase())
            .collect();
        (!exact.is_empty() || !patterns.is_empty()).then_some(Self { exact, patterns })
    }

    pub(crate) fn admits(&self, kind: &str, value: &str) -> bool {
        let composite = kind.contains('|') || kind == "malware-sample";
        match value.split_once('|').filter(|_| composite) {
            Some((first, second)) => self.has(first) || self.has(second),
            None => self.has(value),
        }
    }

    fn has(&self, value: &str) -> bool {
        self.exact.contains(&value.to_lowercase()) || self.patterns.iter().any(|pattern| like(pattern, value))
    }
}

fn compressed(value: &str) -> String {
    value
        .parse::<Ipv6Addr>()
        .map_or_else(|_| value.to_owned(), |address| address.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(value: &str) -> ValueFilter {
        ValueFilter::new(Terms {
            any: vec![value.to_owned()],
            ..Terms::default()
        })
        .unwrap()
    }

    #[test]
    fn either_half_is_found_but_not_the_whole() {
        assert!(filter("192.0.2.67").admits("domain|ip", "dup3.example.com|192.0.2.67"));
        assert!(filter("DUP3.example.com").admits("domain|ip", "dup3.example.com|192.0.2.67"));
        assert!(!filter("dup3.example.com|192.0.2.67").admits("domain|ip", "dup3.example.com|192.0.2.67"));
    }

    #[test]
    fn patterns_and_long_addresses_are_understood() {
        assert!(filter("%m5%.example.com").admits("domain", "m5a.example.com"));
        assert!(filter("2001:0DB8:0:0:0:0:0:FF").admits("ip-dst", "2001:db8::ff"));
        assert!(!filter("192.0.2.5").admits("ip-dst", "192.0.2.0/24"));
    }

    #[test]
    fn negated_values_do_not_filter() {
        assert!(
            ValueFilter::new(Terms {
                none: vec!["a".to_owned()],
                ..Terms::default()
            })
            .is_none()
        );
    }
}
