//! A file in any format that an exporter writes, and a command that makes its reader load it.
//!
//! For programs that read a list from a file, for example Unbound, Squid, HAProxy or Postfix. A command is a list of
//! words; no shell runs.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use config_file::{Key, Section, Wrong, absent, value};
use feed_classification::{Exporter, FeedInfo, IndicatorSet, IndicatorType};

use super::file_change::FileChange;
use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command::{CommandError, Run};
use crate::entry;
use crate::error::TargetError;

/// How long a check or a reload may take.
pub(super) const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// The placeholder for the file in a command.
pub(super) const PLACEHOLDER: &str = "{}";

/// The kind `file`.
pub(super) const KIND: Kind = Kind {
    row: Key::ours(
        "file",
        "map",
        absent("none"),
        "a file in any format, for any program that reads a list from a file",
    ),
    tables: &[&[
        Key::ours(
            "path",
            "path",
            absent("required"),
            "the file; the agent replaces it whole",
        ),
        Key::ours(
            "format",
            "output of cratosd",
            absent("required"),
            "the format, for example `txt` or `generic`",
        ),
        Key::ours(
            "mode",
            "octal number in quotes",
            absent("that of the file before, else \"0644\""),
            "permissions of the file",
        ),
        Key::ours(
            "check",
            "command",
            absent("none"),
            "command that judges the new file; `{}` stands for its path",
        ),
        Key::ours(
            "reload",
            "command",
            absent("none"),
            "command that makes the reader load the file; `{}` stands for its path",
        ),
    ]],
    make,
};

/// A file that holds the values in one format.
#[derive(Debug)]
pub struct FileTarget {
    name: String,
    path: PathBuf,
    kind: IndicatorType,
    exporter: Arc<dyn Exporter>,
    mode: Option<u32>,
    check: Option<Vec<String>>,
    reload: Option<Vec<String>>,
    timeout: Duration,
}

impl FileTarget {
    /// Returns a target that writes values of `kind` to `path`. Formats with a title, for example response policy
    /// zones, show `name`.
    #[must_use]
    pub fn new(name: &str, path: &Path, kind: IndicatorType, exporter: Arc<dyn Exporter>) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            kind,
            exporter,
            mode: None,
            check: None,
            reload: None,
            timeout: COMMAND_TIMEOUT,
        }
    }

    /// Sets the command that judges a new file before it is put in place; the word `{}` stands for its path.
    #[must_use]
    pub fn check_with(mut self, words: Vec<String>) -> Self {
        self.check = Some(words);
        self
    }

    /// Sets the command that makes the reader load the file.
    #[must_use]
    pub fn reload_with(mut self, words: Vec<String>) -> Self {
        self.reload = Some(words);
        self
    }

    fn change<'a>(&self, rendered: &'a Rendered) -> FileChange<'a> {
        FileChange {
            files: vec![(self.path.clone(), rendered.part(PLACEHOLDER))],
            mode: self.mode,
        }
    }
}

impl Target for FileTarget {
    fn kind(&self) -> &'static str {
        "file"
    }

    fn resources(&self) -> Vec<String> {
        vec![self.path.display().to_string()]
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let nothing = IndicatorSet::empty(self.kind);
        let set = values.of(self.kind).unwrap_or(&nothing);
        let mut bytes = Vec::new();
        let info = FeedInfo::new(self.kind, &self.name);
        let exported = self.exporter.export(&info, &mut set.indicators(), &mut bytes);
        let exported = exported.map_err(TargetError::Render)?;
        let mut rendered = Rendered {
            entries: exported.written,
            left_out: exported.quarantined,
            ..Rendered::default()
        };
        rendered.push(PLACEHOLDER, bytes);
        Ok(rendered)
    }

    fn check(&self, rendered: &Rendered) -> Result<(), TargetError> {
        let Some(words) = &self.check else { return Ok(()) };
        self.change(rendered)
            .check(&mut |candidate| run_with(words, candidate, self.timeout))
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.change(rendered).apply(&mut || match &self.reload {
            Some(words) => run_with(words, &self.path, self.timeout),
            None => Ok(()),
        })
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        self.change(rendered).is_there()
    }

    fn restore(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.change(rendered).write()
    }
}

/// Runs a command in which the word `{}` stands for a path.
pub(super) fn run_with(words: &[String], path: &Path, timeout: Duration) -> Result<(), CommandError> {
    let path = path.display().to_string();
    let words: Vec<String> = words
        .iter()
        .map(|word| {
            if word == PLACEHOLDER {
                path.clone()
            } else {
                word.clone()
            }
        })
        .collect();
    Run::new(&words, timeout).output().map(drop)
}

