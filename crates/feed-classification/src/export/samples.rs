//! Values for examples and tests: of each type some that are kept for documentation.

use crate::IndicatorType;

/// Returns three values of the type without special characters, in order; addresses do not touch, so nothing merges.
pub(super) fn samples(kind: IndicatorType) -> Vec<String> {
    use IndicatorType as Kind;
    let hashes = |digits: usize| ["1", "5", "a"].map(|digit| digit.repeat(digits));
    let texts = |texts: [&str; 3]| texts.map(str::to_owned);
    let values = match kind {
        Kind::Ipv4 | Kind::Ipv4Ext => texts(["192.0.2.1", "198.51.100.7", "203.0.113.9"]),
        Kind::Ipv6 | Kind::Ipv6Ext => texts(["2001:db8:1::", "2001:db8::1", "2001:db8::5"]),
        Kind::Cidr4 => texts(["192.0.2.0/24", "198.51.100.0/25", "203.0.113.8/29"]),
        Kind::Cidr6 => texts(["2001:db8:1::/48", "2001:db8:2::/48", "2001:db8:3::/64"]),
        Kind::Ip => texts(["192.0.2.0/24", "198.51.100.7", "2001:db8::1"]),
        Kind::Domain | Kind::Hostname => texts(["a.example", "b.example.net", "c.example.org"]),
        Kind::Url => texts(["http://a.example/", "http://b.example/x", "https://c.example/y?z=1"]),
        Kind::FileMd5
        | Kind::X509FingerprintMd5
        | Kind::Ja3
        | Kind::HasshMd5
        | Kind::HasshServerMd5
        | Kind::Imphash => hashes(32),
        Kind::FileSha1 | Kind::X509FingerprintSha1 => hashes(40),
        Kind::FileSha256 | Kind::X509FingerprintSha256 => hashes(64),
        Kind::EmailAddress => texts(["a@example.com", "b@example.net", "c@example.org"]),
        Kind::Vulnerability => texts(["CVE-2024-0001", "CVE-2024-0002", "CVE-2025-12345"]),
        Kind::CryptoCurrency => ["2", "3", "4"].map(|digit| format!("1{}", digit.repeat(30))),
        Kind::ChromeExtensionId | Kind::EdgeExtensionId => ["a", "c", "p"].map(|letter| letter.repeat(32)),
        Kind::Ja4 => ["1", "2", "3"].map(|digit| format!("t13d1516h2_{}_b186095e22b6", digit.repeat(12))),
        Kind::Snort => ["1", "2", "3"].map(|sid| format!("alert ip any any -> 192.0.2.{sid} any (sid:{sid};)")),
        Kind::Yara => ["a", "b", "c"].map(|name| format!("rule {name} {{ condition: true }}")),
        Kind::Sigma => ["a", "b", "c"].map(|title| {
            format!("{{title: {title}, logsource: {{product: x}}, detection: {{s: {{f: v}}, condition: s}}}}")
        }),
        Kind::Mutex | Kind::EmailSubject | Kind::EmailAttachment | Kind::Filename | Kind::UserAgent => {
            texts(["one", "three", "two"])
        }
    };
    values.into()
}

#[cfg(test)]
mod tests {
    use super::samples;
    use crate::{Extractor, IndicatorType};

    #[test]
    fn samples_are_in_normal_form_and_in_order() {
        for kind in IndicatorType::ALL {
            let values = samples(*kind);
            assert!(values.is_sorted_by(|left, right| left < right), "{kind}");
            for value in &values {
                Extractor::new(*kind)
                    .extract("", value, &mut |found| assert_eq!(found, value))
                    .unwrap();
            }
        }
    }
}
