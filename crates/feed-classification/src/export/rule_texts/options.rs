//! The options of a rule, between its brackets.

use super::dialect::Dialect;
use crate::export::QuarantineReason;

const KEYWORD: QuarantineReason = QuarantineReason::because("rule_keyword");
const NUMBER: QuarantineReason = QuarantineReason::because("rule_number");
const SYNTAX: QuarantineReason = QuarantineReason::because("rule_syntax");
const TOO_LONG: QuarantineReason = QuarantineReason::because("rule_too_long");

/// The longest rule; Suricata reads lines of 8 192 bytes with their end.
const MAX_BYTES: usize = 8_000;

/// The options, and the numbers among them.
#[derive(Debug, Default)]
pub(super) struct Options {
    /// Each option without its semicolon.
    pub(super) words: Vec<String>,
    pub(super) sid: Option<u32>,
    pub(super) gid: u32,
    pub(super) rev: u32,
}

/// Reads the options behind the opening bracket; returns them and what follows the closing one.
pub(super) fn read<'t>(text: &'t str, dialect: &Dialect) -> Result<(Options, &'t str), QuarantineReason> {
    let mut options = Options {
        gid: 1,
        ..Options::default()
    };
    let mut seen = Vec::new();
    let mut length = 0;
    let mut rest = text.trim_start();
    loop {
        if let Some(behind) = rest.strip_prefix(')') {
            return if options.words.is_empty() {
                Err(SYNTAX)
            } else {
                Ok((options, behind))
            };
        }
        let end = end_of_option(rest).ok_or(SYNTAX)?;
        let (option, behind) = rest.split_at_checked(end).ok_or(SYNTAX)?;
        rest = behind.strip_prefix(';').ok_or(SYNTAX)?.trim_start();
        let (name, value) = match option.split_once(':') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (option.trim(), None),
        };
        check(name, value, dialect)?;
        if let "sid" | "gid" | "rev" = name {
            if seen.contains(&name) {
                return Err(NUMBER);
            }
            seen.push(name);
            let number = value
                .and_then(|value| value.parse::<u32>().ok())
                .filter(|number| *number > 0);
            let number = number.ok_or(NUMBER)?;
            match name {
                "sid" => options.sid = Some(number),
                "gid" => options.gid = number,
                _ => options.rev = number,
            }
        }
        let word = value.map_or_else(|| name.to_owned(), |value| format!("{name}:{value}"));
        length += word.len() + 2;
        if length > MAX_BYTES {
            return Err(TOO_LONG);
        }
        options.words.push(word);
    }
}

/// Returns where an option ends: at a semicolon that no backslash escapes. Suricata ends it there inside of quotes too.
fn end_of_option(text: &str) -> Option<usize> {
    let mut chars = text.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            ';' => return Some(place),
            '\n' | '\r' => return None,
            _ => {}
        }
    }
    None
}

fn check(name: &str, value: Option<&str>, dialect: &Dialect) -> Result<(), QuarantineReason> {
    if !dialect.keywords.contains(&name) {
        return Err(KEYWORD);
    }
    let Some(value) = value else { return Ok(()) };
    // Names of people and places occur in messages only.
    let is_prose = matches!(name, "msg" | "metadata" | "reference");
    let is_plain = |char: char| matches!(char, '\t' | ' '..='~') || (is_prose && !char.is_control());
    if value.is_empty() || !value.chars().all(is_plain) || !has_whole_quotes(value) {
        return Err(SYNTAX);
    }
    let is_valid = match name {
        "msg" => is_quoted(value),
        "pcre" => is_quoted(value.strip_prefix('!').unwrap_or(value)),
        "content" | "uricontent" => is_content(value.strip_prefix('!').unwrap_or(value).trim_start(), dialect),
        _ => true,
    };
    is_valid.then_some(()).ok_or(SYNTAX)
}

/// Returns whether each quote that no backslash escapes has its other one.
fn has_whole_quotes(value: &str) -> bool {
    quotes(value).len().is_multiple_of(2)
}

