//! Escaping for formats of text, for exporters of this crate and of others.

use std::io::{self, Write};

/// Returns whether a text holds a character that some reader takes for the end of a line, the separators of Unicode
/// included.
///
/// In a format of lines such a value would read as two, and has to be left out.
///
/// ```
/// use feed_classification::export::escape::has_line_break;
///
/// assert!(has_line_break("one\u{2028}two") && !has_line_break("one\ttwo"));
/// ```
#[must_use]
pub fn has_line_break(value: &str) -> bool {
    // Looks at all bytes, which takes a processor fewer steps than to stop at the first: nearly no value has one.
    let is_suspicious = |byte: u8| matches!(byte, b'\n'..=b'\r' | 0x80..);
    let may_have = value.bytes().fold(false, |found, byte| found | is_suspicious(byte));
    may_have && value.contains(['\n', '\u{b}', '\u{c}', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

/// Writes a field of CSV as in RFC 4180: between quotes, each quote inside doubled, if it has a comma, a quote, a line
/// break, or white space at an end; otherwise as it is.
///
/// It does not disarm formulas: `=1+1` stays, since a program that reads the file needs the very value.
///
/// ```
/// use feed_classification::export::escape::csv_field;
///
/// let mut out = Vec::new();
/// csv_field("a,\"b\"", &mut out)?;
/// assert_eq!(out, br#""a,""b""""#);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the writer.
pub fn csv_field(text: &str, out: &mut dyn Write) -> io::Result<()> {
    let needs_quotes = text.contains([',', '"', '\n', '\r']) || text.trim() != text;
    if !needs_quotes {
        return out.write_all(text.as_bytes());
    }
    out.write_all(b"\"")?;
    escaped(text, out, |char| char == '"', |_, out| out.write_all(b"\"\""))?;
    out.write_all(b"\"")
}

/// Writes a JSON string with its quotes, everything outside `' '..='~'` as `\uXXXX` (pairs of surrogates above U+FFFF).
///
/// The bytes are those of Python's `json.dumps`, as in Cratos FastAPI, and plain ASCII.
///
/// ```
/// use feed_classification::export::escape::json_str;
///
/// let mut out = Vec::new();
/// json_str("a\"ü\n", &mut out)?;
/// assert_eq!(out, br#""a\"\u00fc\n""#);
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the writer.
pub fn json_str(text: &str, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"\"")?;
    let special = |char| matches!(char, '"' | '\\') || !matches!(char, ' '..='~');
    escaped(text, out, special, |char, out| match char {
        '"' => out.write_all(b"\\\""),
        '\\' => out.write_all(b"\\\\"),
        '\n' => out.write_all(b"\\n"),
        '\r' => out.write_all(b"\\r"),
        '\t' => out.write_all(b"\\t"),
        '\u{8}' => out.write_all(b"\\b"),
        '\u{c}' => out.write_all(b"\\f"),
        _ => char
            .encode_utf16(&mut [0; 2])
            .iter()
            .try_for_each(|unit| write!(out, "\\u{unit:04x}")),
    })?;
    out.write_all(b"\"")
}

/// Returns text for the inside of `content:"…"` in a rule of Suricata or Snort.
///
/// Letters, digits and a few signs are unchanged; all else is hexadecimal between bars (`|3B 22|`), so no character is
/// left that has a meaning in a rule or for one of its parsers.
///
/// ```
/// use feed_classification::export::escape::suricata_content;
///
/// assert_eq!(suricata_content("/a;\"b:ü"), "/a|3B 22|b|3A C3 BC|");
/// ```
#[must_use]
pub fn suricata_content(text: &str) -> String {
    let mut content = String::with_capacity(text.len());
    let mut in_bars = false;
    for byte in text.bytes() {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/?=&%+@,".contains(&byte);
        match (is_plain, in_bars) {
            (true, true) => content.push('|'),
            (true, false) => {}
            (false, true) => content.push(' '),
            (false, false) => content.push('|'),
        }
        in_bars = !is_plain;
        if is_plain {
            content.push(char::from(byte));
        } else {
            content.push_str(&format!("{byte:02X}"));
        }
    }
    if in_bars {
        content.push('|');
    }
    content
}

/// Returns an extended regular expression of POSIX that matches this text as it is.
///
/// ```
/// use feed_classification::export::escape::extended_regex;
///
/// assert_eq!(extended_regex("a.example/x?y=(z)"), r"a\.example/x\?y=\(z\)");
/// ```
#[must_use]
pub fn extended_regex(text: &str) -> String {
    with_backslashes(text, |char| r"\.[]{}()*+?^$|".contains(char))
}

/// Returns a regular expression of PCRE that matches this text as it is, and that may stand between slashes.
///
/// Every ASCII character but letters and digits has a backslash before it, which takes any meaning away from it, also
/// in the extended syntax.
///
/// ```
/// use feed_classification::export::escape::pcre;
///
/// assert_eq!(pcre("a/b #1ü"), r"a\/b\ \#1ü");
/// ```
#[must_use]
pub fn pcre(text: &str) -> String {
    with_backslashes(text, |char| char.is_ascii() && !char.is_ascii_alphanumeric())
}

fn with_backslashes(text: &str, is_special: impl Fn(char) -> bool) -> String {
    let mut expression = String::with_capacity(text.len());
    for char in text.chars() {
        if is_special(char) {
            expression.push('\\');
        }
        expression.push(char);
    }
    expression
}

/// Writes text for the inside of an XML element: `&`, `<`, `>` and carriage return as references, so that a parser
/// gives back the same text (it would turn a raw carriage return into a line feed).
///
/// A text for which [`is_xml_text`] is false cannot be written in XML at all.
///
/// ```
/// use feed_classification::export::escape::xml_text;
///
/// let mut out = Vec::new();
/// xml_text("<a> & b", &mut out)?;
/// assert_eq!(out, b"&lt;a&gt; &amp; b");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the writer.
pub fn xml_text(text: &str, out: &mut dyn Write) -> io::Result<()> {
    escaped(
        text,
        out,
        |char| matches!(char, '&' | '<' | '>' | '\r'),
        |char, out| {
            out.write_all(match char {
                '&' => b"&amp;",
                '<' => b"&lt;",
                '>' => b"&gt;",
                _ => b"&#13;",
            })
        },
    )
}

/// Returns whether XML 1.0 can hold every character of a text (its production `Char`), also as a reference.
#[must_use]
pub fn is_xml_text(text: &str) -> bool {
    text.chars().all(|char| matches!(char, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}'))
}

/// Writes a YAML scalar in flow style on one line that every YAML 1.1 and 1.2 parser reads as this very string.
///
/// The scalar is plain only if it begins with a letter, has nothing but letters, digits and `.` `_` `/` `@` `-`, and
/// has no other meaning (for example `yes`). Other printable ASCII is single-quoted, everything else double-quoted. So
/// a dotted quad is quoted: by the loose definition of YAML 1.1 it is a float.
///
/// ```
/// use feed_classification::export::escape::yaml_str;
///
/// let mut out = Vec::new();
/// yaml_str("it's 192.0.2.1", &mut out)?;
/// assert_eq!(out, b"'it''s 192.0.2.1'");
/// # Ok::<(), std::io::Error>(())
/// ```
///
/// # Errors
/// Those of the writer.
pub fn yaml_str(text: &str, out: &mut dyn Write) -> io::Result<()> {
    if is_plain_yaml(text) {
        return out.write_all(text.as_bytes());
    }
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        out.write_all(b"'")?;
        escaped(text, out, |char| char == '\'', |_, out| out.write_all(b"''"))?;
        return out.write_all(b"'");
    }
    out.write_all(b"\"")?;
    let special = |char| matches!(char, '"' | '\\') || !matches!(char, ' '..='~');
    escaped(text, out, special, |char, out| match char {
        '"' => out.write_all(b"\\\""),
        '\\' => out.write_all(b"\\\\"),
        '\n' => out.write_all(b"\\n"),
        '\r' => out.write_all(b"\\r"),
        '\t' => out.write_all(b"\\t"),
        '\0'..='\u{ff}' => write!(out, "\\x{:02X}", u32::from(char)),
        '\u{100}'..='\u{ffff}' => write!(out, "\\u{:04X}", u32::from(char)),
        _ => write!(out, "\\U{:08X}", u32::from(char)),
    })?;
    out.write_all(b"\"")
}

fn is_plain_yaml(text: &str) -> bool {
    /// Words that YAML 1.1 or 1.2 reads as a boolean, a number or null, in any case.
    const WORDS: [&str; 11] = [
        "y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf",
    ];
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'/' | b'@' | b'-'))
        && !WORDS.iter().any(|word| text.eq_ignore_ascii_case(word))
}

