//! The changes that one transaction makes.

use crate::EventRecord;

/// The changes that one transaction makes: all of them or none.
///
/// ```
/// use misp_mirror::{EventRecord, Store, StoreKey, Update};
///
/// # fn main() -> Result<(), misp_mirror::StoreError> {
/// let store = Store::in_memory(&StoreKey::new([7; 32]), b"misp.example.net", 1 << 20)?;
/// store.write(Update::new().remove([4711]).meta("as_of", b"2026-01-01"))?;
/// assert_eq!(store.meta("as_of")?.as_deref(), Some(b"2026-01-01".as_slice()));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Update<'a> {
    pub(super) puts: Vec<&'a EventRecord>,
    pub(super) removals: Vec<u64>,
    pub(super) meta: Vec<(&'a str, Option<&'a [u8]>)>,
    pub(super) whole: bool,
    pub(super) clear: bool,
}

impl<'a> Update<'a> {
    /// Builds an update that changes nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts records, each in place of the one of its event. Of two for one event the last one counts.
    pub fn put(mut self, records: impl IntoIterator<Item = &'a EventRecord>) -> Self {
        self.puts.extend(records);
        self
    }

    /// Removes the records of these events, before any are put.
    pub fn remove(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.removals.extend(ids);
        self
    }

    /// Puts a further value.
    pub fn meta(mut self, name: &'a str, bytes: &'a [u8]) -> Self {
        self.meta.push((name, Some(bytes)));
        self
    }

    /// Removes a further value.
    pub fn remove_meta(mut self, name: &'a str) -> Self {
        self.meta.push((name, None));
        self
    }

    /// Declares that the store now lists every event that it should; see [`Store::is_whole`](crate::Store::is_whole).
    pub fn whole(mut self) -> Self {
        self.whole = true;
        self
    }

    /// Removes everything before.
    pub(crate) fn clear(mut self) -> Self {
        self.clear = true;
        self
    }
}