/// Returns the places of the quotes that no backslash escapes.
fn quotes(value: &str) -> Vec<usize> {
    let mut places = Vec::new();
    let mut chars = value.char_indices();
    while let Some((place, char)) = chars.next() {
        match char {
            '\\' => drop(chars.next()),
            '"' => places.push(place),
            _ => {}
        }
    }
    places
}

fn is_quoted(value: &str) -> bool {
    quotes(value) == [0, value.len() - 1]
}

/// A quoted text with hexadecimal between bars; behind it modifiers, where the engine has them there.
fn is_content(value: &str, dialect: &Dialect) -> bool {
    let places = quotes(value);
    let &[0, end] = places.as_slice() else { return false };
    let behind = value.get(end + 1..).unwrap_or_default().trim_start();
    let text = value.get(1..end).unwrap_or_default();
    let has_modifiers = dialect.has_modifiers_in_content && behind.starts_with(',');
    !text.is_empty() && (behind.is_empty() || has_modifiers) && has_whole_bars(text)
}

/// Returns whether between each two bars there are whole bytes in hexadecimal.
fn has_whole_bars(text: &str) -> bool {
    let mut is_hexadecimal = false;
    let mut digits = 0_usize;
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (is_hexadecimal, char) {
            (false, '\\') => drop(chars.next()),
            (false, '|') => (is_hexadecimal, digits) = (true, 0),
            (true, '|') if digits > 0 && digits.is_multiple_of(2) => is_hexadecimal = false,
            (true, ' ') if digits.is_multiple_of(2) => {}
            (true, char) if char.is_ascii_hexdigit() => digits += 1,
            (true, _) => return false,
            (false, _) => {}
        }
    }
    !is_hexadecimal
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{SNORT_3, SURICATA};
    use super::read;

    #[test]
    fn options_of_common_rules_are_read_with_their_numbers() {
        let text =
            r#"msg:"a \"b\" \; c"; content:"|0A 0b|\"x\;y"; nocase ; pcre:!"/a\;b/i"; sid:7; rev:3; gid:2;) # x"#;
        let (options, rest) = read(text, &SURICATA).unwrap();
        assert_eq!((options.sid, options.rev, options.gid, rest), (Some(7), 3, 2, " # x"));
        assert_eq!(options.words.len(), 7);
        assert!(read(r#"content:"x",nocase,depth 3; sid:1;)"#, &SNORT_3).is_ok());
    }

    #[test]
    fn other_options_are_refused_with_the_reason() {
        for (text, reason) in [
            (")", "rule_syntax"),
            ("sid:1", "rule_syntax"),
            ("sid:1)", "rule_syntax"),
            ("msg:\"a; sid:1;)", "rule_syntax"),
            ("msg:a; sid:1;)", "rule_syntax"),
            ("msg:\u{201c}a\u{201d}; sid:1;)", "rule_syntax"),
            ("content:\"\"; sid:1;)", "rule_syntax"),
            ("content:\"|0|\"; sid:1;)", "rule_syntax"),
            ("content:\"|0g|\"; sid:1;)", "rule_syntax"),
            ("content:\"|00\"; sid:1;)", "rule_syntax"),
            ("content:\"a\",nocase; sid:1;)", "rule_syntax"),
            ("content:\"\u{e9}\"; sid:1;)", "rule_syntax"),
            ("msg:\"a\n\"; sid:1;)", "rule_syntax"),
            ("contents:\"a\"; sid:1;)", "rule_keyword"),
            ("filestore; sid:1;)", "rule_keyword"),
            ("lua:x.lua; sid:1;)", "rule_keyword"),
            ("sid:x;)", "rule_number"),
            ("sid:0;)", "rule_number"),
            ("sid:1; sid:2;)", "rule_number"),
            ("sid:4294967296;)", "rule_number"),
        ] {
            assert_eq!(read(text, &SURICATA).unwrap_err().reason(), reason, "{text}");
        }
        let long = format!("msg:\"{}\"; sid:1;)", "x".repeat(9_000));
        assert_eq!(read(&long, &SURICATA).unwrap_err().reason(), "rule_too_long");
    }
}
