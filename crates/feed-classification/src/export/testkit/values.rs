//! Values for exporters: harmless ones, and those that break formats.

use std::collections::BTreeSet;

use crate::{Extractor, IndicatorType, MAX_VALUE_BYTES};

/// Returns values of a type, sorted: harmless ones, and those that break formats and pass its grammar.
///
/// For a test with the program that reads the format: it has to load the exporter's output for these values.
#[must_use]
pub fn values(kind: IndicatorType) -> Vec<String> {
    let values: BTreeSet<String> = harmless(kind).into_iter().chain(hostile(kind)).collect();
    values.into_iter().collect()
}

/// Returns three values of each type without special characters, in order; addresses do not touch, so nothing merges.
pub(super) fn harmless(kind: IndicatorType) -> Vec<String> {
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

/// Returns the values that break formats and pass the grammar of the type.
pub(super) fn hostile(kind: IndicatorType) -> Vec<String> {
    const TEXTS: [&str; 50] = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "a,b",
        "a;b",
        "a\tb",
        "a|b",
        "a\"b",
        "a'b",
        "a<b>c",
        "\"",
        "'",
        "\"\"\"",
        "\\",
        "\\\"",
        "a\"b'c`d",
        "<entry>x</entry>",
        "]]>",
        "&amp;",
        "&#10;",
        "; comment",
        "-- comment",
        "a--b",
        "a-->b",
        "a\\b",
        "a\\",
        "a$b",
        "a*b",
        "# comment",
        "// comment",
        "! comment",
        "- item",
        "a: b",
        "[a]",
        "{a}",
        "null",
        "yes",
        "0x10",
        "1e3",
        "%0a%0d",
        "$(id)",
        "${jndi:x}",
        "\u{202e}gnp.exe",
        "\u{feff}bom",
        "\u{1f600} ünï",
        "e\u{301}",
        "\u{10fffe}",
        "http://a.example/x y,z\";'#<&>",
        "evil.example/?u=http://b.example/",
    ];
    const LINES: [&str; 3] = ["one\ntwo", "one\r\ntwo\r\n", "# one\n\n\ttwo: \"three\"\n"];
    // Only rules may be longer than this.
    let long = "x".repeat(MAX_VALUE_BYTES);
    let long_rule = "a \"b\", 'c'; <d>\n".repeat(64 * 1024 / 16);
    let long_url = format!("http://a.example/{}", "x,\"<".repeat(1000));
    let long_name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    let candidates = TEXTS
        .iter()
        .chain(&LINES)
        .copied()
        .chain([long.as_str(), &long_rule, &long_url, &long_name]);
    let addresses = [
        "0.0.0.0/0",
        "255.255.255.255",
        "::",
        "::/0",
        "::ffff:203.0.113.77",
        "_a-b.xn--p1ai",
        "|o'neil|@a.example",
        "ünï@a.example",
    ];
    let extractor = Extractor::new(kind).max_expand(1);
    let mut values = BTreeSet::new();
    for candidate in candidates.chain(addresses) {
        // An exporter never gets a value that the grammar refuses.
        let _ = extractor.extract("", candidate, &mut |value| {
            values.insert(value.to_owned());
        });
    }
    values.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::{Extractor, IndicatorType, harmless};

    #[test]
    fn harmless_values_are_in_normal_form_and_in_order() {
        for kind in IndicatorType::ALL {
            let values = harmless(*kind);
            assert!(values.is_sorted_by(|left, right| left < right), "{kind}");
            for value in &values {
                Extractor::new(*kind)
                    .extract("", value, &mut |found| assert_eq!(found, value))
                    .unwrap();
            }
        }
    }
}
