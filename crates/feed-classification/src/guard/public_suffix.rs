//! Public suffixes: names below which everyone may register names.

use std::cell::Cell;

use psl::{Info, List, Psl as _, Type};

/// Returns whether the name is in the Public Suffix List, in its part of registries or in its private one
/// (`github.io`), or whether a name below it is (`amazonaws.com`). Blocking such a name blocks names of many owners.
///
/// The name is in lower case and punycode. A name of an unknown top-level domain is not a suffix.
pub(super) fn is_one_or_above(name: &str) -> bool {
    let (Info { len, typ }, wants_more) = find(name);
    wants_more || (len == name.len() && typ.is_some())
}

/// Returns whether a registry gives out names directly below this one.
pub(super) fn is_registry(name: &str) -> bool {
    let (Info { len, typ }, _) = find(name);
    len == name.len() && typ == Some(Type::Icann)
}

/// Returns the suffix of the name, and whether the list has names below the whole name: the list is a tree, and a
/// search that asks for another label after the first one of the name stands at a branch.
fn find(name: &str) -> (Info, bool) {
    let wants_more = Cell::new(false);
    let mut labels = name.as_bytes().rsplit(|byte| *byte == b'.');
    let labels = std::iter::from_fn(|| {
        let label = labels.next();
        wants_more.set(label.is_none());
        label
    });
    let found = List.find(labels);
    (found, wants_more.get())
}

#[cfg(test)]
mod tests {
    use super::{is_one_or_above, is_registry};

    #[test]
    fn suffixes_of_registries_and_of_companies_and_names_above_them_are_found() {
        for name in ["co.uk", "github.io", "x.kawasaki.jp", "s3.amazonaws.com", "uk"] {
            assert!(is_one_or_above(name), "{name}");
        }
        for name in ["kawasaki.jp", "amazonaws.com", "compute.amazonaws.com"] {
            assert!(is_one_or_above(name), "{name}");
        }
    }

    #[test]
    fn registered_names_are_not_suffixes() {
        for name in [
            "evil.com",
            "evil.co.uk",
            "evil.github.io",
            "www.ck",
            "city.kawasaki.jp",
            "evil.example",
            "example",
            "bucket.s3.amazonaws.com",
        ] {
            assert!(!is_one_or_above(name), "{name}");
        }
    }

    #[test]
    fn a_registry_is_no_company() {
        assert!(is_registry("co.uk") && is_registry("com"));
        assert!(!is_registry("github.io") && !is_registry("corp") && !is_registry("evil.com"));
    }
}
