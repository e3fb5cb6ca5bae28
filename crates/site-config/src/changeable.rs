//! Files of the configuration that other users may change: who changes one decides what leaves in feeds, and who may
//! ask.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use config_file::{Note, Place, Report, text_file};

use crate::load::{Loaded, Paths};

impl Loaded {
    /// Returns a note for each file or folder of the configuration that a user may change who is neither root nor
    /// `user`, which is the user of the daemon. A folder above several files is noted once.
    #[must_use]
    pub fn changeable_by_others(&self, paths: &Paths, user: u32) -> Vec<Note> {
        let mut seen = BTreeSet::new();
        let mut notes = Vec::new();
        for file in self.files(paths) {
            let mut report = Report::new(&file);
            for what in text_file::changeable_by_others(&file, user) {
                if seen.insert(what.clone()) {
                    report.note(Place::START, "", what);
                }
            }
            notes.append(&mut report.notes);
        }
        notes
    }

    /// Returns the files that decide what the daemon does, and the folder of the sites: a file can be put there.
    fn files(&self, paths: &Paths) -> Vec<PathBuf> {
        let mut files = vec![paths.config.clone(), paths.mappings.clone()];
        files.extend(self.core.tls.iter().map(|tls| tls.key.path.clone()));
        files.push(paths.sites.clone());
        let sites = fs::read_dir(&paths.sites).into_iter().flatten().flatten();
        let mut sites: Vec<PathBuf> = sites.map(|entry| entry.path()).collect();
        sites.retain(|path| path.extension().is_some_and(|ending| ending == "yaml"));
        sites.sort();
        files.extend(sites);
        files
    }
}
