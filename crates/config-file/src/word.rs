//! Words of a file: how messages show them, and which known word is spelt most like them.

use std::borrow::Cow;

/// The length from which a text may be a secret in the wrong line; a salt has 32 characters.
const MAYBE_SECRET: usize = 32;

/// Returns the value as a message may show it: in quotes, on one line, and never a text as long as a secret.
#[must_use]
pub fn shown(text: &str) -> String {
    let length = text.chars().count();
    if length >= MAYBE_SECRET {
        return format!("the value of {length} characters");
    }
    format!("`{}`", text.escape_debug())
}

/// Returns a key as a message may show it. Another text may be a secret whose line lost the space after its colon.
#[must_use]
pub fn shown_key(name: &str) -> Cow<'_, str> {
    let plain = |character: char| character.is_ascii_alphanumeric() || "_-.".contains(character);
    if (1..MAYBE_SECRET).contains(&name.len()) && name.chars().all(plain) {
        Cow::Borrowed(name)
    } else {
        Cow::Borrowed("(not a key name)")
    }
}

/// Returns the known word that is spelt most like `word`, if one is close.
#[must_use]
pub fn closest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    if word.len() > 64 {
        return None;
    }
    let folded = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = folded(word);
    let distances = known
        .into_iter()
        .map(|known| (strsim::damerau_levenshtein(&wanted, &folded(known)), known));
    let close = distances.filter(|(distance, known)| *distance <= 1 + known.len() / 4);
    close.min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// Returns a cure: the closest known word, or all known words if none is close.
#[must_use]
pub fn suggestion<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match closest(word, known.clone()) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("write one of {}", known.into_iter().collect::<Vec<_>>().join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_word_is_suggested_and_all_words_where_none_is_close() {
        let known = ["domain", "hostname", "url"];
        assert_eq!(suggestion("domains", known), "did you mean `domain`?");
        assert_eq!(suggestion("host-name", known), "did you mean `hostname`?");
        assert_eq!(suggestion("sha256", known), "write one of domain, hostname, url");
    }

    #[test]
    fn nothing_as_long_as_a_secret_is_shown() {
        assert_eq!(shown("a\nb"), "`a\\nb`");
        assert_eq!(shown(&"k".repeat(40)), "the value of 40 characters");
        assert_eq!(shown_key("sTQkz: d"), "(not a key name)");
    }
}