fn make(section: &mut Section<'_>, making: &Making<'_>) -> Option<Box<dyn Target>> {
    // Every key is read before anything is given up, so that all problems are reported at once.
    let path = section.required("path", "name the file to write", value::absolute_path);
    let (format_at, format_key) = (section.place_of("format"), section.path_of("format"));
    let format = section.required("format", "name a format, for example `txt`", value::some_text);
    let mode = section.value("mode", entry::mode);
    let check = entry::command(section, "check");
    let reload = entry::command(section, "reload");
    let format = format?;
    let exporter = making.exporter(section.report, (format_at, &format_key), &format)?;
    making
        .takes(
            section.report,
            &format!("the format {format}"),
            exporter.about().accepts,
        )
        .then_some(())?;
    let mut kinds = making.kinds.iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        // Without any type its feeds have problems, which are reported already.
        if !making.kinds.is_empty() {
            let wrong = Wrong::new(
                "one file is one list of one type",
                "name feeds of one type, and write one target for each type",
            );
            section.report.problem(making.place, making.feeds.as_str(), wrong);
        }
        return None;
    };
    Some(Box::new(FileTarget {
        mode,
        check,
        reload,
        ..FileTarget::new(making.name, &path?, kind, exporter)
    }))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use feed_classification::Registry;

    use super::*;

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn target(path: &Path) -> FileTarget {
        let exporter = Registry::builtin().by_name("txt").cloned().unwrap();
        FileTarget::new("names", path, IndicatorType::Domain, exporter)
    }

    fn rendered(target: &FileTarget, values: &[&str]) -> Rendered {
        let set = IndicatorSet::of(IndicatorType::Domain, values.iter().copied());
        target.render(&[set].into_iter().collect()).unwrap()
    }

    #[test]
    fn a_list_that_the_check_refuses_is_never_put_in_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.txt");
        fs::write(&path, "before").unwrap();
        let target = target(&path).check_with(words(&["grep", "-q", "good", "{}"]));
        target.check(&rendered(&target, &["good.example"])).unwrap();
        let refused = target.check(&rendered(&target, &["evil.example"]));
        assert!(matches!(refused, Err(TargetError::Check(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "before");
        assert_eq!(
            fs::read_dir(dir.path()).unwrap().count(),
            1,
            "no candidate is left behind"
        );
    }

    #[test]
    fn a_failed_reload_brings_the_list_before_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.txt");
        fs::write(&path, "good.example").unwrap();
        // The reader loads good lists and fails on others.
        let target = target(&path).reload_with(words(&["grep", "-q", "good", "{}"]));
        let refused = target.apply(&rendered(&target, &["evil.example"]));
        assert!(matches!(refused, Err(TargetError::Reload(_))), "{refused:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "good.example");
        fs::write(&path, "other").unwrap();
        let refused = target.apply(&rendered(&target, &["evil.example"]));
        assert!(matches!(refused, Err(TargetError::RollBack(_))), "{refused:?}");
        fs::remove_file(&path).unwrap();
        target.apply(&rendered(&target, &["evil.example"])).unwrap_err();
        assert!(!path.exists(), "there was no file before");
        target.apply(&rendered(&target, &["good.example"])).unwrap();
        assert!(target.is_in_force(&rendered(&target, &["good.example"])).unwrap());
        assert!(!target.is_in_force(&rendered(&target, &[])).unwrap());
    }

    #[test]
    fn a_new_list_that_the_failed_reload_removed_itself_is_gone_and_no_fault() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("names.txt");
        let target = target(&path).reload_with(words(&["sh", "-c", "rm -f \"$0\"; exit 1", "{}"]));
        let refused = target.apply(&rendered(&target, &["evil.example"]));
        assert!(matches!(refused, Err(TargetError::RollBack(_))), "{refused:?}");
        assert!(!path.exists());
    }

    #[test]
    fn hostile_values_stay_values() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("agents.txt");
        let exporter = Registry::builtin().by_name("txt").cloned().unwrap();
        let target = FileTarget::new("agents", &path, IndicatorType::UserAgent, exporter);
        let hostile = [
            "$(touch pwned)",
            "`id`",
            "'; rm -rf /; '",
            "{}",
            "../../etc/passwd",
            "-o ProxyCommand=id",
        ];
        let set = IndicatorSet::of(IndicatorType::UserAgent, hostile);
        let rendered = target.render(&[set].into_iter().collect()).unwrap();
        target
            .check_with(words(&["test", "-f", "{}"]))
            .apply(&rendered)
            .unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().count(), hostile.len());
        assert!(
            hostile.iter().all(|value| text.lines().any(|line| line == *value)),
            "{text}"
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
