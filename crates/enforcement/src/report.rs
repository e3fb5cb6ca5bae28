//! The state of targets in words: for people and for the log.

use std::fmt::Write as _;
use std::time::Duration;

use service_kit::chain;

use crate::Moment;
use crate::coverage::Counted;
use crate::round::Outcome;
use crate::state::Progress;

/// The state of one target, as `status` prints it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The target.
    pub name: String,
    /// How long ago its last success was; `None` before the first one, or if the time lies in the future.
    pub age: Option<Duration>,
    /// Whether that is older than it may be.
    pub is_too_old: bool,
    /// The rest.
    pub progress: Progress,
}

impl Standing {
    /// Judges how a target stands at `now`.
    #[must_use]
    pub fn new(name: &str, progress: Progress, max_age: Duration, now: &Moment) -> Self {
        let age = progress.last_success.as_ref().and_then(|last| last.age_at(now));
        Self {
            name: name.to_owned(),
            age,
            is_too_old: age.is_none_or(|age| age > max_age),
            progress,
        }
    }

    /// Returns whether an operator has to act: the last success is too old, or a change is held back.
    #[must_use]
    pub const fn needs_attention(&self) -> bool {
        self.is_too_old || self.progress.held.is_some()
    }

    /// Returns some lines for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let progress = &self.progress;
        let state = match (self.is_too_old, &progress.held) {
            (true, _) => "TOO OLD",
            (false, Some(_)) => "HELD BACK",
            (false, None) => "ok",
        };
        let mut text = format!("{}: {state}, {}, {}\n", self.name, self.success(), in_force(progress));
        if progress.never_blocked > 0 {
            let values = Counted(progress.never_blocked, "value");
            let _ = writeln!(text, "  never blocked on this host: {values} left out or cut");
        }
        if progress.left_out > 0 {
            let values = Counted(progress.left_out, "value");
            let _ = writeln!(
                text,
                "  left out: {values} that the format of the target cannot express"
            );
        }
        text.push_str(&progress.refused.shown("  "));
        for (what, said) in [("held back", &progress.held), ("error", &progress.error)] {
            if let Some(said) = said {
                let _ = writeln!(text, "  {what}: {said}");
            }
        }
        for (name, feed) in &progress.feeds {
            let state = feed.error.as_deref().unwrap_or("ok");
            let values = Counted(feed.values, "value");
            let _ = writeln!(text, "  feed {name}: {values}, {} refused, {state}", feed.refused);
            text.push_str(&feed.refused_values.shown("    "));
        }
        text
    }

    fn success(&self) -> String {
        match (&self.progress.last_success, self.age) {
            (None, _) => "no success yet".to_owned(),
            (Some(_), None) => "last success at a time that the clock has not reached".to_owned(),
            (Some(_), Some(age)) => format!("last success {} s ago", age.as_secs()),
        }
    }
}

/// Returns a summary of the values in force: their number, the addresses that they cover, and the entries of the
/// target.
pub(crate) fn in_force(progress: &Progress) -> String {
    let (values, entries) = (Counted(progress.values, "value"), Counted(progress.entries, "entry"));
    match progress.addresses {
        0 => format!("{values} in force as {entries}"),
        addresses => format!("{values} ({}) in force as {entries}", Counted(addresses, "address")),
    }
}

