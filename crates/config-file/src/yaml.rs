//! The file as it is written.

use std::io::Read as _;

use serde::de::DeserializeOwned;

use crate::{Place, Report};

/// More than anybody writes by hand; a wrong path must not fill the memory.
const MAX_BYTES: u64 = 1 << 20;

/// Returns what the file of this report says, up to 1 MiB; what is wrong with it goes to the report, as a single problem.
#[must_use]
pub fn read<T: DeserializeOwned>(report: &mut Report) -> Option<T> {
    let mut text = String::new();
    let opened = std::fs::File::open(report.file());
    if let Err(error) = opened.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)) {
        report.wrong(Place::START, "", format!("the file cannot be read: {error}"), "");
        return None;
    }
    // Without the snippet: it prints neighbouring lines.
    let options = serde_yaml::options! { with_snippet: false };
    match serde_yaml::from_str_with_options(&text, options) {
        Ok(written) => Some(written),
        Err(error) => {
            let place = error.location().map_or(Place::START, Place::from);
            let text = error.to_string();
            // The place stands in front already.
            let line = text.lines().next().unwrap_or_default();
            let what = line.rsplit_once(" at line ").map_or(line, |(what, _)| what);
            report.wrong(place, "", what, "");
            None
        }
    }
}
