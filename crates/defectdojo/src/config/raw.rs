//! `defectdojo.yaml` as it is written.

use config_file::Spanned;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    pub(super) defectdojo: Option<Spanned<String>>,
    pub(super) defectdojo_key_file: Option<Spanned<String>>,
    pub(super) server: Option<Spanned<String>>,
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
    /// Keys that something was said about already.
    #[serde(default, rename = "$told")]
    pub(super) told: Vec<String>,
}
