//! The metrics of the last run, for the textfile collector of Prometheus' node exporter.

use std::fmt;
use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::summary::Summary;

/// The file with the time of the last success. A failed run reports that time, too.
const STATE: &str = "defectdojo.success";

/// The file mode: the node exporter is another user and reads the file.
const MODE: Option<u32> = Some(0o644);

/// Writes the file. `summary` is that of the run; `None` if the run ended before it did anything.
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
        state_file::open(&state)
            .and_then(io::read_to_string)
            .ok()
            .and_then(|text| text.trim().parse().ok())
    };
    let text = text(now, success, summary).map_err(io::Error::other)?;
    state_file::replace(path, text.as_bytes(), MODE)
}

/// Returns the metrics in the text format of Prometheus. A metric without a value is left out: a made-up one is worse
/// than none.
fn text(now: u64, success: Option<u64>, summary: Option<&Summary>) -> Result<String, fmt::Error> {
    let count = |value: fn(&Summary) -> usize| summary.map(|summary| u64::try_from(value(summary)).unwrap_or(u64::MAX));
    let rows = [
        ("last_run_timestamp_seconds", "When a run last ended", Some(now)),
        (
            "last_success_timestamp_seconds",
            "When a run last ended without any failure",
            success,
        ),
        (
            "up",
            "1 if the last run could read and look up",
            Some(summary.is_some().into()),
        ),
        ("findings", "Findings that were read", count(|summary| summary.findings)),
        ("cves", "Different CVEs in the findings", count(|summary| summary.cves)),
        (
            "matched",
            "Findings with a CVE that is listed",
            count(|summary| summary.matched),
        ),
        (
            "notes_added",
            "Notes that the last run added",
            count(|summary| summary.notes_added),
        ),
        (
            "notes_removed",
            "Second notes that the last run removed",
            count(|summary| summary.notes_removed),
        ),
        (
            "tags_added",
            "Tags that the last run added",
            count(|summary| summary.tags_added),
        ),
        (
            "tags_removed",
            "Tags that the last run removed",
            count(|summary| summary.tags_removed),
        ),
        (
            "failures",
            "Failures of the last run",
            count(|summary| summary.failures.len()),
        ),
    ];
    let mut registry = Registry::with_prefix("cratos_agent_defectdojo");
    for (name, help, value) in rows {
        if let Some(value) = value {
            let gauge = Gauge::<i64>::default();
            gauge.set(i64::try_from(value).unwrap_or(i64::MAX));
            registry.register(name, help, gauge);
        }
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::fs;

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

    #[test]
    fn names_and_types_of_the_metrics_stay() {
        let text = text(1, Some(2), Some(&Summary::default())).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        let expected = [
            "last_run_timestamp_seconds 1",
            "last_success_timestamp_seconds 2",
            "up 1",
            "findings 0",
            "cves 0",
            "matched 0",
            "notes_added 0",
            "notes_removed 0",
            "tags_added 0",
            "tags_removed 0",
            "failures 0",
        ];
        assert_eq!(rows, expected.map(|row| format!("cratos_agent_defectdojo_{row}")));
        assert_eq!(text.matches(" gauge\n").count(), expected.len(), "{text}");
    }
}
