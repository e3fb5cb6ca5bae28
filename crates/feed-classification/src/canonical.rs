//! The canonical key of an indicator: two spellings of one thing have the same key.

use std::borrow::Cow;

use crate::grammar::{address, url};
use crate::{IndicatorType, TypeSet};

/// Returns the key by which values of this type are compared in any spelling.
///
/// Sets, false positives, look-ups and never-block lists all compare by it. `value` is a value as [`crate::Extractor`]
/// gives it; a value that does not parse is its own key.
///
/// - **Addresses and networks**: an IPv4-mapped IPv6 address is the IPv4 address, a network of one address is that
///   address, host bits are cleared, IPv6 is spelled as in RFC 5952. The block `::ffff:0:0/96` itself stays IPv6.
/// - **URLs**: scheme and host in lower case, the host in punycode without a trailing dot or as an address, no default
///   port, `/` for an empty path. User information, path, query and fragment stay as they are. So two URLs that differ
///   in the fragment only are two indicators.
/// - **Everything else**: the value itself, since the extractor gives one spelling only.
///
/// The key of a key is that key. A value that is its own key is borrowed.
///
/// ```
/// use feed_classification::{IndicatorType, canonical_key};
///
/// for (kind, value, key) in [
///     (IndicatorType::Ip, "::ffff:192.0.2.5", "192.0.2.5"),
///     (IndicatorType::Ip, "2001:db8::5/128", "2001:db8::5"),
///     (IndicatorType::Ip, "198.51.100.77/24", "198.51.100.0/24"),
///     (IndicatorType::Url, "HTTP://Bücher.Example:80", "http://xn--bcher-kva.example/"),
/// ] {
///     assert_eq!(canonical_key(kind, value), key);
/// }
/// ```
#[must_use]
pub fn canonical_key(kind: IndicatorType, value: &str) -> Cow<'_, str> {
    if kind == IndicatorType::Url {
        url::key(value)
    } else {
        canonical_text(kind, value)
    }
}

/// Returns the spelling in which a value is printed: the key of an address or network, any other value as it is.
pub(crate) fn canonical_text(kind: IndicatorType, value: &str) -> Cow<'_, str> {
    if TypeSet::ADDRESSES.contains(kind) {
        address::canonical_text(value)
    } else {
        Cow::Borrowed(value)
    }
}

/// Returns the host of a URL: a name in lower case and punycode without a trailing dot, or an address in its canonical
/// spelling without brackets. `None` if the value has no host, or one that is neither a name nor an address.
///
/// ```
/// use feed_classification::url_host;
///
/// assert_eq!(url_host("https://user@WWW.Example.COM.:8443/x").as_deref(), Some("www.example.com"));
/// assert_eq!(url_host("http://[2001:DB8::1]/").as_deref(), Some("2001:db8::1"));
/// assert_eq!(url_host("evil.example/x").as_deref(), Some("evil.example"));
/// assert_eq!(url_host("http://half[.]example/"), None);
/// ```
#[must_use]
pub fn url_host(value: &str) -> Option<Cow<'_, str>> {
    url::host(value)
}

#[cfg(test)]
mod tests {
    use super::canonical_key;
    use crate::IndicatorType::{self, Cidr6, Ip, Ipv4, Ipv6Ext, Url};
    use proptest::prelude::*;

    #[track_caller]
    fn same(kind: IndicatorType, key: &str, spellings: &[&str]) {
        for spelling in spellings.iter().chain([&key]) {
            assert_eq!(canonical_key(kind, spelling), key, "{spelling}");
        }
    }

    #[test]
    fn an_address_has_one_key_in_all_spellings() {
        same(
            Ip,
            "192.0.2.6",
            &[
                "192.0.2.6/32",
                "::ffff:192.0.2.6",
                "::FFFF:c000:0206",
                "::ffff:192.0.2.6/128",
            ],
        );
        same(Ipv4, "192.0.2.5", &["192.0.2.5/32"]);
        same(Ipv6Ext, "2001:db8::5", &["2001:DB8:0::5/128", "2001:0db8::0005"]);
    }

