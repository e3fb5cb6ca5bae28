//! Readers of the texts of the store, for the fuzzer.

use super::manifest::{Root, page_entries, page_text};

/// Reads these bytes as the root and as this page of the manifest.
///
/// # Panics
/// If the written text is read as something else.
pub(crate) fn read_manifest(page: u64, bytes: &[u8]) {
    if let Some(root) = Root::of_text(bytes) {
        let text = root.to_text();
        assert_eq!(Root::of_text(&text).map(|root| root.to_text()), Some(text));
    }
    if let Some(entries) = page_entries(page, bytes) {
        let text = page_text(&entries);
        let again = page_entries(page, &text).map(|entries| page_text(&entries));
        assert_eq!(again, Some(text));
    }
}
