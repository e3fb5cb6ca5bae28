//! How it goes, for people, logs and Prometheus.

use std::fmt::Write as _;
use std::time::Duration;

use crate::Moment;
use crate::error::chain;
use crate::round::Outcome;
use crate::state::Progress;

/// How one target stands, as `status` tells it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Standing {
    /// The target.
    pub name: String,
    /// How long ago its last success was; `None` if there was none, or the clock cannot tell.
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

    /// Returns some lines for people.
    #[must_use]
    pub fn shown(&self) -> String {
        let mut text = format!("{}: {}", self.name, if self.is_too_old { "TOO OLD" } else { "ok" });
        let success = match (&self.progress.last_success, self.age) {
            (None, _) => "no success yet".to_owned(),
            (Some(_), None) => "last success at a time that the clock has not reached".to_owned(),
            (Some(_), Some(age)) => format!("last success {} s ago", age.as_secs()),
        };
        let progress = &self.progress;
        let _ = writeln!(text, ", {success}, {} entries", progress.entries);
        if progress.never_blocked > 0 {
            let _ = writeln!(
                text,
                "  never blocked: {} values taken out or cut",
                progress.never_blocked
            );
        }
        if progress.left_out > 0 {
            let _ = writeln!(
                text,
                "  left out: {} values that the format cannot express",
                progress.left_out
            );
        }
        for (what, said) in [("held back", &progress.held), ("error", &progress.error)] {
            if let Some(said) = said {
                let _ = writeln!(text, "  {what}: {said}");
            }
        }
        for (name, feed) in &progress.feeds {
            let state = feed.error.as_deref().unwrap_or("ok");
            let _ = writeln!(
                text,
                "  feed {name}: {} values, {} refused, {state}",
                feed.values, feed.refused
            );
        }
        text
    }
}

/// Returns the text for Prometheus' node exporter.
pub(crate) fn metrics<'a>(targets: impl Iterator<Item = (&'a str, &'a Progress)> + Clone) -> String {
    let mut text = String::new();
    let mut family = |name: &str, help: &str, value: &dyn Fn(&Progress) -> Option<u64>| {
        let _ = writeln!(
            text,
            "# HELP cratos_agent_{name} {help}\n# TYPE cratos_agent_{name} gauge"
        );
        for (target, progress) in targets.clone() {
            if let Some(value) = value(progress) {
                let _ = writeln!(text, "cratos_agent_{name}{{target=\"{target}\"}} {value}");
            }
        }
    };
    family(
        "last_success_timestamp_seconds",
        "When all that the feeds say was last in force.",
        &|progress| progress.last_success.as_ref().map(Moment::unix_seconds),
    );
    family("entries", "Entries in force.", &|progress| Some(progress.entries));
    family("held", "1 if the newest values are held back.", &|progress| {
        Some(progress.held.is_some().into())
    });
    family("failed", "1 if the last run failed.", &|progress| {
        Some(progress.error.is_some().into())
    });
    family(
        "never_blocked",
        "Values that are taken out or cut because they must never be blocked.",
        &|progress| Some(progress.never_blocked),
    );
    family(
        "left_out",
        "Values that the target's format cannot express.",
        &|progress| Some(progress.left_out),
    );
    family("feeds_failing", "Feeds that did not answer last time.", &|progress| {
        let failing = progress.feeds.values().filter(|feed| feed.error.is_some()).count();
        u64::try_from(failing).ok()
    });
    text
}

/// Logs what became of a target; what is as it was before is no news.
pub(crate) fn log(name: &str, outcome: &Outcome, entries: u64, is_new: bool) {
    match outcome {
        Outcome::Changed(diff) => {
            let (added, removed) = (diff.added.len(), diff.removed.len());
            tracing::info!(target_name = name, entries, added, removed, "in force");
        }
        Outcome::Held(objection, _) if is_new => {
            tracing::error!(target_name = name, entries, "held back: {objection}");
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

    #[test]
    fn no_success_and_an_old_one_are_too_old() {
        let now = Moment::now();
        let standing = |progress| Standing::new("firewall", progress, Duration::from_secs(60), &now);
        assert!(standing(Progress::default()).is_too_old);
        let fresh = Progress {
            last_success: Some(now.clone()),
            entries: 3,
            ..Progress::default()
        };
        let fresh = standing(fresh);
        assert!(!fresh.is_too_old);
        assert_eq!(fresh.shown(), "firewall: ok, last success 0 s ago, 3 entries\n");
    }

    #[test]
    fn metrics_are_text_for_prometheus() {
        let progress = Progress {
            entries: 7,
            held: Some("x".to_owned()),
            ..Progress::default()
        };
        let text = metrics([("firewall", &progress)].into_iter());
        assert!(
            text.contains("# TYPE cratos_agent_entries gauge\ncratos_agent_entries{target=\"firewall\"} 7\n"),
            "{text}"
        );
        assert!(text.contains("cratos_agent_held{target=\"firewall\"} 1\n"));
        assert!(
            !text.contains("last_success_timestamp_seconds{"),
            "nothing is better than a made-up time"
        );
    }
}
