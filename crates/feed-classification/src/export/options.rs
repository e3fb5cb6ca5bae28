//! What a caller chose about an output.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::option::{ExportOption, OptionKind};

/// The most characters of a wrong text that an error repeats.
const MAX_ECHO: usize = 64;

/// The values that a caller chose for the [options](ExportOption) of an exporter.
///
/// Two texts for one value are one choice, and a chosen default is no choice: `?ttl=0` and no `ttl` are the same body.
/// [`Display`](fmt::Display) writes the choice in one form, which is a part of the entity tag.
///
/// ```
/// use feed_classification::export::{ExportOption, Options};
///
/// const DECLARED: &[ExportOption] = &[
///     ExportOption::number("ttl", "Seconds until an entry expires; 0 keeps it.", 0, 0..=86_400),
///     ExportOption::word("action", "What happens to a match.", &["deny", "log"]),
/// ];
/// let options = Options::of(DECLARED, &[("action", "log"), ("ttl", "0060"), ("other", "x")])?;
/// assert_eq!((options.number("ttl"), options.word("action")), (60, "log"));
/// assert_eq!(options.to_string(), "ttl=60&action=log");
///
/// assert!(Options::of(DECLARED, &[("action", "deny"), ("ttl", "0")])?.is_default());
/// let wrong = Options::of(DECLARED, &[("ttl", "1d")]).unwrap_err();
/// assert_eq!(wrong[0].to_string(), "ttl should be a whole number from 0 to 86400, not \"1d\"");
/// # Ok::<(), Vec<feed_classification::export::WrongOption>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options {
    declared: &'static [ExportOption],
    /// In the order of the declaration, without defaults.
    chosen: Vec<(&'static str, Value)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Value {
    Number(u64),
    Word(&'static str),
    Text(String),
    Address(IpAddr),
}

/// A text that an option does not take.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} should be {}, not {given:?}", .option.name, .option.expects())]
#[non_exhaustive]
pub struct WrongOption {
    /// The option.
    pub option: &'static ExportOption,
    /// The text, cut to 64 characters.
    pub given: String,
}

impl Options {
    /// Returns the choice of a caller that chooses nothing.
    #[must_use]
    pub const fn defaults(declared: &'static [ExportOption]) -> Self {
        Self {
            declared,
            chosen: Vec::new(),
        }
    }

    /// Reads the options that an exporter declares. `text` returns what the caller gave for a name, if anything; other
    /// names are never asked for.
    ///
    /// # Errors
    /// Every option whose text it does not take.
    pub fn read<'t>(
        declared: &'static [ExportOption],
        text: impl Fn(&str) -> Option<Cow<'t, str>>,
    ) -> Result<Self, Vec<WrongOption>> {
        let (mut chosen, mut wrong) = (Vec::new(), Vec::new());
        for option in declared {
            let Some(given) = text(option.name) else {
                continue;
            };
            match value(option, &given) {
                Some(value) if value.to_string() == option.default_text() => {}
                Some(value) => chosen.push((option.name, value)),
                None => wrong.push(WrongOption {
                    option,
                    given: given.chars().take(MAX_ECHO).collect(),
                }),
            }
        }
        if wrong.is_empty() {
            Ok(Self { declared, chosen })
        } else {
            Err(wrong)
        }
    }

    /// Reads the options from pairs of names and texts. Of two pairs with one name the last counts; names that are not
    /// declared are ignored.
    ///
    /// # Errors
    /// Every option whose text it does not take.
    pub fn of(declared: &'static [ExportOption], pairs: &[(&str, &str)]) -> Result<Self, Vec<WrongOption>> {
        let last = |name: &str| pairs.iter().rev().find(|(key, _)| *key == name);
        Self::read(declared, |name| last(name).map(|(_, text)| Cow::Borrowed(*text)))
    }

    /// Returns whether nothing but defaults is chosen.
    #[must_use]
    pub fn is_default(&self) -> bool {
        self.chosen.is_empty()
    }

    /// Returns the number of this option, or its default; 0 for a name that is not declared as a number.
    #[must_use]
    pub fn number(&self, name: &str) -> u64 {
        match (self.chosen(name), self.kind(name)) {
            (Some(Value::Number(number)), _) => *number,
            (_, Some(OptionKind::Number { default, .. })) => default,
            _ => 0,
        }
    }

    /// Returns the word of this option, or its default; nothing for a name that is not declared as a word.
    #[must_use]
    pub fn word(&self, name: &str) -> &'static str {
        match (self.chosen(name), self.kind(name)) {
            (Some(Value::Word(word)), _) => word,
            (_, Some(OptionKind::Word { words })) => words.first().copied().unwrap_or_default(),
            _ => "",
        }
    }

    /// Returns the place of the word of this option among those that are declared.
    pub(super) fn place(&self, name: &str) -> usize {
        let Some(OptionKind::Word { words }) = self.kind(name) else {
            return 0;
        };
        let word = self.word(name);
        words.iter().position(|other| *other == word).unwrap_or_default()
    }

    /// Returns the text of this option, or its default; nothing for a name that is not declared as a text.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        match (self.chosen(name), self.kind(name)) {
            (Some(Value::Text(text)), _) => text,
            (_, Some(OptionKind::Text { default, .. })) => default,
            _ => "",
        }
    }

    /// Returns the address of this option, or its default; `None` for one without a default, and for a name that is not
    /// declared as an address.
    #[must_use]
    pub fn address(&self, name: &str) -> Option<IpAddr> {
        match (self.chosen(name), self.kind(name)) {
            (Some(Value::Address(address)), _) => Some(*address),
            (_, Some(OptionKind::Address { default })) => default,
            _ => None,
        }
    }

    fn chosen(&self, name: &str) -> Option<&Value> {
        let found = self.chosen.iter().find(|(chosen, _)| *chosen == name);
        found.map(|(_, value)| value)
    }

    fn kind(&self, name: &str) -> Option<OptionKind> {
        let found = self.declared.iter().find(|option| option.name == name);
        found.map(|option| option.kind)
    }
}

