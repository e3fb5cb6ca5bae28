//! How the last run went, for Prometheus' node exporter.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::summary::Summary;

/// Where the time of the last success is kept, so that a failed run can tell it too.
const STATE: &str = "defectdojo.success";

/// The node exporter is another user, and has to read the file.
const MODE: Option<u32> = Some(0o644);

/// Writes the file; `summary` is that of a run, or `None` if it ended without having done anything.
pub(crate) fn write(path: &Path, state_dir: &Path, summary: Option<&Summary>) -> io::Result<()> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let state = state_dir.join(STATE);
    let success = if summary.is_some_and(Summary::is_whole) {
        state_file::replace(&state, now.to_string().as_bytes(), MODE)?;
        Some(now)
    } else {
        fs::read_to_string(&state)
            .ok()
            .and_then(|text| text.trim().parse().ok())
    };
    state_file::replace(path, text(now, success, summary).as_bytes(), MODE)
}

fn text(now: u64, success: Option<u64>, summary: Option<&Summary>) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, help: &str, value: u64| {
        let name = format!("cratos_agent_defectdojo_{name}");
        let _ = writeln!(text, "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}");
    };
    gauge("last_run_timestamp_seconds", "When a run last ended.", now);
    if let Some(success) = success {
        let help = "When a run last ended without any failure.";
        gauge("last_success_timestamp_seconds", help, success);
    }
    gauge(
        "up",
        "1 if the last run could read and look up.",
        summary.is_some().into(),
    );
    let Some(summary) = summary else { return text };
    for (name, help, value) in [
        ("findings", "Findings that were read.", summary.findings),
        ("cves", "Different CVEs in the findings.", summary.cves),
        ("matched", "Findings with a CVE that is listed.", summary.matched),
        ("notes_added", "Notes that the last run added.", summary.notes_added),
        (
            "notes_removed",
            "Second notes that the last run removed.",
            summary.notes_removed,
        ),
        ("tags_added", "Tags that the last run added.", summary.tags_added),
        ("tags_removed", "Tags that the last run removed.", summary.tags_removed),
        ("failures", "What failed in the last run.", summary.failures.len()),
    ] {
        gauge(name, help, u64::try_from(value).unwrap_or(u64::MAX));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_run_keeps_the_time_of_the_last_success() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("defectdojo.prom");
        let read = |name: &str| {
            let text = fs::read_to_string(&path).unwrap();
            let found = text
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned));
            found.and_then(|value| value.parse::<u64>().ok())
        };
        let success = "cratos_agent_defectdojo_last_success_timestamp_seconds";
        write(&path, dir.path(), None).unwrap();
        assert_eq!(read(success), None, "nothing is better than a made-up time");
        write(&path, dir.path(), Some(&Summary::default())).unwrap();
        let first = read(success);
        assert!(first.is_some());
        write(&path, dir.path(), None).unwrap();
        assert_eq!((read(success), read("cratos_agent_defectdojo_up")), (first, Some(0)));
        let mut failed = Summary::default();
        failed.fail("finding 1".to_owned(), "no".to_owned());
        write(&path, dir.path(), Some(&failed)).unwrap();
        assert_eq!(
            (read(success), read("cratos_agent_defectdojo_failures")),
            (first, Some(1))
        );
    }
}
