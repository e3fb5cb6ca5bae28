//! The battery that every exporter has to pass, ours and those of other crates (feature `testkit`).
//!
//! Each function asserts, so it is called from a test. Values go through the grammar of their type first: what is checked is what
//! can arrive.

use std::collections::BTreeSet;
use std::io::{self, Write};

use crate::export::{Exported, Exporter, FeedInfo};
use crate::{Extractor, Indicator, IndicatorType, MAX_VALUE_BYTES, TypeSet};

/// Reads the values back out of an exporter's output; for [`check_round_trip`].
pub type Reader<'r> = &'r dyn Fn(&[u8]) -> Vec<String>;

/// Asserts what holds for every exporter:
///
/// - it describes itself in a way that fits into URLs and headers;
/// - the same indicators give the same bytes, also through a writer that takes one byte at a time;
/// - a feed without indicators can be written;
/// - counting gives the same numbers as writing;
/// - nothing of a type that it does not accept appears or is counted;
/// - a refused value leaves nothing behind, and is counted;
/// - a hostile value takes as many lines as a harmless one, or fewer where entries merge (rules excepted: they are texts of many
///   lines);
/// - an error of the writer comes back, wherever it happens.
pub fn check(exporter: &dyn Exporter) {
    check_about(exporter);
    check_types(exporter);
    for kind in exporter.about().accepts.iter() {
        let values = harmless(kind);
        check_bytes(exporter, kind, &values);
        check_writer_errors(exporter, kind, &values);
        for value in hostile(kind) {
            check_hostile(exporter, kind, &values, &value);
        }
    }
}

/// Asserts that `read` gives back exactly the values that were written, for every accepted type, harmless and hostile ones together.
pub fn check_round_trip(exporter: &dyn Exporter, read: Reader<'_>) {
    for kind in exporter.about().accepts.iter() {
        let values = values(kind);
        let (bytes, _) = export(exporter, kind, &values);
        let expected: Vec<_> = values
            .into_iter()
            .filter(|value| exporter.refuses(&Indicator::new(kind, value)).is_none())
            .collect();
        assert_eq!(
            read(&bytes),
            expected,
            "{kind}: other values came back than were written"
        );
        assert_eq!(
            read(&export(exporter, kind, &[]).0),
            Vec::<String>::new(),
            "{kind}: an empty feed has values"
        );
    }
}

/// Returns values of a type, sorted: harmless ones, and what its grammar lets through of those that break formats.
///
/// For the program that a format is made for: whatever the exporter makes of these, it has to load.
#[must_use]
pub fn values(kind: IndicatorType) -> Vec<String> {
    let values: BTreeSet<String> = harmless(kind).into_iter().chain(hostile(kind)).collect();
    values.into_iter().collect()
}

fn check_about(exporter: &dyn Exporter) {
    let about = exporter.about();
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    assert!(is_name(about.name), "the name {:?} does not fit into a url", about.name);
    assert!(
        is_name(about.extension),
        "the extension {:?} is no file extension",
        about.extension
    );
    assert!(
        about.content_type.contains('/') && about.content_type.is_ascii(),
        "{:?} is no content type",
        about.content_type
    );
    assert!(
        !about.summary.is_empty() && !about.summary.contains('\n'),
        "the summary has to be one line"
    );
    assert!(
        !about.accepts.is_empty(),
        "an exporter that accepts no type is of no use"
    );
}

fn check_bytes(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) {
    let (bytes, exported) = export(exporter, kind, values);
    assert_eq!(
        export(exporter, kind, values),
        (bytes.clone(), exported),
        "{kind}: the same indicators gave other bytes"
    );
    let total = exported.written + exported.quarantined;
    assert_eq!(
        total,
        values.len() as u64,
        "{kind}: an indicator is neither written nor quarantined"
    );

    let counted = exporter.count(&mut indicators(kind, values));
    assert_eq!(counted, exported, "{kind}: counting gives other numbers than writing");

    let about = exporter.about();
    let mut told = Vec::new();
    let info = info(kind);
    let outcome = exporter.export(&info.as_told_to(about), &mut indicators(kind, values), &mut told);
    assert!(outcome.is_ok(), "{kind}: it cannot be written");
    for (is_told, other) in [
        (
            about.titled,
            FeedInfo {
                name: "another",
                ..info
            },
        ),
        (about.dated, info.changed_at(jiff::Timestamp::MAX)),
    ] {
        let mut bytes = Vec::new();
        let outcome = exporter.export(&other.as_told_to(about), &mut indicators(kind, values), &mut bytes);
        assert!(outcome.is_ok(), "{kind}: it cannot be written");
        assert!(
            is_told || bytes == told,
            "{kind}: the bytes depend on what the exporter is not told"
        );
    }

    let mut slow = OneByteAtATime(Vec::new());
    let result = exporter.export(&info, &mut indicators(kind, values), &mut slow);
    assert!(
        result.is_ok_and(|again| again == exported),
        "{kind}: a slow writer changes the counts"
    );
    assert_eq!(slow.0, bytes, "{kind}: a slow writer changes the bytes");

    let (_, exported) = export(exporter, kind, &[]);
    assert_eq!(exported, Exported::default(), "{kind}: an empty feed has entries");
}

