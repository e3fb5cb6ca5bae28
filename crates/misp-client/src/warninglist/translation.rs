//! A pattern of PCRE in the syntax of Rust's `regex`, if it means the same there.
//!
//! The two agree on most patterns. Where they differ, the pattern is translated, or it is refused so that MISP is
//! asked. Without the modifier `u` PCRE works on bytes, and so does the translation.

use std::str::Chars;

use super::php_expression::Modifiers;

/// Returns the pattern for `regex::bytes`, or the part that cannot be translated.
pub(super) fn translate(pattern: &str, modifiers: Modifiers) -> Result<String, &'static str> {
    let mut translation = Translation {
        rest: pattern.chars(),
        out: String::with_capacity(pattern.len() + 16),
        last: Last::Nothing,
        modifiers,
    };
    translation.pattern()?;
    let start = if modifiers.anchored { r"\A" } else { "" };
    let case = if modifiers.ignore_case { "i" } else { "" };
    let dot = if modifiers.dot_all { "s" } else { "" };
    let bytes = if modifiers.unicode { "" } else { "-u" };
    Ok(format!("{start}(?{case}{dot}{bytes}:{})", translation.out))
}

/// What a quantifier would repeat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Last {
    Nothing,
    Atom,
    Quantifier,
}

struct Translation<'p> {
    rest: Chars<'p>,
    out: String,
    last: Last,
    modifiers: Modifiers,
}