fn value(option: &ExportOption, given: &str) -> Option<Value> {
    match option.kind {
        OptionKind::Number { least, most, .. } => {
            let is_digits = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_digit());
            let number = is_digits.then(|| given.parse().ok()).flatten();
            number
                .filter(|number| (least..=most).contains(number))
                .map(Value::Number)
        }
        OptionKind::Word { words } => {
            let found = words.iter().find(|word| **word == given);
            found.map(|word| Value::Word(word))
        }
        OptionKind::Text { form, .. } => form.takes(given).then(|| Value::Text(given.to_owned())),
        OptionKind::Address { .. } => {
            let address = given.parse::<IpAddr>().ok();
            address.map(|address| Value::Address(address.to_canonical()))
        }
    }
}

impl fmt::Display for Options {
    /// Writes the choice as a query, in the order of the declaration and without defaults: `ttl=60&action=log`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (name, value)) in self.chosen.iter().enumerate() {
            let separator = if at == 0 { "" } else { "&" };
            write!(f, "{separator}{name}=")?;
            for byte in value.to_string().bytes() {
                if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
                    write!(f, "{}", char::from(byte))?;
                } else {
                    write!(f, "%{byte:02X}")?;
                }
            }
        }
        Ok(())
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Word(word) => f.write_str(word),
            Self::Text(text) => f.write_str(text),
            Self::Address(address) => address.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::export::TextForm;

    const DECLARED: &[ExportOption] = &[
        ExportOption::number("ttl", "Seconds.", 5, 1..=300),
        ExportOption::word("action", "What is done.", &["deny", "log"]),
        ExportOption::text(
            "list",
            "The name.",
            "blocked",
            TextForm::up_to(8).also("_ &=").letter_first(),
        ),
    ];

    fn read(pairs: &[(&str, &str)]) -> Result<String, Vec<String>> {
        Options::of(DECLARED, pairs)
            .map(|options| options.to_string())
            .map_err(|wrong| wrong.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn nothing_chosen_gives_the_defaults() {
        let options = Options::of(DECLARED, &[]).unwrap();
        assert!(options.is_default());
        assert_eq!(
            (options.number("ttl"), options.word("action"), options.text("list")),
            (5, "deny", "blocked")
        );
        assert_eq!(Options::default(), Options::of(&[], &[("ttl", "x")]).unwrap());
    }

    #[test]
    fn one_choice_has_one_text_whatever_its_order_and_spelling() {
        assert_eq!(
            read(&[("list", "a_b"), ("ttl", "007")]),
            Ok("ttl=7&list=a_b".to_owned())
        );
        assert_eq!(read(&[("ttl", "9"), ("ttl", "7")]), Ok("ttl=7".to_owned()));
        assert_eq!(
            read(&[("ttl", "5"), ("action", "deny"), ("list", "blocked")]),
            Ok(String::new())
        );
    }

    #[test]
    fn no_text_looks_like_another_choice() {
        assert_eq!(read(&[("list", "a&ttl=1 ")]), Ok("list=a%26ttl%3D1%20".to_owned()));
    }

    #[test]
    fn every_wrong_value_is_named_with_what_is_allowed() {
        let wrong = read(&[("ttl", "0"), ("action", "Log"), ("list", "1\n")]);
        insta::assert_snapshot!(wrong.unwrap_err().join("\n"), @r#"
        ttl should be a whole number from 1 to 300, not "0"
        action should be 'deny' or 'log', not "Log"
        list should be 1 to 8 ASCII letters, digits or any of "_ &=", a letter first, not "1\n"
        "#);
    }

    #[test]
    fn numbers_are_plain_digits_within_the_bounds() {
        for text in [
            "",
            " 1",
            "+1",
            "-1",
            "1.0",
            "1e2",
            "0x1",
            "301",
            "99999999999999999999999",
            "１",
        ] {
            assert!(read(&[("ttl", text)]).is_err(), "{text:?}");
        }
        assert!(read(&[("ttl", "1")]).is_ok() && read(&[("ttl", "300")]).is_ok());
    }

    #[test]
    fn an_address_has_one_text_and_nothing_else_is_one() {
        const SINK: &[ExportOption] = &[ExportOption::address("sink", "The sink.", None)];
        let read = |text| Options::of(SINK, &[("sink", text)]).map(|options| options.to_string());
        for (text, expected) in [
            ("192.0.2.1", "sink=192.0.2.1"),
            ("::ffff:192.0.2.1", "sink=192.0.2.1"),
            ("2001:DB8:0::1", "sink=2001%3Adb8%3A%3A1"),
        ] {
            assert_eq!(read(text).unwrap(), expected);
        }
        for text in [
            "",
            "192.0.2",
            "192.0.2.01",
            "192.0.2.1/32",
            "fe80::1%eth0",
            " ::1",
            "a.example",
            "[::1]",
        ] {
            let wrong = read(text).unwrap_err();
            assert!(
                wrong[0]
                    .to_string()
                    .starts_with("sink should be an IPv4 or IPv6 address"),
                "{text}"
            );
        }
        assert_eq!(Options::defaults(SINK).address("sink"), None);
    }

    #[test]
    fn a_long_wrong_text_is_cut() {
        let wrong = Options::of(DECLARED, &[("action", &"x".repeat(10_000))]).unwrap_err();
        assert_eq!(wrong[0].given.len(), MAX_ECHO);
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_as_the_same_choice(ttl in 1_u64..=300, list in "[A-Za-z][A-Za-z0-9_ &=]{0,7}") {
            let options = Options::of(DECLARED, &[("ttl", &ttl.to_string()), ("list", &list)]).unwrap();
            prop_assert_eq!((options.number("ttl"), options.text("list")), (ttl, &*list));
            let other = Options::of(DECLARED, &[("ttl", &ttl.to_string()), ("list", "other")]).unwrap();
            prop_assert_eq!(options.to_string() == other.to_string(), options == other);
        }

        #[test]
        fn no_text_makes_it_panic(ttl in ".{0,30}", action in ".{0,9}", list in ".{0,20}") {
            let _ = read(&[("ttl", &ttl), ("action", &action), ("list", &list)]);
        }
    }
}