/// Writes a text with its special characters replaced, the stretches between them in one piece.
fn escaped(
    text: &str,
    out: &mut dyn Write,
    special: impl Fn(char) -> bool,
    replace: impl Fn(char, &mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    let mut rest = text;
    while let Some(position) = rest.find(&special) {
        let (before, from) = rest.split_at(position);
        out.write_all(before.as_bytes())?;
        let mut chars = from.chars();
        if let Some(char) = chars.next() {
            replace(char, out)?;
        }
        rest = chars.as_str();
    }
    out.write_all(rest.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{csv_field, has_line_break, io, is_xml_text, json_str, xml_text, yaml_str};

    fn written(write: fn(&str, &mut dyn io::Write) -> io::Result<()>, text: &str) -> String {
        let mut out = Vec::new();
        write(text, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_plain_ascii_with_lower_case_escapes() {
        assert_eq!(written(json_str, "a/'b"), r#""a/'b""#);
        assert_eq!(written(json_str, "\"\\\n\r\t\u{8}\u{c}"), r#""\"\\\n\r\t\b\f""#);
        assert_eq!(
            written(json_str, "\0\u{1f}\u{7f}æ\u{2028}"),
            r#""\u0000\u001f\u007f\u00e6\u2028""#
        );
        assert_eq!(written(json_str, "\u{1f600}"), r#""\ud83d\ude00""#);
    }

    #[test]
    fn csv_quotes_only_what_a_reader_would_split_or_trim() {
        for plain in ["a", "", "=cmd|' /C calc'!A0", "a;b", "a b", "it's", "# a", "ü\u{202e}"] {
            assert_eq!(written(csv_field, plain), plain);
        }
        assert_eq!(written(csv_field, "\""), "\"\"\"\"");
        assert_eq!(written(csv_field, "a,b\r\n\"c\""), "\"a,b\r\n\"\"c\"\"\"");
        assert_eq!(written(csv_field, "a "), "\"a \"");
        assert_eq!(written(csv_field, "\ta"), "\"\ta\"");
    }

    #[test]
    fn xml_escapes_markup_and_keeps_carriage_returns() {
        assert_eq!(
            written(xml_text, "<a href='x'>&amp;</a>]]>\r\n\tæ"),
            "&lt;a href='x'&gt;&amp;amp;&lt;/a&gt;]]&gt;&#13;\n\tæ"
        );
    }

    #[test]
    fn xml_has_no_way_to_write_control_characters() {
        for text in ["\0", "a\u{b}", "\u{1b}[2J", "\u{fffe}", "\u{ffff}"] {
            assert!(!is_xml_text(text), "{text:?}");
        }
        for text in ["", "\t\r\n", "æ\u{7f}\u{85}\u{2028}\u{fffd}\u{1f600}"] {
            assert!(is_xml_text(text), "{text:?}");
        }
    }

    #[test]
    fn yaml_quotes_texts_that_a_parser_could_misread() {
        for plain in [
            "evil.example",
            "a_b",
            "x@example.com",
            "CVE-2024-0001",
            "nonsense",
            "e10",
        ] {
            assert_eq!(written(yaml_str, plain), plain);
        }
        for quoted in [
            "",
            " ",
            "192.0.2.1",
            "1e3",
            "0x1F",
            "12:30:45",
            "2026-11-22",
            "null",
            "NULL",
            "~",
            "yes",
            "No",
            "on",
            "y",
            "N",
            "true",
            ".inf",
            ".NaN",
            "- a",
            "# a",
            "a #b",
            "a: b",
            "a:",
            "*a",
            "&a",
            "!a",
            "|",
            ">",
            "%a",
            "@a",
            "`a",
            "{a",
            "[a]",
            "?",
            "=",
            "<<",
            "---",
            "...",
            "10.0.0.0/8",
            "it,s",
            "\"q\"",
        ] {
            assert_eq!(written(yaml_str, quoted), format!("'{quoted}'"));
        }
        assert_eq!(written(yaml_str, "it's"), "'it''s'");
    }

    #[test]
    fn yaml_writes_everything_else_with_escapes() {
        assert_eq!(
            written(yaml_str, "æ \u{1f600} \u{2028}"),
            "\"\\xE6 \\U0001F600 \\u2028\""
        );
        assert_eq!(
            written(yaml_str, "a\r\n\t\"b\"\\\0"),
            "\"a\\r\\n\\t\\\"b\\\"\\\\\\x00\""
        );
    }

    #[test]
    fn each_line_break_is_found_however_many_bytes_it_has() {
        for found in [
            "a\nb",
            "a\r\nb",
            "\u{b}",
            "\u{c}",
            "\u{85}",
            "a\u{2028}b",
            "\u{2029}",
            "\u{2028}\n",
        ] {
            assert!(has_line_break(found), "{found:?}");
        }
        for none in ["", "a\tb", "é", "ab\u{7f}", "\u{202e}\u{2027}"] {
            assert!(!has_line_break(none), "{none:?}");
        }
    }
}
