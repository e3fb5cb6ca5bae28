//! The pattern of an indicator in STIX.

use std::borrow::Cow;

use ipnet::IpNet;

use crate::{Indicator, IndicatorType, TypeSet, network_of};

/// Types whose values STIX has an observable with a fitting property for.
///
/// Not among them: JA3, JA4 and HASSH, wallets, extensions of browsers, and CVE, which is an object of its own kind.
pub(super) const OBSERVABLES: TypeSet = TypeSet::ADDRESSES.union(TypeSet::NAMES).union(TypeSet::of(&[
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::Imphash,
    IndicatorType::Filename,
    IndicatorType::Mutex,
    IndicatorType::X509FingerprintMd5,
    IndicatorType::X509FingerprintSha1,
    IndicatorType::X509FingerprintSha256,
    IndicatorType::EmailAddress,
    IndicatorType::EmailSubject,
    IndicatorType::EmailAttachment,
    IndicatorType::UserAgent,
]));

/// A pattern with its `pattern_type`.
pub(super) struct Pattern<'v> {
    pub(super) language: &'static str,
    pub(super) text: Cow<'v, str>,
}

impl<'v> Pattern<'v> {
    /// Returns the pattern of an indicator, or nothing if it has none.
    pub(super) fn of(item: &Indicator<'v>) -> Option<Self> {
        if TypeSet::RULES.contains(item.kind) {
            return Some(Self {
                language: item.kind.as_str(),
                text: Cow::Borrowed(item.value),
            });
        }
        let text = if TypeSet::ADDRESSES.contains(item.kind) {
            of_network(network_of(item.value)?)
        } else {
            comparison(property(item.kind)?, "=", item.value)
        };
        Some(Self {
            language: "stix",
            text: Cow::Owned(text),
        })
    }
}

fn of_network(network: IpNet) -> String {
    let property = match network {
        IpNet::V4(_) => "ipv4-addr:value",
        IpNet::V6(_) => "ipv6-addr:value",
    };
    if network.prefix_len() == network.max_prefix_len() {
        comparison(property, "=", &network.addr().to_string())
    } else {
        comparison(property, "ISSUBSET", &network.trunc().to_string())
    }
}

/// Returns the object path. Names with a hyphen stand between quotes in it.
const fn property(kind: IndicatorType) -> Option<&'static str> {
    Some(match kind {
        IndicatorType::Domain | IndicatorType::Hostname => "domain-name:value",
        IndicatorType::Url => "url:value",
        IndicatorType::FileMd5 => "file:hashes.MD5",
        IndicatorType::FileSha1 => "file:hashes.'SHA-1'",
        IndicatorType::FileSha256 => "file:hashes.'SHA-256'",
        IndicatorType::Imphash => "file:extensions.'windows-pebinary-ext'.imphash",
        IndicatorType::Filename => "file:name",
        IndicatorType::Mutex => "mutex:name",
        IndicatorType::X509FingerprintMd5 => "x509-certificate:hashes.MD5",
        IndicatorType::X509FingerprintSha1 => "x509-certificate:hashes.'SHA-1'",
        IndicatorType::X509FingerprintSha256 => "x509-certificate:hashes.'SHA-256'",
        IndicatorType::EmailAddress => "email-addr:value",
        IndicatorType::EmailSubject => "email-message:subject",
        IndicatorType::EmailAttachment => "email-message:body_multipart[*].body_raw_ref.name",
        IndicatorType::UserAgent => "network-traffic:extensions.'http-request-ext'.request_header.'User-Agent'",
        _ => return None,
    })
}

/// Returns `[property operator 'value']`, where `\` and `'` of the value have a backslash in front.
fn comparison(property: &str, operator: &str, value: &str) -> String {
    let mut text = String::with_capacity(property.len() + operator.len() + value.len() + 8);
    text.push('[');
    text.push_str(property);
    text.push(' ');
    text.push_str(operator);
    text.push_str(" '");
    for char in value.chars() {
        if matches!(char, '\\' | '\'') {
            text.push('\\');
        }
        text.push(char);
    }
    text.push_str("']");
    text
}

#[cfg(test)]
mod tests {
    use super::{Indicator, IndicatorType, OBSERVABLES, Pattern, comparison, property};
    use crate::TypeSet;

    #[test]
    fn quotes_and_backslashes_are_escaped() {
        assert_eq!(comparison("a:b", "=", r"C:\x'y'\\"), r"[a:b = 'C:\\x\'y\'\\\\']");
        assert_eq!(comparison("a:b", "=", ""), "[a:b = '']");
    }

    #[test]
    fn every_type_that_is_accepted_has_a_property() {
        for kind in OBSERVABLES.without(TypeSet::ADDRESSES).iter() {
            assert!(property(kind).is_some(), "{kind}");
        }
    }

    #[test]
    fn networks_match_what_is_inside_of_them() {
        let pattern = |value| Pattern::of(&Indicator::new(IndicatorType::Ip, value)).unwrap().text;
        assert_eq!(pattern("192.0.2.1"), "[ipv4-addr:value = '192.0.2.1']");
        assert_eq!(pattern("192.0.2.0/24"), "[ipv4-addr:value ISSUBSET '192.0.2.0/24']");
        assert_eq!(pattern("2001:db8::1"), "[ipv6-addr:value = '2001:db8::1']");
        assert_eq!(pattern("::/0"), "[ipv6-addr:value ISSUBSET '::/0']");
        assert!(Pattern::of(&Indicator::new(IndicatorType::Ip, "no address")).is_none());
    }
}
