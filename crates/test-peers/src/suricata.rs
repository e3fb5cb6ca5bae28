//! A folder with everything that a real Suricata needs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::program;

/// The configuration of an operator, with short outputs and every protocol that rules may look at.
const CONFIGURATION: &str = r#"%YAML 1.1
---
vars:
  address-groups: {HOME_NET: "any", EXTERNAL_NET: "any"}
default-log-dir: FOLDER
default-rule-path: RULES
reputation-categories-file: FOLDER/categories.txt
default-reputation-path: RULES
reputation-files: [cratos-ip.list]
outputs:
  - eve-log: {enabled: yes, filetype: regular, filename: eve.json, types: [EVENTS]}
app-layer:
  protocols:
    dns: {udp: {enabled: yes}, tcp: {enabled: yes}}
    ftp: {enabled: yes}
    http: {enabled: yes}
    nfs: {enabled: yes}
    smb: {enabled: yes}
    smtp: {enabled: yes}
    ssh: {enabled: yes, hassh: yes}
    tls: {enabled: yes, ja3-fingerprints: yes, ja4-fingerprints: yes}
"#;

/// A Suricata with a folder for its configuration, its rules and its events. It does not run by itself: a test starts
/// the command.
#[derive(Clone, Debug)]
pub struct Suricata {
    program: PathBuf,
    folder: PathBuf,
    rules: PathBuf,
}

impl Suricata {
    /// Writes the files of one into `folder`; if Suricata is missing, prints so and returns nothing.
    ///
    /// `rules` is the folder of the rules below `folder`, and may be empty. `events` are the types that it writes, for
    /// example `alert`. `more` is put at the end of the configuration.
    ///
    /// # Panics
    /// If a file cannot be written.
    #[must_use]
    pub fn new(folder: &Path, rules: &str, events: &str, more: &str) -> Option<Self> {
        let suricata = Self {
            program: program("suricata")?,
            folder: folder.to_owned(),
            rules: folder.join(rules),
        };
        let shown = |path: &Path| path.display().to_string();
        let text = format!("{CONFIGURATION}{more}")
            .replace("FOLDER", &shown(folder))
            .replace("RULES", &shown(&suricata.rules))
            .replace("EVENTS", events);
        write(&folder.join("suricata.yaml"), text.as_bytes());
        write(&folder.join("categories.txt"), b"1,cratos,Indicators from MISP\n");
        suricata.write_rules("cratos-ip.list", "");
        Some(suricata)
    }

    /// Returns the command and its arguments for this folder.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let shown = |path: &Path| path.display().to_string();
        let configuration = shown(&self.folder.join("suricata.yaml"));
        let folder = shown(&self.folder);
        vec![
            shown(&self.program),
            "-c".to_owned(),
            configuration,
            "-l".to_owned(),
            folder,
        ]
    }

    /// Returns the command for this folder.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(self.words().iter().skip(1));
        command
    }

    /// Writes a file into the folder of the rules.
    ///
    /// # Panics
    /// If it cannot be written.
    pub fn write_rules(&self, name: &str, text: &str) {
        write(&self.rules.join(name), text.as_bytes());
    }

    /// Returns the events so far, each a line of JSON. The last line may be half written while Suricata runs.
    #[must_use]
    pub fn events(&self) -> String {
        fs::read_to_string(self.folder.join("eve.json")).unwrap_or_default()
    }

    /// Removes the events so far.
    pub fn forget_events(&self) {
        // They do not exist before the first run.
        let _ = fs::remove_file(self.folder.join("eve.json"));
    }
}

fn write(path: &Path, bytes: &[u8]) {
    let folder = path.parent().unwrap_or(Path::new("."));
    let written = fs::create_dir_all(folder).and_then(|()| fs::write(path, bytes));
    written.unwrap_or_else(|error| panic!("{} cannot be written: {error}", path.display()));
}
