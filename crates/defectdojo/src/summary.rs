//! The results of a run, for people.

use std::fmt;

/// A change of a finding, made or in a dry run only planned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Deed {
    /// A note about an event.
    AddNote {
        /// The event, as it can be shown.
        event: String,
    },
    /// A second note about the same event goes.
    RemoveNote {
        /// The note.
        note: u64,
    },
    /// The tag.
    AddTag {
        /// Its name.
        tag: String,
    },
    /// The tag goes, since the campaign is over.
    RemoveTag {
        /// Its name.
        tag: String,
    },
    /// The tag stays although no CVE is listed: no note says that it came from here.
    LeaveTag {
        /// Its name.
        tag: String,
    },
}

/// One line of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Step {
    /// The finding.
    pub finding: u64,
    /// The deed, or the reason why it failed.
    pub outcome: Result<Deed, String>,
    /// Whether it was only planned.
    pub dry_run: bool,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "finding {}: ", self.finding)?;
        let (add, remove) = if self.dry_run {
            ("would add", "would remove")
        } else {
            ("added", "removed")
        };
        match &self.outcome {
            Ok(Deed::AddNote { event }) => write!(f, "{add} a note about event {event}"),
            Ok(Deed::RemoveNote { note }) => write!(f, "{remove} note {note}, the second about one event"),
            Ok(Deed::AddTag { tag }) => write!(f, "{add} the tag {tag}"),
            Ok(Deed::RemoveTag { tag }) => write!(f, "{remove} the tag {tag}"),
            Ok(Deed::LeaveTag { tag }) => write!(f, "the tag {tag} stays: somebody else set it"),
            Err(why) => write!(f, "failed: {why}"),
        }
    }
}

/// The results of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Findings that were read.
    pub findings: usize,
    /// Different CVEs in them.
    pub cves: usize,
    /// Findings with a CVE that is listed.
    pub matched: usize,
    /// Notes that were added.
    pub notes_added: usize,
    /// Notes that were removed, each the second about one event.
    pub notes_removed: usize,
    /// Tags that were added.
    pub tags_added: usize,
    /// Tags that were removed.
    pub tags_removed: usize,
    /// Tags that stay because another user set them.
    pub tags_left: usize,
    /// The failures, each with its subject and the reason.
    pub failures: Vec<(String, String)>,
}

impl Summary {
    /// Returns whether the run had no failure.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.failures.is_empty()
    }

    /// Counts a step.
    pub(crate) fn count(&mut self, step: &Step) {
        match &step.outcome {
            Ok(Deed::AddNote { .. }) => self.notes_added += 1,
            Ok(Deed::RemoveNote { .. }) => self.notes_removed += 1,
            Ok(Deed::AddTag { .. }) => self.tags_added += 1,
            Ok(Deed::RemoveTag { .. }) => self.tags_removed += 1,
            Ok(Deed::LeaveTag { .. }) => self.tags_left += 1,
            Err(why) => self.fail(format!("finding {}", step.finding), why.clone()),
        }
    }

    pub(crate) fn fail(&mut self, what: String, why: String) {
        self.failures.push((what, why));
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.dry_run {
            writeln!(f, "dry run: nothing was changed")?;
        }
        writeln!(
            f,
            "findings read: {}, CVEs: {}, findings matched: {}",
            self.findings, self.cves, self.matched
        )?;
        writeln!(
            f,
            "notes added: {}, notes removed: {}, tags added: {}, tags removed: {}, tags left: {}",
            self.notes_added, self.notes_removed, self.tags_added, self.tags_removed, self.tags_left
        )?;
        writeln!(f, "failures: {}", self.failures.len())?;
        for (what, why) in &self.failures {
            writeln!(f, "  {what}: {why}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_summary_names_what_failed() {
        let mut summary = Summary {
            findings: 3,
            cves: 2,
            matched: 2,
            ..Summary::default()
        };
        let step = |finding, outcome| Step {
            finding,
            outcome,
            dry_run: false,
        };
        let event = "77, Ransomware".to_owned();
        summary.count(&step(5, Ok(Deed::AddNote { event })));
        summary.count(&step(6, Err("the connection failed".to_owned())));
        insta::assert_snapshot!(summary);
    }
}
