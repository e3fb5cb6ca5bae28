//! Bounds of a text before it is parsed: how deep it nests and how long its chains of operators are.
//!
//! The parser builds a tree whose depth follows both, and works on a stack.

/// The deepest nesting of brackets.
const MAX_DEPTH: usize = 24;

/// The longest chain of operators without a bracket, `and`, `or`, comma or colon between them. The compiler takes about
/// forty levels.
const MAX_CHAIN: usize = 100;

/// Returns whether the text is within the bounds. A text that ends inside of a comment or a literal is not: YARA reads
/// over the end of an open comment, and what follows it in a file would be a part of it.
pub(super) fn holds(text: &str) -> bool {
    let mut scan = Scan {
        rest: text,
        chains: vec![0],
    };
    while let Some(first) = scan.rest.chars().next() {
        if scan.step(first).is_none() {
            return false;
        }
    }
    true
}

struct Scan<'t> {
    rest: &'t str,
    /// The length of the chain in each open bracket.
    chains: Vec<usize>,
}

impl Scan<'_> {
    /// Takes one token; `None` where a bound is exceeded.
    fn step(&mut self, first: char) -> Option<()> {
        match first {
            '/' if self.rest.starts_with("//") => self.skip_line(),
            '/' if self.rest.starts_with("/*") => self.skip_comment()?,
            '"' | '/' => self.skip_literal(first)?,
            '(' | '[' | '{' => {
                self.chains.push(0);
                self.advance(1);
            }
            ')' | ']' | '}' => {
                if self.chains.len() > 1 {
                    self.chains.pop();
                }
                self.advance(1);
            }
            ',' | ':' => {
                self.end_chain();
                self.advance(1);
            }
            '+' | '-' | '*' | '\\' | '%' | '~' | '&' | '|' | '^' | '<' | '>' | '=' | '!' => {
                self.lengthen();
                self.advance(1);
            }
            _ if first == '_' || first.is_ascii_alphanumeric() => self.take_word(),
            _ => self.advance(first.len_utf8()),
        }
        let chain = self.chains.last().copied().unwrap_or_default();
        (self.chains.len() <= MAX_DEPTH && chain <= MAX_CHAIN).then_some(())
    }

    fn take_word(&mut self) {
        let is_word = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
        let length = self.rest.bytes().take_while(is_word).count();
        match self.rest.get(..length).unwrap_or_default() {
            "and" | "or" | "rule" => self.end_chain(),
            "not" | "defined" | "contains" | "icontains" | "startswith" | "istartswith" | "endswith" | "iendswith"
            | "iequals" | "matches" | "at" | "in" | "of" => self.lengthen(),
            _ => {}
        }
        self.advance(length);
    }

    fn skip_line(&mut self) {
        let end = self.rest.find('\n').unwrap_or(self.rest.len());
        self.advance(end);
    }

    fn skip_comment(&mut self) -> Option<()> {
        let end = self.rest.get(2..)?.find("*/")?;
        self.advance(2 + end + 2);
        Some(())
    }

    /// A string or a regular expression: it ends on its line, and a backslash keeps the next character in it.
    fn skip_literal(&mut self, delimiter: char) -> Option<()> {
        let mut chars = self.rest.char_indices().skip(1);
        while let Some((place, char)) = chars.next() {
            match char {
                '\\' => drop(chars.next()),
                '\n' => return None,
                _ if char == delimiter => {
                    self.advance(place + 1);
                    return Some(());
                }
                _ => {}
            }
        }
        None
    }

    fn lengthen(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain += 1;
        }
    }

    fn end_chain(&mut self) {
        if let Some(chain) = self.chains.last_mut() {
            *chain = 0;
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::holds;

    #[test]
    fn common_rules_are_within_the_bounds() {
        let many = "hash.md5(0, filesize) == \"x\" or ".repeat(500);
        for text in [
            "rule a { strings: $a = { 01 ( 02 | 03 ) [1-2] ?? } condition: $a }",
            "rule a { strings: $a = \"((((((((((((((((((((((((((((((\" condition: $a } // ((((",
            "rule a { strings: $a = /a\\/(b|c)+\\\\/ condition: $a } /* (((( */",
            &format!("rule a {{ condition: {many} true }}"),
        ] {
            assert!(holds(text), "{text}");
        }
    }

    #[test]
    fn deep_and_long_texts_are_not() {
        for text in [
            format!("rule a {{ condition: {} true {} }}", "(".repeat(30), ")".repeat(30)),
            format!("rule a {{ condition: 1 {} == 1 }}", "+ 1 ".repeat(200)),
            format!("rule a {{ condition: {} true }}", "not ".repeat(200)),
            format!("rule a {{ condition: {}1 == 1 }}", "~".repeat(200)),
            format!("rule a {{ condition: a[{}0{}] }}", "b[".repeat(30), "]".repeat(30)),
        ] {
            assert!(!holds(&text), "{text}");
        }
    }

    #[test]
    fn a_text_has_to_end_outside_of_comments_and_literals() {
        for text in ["rule a { condition: true } /* x", "rule a { condition: \"x", "/x"] {
            assert!(!holds(text), "{text}");
        }
    }
}
