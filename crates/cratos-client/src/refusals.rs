//! Values that are refused, each with the reason: a count of all, and the first 20 by name.

use std::fmt::{self, Display};

use serde::{Deserialize, Serialize};

/// The number of values that are named; the rest is counted.
const MAX_NAMED: usize = 20;

/// The number of characters of a value that are shown.
const MAX_CHARACTERS: usize = 100;

/// A refused value, and the reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// The value in a form that can be printed: control characters escaped, at most 100 characters.
    pub value: String,
    /// The reason, for example `wider than /8`.
    pub why: String,
}

impl Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.value, self.why)
    }
}

/// The number of refused values, and the first 20 of them.
///
/// ```
/// let mut refusals = cratos_client::Refusals::default();
/// refusals.push("0.0.0.0/0", "wider than /8");
/// assert_eq!(refusals.shown("  "), "  refused `0.0.0.0/0`: wider than /8\n");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusals {
    count: u64,
    named: Vec<Refusal>,
}

impl Refusals {
    /// Adds a value with the reason why it is refused.
    pub fn push(&mut self, value: &str, why: impl Display) {
        self.count += 1;
        if self.named.len() < MAX_NAMED {
            let why = why.to_string();
            self.named.push(Refusal {
                value: printable(value, MAX_CHARACTERS),
                why,
            });
        }
    }

    /// Returns the number of refused values.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first 20 refused values.
    #[must_use]
    pub fn named(&self) -> &[Refusal] {
        &self.named
    }

    /// Returns a line for each named value and one for the rest, each behind `indent`; an empty text if no value is
    /// refused.
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

/// Returns a text from outside in a form that can be printed: one line, control characters escaped, at most `most`
/// characters.
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
        assert_eq!(text.lines().count(), MAX_NAMED + 1);
        assert!(text.ends_with("  refused 30 more\n"), "{text}");
        assert!(text.len() < 4000 && !text.contains('\u{1b}'), "{text}");
        assert_eq!((refusals.count(), refusals.named().len()), (50, MAX_NAMED));
        assert_eq!(Refusals::default().shown(""), "");
    }
}
