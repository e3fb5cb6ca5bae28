//! Lists of kind `substring`: one automaton finds all entries of a list in one pass over the value.

use aho_corasick::{AhoCorasick, AhoCorasickKind, BuildError};

/// The entries of one list.
#[derive(Debug)]
pub(super) struct Substrings(AhoCorasick);

impl Substrings {
    /// The kind of automaton is fixed: a full one could take a hundred times the memory of its entries.
    pub(super) fn new(entries: &[String]) -> Result<Self, BuildError> {
        AhoCorasick::builder()
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(entries)
            .map(Self)
    }

    /// Returns an entry that the value contains.
    pub(super) fn find<'v>(&self, value: &'v str) -> Option<&'v str> {
        let found = self.0.find(value)?;
        value.get(found.range())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_inside_the_value_is_found() {
        let list = Substrings::new(&["übung".to_owned(), "exam".to_owned()]).unwrap();
        assert_eq!(list.find("a-übung.example"), Some("übung"));
        assert_eq!(list.find("www.example.org"), Some("exam"));
        assert_eq!(list.find("www.Example.org"), None);
        assert_eq!(Substrings::new(&[]).unwrap().find("a"), None);
    }

    #[test]
    fn empty_entry_is_part_of_every_value() {
        let list = Substrings::new(&[String::new()]).unwrap();
        assert_eq!((list.find("a"), list.find("")), (Some(""), Some("")));
    }
}
