//! The `type` filter.

use super::{Terms, like};

/// Attribute types that are wanted or not.
#[derive(Debug)]
pub(crate) struct KindFilter(Terms);

impl KindFilter {
    /// Returns the filter; asking for a sender or a receiver also asks for plain `email` (fact 24).
    pub(crate) fn new(mut terms: Terms) -> Self {
        let has = |name: &str| terms.any.iter().any(|kind| kind.eq_ignore_ascii_case(name));
        if has("email-src") || has("email-dst") {
            terms.any.push("email".to_owned());
        }
        Self(terms)
    }

    pub(crate) fn admits(&self, kind: &str) -> bool {
        // Without `%` in the type, `_` stands for itself.
        let matches = |name: &String| {
            if name.contains('%') {
                like(name, kind)
            } else {
                name.eq_ignore_ascii_case(kind)
            }
        };
        let Terms { any, all, none } = &self.0;
        (any.is_empty() || any.iter().any(matches)) && all.iter().all(matches) && !none.iter().any(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(any: &[&str], none: &[&str]) -> KindFilter {
        let own = |list: &[&str]| list.iter().map(ToString::to_string).collect();
        KindFilter::new(Terms {
            any: own(any),
            all: Vec::new(),
            none: own(none),
        })
    }

    #[test]
    fn case_and_wildcards_do_not_matter() {
        assert!(filter(&["SHA1"], &[]).admits("sha1"));
        assert!(filter(&["filename%"], &[]).admits("filename|md5"));
        assert!(!filter(&["md5,sha1"], &[]).admits("md5"));
    }

    #[test]
    fn a_sender_also_brings_plain_addresses() {
        assert!(filter(&["email-src"], &[]).admits("email"));
        assert!(!filter(&["email-src"], &[]).admits("email-dst"));
    }

    #[test]
    fn not_wanted_ones_alone_leave_all_others() {
        assert!(filter(&[], &["ip-dst"]).admits("domain"));
        assert!(!filter(&[], &["ip-dst"]).admits("ip-dst"));
    }
}
