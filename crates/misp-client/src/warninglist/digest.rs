//! A short text that changes with the warninglists that a MISP uses.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::Warninglist;

/// A digest of the enabled lists: their numbers, names, kinds, versions, categories, attribute types and counts of
/// entries.
///
/// Equal digests mean that nothing has to be read again. MISP gives a list that is edited by hand the date as its
/// version, so a second edit on one day shows only if it changes the number of entries.
///
/// ```
/// use misp_client::Warninglist;
/// use misp_client::warninglist::WarninglistDigest;
///
/// let mut list = Warninglist::new(7, "Shared hosts", "hostname");
/// let before = WarninglistDigest::of([&list]);
/// list.version = "20260101".to_owned();
/// assert_ne!(WarninglistDigest::of([&list]), before);
/// list.enabled = false;
/// assert_eq!(WarninglistDigest::of([&list]), WarninglistDigest::of([]));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct WarninglistDigest([u8; 32]);

impl WarninglistDigest {
    /// Returns the digest of those of these lists that are enabled, in any order.
    ///
    /// Compare digests of lists that were read in the same way: with the index MISP sends counts of entries, with a
    /// single list it does not.
    #[must_use]
    pub fn of<'l>(lists: impl IntoIterator<Item = &'l Warninglist>) -> Self {
        let mut lists: Vec<&Warninglist> = lists.into_iter().filter(|list| list.enabled).collect();
        lists.sort_by_key(|list| list.id);
        let mut hash = Sha256::new();
        for list in lists {
            hash.update(list.id.to_be_bytes());
            hash.update(list.entry_count.map_or(u64::MAX, |count| count).to_be_bytes());
            let mut types: Vec<&str> = list.attribute_types.iter().map(String::as_str).collect();
            types.sort_unstable();
            let texts = [&*list.name, &*list.kind, &*list.version, &*list.category];
            for text in texts.into_iter().chain([&*types.join(", ")]) {
                hash.update((text.len() as u64).to_be_bytes());
                hash.update(text);
            }
        }
        Self(hash.finalize().into())
    }
}

/// Writes 64 hexadecimal digits.
impl fmt::Display for WarninglistDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for WarninglistDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WarninglistDigest({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_of_a_list_counts_but_not_the_order() {
        let first = Warninglist::new(1, "a", "string").attribute_types(["md5", "sha1"]);
        let second = Warninglist::new(2, "b", "cidr");
        let of = |lists: [&Warninglist; 2]| WarninglistDigest::of(lists);
        let digest = of([&first, &second]);
        assert_eq!(of([&second, &first]), digest);
        assert_eq!(digest.to_string().len(), 64);
        let turned = first.clone().attribute_types(["sha1", "md5"]);
        assert_eq!(of([&turned, &second]), digest);
        let changes: [fn(&mut Warninglist); 7] = [
            |list| list.id = 9,
            |list| list.name.push('x'),
            |list| list.kind.push('x'),
            |list| list.version.push('x'),
            |list| list.category.push('x'),
            |list| list.entry_count = Some(0),
            |list| list.attribute_types.truncate(1),
        ];
        for change in changes {
            let mut changed = first.clone();
            change(&mut changed);
            assert_ne!(of([&changed, &second]), digest);
        }
    }
}
