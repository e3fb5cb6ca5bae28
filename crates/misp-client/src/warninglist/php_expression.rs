//! An expression as MISP stores it: delimiters, pattern and modifiers, as PHP's `preg_match` reads them.

/// The parts of an expression that PHP takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PhpExpression<'t> {
    pub(super) pattern: &'t str,
    pub(super) modifiers: Modifiers,
}

/// The modifiers that change what an expression matches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Modifiers {
    /// `i`: upper and lower case are the same.
    pub(super) ignore_case: bool,
    /// `s`: a dot matches line feeds too.
    pub(super) dot_all: bool,
    /// `A`: the match begins with the value.
    pub(super) anchored: bool,
    /// `D`: `$` does not match before a line feed at the end.
    pub(super) dollar_end_only: bool,
    /// `u`: the value is text, not bytes.
    pub(super) unicode: bool,
}

/// Why a text is not an expression that can be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// PHP refuses it, so MISP never finds a match.
    ByPhp,
    /// PHP may take it, but not as Rust does.
    Here(&'static str),
}

impl<'t> PhpExpression<'t> {
    pub(super) fn read(text: &'t str) -> Result<Self, Refusal> {
        let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        let mut chars = text.chars();
        let open = chars.next().ok_or(Refusal::ByPhp)?;
        if !open.is_ascii() {
            return Err(Refusal::Here("a delimiter that is not ASCII"));
        }
        if open.is_ascii_alphanumeric() || matches!(open, '\\' | '\0') {
            return Err(Refusal::ByPhp);
        }
        let body = chars.as_str();
        let end = end_of(body, open, closing(open)).ok_or(Refusal::ByPhp)?;
        let (pattern, rest) = body.split_at_checked(end).ok_or(Refusal::ByPhp)?;
        Ok(Self {
            pattern,
            modifiers: Modifiers::read(rest.get(1..).unwrap_or_default())?,
        })
    }
}

impl Modifiers {
    fn read(text: &str) -> Result<Self, Refusal> {
        let mut modifiers = Self::default();
        let mut refusal = None;
        for modifier in text.chars() {
            match modifier {
                'i' => modifiers.ignore_case = true,
                's' => modifiers.dot_all = true,
                'A' => modifiers.anchored = true,
                'D' => modifiers.dollar_end_only = true,
                'u' => modifiers.unicode = true,
                // They change the speed, what is captured, or nothing at all.
                'S' | 'U' | 'X' | ' ' | '\n' | '\r' => {}
                'm' => refusal = Some("the modifier m"),
                'x' => refusal = Some("the modifier x"),
                'J' => refusal = Some("the modifier J"),
                'n' => refusal = Some("the modifier n, which older versions of PHP refuse"),
                _ => return Err(Refusal::ByPhp),
            }
        }
        refusal.map_or(Ok(modifiers), |part| Err(Refusal::Here(part)))
    }
}

fn closing(open: char) -> char {
    match open {
        '(' => ')',
        '[' => ']',
        '{' => '}',
        '<' => '>',
        same => same,
    }
}

/// Returns where the closing delimiter is. Brackets nest, and a backslash hides the character behind it.
fn end_of(body: &str, open: char, close: char) -> Option<usize> {
    let mut depth = 1;
    let mut chars = body.char_indices();
    while let Some((at, c)) = chars.next() {
        if c == '\\' {
            chars.next();
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some(at);
            }
        } else if c == open {
            depth += 1;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Result<&str, Refusal> {
        PhpExpression::read(text).map(|expression| expression.pattern)
    }

    #[test]
    fn pattern_is_between_the_delimiters() {
        assert_eq!(pattern(r"/^a\/b$/i"), Ok(r"^a\/b$"));
        assert_eq!(pattern("  #a#"), Ok("a"));
        assert_eq!(pattern("(a(b)c)i"), Ok("a(b)c"));
        assert_eq!(pattern(r"{a\}b{2}}"), Ok(r"a\}b{2}"));
        assert_eq!(pattern("//"), Ok(""));
        let modifiers = PhpExpression::read("/a/isADuUSX \n").unwrap().modifiers;
        assert!(modifiers.ignore_case && modifiers.dot_all && modifiers.anchored);
        assert!(modifiers.dollar_end_only && modifiers.unicode);
    }

    #[test]
    fn what_php_refuses_is_known() {
        for text in [
            "", "  ", "abc", r"\a\", "/a", r"/a\/", "(a(b)", "/a/g", "/a/ie", "/a/x/", "1a1", "/a/é",
        ] {
            assert_eq!(pattern(text), Err(Refusal::ByPhp), "{text:?}");
        }
    }

    #[test]
    fn modifiers_without_a_counterpart_are_refused_here() {
        for text in ["/a/m", "/a/xi", "/a/J", "/a/n", "éaé"] {
            assert!(matches!(pattern(text), Err(Refusal::Here(_))), "{text:?}");
        }
    }
}