fn check_types(exporter: &dyn Exporter) {
    let accepts = exporter.about().accepts;
    let Some(kind) = accepts.iter().next() else {
        return;
    };
    let values = harmless(kind);
    let foreign: Vec<_> = TypeSet::ALL
        .without(accepts)
        .iter()
        .map(|other| (other, harmless(other)))
        .collect();
    let foreign = || foreign.iter().flat_map(|(other, values)| indicators(*other, values));
    let mut bytes = Vec::new();
    let mut mixed = foreign().chain(indicators(kind, &values)).chain(foreign());
    let exported = exporter.export(&info(kind), &mut mixed, &mut bytes).ok();
    assert_eq!(
        Some((bytes, exported.unwrap_or_default())),
        Some(export(exporter, kind, &values)),
        "a type that is not accepted shows"
    );
}

fn check_hostile(exporter: &dyn Exporter, kind: IndicatorType, values: &[String], hostile: &str) {
    let [first, middle, last] = values else {
        return;
    };
    let with = |middle: &str| export(exporter, kind, &[first.clone(), middle.to_owned(), last.clone()]);
    let (bytes, exported) = with(hostile);
    if exporter.refuses(&Indicator::new(kind, hostile)).is_some() {
        let (without, harmless) = export(exporter, kind, &[first.clone(), last.clone()]);
        assert_eq!(
            bytes, without,
            "{kind}: the refused value {hostile:?} left something behind"
        );
        assert_eq!(
            exported.quarantined,
            harmless.quarantined + 1,
            "{kind}: the refused value {hostile:?} is not counted"
        );
    } else if !TypeSet::RULES.contains(kind) {
        let lines = |bytes: &[u8]| {
            bytes
                .iter()
                .filter(|byte| matches!(byte, b'\n' | b'\r' | b'\0'))
                .count()
        };
        let (lines, harmless) = (lines(&bytes), lines(&with(middle).0));
        // What covers its neighbours takes their lines away.
        let fits = if exporter.about().merges {
            lines <= harmless
        } else {
            lines == harmless
        };
        assert!(
            fits,
            "{kind}: the value {hostile:?} takes {lines} lines and not {harmless}"
        );
    }
}

fn check_writer_errors(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) {
    let (bytes, _) = export(exporter, kind, values);
    for room in 0..bytes.len() {
        let mut out = FullAfter(room);
        let result = exporter.export(&info(kind), &mut indicators(kind, values), &mut out);
        let kept = result.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
        assert!(
            kept,
            "{kind}: the error of a writer that is full after {room} bytes is lost"
        );
    }
}

/// Three values of each type that no format has trouble with, in order; addresses do not touch, so nothing merges.
fn harmless(kind: IndicatorType) -> Vec<String> {
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
        Kind::Snort | Kind::Yara | Kind::Sigma => texts(["rule one", "rule three", "rule two"]),
        Kind::Mutex | Kind::EmailSubject | Kind::EmailAttachment | Kind::Filename | Kind::UserAgent => {
            texts(["one", "three", "two"])
        }
    };
    values.into()
}

/// What the grammar of a type lets through of the values that break formats.
fn hostile(kind: IndicatorType) -> Vec<String> {
    const TEXTS: [&str; 38] = [
        "=cmd|' /C calc'!A0",
        "+1",
        "-1",
        "@SUM(A1)",
        "a,b",
        "a;b",
        "a\tb",
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
    let long = "x".repeat(MAX_VALUE_BYTES);
    let long_url = format!("http://a.example/{}", "x,\"<".repeat(1000));
    let long_name = format!("{0}.{0}.{0}.{1}", "a".repeat(63), "b".repeat(61));
    let candidates = TEXTS
        .iter()
        .chain(&LINES)
        .copied()
        .chain([long.as_str(), &long_url, &long_name]);
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
        // What the grammar refuses cannot arrive.
        let _ = extractor.extract("", candidate, &mut |value| {
            values.insert(value.to_owned());
        });
    }
    values.into_iter().collect()
}

fn info(kind: IndicatorType) -> FeedInfo<'static> {
    FeedInfo::new(kind, "testkit")
}

fn indicators(kind: IndicatorType, values: &[String]) -> impl Iterator<Item = Indicator<'_>> {
    values.iter().map(move |value| Indicator::new(kind, value))
}

fn export(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) -> (Vec<u8>, Exported) {
    let mut bytes = Vec::new();
    let result = exporter.export(&info(kind), &mut indicators(kind, values), &mut bytes);
    assert!(result.is_ok(), "{kind}: writing to memory failed");
    (bytes, result.unwrap_or_default())
}

struct OneByteAtATime(Vec<u8>);

impl Write for OneByteAtATime {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.extend(bytes.first());
        Ok(bytes.len().min(1))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct FullAfter(usize);

impl Write for FullAfter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = bytes.len().min(self.0);
        self.0 -= taken;
        if taken == 0 && !bytes.is_empty() {
            Err(io::ErrorKind::StorageFull.into())
        } else {
            Ok(taken)
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
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
