//! Metrics of the program around the app, for example those of its sockets.

use std::fmt;
use std::sync::OnceLock;

use prometheus_client::registry::Registry;

type Register = dyn Fn(&mut Registry) + Send + Sync;

/// A function of the program that registers its metrics.
#[derive(Default)]
pub(crate) struct Further(OnceLock<Box<Register>>);

impl Further {
    /// Sets the function. A second call changes nothing.
    pub(crate) fn set(&self, register: impl Fn(&mut Registry) + Send + Sync + 'static) {
        let _ = self.0.set(Box::new(register));
    }

    /// Registers the metrics of the program.
    pub(crate) fn register(&self, registry: &mut Registry) {
        if let Some(register) = self.0.get() {
            register(registry);
        }
    }
}

impl fmt::Debug for Further {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Further").finish_non_exhaustive()
    }
}
