//! The condition of a detection.

/// The deepest nesting of brackets. pySigma tries alternatives at each of them.
const MAX_DEPTH: usize = 8;

/// The longest condition.
const MAX_BYTES: usize = 4_096;

/// Returns whether the condition is well-formed and each name in it is one of `names`, or a pattern for some of them.
///
/// The grammar is that of pySigma 2: `and`, `or`, `not`, brackets, and `1 of`, `any of` or `all of` before a pattern or
/// `them`. The old aggregations behind a `|` are not in it.
pub(super) fn is_valid(condition: &str, names: &[&str]) -> bool {
    if condition.len() > MAX_BYTES {
        return false;
    }
    let Some(words) = words(condition) else { return false };
    let mut reader = Reader {
        words: &words,
        names,
        depth: 0,
    };
    reader.either().is_some() && reader.words.is_empty()
}

/// Splits into words and brackets.
fn words(condition: &str) -> Option<Vec<&str>> {
    let mut words = Vec::new();
    let mut rest = condition.trim_start();
    while !rest.is_empty() {
        let is_name = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '*');
        let length = match rest.chars().next() {
            Some('(' | ')') => 1,
            _ => rest.find(|char| !is_name(char)).unwrap_or(rest.len()),
        };
        let (word, tail) = rest.split_at_checked(length).filter(|(word, _)| !word.is_empty())?;
        words.push(word);
        rest = tail.trim_start();
    }
    Some(words)
}

struct Reader<'w> {
    words: &'w [&'w str],
    names: &'w [&'w str],
    depth: usize,
}

impl<'w> Reader<'w> {
    fn either(&mut self) -> Option<()> {
        self.both()?;
        while self.is_next("or") {
            self.both()?;
        }
        Some(())
    }

    fn both(&mut self) -> Option<()> {
        self.one()?;
        while self.is_next("and") {
            self.one()?;
        }
        Some(())
    }

    fn one(&mut self) -> Option<()> {
        while self.is_next("not") {}
        let word = self.next()?;
        match word {
            "(" => {
                self.depth += 1;
                if self.depth > MAX_DEPTH {
                    return None;
                }
                self.either()?;
                self.depth -= 1;
                (self.next()? == ")").then_some(())
            }
            "1" | "any" | "all" if self.is_next("of") => {
                let pattern = self.next()?;
                self.has_any(pattern).then_some(())
            }
            ")" | "and" | "or" | "of" => None,
            name => self.names.contains(&name).then_some(()),
        }
    }

    /// `them` means the names that do not begin with `_`.
    fn has_any(&self, pattern: &str) -> bool {
        let is_word = pattern
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'*'));
        match pattern {
            "them" => self.names.iter().any(|name| !name.starts_with('_')),
            _ => is_word && self.names.iter().any(|name| matches(pattern, name)),
        }
    }

    fn is_next(&mut self, word: &str) -> bool {
        let is_next = self.words.first() == Some(&word);
        if is_next {
            self.words = self.words.get(1..).unwrap_or_default();
        }
        is_next
    }

    fn next(&mut self) -> Option<&'w str> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        Some(first)
    }
}

/// Returns whether a name fits a pattern in which `*` stands for any text.
fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    if !pattern.contains('*') {
        return rest.is_empty();
    }
    let mut last = "";
    for part in parts {
        match rest.find(part) {
            Some(place) => rest = rest.get(place + part.len()..).unwrap_or_default(),
            None => return false,
        }
        last = part;
    }
    last.is_empty() || name.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, is_valid};

    const NAMES: [&str; 4] = ["selection", "filter_main", "filter_other", "_hidden"];

    #[test]
    fn conditions_with_known_names_are_valid() {
        for condition in [
            "selection",
            "selection and not 1 of filter_*",
            "all of them",
            "( selection or _hidden ) and not ( filter_main )",
            "not not selection",
            "any of *_main",
            "1 of selection",
        ] {
            assert!(is_valid(condition, &NAMES), "{condition}");
        }
    }

    #[test]
    fn other_conditions_are_not() {
        for condition in [
            "",
            "selection and",
            "selection other",
            "nothing",
            "1 of nothing*",
            "1 of filter_*main*main",
            "1 of",
            "(selection",
            "selection)",
            "selection | count() > 3",
            "and selection",
            "1 of them or near selection",
            &format!("{}selection{}", "(".repeat(20), ")".repeat(20)),
        ] {
            assert!(!is_valid(condition, &NAMES), "{condition}");
        }
    }

    #[test]
    fn a_condition_may_have_4096_bytes() {
        let condition = |bytes: usize| format!("{:bytes$}", "selection");
        assert!(is_valid(&condition(MAX_BYTES), &NAMES));
        assert!(!is_valid(&condition(MAX_BYTES + 1), &NAMES));
    }
}
