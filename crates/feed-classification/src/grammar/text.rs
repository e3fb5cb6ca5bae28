//! Texts that are never changed: names of files and mutexes, subjects, user agents, and rules of many lines.

use icu_properties::CodePointMapData;
use icu_properties::props::{GeneralCategory, GeneralCategoryGroup};

use crate::DropReason;

/// Returns the value without white space and without characters of Unicode category C at both ends: zero-width spaces,
/// byte order marks, soft hyphens, direction marks and control characters, which are often copied with a value out of a
/// document.
pub(crate) fn trimmed(value: &str) -> &str {
    // Most values begin and end with a character that stays.
    if let [first, .., last] = value.as_bytes()
        && first.is_ascii_graphic()
        && last.is_ascii_graphic()
    {
        return value;
    }
    value.trim_matches(|char: char| char.is_whitespace() || is_other(char))
}

/// Returns whether a character is of Unicode category C: control, format, private use or unassigned.
pub(crate) fn is_other(char: char) -> bool {
    if char.is_ascii() {
        return char.is_ascii_control();
    }
    GeneralCategoryGroup::Other.contains(CodePointMapData::<GeneralCategory>::new().get(char))
}

/// Accepts a text of one line: no control character but TAB, no line break of Unicode, no code point that is not a
/// character.
pub(crate) fn one_line(value: &str) -> Result<&str, DropReason> {
    accept(value, |char| char == '\t' || !breaks_out(char))
}

/// Accepts a text of one line without any control character at all.
pub(crate) fn one_line_without_tab(value: &str) -> Result<&str, DropReason> {
    accept(value, |char| !breaks_out(char))
}

/// Accepts a rule: TAB, LF and CR are part of its language, other control characters are not.
pub(crate) fn rule(value: &str) -> Result<&str, DropReason> {
    if value.trim().is_empty() {
        return Err(DropReason::Empty);
    }
    accept(value, |char| matches!(char, '\t' | '\n' | '\r') || !char.is_control())
}

/// Returns whether a character is invisible, so that two different values look the same: formatting and direction
/// marks.
pub(crate) fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
    )
}

fn accept(value: &str, allowed: impl Fn(char) -> bool) -> Result<&str, DropReason> {
    if value.is_empty() {
        return Err(DropReason::Empty);
    }
    // Most values are plain ASCII: one pass over the bytes, no decoding.
    let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain || value.chars().all(allowed) {
        Ok(value)
    } else {
        Err(DropReason::ControlCharacter)
    }
}

/// Characters that some consumer reads as the end of a line or of the text. U+2028 and U+2029 end lines in JavaScript
/// and Python; U+FFFE and U+FFFF are not characters, and XML parsers refuse them.
fn breaks_out(char: char) -> bool {
    char.is_control() || matches!(char, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}')
}
