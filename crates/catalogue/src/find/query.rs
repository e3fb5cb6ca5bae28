//! The value of a look-up, and the forms in which a list may hold it.

use feed_classification::{Extractor, IndicatorType, canonical_key, network_of, url_host};
use ipnet::IpNet;

use super::plain_form::refanged;
use super::types::{LOOKUP_TYPES, TEXTS};

/// The value of a look-up, in every form that a list may hold.
///
/// ```
/// use catalogue::Query;
///
/// assert!(Query::parse("WWW.Example.COM.").is_known());
/// assert!(!Query::parse("hello world").is_known());
/// assert_eq!(Query::asking("hxxp://evil[.]example/x").looked_up(), "http://evil.example/x");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    looked_up: String,
    /// Normal forms, each once.
    forms: Vec<String>,
    /// The canonical keys of these forms and of the value as any text, each once.
    keys: Vec<String>,
    /// The address as a network of one or the network, and the same of an address that is the host.
    networks: Vec<IpNet>,
    /// The name, and a name that is the host.
    names: Vec<String>,
    hosts: Vec<String>,
    /// Its possible types.
    kinds: Vec<IndicatorType>,
}

impl Query {
    /// Reads a value as it stands. A text that no type has a grammar for is looked up too: as the name of a file, a
    /// mutex and the like.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut query = Self {
            looked_up: text.to_owned(),
            ..Self::default()
        };
        query.read(text);
        query
    }

    /// Reads a value of a caller. A defanged one, for example `hxxp://evil[.]example`, is looked up in its plain form
    /// and as it stands; [`Self::looked_up`] returns the plain form. A value that is an indicator as it stands is not
    /// defanged: the URL `http://evil.example/a[.]php` is looked up as it is, and not as another URL.
    #[must_use]
    pub fn asking(text: &str) -> Self {
        let as_it_stands = Self::parse(text);
        if as_it_stands.is_known() {
            return as_it_stands;
        }
        let whole = refanged(text);
        let mut query = Self::parse(&whole);
        if *whole == *text || !query.is_known() {
            return as_it_stands;
        }
        query.read(text);
        query
    }

    /// Returns the value of the look-up in its plain form.
    #[must_use]
    pub fn looked_up(&self) -> &str {
        &self.looked_up
    }

    /// Returns whether it is a value of a type that has a grammar, such as an address or a hash.
    #[must_use]
    pub fn is_known(&self) -> bool {
        !self.forms.is_empty()
    }

    /// Returns its normal forms, each once; empty for a text without a type that has a grammar.
    #[must_use]
    pub fn normal_forms(&self) -> &[String] {
        &self.forms
    }

    /// Returns its possible types in the sense of look-ups (an address is `ip`), without types that take any text.
    #[must_use]
    pub fn types(&self) -> &[IndicatorType] {
        &self.kinds
    }

    fn read(&mut self, text: &str) {
        for &kind in LOOKUP_TYPES {
            // Under this name MISP keeps plain values of the type.
            let Some(&attribute_type) = kind.default_attribute_types().first() else {
                continue;
            };
            let mut found = |value: &str| self.add(kind, value);
            // A value that does not parse as one type may parse as another.
            let _ = Extractor::new(kind).extract(attribute_type, text, &mut found);
        }
    }

    fn add(&mut self, kind: IndicatorType, value: &str) {
        push_new(&mut self.keys, &canonical_key(kind, value));
        if TEXTS.contains(kind) {
            return;
        }
        push_new(&mut self.forms, value);
        match kind {
            IndicatorType::Ip => self.add_place(value),
            IndicatorType::Domain | IndicatorType::Hostname => self.add_place(value),
            // `192.0.2.0/24` passes for a URL with a path, too.
            IndicatorType::Url if self.kinds.contains(&IndicatorType::Ip) => {}
            IndicatorType::Url => url_host(value).iter().for_each(|host| self.add_host(host)),
            IndicatorType::EmailAddress => value.rsplit_once('@').iter().for_each(|(_, host)| self.add_host(host)),
            _ => {}
        }
        if !self.kinds.contains(&kind) {
            self.kinds.push(kind);
        }
    }

    fn add_host(&mut self, host: &str) {
        push_new(&mut self.hosts, host);
        self.add_place(host);
    }

    /// Adds an address, a network or a name, whose networks or parents may be listed.
    fn add_place(&mut self, place: &str) {
        match network_of(place) {
            Some(network) if self.networks.contains(&network) => {}
            Some(network) => self.networks.push(network),
            None => push_new(&mut self.names, place),
        }
    }

    /// Returns the canonical keys of its normal forms and of the value as any text, each once.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(String::as_str)
    }

    /// Returns the network, or the address as a network of one; the same of an address that is the host.
    #[must_use]
    pub fn networks(&self) -> &[IpNet] {
        &self.networks
    }

    /// Returns the hosts of a URL or e-mail address; a value that is a host itself is not listed again.
    pub fn hosts(&self) -> impl Iterator<Item = &str> {
        let hosts = self.hosts.iter().filter(|host| !self.keys.contains(host));
        hosts.map(String::as_str)
    }

    /// Returns the names above the name or above the host, the closest first, top-level domains left out.
    pub fn parents(&self) -> impl Iterator<Item = &str> {
        self.names.iter().flat_map(|name| {
            let dots = name.match_indices('.').map(|(at, _)| at);
            dots.filter_map(move |dot| name.get(dot + 1..))
                .filter(|parent| parent.contains('.'))
        })
    }
}

