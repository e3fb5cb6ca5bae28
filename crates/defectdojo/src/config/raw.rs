//! `defectdojo.yaml` as it is written.

use std::io::Read as _;

use serde::Deserialize;
use serde_yaml::Spanned;

use super::problem::{Place, Report};

/// More than anybody writes by hand; a wrong path must not fill the memory.
const MAX_BYTES: u64 = 1 << 20;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) defectdojo: Spanned<String>,
    pub(super) defectdojo_key_file: Option<Spanned<String>>,
    pub(super) server: Spanned<String>,
    pub(super) token_file: Option<Spanned<String>>,
    pub(super) ca_file: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) insecure_http: bool,
    pub(super) severity: Option<Vec<Spanned<String>>>,
    pub(super) age: Option<Spanned<String>>,
    pub(super) tag: Option<Spanned<String>>,
    pub(super) private_notes: Option<bool>,
    pub(super) state_dir: Option<Spanned<String>>,
    pub(super) metrics_file: Option<Spanned<String>>,
    pub(super) timeout: Option<Spanned<String>>,
    pub(super) max_body_bytes: Option<usize>,
    pub(super) max_findings: Option<usize>,
}

/// Reads the file; what is wrong with it goes to the report.
pub(super) fn read(report: &mut Report) -> Option<Config> {
    let mut text = String::new();
    let opened = std::fs::File::open(report.file());
    if let Err(error) = opened.and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)) {
        report.wrong(Place::START, "", format!("the file cannot be read: {error}"), "");
        return None;
    }
    // Without the snippet: it prints neighbouring lines.
    let options = serde_yaml::options! { with_snippet: false };
    match serde_yaml::from_str_with_options(&text, options) {
        Ok(config) => Some(config),
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
