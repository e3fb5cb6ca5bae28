#![doc = include_str!("../README.md")]

mod access;
pub mod config;
mod correlation;
mod cve;
mod dojo;
mod error;
mod lock;
mod look_up;
mod metrics;
mod note;
mod summary;

pub use access::Timing;
pub use config::{Config, Problem, Problems, Severity, Tag};
pub use config_file::SecretFile;
pub use correlation::{Correlation, Mode};
pub use cve::Cve;
pub use dojo::{DefectDojo, Finding, Note, Removal};
pub use error::{AskError, LookUpError, RunError};
pub use look_up::{Event, LookUp, LookUps};
pub use service_kit::chain;
pub use state_file::LockError;
pub use summary::{Deed, Step, Summary};
