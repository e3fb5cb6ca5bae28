//! Values for exporters: harmless ones, and those that break formats.

use std::collections::BTreeSet;

use crate::export::samples::samples as harmless;
use crate::{Extractor, IndicatorType, MAX_VALUE_BYTES};

/// Returns values of a type, sorted: harmless ones, and those that break formats and pass its grammar.
///
/// For a test with the program that reads the format: it has to load the exporter's output for these values.
#[must_use]
pub fn values(kind: IndicatorType) -> Vec<String> {
    let values: BTreeSet<String> = harmless(kind).into_iter().chain(hostile(kind)).collect();
    values.into_iter().collect()
}

/// Returns the values that break formats and pass the grammar of the type.
pub(super) fn hostile(kind: IndicatorType) -> Vec<String> {
    const TEXTS: [&str; 72] = [
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
        "any",
        "all",
        "*",
        ".*",
        "^a+$",
        "(a|b)?[c]{2}",
        "/x/i",
        "-x",
        "!x",
        "include /etc/passwd",
        "$INCLUDE /etc/passwd",
        "@include x",
        "a\\x41\\",
        "%s%n",
        "a b 1;",
        "HTTP://A.Example:80/Y*",
        "https://Q.Example:443",
        "http://a.example:65535/^$(x)|y?*",
        "http://user:pass@a.example/x#y",
        "http://a.example./%2e%2e/%00%zz",
        "http://[2001:DB8:0::7]:8080/x",
        "a.example/x?y=1;2|3",
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
        "xn--a.example",
        "P\u{430}ypal.EXAMPLE.",
        "1.2.3.4.example",
        "any.all.example",
        "192.0.2.1/0",
        "!x@a.example",
        "*/x/=$y#@a.example",
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
