//! The attribute types that MISP sends along with another one.

use std::cmp::Ordering;

/// Returns the attribute types in the answer to a search for the type `asked`: that type, and plain `email` for
/// `email-src` and `email-dst` (seen with MISP 2.5.1). MISP compares the names without regard to case.
pub fn types_brought_by(asked: &str) -> impl Iterator<Item = &str> {
    let is_of_mail = ["email-src", "email-dst"]
        .iter()
        .any(|name| asked.eq_ignore_ascii_case(name));
    [Some(asked), is_of_mail.then_some("email")].into_iter().flatten()
}

/// Returns whether the answer to a search for `asked` can have rows of this attribute type; see [`types_brought_by`].
#[must_use]
pub fn brings_type(asked: &str, attribute_type: &str) -> bool {
    types_brought_by(asked).any(|brought| brought.eq_ignore_ascii_case(attribute_type))
}

/// The attribute types in the answer to a search, as a table: one look-up for each row, whatever the number of types.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct BroughtTypes {
    /// In lower case, shorter ones first: nearly all comparisons are of lengths.
    names: Vec<String>,
}

impl BroughtTypes {
    pub(crate) fn of(asked: &[String]) -> Self {
        let brought = asked.iter().flat_map(|asked| types_brought_by(asked));
        let mut names: Vec<String> = brought.map(str::to_ascii_lowercase).collect();
        names.sort_unstable_by(|one, other| by_length(one, other));
        names.dedup();
        Self { names }
    }

    /// Returns whether the answer can have rows of this attribute type; see [`brings_type`].
    pub(crate) fn has(&self, attribute_type: &str) -> bool {
        let has = |name: &str| self.names.binary_search_by(|known| by_length(known, name)).is_ok();
        has(attribute_type) || has(&attribute_type.to_ascii_lowercase())
    }
}

fn by_length(one: &str, other: &str) -> Ordering {
    one.len().cmp(&other.len()).then_with(|| one.cmp(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_of_types_says_the_same_as_the_types_one_by_one() {
        let names = [
            "ip-dst",
            "IP-SRC",
            "Email-Dst",
            "email",
            "email-reply-to",
            "domain|ip",
            "",
            "ip-dst ",
        ];
        for asked in names.map(|asked| vec![asked.to_owned(), "md5".to_owned()]) {
            let table = BroughtTypes::of(&asked);
            for name in names {
                let expected = asked.iter().any(|asked| brings_type(asked, name));
                assert_eq!(table.has(name), expected, "{asked:?} {name}");
            }
        }
    }

    #[test]
    fn a_type_brings_itself_whatever_its_case() {
        assert!(brings_type("ip-dst", "ip-dst") && brings_type("IP-DST", "ip-dst"));
        assert!(!brings_type("ip-dst", "ip-src") && !brings_type("ip-dst", "email"));
    }

    #[test]
    fn senders_and_receivers_bring_plain_addresses() {
        assert!(types_brought_by("email-src").eq(["email-src", "email"]));
        assert!(brings_type("Email-Dst", "email"));
        assert!(!brings_type("email-reply-to", "email") && !brings_type("email", "email-src"));
    }
}
