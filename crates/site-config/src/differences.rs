//! Notes for users of Cratos FastAPI: for each key in a file that Cratos FastAPI ignores or gets wrong, its meaning
//! here.
//!
//! Keys with the same meaning get no note. Differences without a key are in `docs/migrate-from-cratos-fastapi.md`.

use std::collections::BTreeMap;

use config_file::{Place, Report};

/// Where each key of a file stands.
pub(crate) type Written = BTreeMap<String, Place>;

/// Adds the notes about the keys of `config.yaml`.
pub(crate) fn note_on_core(debug: bool, written: &Written, report: &mut Report) {
    if debug {
        note_on(report, written, "debug", DEBUG.to_owned());
    }
}

/// The note about `debug`, which both kinds of file have.
pub(crate) const DEBUG: &str = "has no effect; RUST_LOG=debug in the environment of the service logs more";

/// Adds a note about a key if the file has it.
pub(crate) fn note_on(report: &mut Report, written: &Written, key: &str, what: String) {
    if let Some(place) = written.get(key) {
        report.difference(*place, key, what);
    }
}
