//! The holder of the present snapshot, and the one way to change it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use feed_classification::TypeSet;
use misp_mirror::Batch;

use crate::writer::Writer;
use crate::{CatalogueError, Classes, Snapshot};

/// The indicators of one mirrored MISP.
///
/// Readers take a [`snapshot`](Self::snapshot) and never wait for a writer. One follower of the mirror hands each
/// [`Batch`] to [`apply`](Self::apply).
pub struct Catalogue {
    present: ArcSwap<Snapshot>,
    writer: Mutex<Writer>,
}

/// The effect of a batch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// The indicator types whose feeds may differ now: those of each family with a change.
    pub types: TypeSet,
    /// Whether the snapshot is complete now.
    pub is_complete: bool,
}

impl Catalogue {
    /// Returns a catalogue without events, for a site with these mappings. Other mappings need another catalogue.
    #[must_use]
    pub fn new(mappings: Classes) -> Self {
        Self {
            present: ArcSwap::from_pointee(Snapshot::empty(mappings.clone())),
            writer: Mutex::new(Writer::new(mappings)),
        }
    }

    /// Returns the present state.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.present.load_full()
    }

    /// Takes over the changes of a batch and replaces the snapshot in one step.
    ///
    /// Batches before completeness are only collected; the first complete one builds the first snapshot. Later ones
    /// build the classes again whose rows differ, and share the others. Call it where processor time may be taken: the
    /// first snapshot of a million rows takes about a second, a small change some ten milliseconds. It uses two threads
    /// where much is to be done. Meanwhile the old state and the new one of the changed classes exist side by side, so
    /// the peak is at most twice the weight of the snapshot.
    ///
    /// # Errors
    /// [`CatalogueError::TooLarge`]. The snapshot stays as it was, and later batches are refused too.
    pub fn apply(&self, batch: &Batch) -> Result<Applied, CatalogueError> {
        let mut writer = self.writer();
        let before = self.present.load_full();
        let Some((snapshot, types)) = writer.apply(&before, batch)? else {
            return Ok(Applied {
                types: TypeSet::NONE,
                is_complete: before.is_complete(),
            });
        };
        let is_complete = snapshot.is_complete();
        self.present.store(Arc::new(snapshot));
        Ok(Applied { types, is_complete })
    }

    /// Returns the memory of the snapshot and of the writer beside it, in bytes.
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.snapshot().weight_bytes() + self.writer().weight_bytes()
    }

    /// A panic leaves the writer as a refused batch would: it says so itself.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Catalogue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Catalogue")
            .field("snapshot", &self.present.load())
            .finish_non_exhaustive()
    }
}
