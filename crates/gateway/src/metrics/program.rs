//! Metrics of the embedding program, for example those of its sockets.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use prometheus_client::registry::Registry;

type Register = dyn Fn(&mut Registry) + Send + Sync;

/// Functions of the program that register its metrics.
#[derive(Default)]
pub(crate) struct ProgramMetrics(Mutex<Vec<Arc<Register>>>);

impl ProgramMetrics {
    /// Adds a function.
    pub(crate) fn add(&self, register: impl Fn(&mut Registry) + Send + Sync + 'static) {
        self.lock().push(Arc::new(register));
    }

    /// Registers the metrics of the program.
    pub(crate) fn register(&self, registry: &mut Registry) {
        // A function may add another one, so none is called under the lock.
        let functions = self.lock().clone();
        functions.iter().for_each(|register| register(registry));
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Register>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ProgramMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProgramMetrics").finish_non_exhaustive()
    }
}
