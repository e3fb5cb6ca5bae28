//! Which names in which directories lead to files.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::load::Paths;
use crate::seen;

/// As many symbolic links as Linux follows.
const MAX_LINKS: usize = 40;

/// The places where a change can make a path lead to another file. A path here has a symbolic link at its end only.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Places {
    /// The directories of the files, and those in which a name on the way is missing.
    pub(super) directories: BTreeMap<PathBuf, Names>,
    /// Each directory and each symbolic link on the way. Only their own end or replacement matters: what else happens
    /// in a directory such as `/tmp` does not matter.
    pub(super) steps: BTreeSet<PathBuf>,
    /// The files at the end. A file that is mounted by itself, as containers do it, changes without its directory.
    pub(super) files: BTreeSet<PathBuf>,
}

/// The names in one directory that lead on.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Names {
    exact: BTreeSet<OsString>,
    /// Site files may come here.
    all_yaml: bool,
}

impl Names {
    /// Returns whether a change of this name matters.
    pub(super) fn contains(&self, name: &OsStr) -> bool {
        self.exact.contains(name) || (self.all_yaml && seen::is_yaml(Path::new(name)))
    }

    /// Adds the names of another path to the same directory.
    pub(super) fn extend(&mut self, other: &Self) {
        self.exact.extend(other.exact.iter().cloned());
        self.all_yaml |= other.all_yaml;
    }
}

impl Places {
    /// Returns the places of the configuration files.
    pub(super) fn of_configuration(paths: &Paths) -> Self {
        let mut places = Self::default();
        places.add(&paths.config);
        places.add(&paths.mappings);
        if let Some(sites) = places.walk(&paths.sites) {
            places.directories.entry(sites).or_default().all_yaml = true;
            for file in seen::yaml_files(&paths.sites) {
                places.add(&file);
            }
        }
        places
    }

    /// Returns the places of these files.
    pub(super) fn of_files(files: &[PathBuf]) -> Self {
        let mut places = Self::default();
        files.iter().for_each(|file| places.add(file));
        places
    }

    fn add(&mut self, path: &Path) {
        let Some(file) = self.walk(path) else { return };
        if let (Some(directory), Some(name)) = (file.parent(), file.file_name()) {
            self.expect(directory.to_owned(), name.to_owned());
        }
        self.steps.remove(&file);
        self.files.insert(file);
    }

    /// Has a directory watched for a name.
    fn expect(&mut self, directory: PathBuf, name: OsString) {
        self.directories.entry(directory).or_default().exact.insert(name);
    }

    /// Follows a path name by name. Returns what it leads to, or nothing where it ends before: the directory there is
    /// watched for the name that is missing.
    fn walk(&mut self, path: &Path) -> Option<PathBuf> {
        let mut here = PathBuf::from("/");
        let mut left = Vec::new();
        push(&std::path::absolute(path).ok()?, &mut left);
        let mut links = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&name);
            let Ok(found) = fs::symlink_metadata(&next) else {
                self.expect(here, name);
                return None;
            };
            self.steps.insert(next.clone());
            if !found.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            if links > MAX_LINKS {
                return None;
            }
            let target = fs::read_link(&next).ok()?;
            if target.is_absolute() {
                here = PathBuf::from("/");
            }
            push(&target, &mut left);
        }
        Some(here)
    }
}

/// Puts the names of a path before those that are left.
fn push(path: &Path, left: &mut Vec<OsString>) {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    left.extend(names);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn every_link_on_the_way_is_a_place() {
        use std::os::unix::fs::symlink;
        let folder = tempfile::tempdir().unwrap();
        // The temporary directory itself may be behind a link.
        let root = folder.path().canonicalize().unwrap();
        fs::create_dir_all(root.join("mount/..2026")).unwrap();
        fs::write(root.join("mount/..2026/config.yaml"), "").unwrap();
        symlink("..2026", root.join("mount/..data")).unwrap();
        symlink("..data/config.yaml", root.join("mount/config.yaml")).unwrap();
        symlink(root.join("mount"), root.join("config")).unwrap();
        let places = Places::of_files(&[root.join("config/config.yaml")]);
        for step in ["config", "mount", "mount/config.yaml", "mount/..data", "mount/..2026"] {
            assert!(places.steps.contains(&root.join(step)), "{step}");
        }
        let names = &places.directories[&root.join("mount/..2026")];
        assert!(names.contains(OsStr::new("config.yaml")) && !names.contains(OsStr::new("access.log")));
        assert_eq!(places.directories.len(), 1, "no other directory is listened to");
        assert_eq!(places.files, [root.join("mount/..2026/config.yaml")].into());
    }

    #[test]
    #[cfg(unix)]
    fn links_in_a_circle_and_missing_files_end() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::os::unix::fs::symlink("b", root.join("a")).unwrap();
        std::os::unix::fs::symlink("a", root.join("b")).unwrap();
        let places = Places::of_files(&[root.join("a/x"), root.join("no/such/file")]);
        assert!(places.files.is_empty());
        assert!(places.directories[&root].contains(OsStr::new("no")));
    }
}