impl Translation<'_> {
    fn pattern(&mut self) -> Result<(), &'static str> {
        while let Some(c) = self.rest.next() {
            match c {
                '\\' => self.escape()?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => self.put(")", Last::Atom),
                '|' => self.put("|", Last::Nothing),
                '^' => self.put("^", Last::Nothing),
                '$' if self.modifiers.dollar_end_only => self.put(r"\z", Last::Nothing),
                '$' => self.put(r"(?:\n?\z)", Last::Nothing),
                '.' => self.put(".", Last::Atom),
                '*' | '+' | '?' => self.quantifier(c.encode_utf8(&mut [0; 4]))?,
                '{' => self.brace()?,
                _ => self.literal_atom(c),
            }
        }
        Ok(())
    }

    fn put(&mut self, text: &str, last: Last) {
        self.out.push_str(text);
        self.last = last;
    }

    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn take_if(&mut self, wanted: char) -> bool {
        let here = self.peek() == Some(wanted);
        if here {
            self.rest.next();
        }
        here
    }

    fn literal_atom(&mut self, c: char) {
        self.literal(c);
        self.last = Last::Atom;
    }

    /// Writes a character so that it stands for itself, outside and inside of a class.
    fn literal(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || (self.modifiers.unicode && !c.is_ascii()) {
            return self.out.push(c);
        }
        let mut buffer = [0; 4];
        for byte in c.encode_utf8(&mut buffer).bytes() {
            self.hex(byte);
        }
    }

    fn hex(&mut self, byte: u8) {
        self.out.push_str(&format!(r"\x{byte:02X}"));
    }

    fn quantifier(&mut self, text: &str) -> Result<(), &'static str> {
        if self.last != Last::Atom {
            return Err("a quantifier without something to repeat");
        }
        self.put(text, Last::Quantifier);
        if self.take_if('?') {
            self.out.push('?');
        }
        match self.peek() {
            Some('+') => Err("a possessive quantifier"),
            _ => Ok(()),
        }
    }

    /// Reads `{`: a quantifier, or the character itself.
    fn brace(&mut self) -> Result<(), &'static str> {
        let rest = self.rest.as_str();
        let Some((inside, after)) = rest.split_once('}') else {
            self.literal_atom('{');
            return Ok(());
        };
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let (least, most) = inside.split_once(',').unwrap_or((inside, inside));
        if is_number(least) && (most.is_empty() || is_number(most)) {
            self.rest = after.chars();
            return self.quantifier(&format!("{{{inside}}}"));
        }
        if inside.chars().all(|c| matches!(c, '0'..='9' | ',' | ' ' | '\t')) && !inside.is_empty() {
            return Err("a quantifier that versions of PCRE take differently");
        }
        self.literal_atom('{');
        Ok(())
    }

    /// Reads what follows a `(`. Groups capture nothing here.
    fn group(&mut self) -> Result<(), &'static str> {
        if self.peek() == Some('*') {
            return Err("a verb, (*…)");
        }
        if !self.take_if('?') {
            self.put("(?:", Last::Nothing);
            return Ok(());
        }
        match self.rest.next() {
            Some(':') => self.put("(?:", Last::Nothing),
            Some('P') if self.take_if('<') => self.group_name()?,
            Some('<') if !matches!(self.peek(), Some('=' | '!')) => self.group_name()?,
            Some('=' | '!' | '<') => return Err("a look around"),
            Some(c @ ('i' | 's' | 'U' | '-')) => self.options(c)?,
            _ => return Err("a group of a kind that regex does not have"),
        }
        Ok(())
    }

    fn group_name(&mut self) -> Result<(), &'static str> {
        let (name, after) = self
            .rest
            .as_str()
            .split_once('>')
            .ok_or("a group name without an end")?;
        if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err("a group name that is not of letters");
        }
        self.rest = after.chars();
        self.put("(?:", Last::Nothing);
        Ok(())
    }

    /// Reads options such as `(?i)` and `(?i-s:`.
    fn options(&mut self, first: char) -> Result<(), &'static str> {
        self.out.push_str("(?");
        let mut next = Some(first);
        loop {
            match next {
                Some(c @ ('i' | 's' | 'U' | '-')) => self.out.push(c),
                Some(c @ (')' | ':')) => {
                    self.out.push(c);
                    self.last = Last::Nothing;
                    return Ok(());
                }
                _ => return Err("an option that regex does not have or takes differently"),
            }
            next = self.rest.next();
        }
    }

    fn escape(&mut self) -> Result<(), &'static str> {
        match self.rest.next() {
            Some(c @ ('b' | 'B')) if self.peek() != Some('{') => {
                self.out.extend(['\\', c]);
                self.last = Last::Nothing;
            }
            Some(c @ ('A' | 'z')) => {
                self.out.extend(['\\', c]);
                self.last = Last::Nothing;
            }
            Some(c) => {
                self.escaped(c)?;
                self.last = Last::Atom;
            }
            None => return Err("a backslash at the end"),
        }
        Ok(())
    }

    /// Writes what a backslash and this character stand for; returns whether that is a set of characters.
    fn escaped(&mut self, c: char) -> Result<bool, &'static str> {
        match c {
            'd' | 'D' | 'w' | 'W' | 's' | 'S' => {
                self.out.extend(['\\', c]);
                return Ok(true);
            }
            'a' => self.hex(0x07),
            'e' => self.hex(0x1b),
            'f' => self.hex(0x0c),
            'n' => self.hex(b'\n'),
            'r' => self.hex(b'\r'),
            't' => self.hex(b'\t'),
            'x' => self.hex_number()?,
            _ if c.is_ascii_alphanumeric() => return Err("an escape that regex does not have or takes differently"),
            _ => self.literal(c),
        }
        Ok(false)
    }

    fn hex_number(&mut self) -> Result<(), &'static str> {
        let digits = self.rest.as_str().get(..2).unwrap_or_default();
        let is_hex = digits.len() == 2 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let byte = u8::from_str_radix(digits, 16).ok().filter(|_| is_hex);
        self.hex(byte.ok_or(r"an escape \x without two digits")?);
        self.rest.next();
        self.rest.next();
        Ok(())
    }

    fn class(&mut self) -> Result<(), &'static str> {
        // PCRE refuses `[:alpha:]`, `[.a.]` and `[=a=]` outside of a class.
        let inside = self.rest.as_str().split(']').next().unwrap_or_default();
        if [':', '.', '=']
            .iter()
            .any(|sign| inside.len() > 1 && inside.starts_with(*sign) && inside.ends_with(*sign))
        {
            return Err("a POSIX class outside of a class");
        }
        self.out.push('[');
        if self.take_if('^') {
            self.out.push('^');
        }
        if self.take_if(']') {
            self.literal(']');
        }
        loop {
            let is_set = match self.rest.next().ok_or("a class without an end")? {
                ']' => break,
                '[' => self.bracket_in_class()?,
                '\\' => self.escape_in_class()?,
                '-' if self.peek() == Some('-') => return Err("two hyphens in a class"),
                '-' => {
                    self.out.push('-');
                    false
                }
                c => {
                    self.literal(c);
                    false
                }
            };
            if is_set && self.rest.as_str().starts_with('-') && !self.rest.as_str().starts_with("-]") {
                return Err("a hyphen behind a set in a class");
            }
        }
        self.put("]", Last::Atom);
        Ok(())
    }

    fn escape_in_class(&mut self) -> Result<bool, &'static str> {
        match self.rest.next() {
            Some('b') => {
                self.hex(0x08);
                Ok(false)
            }
            Some(c) => self.escaped(c),
            None => Err("a backslash at the end"),
        }
    }

    /// Reads `[` inside of a class: a POSIX class such as `[:alpha:]`, or the character itself.
    fn bracket_in_class(&mut self) -> Result<bool, &'static str> {
        let rest = self.rest.as_str();
        let posix = rest.strip_prefix(':').and_then(|rest| rest.split_once(":]"));
        if let Some((name, after)) = posix
            && name.bytes().all(|byte| byte == b'^' || byte.is_ascii_lowercase())
        {
            self.out.push_str(&format!("[:{name}:]"));
            self.rest = after.chars();
            return Ok(true);
        }
        if rest.starts_with([':', '.', '=']) {
            return Err("a POSIX class of a kind that regex does not have");
        }
        self.literal('[');
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use regex::bytes::Regex;

    use super::*;

    fn matches(pattern: &str, modifiers: Modifiers, value: &str) -> bool {
        let translated = translate(pattern, modifiers).unwrap();
        Regex::new(&translated).unwrap().is_match(value.as_bytes())
    }

    #[test]
    fn patterns_match_as_in_pcre() {
        for (pattern, yes, no) in [
            (r"^(abuse|noc)\@.*\..*$", "noc@example.org", "anoc@example.org"),
            (r"a\/b", "a/b", "ab"),
            (r"^a{2,3}$", "aa\n", "a"),
            ("a{x}", "a{x}", "ax"),
            ("a{", "a{", "a"),
            (r"^[[a]$", "[", "b"),
            (r"^[]a]$", "]", "b"),
            (r"^[a&&b]$", "&", "c"),
            (r"^[\w.-]+$", "a-b.c", "a+b"),
            (r"^[[:digit:]_]$", "7", "a"),
            (r"\<a\>", "<a>", "a"),
            (r"^.$", "a", "é"),
            (r"^..$", "é", "a"),
            (r"^é+$", "é", "éé"),
            (r"^[é]$", "\u{7f}", "é"),
            (r"\x41\x2e", "A.", "AB"),
            (r"(?i)a(?-i)b", "Ab", "AB"),
            (r"(?<name>a)(?P<other>b)", "ab", "a"),
            ("a b#c", "a b#c", "ab"),
            (r"^\bab?\z", "a", "ac"),
            (r"[\b]", "\u{8}", "b"),
            (r"^[.:=-]$", ".", "a"),
            ("^[.]$", ".", "a"),
            ("", "", "\0none"),
        ] {
            let modifiers = Modifiers::default();
            // The class of the two bytes of é has no match in plain text; a value cannot be half a character.
            if pattern != r"^[é]$" {
                assert!(matches(pattern, modifiers, yes), "{pattern} on {yes:?}");
            }
            if no != "\0none" {
                assert!(!matches(pattern, modifiers, no), "{pattern} on {no:?}");
            }
        }
    }

    #[test]
    fn modifiers_change_what_matches() {
        let plain = Modifiers::default();
        let with = |set: fn(&mut Modifiers)| {
            let mut modifiers = plain;
            set(&mut modifiers);
            modifiers
        };
        assert!(matches("ABC", with(|m| m.ignore_case = true), "abc") && !matches("ABC", plain, "abc"));
        assert!(matches("a.b", with(|m| m.dot_all = true), "a\nb") && !matches("a.b", plain, "a\nb"));
        assert!(!matches("b", with(|m| m.anchored = true), "ab"));
        assert!(
            !matches("b|c", with(|m| m.anchored = true), "ac"),
            "both branches are anchored"
        );
        assert!(!matches("a$", with(|m| m.dollar_end_only = true), "a\n"));
        assert!(matches("^.é+$", with(|m| m.unicode = true), "üéé"));
        let both = with(|m| (m.unicode, m.ignore_case) = (true, true));
        assert!(matches("^É$", both, "é"));
    }

    #[test]
    fn what_differs_between_the_two_is_refused() {
        for pattern in [
            "a++",
            "a*+",
            "a?+",
            "a{2}+",
            "a**",
            "a{2}{3}",
            "*a",
            "^*",
            "a|*",
            "(*UTF8)a",
            "a{,3}",
            "a{ 2 }",
            "(?=a)",
            "(?!a)",
            "(?<=a)b",
            "(?<!a)b",
            "(?>a)",
            "(?R)",
            "(?1)",
            "(?m)a",
            "(?x)a",
            "(?#a)",
            "(?|a|b)",
            "(?P>a)",
            "(?P=a)",
            "(?'a'b)",
            "(?<>a)",
            "(?<a",
            r"(a)\1",
            r"\h",
            r"\v",
            r"\R",
            r"\K",
            r"\Z",
            r"\G",
            r"\pL",
            r"\p{L}",
            r"\u0041",
            r"\Qa\E",
            r"\x4",
            r"\x{41}",
            r"\xé1",
            r"\0",
            r"\b{start}",
            r"a\",
            "[a",
            r"[\",
            "[a--b]",
            r"[\d-z]",
            "[[:alpha:]-z]",
            "[[.a.]]",
            "[[=a=]]",
            "[:alpha:]",
            "[.a.]",
            "[=a=]",
        ] {
            let refused = translate(pattern, Modifiers::default());
            assert!(refused.is_err(), "{pattern} became {refused:?}");
        }
    }
}
