//! Values that are refused, with the reason for each: a count of all, and the first few by name.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// So many are named; the rest is counted.
const MOST_NAMED: usize = 20;

/// So many characters of a value are shown.
const MOST_CHARACTERS: usize = 100;

/// A value that is not enforced, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The value as it may be printed: control characters escaped, at most 100 characters.
    pub value: String,
    /// Why it is not enforced.
    pub why: String,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.value, self.why)
    }
}

/// How many values are refused, and the first 20 of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    count: u64,
    named: Vec<Refusal>,
}

impl Refusals {
    /// Adds a value.
    pub(crate) fn push(&mut self, value: &str, why: impl Display) {
        self.count += 1;
        if self.named.len() < MOST_NAMED {
            let why = why.to_string();
            self.named.push(Refusal {
                value: printable(value, MOST_CHARACTERS),
                why,
            });
        }
    }

    /// Returns how many values are refused.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first 20 of them.
    #[must_use]
    pub fn named(&self) -> &[Refusal] {
        &self.named
    }

    /// Returns a line for each of the first values, and one for the rest, each behind `indent`; nothing if no value is refused.
    #[must_use]
    pub fn shown(&self, indent: &str) -> String {
        let mut text: String = self
            .named
            .iter()
            .map(|refusal| format!("{indent}refused {refusal}\n"))
            .collect();
        let named = u64::try_from(self.named.len()).unwrap_or(u64::MAX);
        if let Some(more) = self.count.checked_sub(named).filter(|more| *more > 0) {
            text.push_str(&format!("{indent}refused {more} more\n"));
        }
        text
    }
}

/// Returns a text from outside as it may be printed: one line, control characters escaped, at most `most` characters.
pub(crate) fn printable(text: &str, most: usize) -> String {
    let mut characters = text.chars();
    let mut shown: String = characters.by_ref().take(most).flat_map(char::escape_debug).collect();
    if characters.next().is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_refused_values_are_a_few_lines_and_a_count() {
        let mut refusals = Refusals::default();
        for number in 0..50 {
            refusals.push(&format!("{number}\u{1b}[2J{}", "x".repeat(500)), "too wide");
        }
        let text = refusals.shown("  ");
        assert_eq!(text.lines().count(), MOST_NAMED + 1);
        assert!(text.ends_with("  refused 30 more\n"), "{text}");
        assert!(text.len() < 4000 && !text.contains('\u{1b}'), "{text}");
        assert_eq!((refusals.count(), refusals.named().len()), (50, MOST_NAMED));
        assert_eq!(Refusals::default().shown(""), "");
    }
}