/// Logs the result of a target. A state that was logged before is not logged again.
pub(crate) fn log(name: &str, outcome: &Outcome, before: &Progress, now: &Progress) {
    if now.refused != before.refused {
        for refusal in now.refused.named() {
            let (value, why) = (refusal.value.as_str(), refusal.why.as_str());
            tracing::warn!(target_name = name, value, why, "a value is refused and not enforced");
        }
        if now.refused.count() > 0 {
            tracing::warn!(
                target_name = name,
                refused = now.refused.count(),
                "so many values are refused"
            );
        }
    }
    let (values, entries) = (now.values, now.entries);
    let is_new = (&before.held, &before.error) != (&now.held, &now.error);
    match outcome {
        Outcome::Changed(diff) => {
            let (added, removed) = (diff.added.len(), diff.removed.len());
            tracing::info!(target_name = name, values, entries, added, removed, "in force");
        }
        Outcome::Held(objection, _) if is_new => {
            tracing::error!(target_name = name, values, "held back: {objection}");
        }
        Outcome::Failed(error) if is_new => {
            tracing::error!(
                target_name = name,
                error = chain(error),
                "not applied; what was in force stays"
            );
        }
        Outcome::NotKept(error) if is_new => {
            tracing::error!(
                target_name = name,
                error = chain(error),
                "in force, but a restart would not know"
            );
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::CommandError;
    use crate::error::TargetError;

    #[test]
    fn no_success_and_an_old_one_are_too_old() {
        let now = Moment::now();
        let standing = |progress| Standing::new("firewall", progress, Duration::from_secs(60), &now);
        assert!(standing(Progress::default()).is_too_old);
        let fresh = Progress {
            last_success: Some(now.clone()),
            values: 3,
            addresses: 258,
            entries: 2,
            ..Progress::default()
        };
        let told = standing(fresh.clone());
        assert!(!told.is_too_old && !told.needs_attention());
        let line = "firewall: ok, last success 0 s ago, 3 values (258 addresses) in force as 2 entries\n";
        assert_eq!(told.shown(), line);
        let names = Progress {
            values: 1,
            addresses: 0,
            entries: 1,
            ..fresh
        };
        assert!(standing(names).shown().ends_with(", 1 value in force as 1 entry\n"));
    }

    #[test]
    fn a_change_that_is_held_back_needs_attention_however_fresh_the_success_is() {
        let now = Moment::now();
        let held = Progress {
            last_success: Some(now.clone()),
            held: Some("too much".to_owned()),
            ..Progress::default()
        };
        let standing = Standing::new("firewall", held, Duration::from_secs(60), &now);
        assert!(standing.needs_attention() && !standing.is_too_old);
        assert!(
            standing.shown().starts_with("firewall: HELD BACK, "),
            "{}",
            standing.shown()
        );
    }

    #[test]
    fn refused_values_are_named_with_the_reason() {
        let mut progress = Progress::default();
        progress.refused.push("0.0.0.0/0", "wider than /8");
        let mut feed = crate::state::FeedProgress::default();
        feed.refused_values.push("com", "a single label");
        progress.feeds.insert("names".to_owned(), feed);
        let shown = Standing::new("firewall", progress, Duration::from_secs(60), &Moment::now()).shown();
        assert!(shown.contains("\n  refused `0.0.0.0/0`: wider than /8\n"), "{shown}");
        assert!(shown.contains("\n    refused `com`: a single label\n"), "{shown}");
    }

    /// Returns the lines that one round logs.
    fn logged(outcome: &Outcome, before: &Progress, now: &Progress) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = std::sync::Mutex::new(file.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, || log("firewall", outcome, before, now));
        let text = std::fs::read_to_string(file.path()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn what_is_refused_or_fails_is_logged_when_it_begins_and_not_in_each_round() {
        let before = Progress::default();
        let mut refusing = Progress::default();
        refusing.refused.push("0.0.0.0/0", "wider than /8");
        let lines = logged(&Outcome::Unchanged, &before, &refusing);
        assert!(
            lines.len() == 2 && lines[0].contains("0.0.0.0/0") && lines[1].contains("refused=1"),
            "{lines:?}"
        );
        assert!(logged(&Outcome::Unchanged, &refusing, &refusing).is_empty());

        let failed = Outcome::Failed(TargetError::Check(CommandError::Empty));
        let failing = Progress {
            error: Some("the check refuses it".to_owned()),
            ..Progress::default()
        };
        let lines = logged(&failed, &before, &failing);
        assert!(
            lines.len() == 1 && lines[0].contains("not applied; what was in force stays"),
            "{lines:?}"
        );
        assert!(logged(&failed, &failing, &failing).is_empty());
        let held = Outcome::Held(crate::Objection::Empty { values: 3 }, crate::Diff::default());
        assert_eq!(logged(&held, &before, &failing).len(), 1);
        assert!(logged(&held, &failing, &failing).is_empty());
        let not_kept = Outcome::NotKept(crate::error::StateError::Torn { path: "x".into() });
        assert_eq!(logged(&not_kept, &before, &failing).len(), 1);
        assert!(logged(&not_kept, &failing, &failing).is_empty());
    }
}
