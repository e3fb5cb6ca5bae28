//! A store that takes over everything that another one holds.

use super::{Store, StoreError, Update};

/// Records of one transaction.
const TOGETHER: usize = 500;
/// Threads that decode records.
const THREADS: usize = 2;

impl Store {
    /// Writes everything that this store holds into another one, in place of its own content. The further values come
    /// last: after a failure the other one has some of the records and no further value. This store must not change
    /// meanwhile.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] if a record of this store does not open, and those of [`Store::write`].
    pub fn copy_into(&self, other: &Self) -> Result<(), StoreError> {
        other.clear()?;
        let (mut some, mut written) = (Vec::with_capacity(TOGETHER), Ok(()));
        self.read_all(THREADS, |record| {
            some.push(record);
            if some.len() == TOGETHER && written.is_ok() {
                written = other.put(&some);
            }
            if some.len() >= TOGETHER {
                some.clear();
            }
        })?;
        written?;
        other.put(&some)?;
        if let Some(id) = self.damaged().first() {
            return Err(StoreError::Damaged { id: *id });
        }
        let names: Vec<String> = self.manifest().root.meta.keys().cloned().collect();
        let mut values = Vec::with_capacity(names.len());
        for name in names {
            let value = self.meta(&name)?.unwrap_or_default();
            values.push((name, value));
        }
        let update = values
            .iter()
            .fold(Update::new(), |update, (name, value)| update.meta(name, value));
        other.write(update)
    }
}
