//! The decaying model beside the records of a copy, so that scores are known after a restart without MISP.

use std::sync::atomic::{AtomicI64, Ordering};

use misp_mirror::{Store, StoreError};

use crate::models::WrittenModel;

/// The name of the entry in the store, which seals it.
const NAME: &str = "decaying model";

/// The model of a site in the store of its copy.
#[derive(Debug)]
pub(super) struct StoredModel {
    store: Store,
    /// The time of the model that was written last.
    asked_at: AtomicI64,
}

impl StoredModel {
    pub(super) fn within(store: Store) -> Self {
        Self {
            store,
            asked_at: AtomicI64::new(i64::MIN),
        }
    }

    /// Returns whether this model is to be written down, once for each answer of MISP.
    pub(super) fn is_new(&self, model: &WrittenModel) -> bool {
        self.asked_at.fetch_max(model.asked_at, Ordering::Relaxed) < model.asked_at
    }

    /// Writes a model down. It blocks.
    pub(super) fn write(&self, model: &WrittenModel) {
        // A model without usable numbers would be read as none.
        let Ok(bytes) = serde_json::to_vec(model) else {
            return;
        };
        if let Err(error) = self.store.put_meta(NAME, &bytes) {
            let error = service_kit::chain(&error);
            tracing::warn!(error, "the decaying model cannot be written beside the mirror");
        }
    }

    /// Returns the model that was written last; nothing if there is none that can be read. It blocks.
    pub(super) fn read(&self) -> Option<WrittenModel> {
        let bytes = match self.store.meta(NAME) {
            Ok(bytes) => bytes?,
            Err(StoreError::DamagedMeta { .. }) => return None,
            Err(error) => {
                let error = service_kit::chain(&error);
                tracing::warn!(error, "the decaying model beside the mirror cannot be read");
                return None;
            }
        };
        let model: WrittenModel = serde_json::from_slice(&bytes).ok()?;
        self.asked_at.fetch_max(model.asked_at, Ordering::Relaxed);
        Some(model)
    }
}