    #[test]
    fn a_network_has_one_key_with_any_host_bits() {
        same(Ip, "198.51.100.0/24", &["198.51.100.77/24", "198.51.100.78/24"]);
        same(Ip, "203.0.113.0/24", &["::ffff:203.0.113.9/120"]);
        same(Cidr6, "2001:db8::/32", &["2001:DB8::1/32"]);
    }

    /// It names a block of the IPv6 space. Read as IPv4 it would be the whole IPv4 space.
    #[test]
    fn the_block_of_mapped_addresses_stays_ipv6() {
        same(Ip, "::ffff:0.0.0.0/96", &["::ffff:192.0.2.1/96"]);
        same(Ip, "::/0", &["2001:db8::/0"]);
        same(Ip, "0.0.0.0/1", &["::ffff:0.0.0.0/97"]);
    }

    #[test]
    fn a_url_has_one_key_in_all_spellings_of_scheme_host_port_and_empty_path() {
        same(
            Url,
            "http://rs.example/",
            &[
                "http://rs.example",
                "HTTP://RS.Example",
                "http://rs.example:80/",
                "http://rs.example:080",
                "http://rs.example:",
                "http://rs.example./",
            ],
        );
        same(Url, "http://url.example/CaseHost", &["http://URL.Example/CaseHost"]);
        same(
            Url,
            "https://xn--bcher-kva.example/?q=ü",
            &["https://bücher.example:443?q=ü"],
        );
        same(Url, "http://[2001:db8::1]:8080/x", &["http://[2001:DB8:0::1]:8080/x"]);
        same(
            Url,
            "http://192.0.2.1/x",
            &["http://[::ffff:192.0.2.1]/x", "http://[::FFFF:c000:201]:80/x"],
        );
        same(Url, "evil.example/", &["Evil.Example"]);
    }

    #[test]
    fn urls_that_may_name_another_thing_have_another_key() {
        for (one, other) in [
            ("http://a.example/x", "http://a.example/X"),
            ("http://a.example/x", "http://a.example/x/"),
            ("http://a.example/x", "http://a.example/x#part"),
            ("http://a.example/#a", "http://a.example/#b"),
            ("http://a.example/x", "https://a.example/x"),
            ("http://a.example/x", "a.example/x"),
            ("http://a.example:443/", "http://a.example/"),
            ("a.example:80/", "a.example/"),
            ("http://User@a.example/", "http://user@a.example/"),
            ("http://a.example/%41", "http://a.example/A"),
        ] {
            assert_ne!(canonical_key(Url, one), canonical_key(Url, other), "{one} {other}");
        }
    }

    #[test]
    fn a_value_of_another_type_is_its_own_key() {
        for value in ["192.0.2.5/32", "HTTP://A.example", "x"] {
            assert_eq!(canonical_key(IndicatorType::Mutex, value), value);
        }
        for value in ["", "192.0.2.010", "::ffff:1.2.3.4.5", "fe80::1%eth0", "192.0.2.1/33"] {
            assert_eq!(canonical_key(Ip, value), value);
        }
        for value in ["", "word", "http://half[.]example/x", "http://"] {
            assert_eq!(canonical_key(Url, value), value);
        }
    }

    proptest! {
        #[test]
        fn the_key_of_a_key_is_that_key(
            value in "([a-zA-Z0-9+.-]{1,6}://)?([a-zA-Z@]{0,3}@)?[a-zA-Z0-9:.äßİ\\[\\]-]{0,20}(:[0-9]{0,5})?[/?#]?[ -~ä]{0,12}|[0-9a-fA-F:.]{2,30}(/[0-9]{1,3})?"
        ) {
            for kind in [Ip, Url] {
                let key = canonical_key(kind, &value).into_owned();
                prop_assert_eq!(&canonical_key(kind, &key), &key);
            }
        }
    }
}
