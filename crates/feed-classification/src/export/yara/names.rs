//! Names of rules that are unique in one file.

use std::collections::{HashMap, HashSet};

use sha2::{Digest as _, Sha256};

/// The longest identifier of YARA.
pub(super) const MAX_BYTES: usize = 128;

/// How many digits of the digest stand behind a name.
const DIGITS: usize = 8;

/// The names of all texts of a file, and those that were given out.
#[derive(Debug)]
pub(super) struct Names<'n> {
    /// How many texts have a rule of this name.
    texts: HashMap<&'n str, usize>,
    given: HashSet<String>,
}

impl<'n> Names<'n> {
    /// Counts the names; each item is a name of one text. A text names a rule once.
    pub(super) fn of(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut texts = HashMap::new();
        for name in names {
            *texts.entry(name).or_default() += 1;
        }
        Self {
            texts,
            given: HashSet::new(),
        }
    }

    /// Returns the name for a rule of this text: its own one if no other text has it, and otherwise one with the first
    /// digits of the text's SHA-256 behind it.
    ///
    /// It depends on the text and on whether another text has the same name, not on their order. Only if the new name
    /// is taken too, which takes a text that was built for it, further digests are tried in order.
    pub(super) fn give(&mut self, name: &str, text: &str) -> String {
        if self.texts.get(name).is_none_or(|texts| *texts == 1) {
            return name.to_owned();
        }
        let mut attempt = 0_u64;
        loop {
            let renamed = with_digest(name, text, attempt);
            if !self.texts.contains_key(renamed.as_str()) && self.given.insert(renamed.clone()) {
                return renamed;
            }
            attempt += 1;
        }
    }
}

fn with_digest(name: &str, text: &str, attempt: u64) -> String {
    let mut digest = Sha256::new().chain_update(text);
    if attempt > 0 {
        digest = digest.chain_update([0]).chain_update(attempt.to_be_bytes());
    }
    let digits: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let kept = name.get(..MAX_BYTES - DIGITS - 1).unwrap_or(name);
    format!("{kept}_{}", digits.get(..DIGITS).unwrap_or(&digits))
}

#[cfg(test)]
mod tests {
    use super::{MAX_BYTES, Names, with_digest};

    #[test]
    fn only_names_of_several_texts_change() {
        let mut names = Names::of(["a", "b", "a"]);
        assert_eq!(names.give("b", "text of b"), "b");
        let first = names.give("a", "one");
        assert_eq!(first, "a_7692c3ad");
        assert_ne!(names.give("a", "two"), first);
    }

    #[test]
    fn a_name_that_was_built_to_clash_is_avoided() {
        let built = with_digest("a", "one", 0);
        let mut names = Names::of(["a", "a", built.as_str()]);
        assert_eq!(names.give(&built, "third"), built);
        let given = names.give("a", "one");
        assert_eq!(given, with_digest("a", "one", 1));
    }

    #[test]
    fn long_names_stay_within_yaras_limit() {
        let long = "a".repeat(MAX_BYTES);
        let mut names = Names::of([long.as_str(), long.as_str()]);
        assert_eq!(names.give(&long, "one").len(), MAX_BYTES);
    }
}
