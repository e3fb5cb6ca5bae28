//! What a consumer may choose about an output: the declaration of one option.

use std::borrow::Cow;
use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::TextForm;

/// A choice that an exporter offers, declared in its [`About`](super::About).
///
/// A caller chooses in the query of a feed's URL: `…/output/rpz?action=nodata`. [`Options`](super::Options) holds what
/// was chosen.
///
/// ```
/// use feed_classification::export::{About, ExportOption, TextForm};
///
/// const OPTIONS: &[ExportOption] = &[
///     ExportOption::number("ttl", "Seconds until an entry expires; 0 keeps it.", 0, 0..=86_400),
///     ExportOption::word("action", "What happens to a match.", &["deny", "log"]),
///     ExportOption::text("list", "The name of the list.", "blocked", TextForm::up_to(31).also("_-").letter_first()),
/// ];
/// static ABOUT: About = About::new("my-list", "Our own list.").options(OPTIONS);
/// assert_eq!(ABOUT.options[0].expects(), "a whole number from 0 to 86400");
/// assert_eq!(ABOUT.options[1].expects(), "'deny' or 'log'");
/// assert_eq!(ABOUT.options[2].expects(), "1 to 31 ASCII letters, digits or any of \"_-\", a letter first");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ExportOption {
    /// The name in the query: lower-case ASCII letters, digits and underscores, and none of [`RESERVED_NAMES`].
    pub name: &'static str,
    /// What it changes, in one line.
    pub meaning: &'static str,
    /// The values that it takes, and the default.
    pub kind: OptionKind,
}

/// The names in queries of feeds that mean the same for every output, so no option has one of them.
pub const RESERVED_NAMES: &[&str] = &[
    "aggregate",
    "cache",
    "limit",
    "max_tlp",
    "min_score",
    "since",
    "token",
    "unscored",
    "value",
];

/// The values that an option takes, and its default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OptionKind {
    /// A whole number between two bounds, both included.
    Number {
        /// The number of a caller that chooses none.
        default: u64,
        /// The smallest number.
        least: u64,
        /// The greatest number.
        most: u64,
    },
    /// One of these words; the first one is the default.
    Word {
        /// The words.
        words: &'static [&'static str],
    },
    /// A short text.
    Text {
        /// The text of a caller that chooses none.
        default: &'static str,
        /// The texts that it takes.
        form: TextForm,
    },
    /// An IPv4 or IPv6 address.
    Address {
        /// The address of a caller that chooses none, if there is one.
        default: Option<IpAddr>,
    },
}

impl ExportOption {
    /// Declares a choice of a number within bounds.
    #[must_use]
    pub const fn number(name: &'static str, meaning: &'static str, default: u64, bounds: RangeInclusive<u64>) -> Self {
        let kind = OptionKind::Number {
            default,
            least: *bounds.start(),
            most: *bounds.end(),
        };
        Self { name, meaning, kind }
    }

    /// Declares a choice of one word; the first one is the default.
    #[must_use]
    pub const fn word(name: &'static str, meaning: &'static str, words: &'static [&'static str]) -> Self {
        let kind = OptionKind::Word { words };
        Self { name, meaning, kind }
    }

    /// Declares a choice of a short text.
    #[must_use]
    pub const fn text(name: &'static str, meaning: &'static str, default: &'static str, form: TextForm) -> Self {
        let kind = OptionKind::Text { default, form };
        Self { name, meaning, kind }
    }

    /// Declares a choice of an address.
    #[must_use]
    pub const fn address(name: &'static str, meaning: &'static str, default: Option<IpAddr>) -> Self {
        let kind = OptionKind::Address { default };
        Self { name, meaning, kind }
    }

    /// Returns the value of a caller that chooses none, as a caller would write it.
    #[must_use]
    pub fn default_text(&self) -> Cow<'static, str> {
        match self.kind {
            OptionKind::Number { default, .. } => Cow::Owned(default.to_string()),
            OptionKind::Word { words } => Cow::Borrowed(words.first().copied().unwrap_or_default()),
            OptionKind::Text { default, .. } => Cow::Borrowed(default),
            OptionKind::Address { default } => {
                Cow::Owned(default.map(|address| address.to_string()).unwrap_or_default())
            }
        }
    }

    /// Returns the values that it takes, in words that complete "Input should be".
    #[must_use]
    pub fn expects(&self) -> String {
        match self.kind {
            OptionKind::Number { least, most, .. } => format!("a whole number from {least} to {most}"),
            OptionKind::Word { words } => one_of(words),
            OptionKind::Text { form, .. } => form.in_words(),
            OptionKind::Address { .. } => "an IPv4 or IPv6 address".to_owned(),
        }
    }

    /// Returns values that a test tries beside the default: both bounds of a number, every word, the shortest and the
    /// longest text and one with every character, and addresses of both families.
    #[must_use]
    pub fn extremes(&self) -> Vec<String> {
        let mut values = match self.kind {
            OptionKind::Number { least, most, .. } => vec![least.to_string(), most.to_string()],
            OptionKind::Word { words } => words.iter().map(|word| (*word).to_owned()).collect(),
            OptionKind::Text { form, .. } => form.extremes(),
            OptionKind::Address { .. } => ["0.0.0.0", "192.0.2.255", "::1", "2001:db8:1:2:3:4:5:6"]
                .map(str::to_owned)
                .into(),
        };
        values.retain(|value| *value != self.default_text());
        values.dedup();
        values
    }
}

/// Writes `'a', 'b' or 'c'`.
fn one_of(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
    match words.as_slice() {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extremes_are_values_that_the_option_takes_and_not_the_default() {
        let number = ExportOption::number("ttl", "Seconds.", 0, 0..=9);
        assert_eq!(number.extremes(), ["9"]);
        let word = ExportOption::word("action", "What is done.", &["deny", "log"]);
        assert_eq!(word.extremes(), ["log"]);
        let form = TextForm::up_to(5).also("_-.").letter_first();
        let text = ExportOption::text("list", "The list.", "z", form);
        assert_eq!(text.extremes(), ["zzzzz", "a_-."]);
        assert!(text.extremes().iter().all(|value| form.takes(value)));
        let nowhere = Some(IpAddr::from([0, 0, 0, 0]));
        assert!(
            !ExportOption::address("address", "The address.", nowhere)
                .extremes()
                .contains(&"0.0.0.0".to_owned())
        );
    }
}