fn push_new(all: &mut Vec<String>, text: &str) {
    if !all.iter().any(|known| known == text) {
        all.push(text.to_owned());
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
        assert!(query.keys.iter().any(|key| key == "http://rs.example/"));
    }

    #[test]
    fn a_url_and_an_email_address_have_a_host() {
        for (text, host) in [
            ("http://user@WWW.Evil.example:8080/x", "www.evil.example"),
            ("www.evil.example/x", "www.evil.example"),
            ("192.0.2.1:443", "192.0.2.1"),
            ("https://[2001:DB8::1]/", "2001:db8::1"),
            ("Someone@Mail.Example", "mail.example"),
        ] {
            assert!(Query::parse(text).hosts().eq([host]), "{text}");
        }
        for text in [
            "evil.example",
            "192.0.2.1",
            "192.0.2.0/24",
            "2001:db8::/32",
            "CVE-2026-12345",
            "a text",
        ] {
            assert_eq!(Query::parse(text).hosts().count(), 0, "{text}");
        }
        assert!(Query::parse("http://a.b.example/").parents().eq(["b.example"]));
    }

    #[test]
    fn an_indicator_with_brackets_in_it_is_not_turned_into_another_one() {
        for url in [
            "http://evil.example/a[.]php",
            "evil.example/?x=(at)",
            "http://[2001:db8::1]/{.}",
        ] {
            let query = Query::asking(url);
            assert_eq!((query.looked_up(), &query), (url, &Query::parse(url)));
        }
        for (defanged, plain) in [
            ("http://evil[.]example/a[.]php", "http://evil.example/a.php"),
            ("http://evil.example[:]8080/", "http://evil.example:8080/"),
            ("user[at]evil.example", "user@evil.example"),
            ("192.0.2[.]1", "192.0.2.1"),
        ] {
            assert_eq!(Query::asking(defanged).looked_up(), plain);
        }
    }

    #[test]
    fn a_defanged_value_is_looked_up_in_both_forms_and_only_when_asking() {
        let query = Query::asking("hxxp://evil[.]example/x");
        assert_eq!(query.looked_up(), "http://evil.example/x");
        for key in ["http://evil.example/x", "hxxp://evil[.]example/x"] {
            assert!(query.keys.iter().any(|known| known == key), "{key}");
        }
        assert!(query.hosts().eq(["evil.example"]));
        assert_eq!(Query::parse("192.0.2[.]1").normal_forms(), [] as [String; 0]);
        // Nothing becomes a value of a type that it was not meant for.
        assert_eq!(Query::asking("a (at) text").looked_up(), "a (at) text");
    }

    #[test]
    fn parents_are_the_names_above_without_the_top() {
        let query = Query::parse("a.b.example.com");
        assert!(query.parents().eq(["b.example.com", "example.com"]));
        assert_eq!(Query::parse("192.0.2.1").parents().count(), 0);
    }
}
