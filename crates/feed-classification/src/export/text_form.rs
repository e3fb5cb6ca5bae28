//! The short texts that an option takes.

/// The texts that an option takes: ASCII letters and digits, and the characters that the consumer's grammar allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct TextForm {
    /// The fewest characters.
    pub shortest: usize,
    /// The most characters.
    pub longest: usize,
    /// The characters beside ASCII letters and digits: printable ASCII.
    pub also: &'static str,
    /// Whether the first character has to be a letter.
    pub letter_first: bool,
}

impl TextForm {
    /// The most characters of a text of any option: a key in memory has the text in it.
    pub const MOST_CHARACTERS: usize = 256;

    /// Takes texts of 1 to `longest` ASCII letters and digits.
    #[must_use]
    pub const fn up_to(longest: usize) -> Self {
        Self {
            shortest: 1,
            longest,
            also: "",
            letter_first: false,
        }
    }

    /// Refuses texts with fewer characters; 0 takes the empty text too.
    #[must_use]
    pub const fn at_least(mut self, shortest: usize) -> Self {
        self.shortest = shortest;
        self
    }

    /// Takes these characters too; printable ASCII.
    #[must_use]
    pub const fn also(mut self, characters: &'static str) -> Self {
        self.also = characters;
        self
    }

    /// Refuses texts that do not begin with a letter.
    #[must_use]
    pub const fn letter_first(mut self) -> Self {
        self.letter_first = true;
        self
    }

    /// Returns whether the text has this form.
    #[must_use]
    pub fn takes(&self, text: &str) -> bool {
        let fits = |char: char| char.is_ascii_alphanumeric() || (char.is_ascii() && self.also.contains(char));
        let begins = |char: char| !self.letter_first || char.is_ascii_alphabetic();
        (self.shortest..=self.longest).contains(&text.len())
            && text.chars().all(fits)
            && text.chars().next().is_none_or(begins)
    }

    /// Returns the form as a regular expression (ECMA 262, as JSON Schema has it).
    #[must_use]
    pub fn pattern(&self) -> String {
        let also: String = self.also.chars().flat_map(escaped).collect();
        let (shortest, longest) = (self.shortest, self.longest);
        match (self.letter_first, shortest) {
            (false, _) => format!("^[A-Za-z0-9{also}]{{{shortest},{longest}}}$"),
            (true, 0) => format!("^([A-Za-z][A-Za-z0-9{also}]{{0,{}}})?$", longest.saturating_sub(1)),
            (true, _) => format!(
                "^[A-Za-z][A-Za-z0-9{also}]{{{},{}}}$",
                shortest - 1,
                longest.saturating_sub(1)
            ),
        }
    }

    /// Returns the form in words that complete "Input should be".
    pub(super) fn in_words(self) -> String {
        let (shortest, longest) = (self.shortest, self.longest);
        let mut words = match self.also {
            "" => format!("{shortest} to {longest} ASCII letters or digits"),
            also => format!("{shortest} to {longest} ASCII letters, digits or any of \"{also}\""),
        };
        if self.letter_first {
            words.push_str(", a letter first");
        }
        words
    }

    /// Returns the longest text, one with every character, and the shortest.
    pub(super) fn extremes(self) -> Vec<String> {
        let every: String = std::iter::once('a')
            .chain(self.also.chars())
            .take(self.longest)
            .collect();
        let padded = format!("{every:z<0$}", self.shortest);
        vec!["z".repeat(self.longest), padded, "z".repeat(self.shortest)]
    }
}

/// Returns a character as it stands inside of brackets in a regular expression.
fn escaped(char: char) -> impl Iterator<Item = char> {
    matches!(char, '\\' | ']' | '[' | '^' | '-' | '/')
        .then_some('\\')
        .into_iter()
        .chain([char])
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: TextForm = TextForm::up_to(5).also("_-.").letter_first();

    #[test]
    fn a_text_has_only_the_declared_characters_in_the_declared_number() {
        for text in ["a", "Zz9", "a_-.0"] {
            assert!(NAME.takes(text), "{text}");
        }
        for text in ["", "abcdef", "9a", "_a", "a b", "a\n", "é", "aé", "a\u{0}", "ａ"] {
            assert!(!NAME.takes(text), "{text:?}");
        }
        assert!(TextForm::up_to(3).takes("9a") && !TextForm::up_to(3).takes(""));
        assert!(TextForm::up_to(3).at_least(0).takes("") && NAME.at_least(0).takes(""));
    }

    #[test]
    fn patterns_say_the_same_as_the_form() {
        assert_eq!(NAME.pattern(), "^[A-Za-z][A-Za-z0-9_\\-.]{0,4}$");
        assert_eq!(NAME.at_least(0).pattern(), "^([A-Za-z][A-Za-z0-9_\\-.]{0,4})?$");
        assert_eq!(
            TextForm::up_to(8).at_least(0).also(" ").pattern(),
            "^[A-Za-z0-9 ]{0,8}$"
        );
    }
}
