//! From what somebody looks up to the forms in which it may be listed.

use feed_classification::{Extractor, IndicatorType, canonical_key, network_of};
use ipnet::IpNet;

use super::LOOKUP_TYPES;

/// A value that is looked up, in every form that a list may have it in.
///
/// ```
/// use feed_engine::Query;
///
/// assert!(Query::parse("WWW.Example.COM.").is_known());
/// assert!(!Query::parse("hello world").is_known());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// Normal forms, each once.
    forms: Vec<String>,
    /// The canonical keys of these forms, each once.
    pub(super) keys: Vec<String>,
    /// The address as a network of one, or the network.
    pub(super) network: Option<IpNet>,
    pub(super) name: Option<String>,
    /// What it can be.
    kinds: Vec<IndicatorType>,
}

impl Query {
    /// Reads a value of any type; what is of none is looked up all the same and never found.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut query = Self::default();
        for &kind in LOOKUP_TYPES {
            // Under this name MISP keeps plain values of the type.
            let Some(&attribute_type) = kind.default_attribute_types().first() else {
                continue;
            };
            let mut found = |value: &str| query.add(kind, value);
            // What does not parse as one type may as another.
            let _ = Extractor::new(kind).extract(attribute_type, text, &mut found);
        }
        query
    }

    /// Returns whether it is a value of any type that can be looked up.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.forms.is_empty()
    }

    /// Returns its normal forms, each once; none for what is no value of any type.
    #[must_use]
    pub fn normal_forms(&self) -> &[String] {
        &self.forms
    }

    /// Returns the types that it can be of, as look-ups tell them apart: an address is `ip`.
    #[must_use]
    pub fn types(&self) -> &[IndicatorType] {
        &self.kinds
    }

    fn add(&mut self, kind: IndicatorType, value: &str) {
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
        match kind {
            IndicatorType::Ip => self.network = network_of(value),
            IndicatorType::Domain | IndicatorType::Hostname => self.name = Some(value.to_owned()),
            _ => {}
        }
        let key = canonical_key(kind, value);
        for (all, text) in [(&mut self.forms, value), (&mut self.keys, &*key)] {
            if !all.iter().any(|known| known == text) {
                all.push(text.to_owned());
            }
        }
    }

    /// Returns the names above the name, the closest first, top-level domains left out.
    pub(super) fn parents(&self) -> impl Iterator<Item = &str> {
        let name = self.name.as_deref().unwrap_or_default();
        let dots = name.match_indices('.').map(|(at, _)| at);
        dots.filter_map(move |dot| name.get(dot + 1..))
            .filter(|parent| parent.contains('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_looked_up_in_normal_form() {
        for (text, form) in [
            (" 192.0.2.1 ", "192.0.2.1"),
            ("2001:DB8:0::1", "2001:db8::1"),
            ("192.0.2.0/24", "192.0.2.0/24"),
            ("192.0.2.99/24", "192.0.2.0/24"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("Bücher.Example", "xn--bcher-kva.example"),
            ("D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"),
            ("cve-2026-12345", "CVE-2026-12345"),
            ("http://example.com/A?b=c", "http://example.com/A?b=c"),
            ("User@Example.COM", "user@example.com"),
        ] {
            assert!(
                Query::parse(text).forms.iter().any(|known| known == form),
                "{text}: {:?}",
                Query::parse(text)
            );
        }
    }

    #[test]
    fn a_url_keeps_its_spelling_and_is_found_by_its_key() {
        let query = Query::parse("HTTP://RS.example");
        assert_eq!(query.normal_forms(), ["HTTP://RS.example"]);
        assert_eq!(query.keys, ["http://rs.example/"]);
    }

    #[test]
    fn parents_are_the_names_above_without_the_top() {
        let query = Query::parse("a.b.example.com");
        assert!(query.parents().eq(["b.example.com", "example.com"]));
        assert_eq!(Query::parse("192.0.2.1").parents().count(), 0);
    }
}
