//! The attribute types that MISP sends along with another one.

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

#[cfg(test)]
mod tests {
    use super::*;

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
