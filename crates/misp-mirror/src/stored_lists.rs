//! Warninglists as they lie in the store, so that a restart marks rows while MISP is away.

use misp_client::warninglist::WarninglistMatcher;
use misp_client::{Warninglist, WarninglistEntries};
use serde::{Deserialize, Serialize};

/// The name of the entry in the store.
pub(crate) const NAME: &str = "warninglists";

#[derive(Serialize, Deserialize)]
struct StoredList {
    id: u64,
    name: String,
    kind: String,
    description: String,
    version: String,
    is_default: bool,
    category: String,
    attribute_types: Vec<String>,
    entry_count: Option<u64>,
    entries: Vec<String>,
}

/// Returns these lists as bytes; none when they cannot be written.
pub(crate) fn to_bytes(lists: Vec<WarninglistEntries>) -> Option<Vec<u8>> {
    let lists: Vec<StoredList> = lists.into_iter().map(stored).collect();
    serde_json::to_vec(&lists).ok()
}

/// Returns a matcher of the lists in these bytes; none when they cannot be read.
pub(crate) fn matcher(bytes: &[u8]) -> Option<WarninglistMatcher> {
    let lists: Vec<StoredList> = serde_json::from_slice(bytes).ok()?;
    let mut builder = WarninglistMatcher::builder();
    for list in lists {
        let (list, entries) = restored(list);
        builder = builder.add_values(&list, entries);
    }
    Some(builder.build())
}

fn stored(WarninglistEntries { list, entries, .. }: WarninglistEntries) -> StoredList {
    StoredList {
        id: list.id,
        name: list.name,
        kind: list.kind,
        description: list.description,
        version: list.version,
        is_default: list.is_default,
        category: list.category,
        attribute_types: list.attribute_types,
        entry_count: list.entry_count,
        entries: entries.into_iter().map(|entry| entry.value).collect(),
    }
}

fn restored(stored: StoredList) -> (Warninglist, Vec<String>) {
    let mut list = Warninglist::new(stored.id, stored.name, stored.kind).attribute_types(stored.attribute_types);
    list.description = stored.description;
    list.version = stored.version;
    list.is_default = stored.is_default;
    list.category = stored.category;
    list.entry_count = stored.entry_count;
    (list, stored.entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_back_with_the_same_digest() {
        let mut list = Warninglist::new(7, "names", "hostname").attribute_types(["domain"]);
        list.version = "20260101".to_owned();
        list.entry_count = Some(1);
        let lists = vec![WarninglistEntries::new(list, ["shared.example.org"])];
        let before = WarninglistMatcher::builder().add_list(&lists[0]).build();
        let after = matcher(&to_bytes(lists).unwrap()).unwrap();
        assert!(after.matches("domain", "www.shared.example.org"));
        assert_eq!(before.digest(), after.digest());
        assert!(matcher(b"{").is_none());
    }
}
