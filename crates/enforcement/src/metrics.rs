//! The metrics of the agent, for the textfile collector of Prometheus' node exporter.

use std::fmt;

use prometheus_client::encoding::prometheus_text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use crate::Moment;
use crate::state::Progress;

type Labels = [(&'static str, String); 1];

/// One metric: its name without the prefix `cratos_agent_`, its help text, and its value for a target, if it has one.
type Row = (&'static str, &'static str, fn(&Progress) -> Option<u64>);

const ROWS: &[Row] = &[
    (
        "last_success_timestamp_seconds",
        "When all that the feeds say was last in force",
        |progress| progress.last_success.as_ref().map(Moment::unix_seconds),
    ),
    ("values", "Values of the feeds that are in force", |progress| {
        Some(progress.values)
    }),
    (
        "addresses",
        "Addresses that these values cover; all IPv6 addresses of one /48 count as one",
        |progress| Some(progress.addresses),
    ),
    (
        "entries",
        "Entries that the target holds: lines, rules or elements of a set",
        |progress| Some(progress.entries),
    ),
    ("held", "1 if the newest values are held back", |progress| {
        Some(progress.held.is_some().into())
    }),
    ("failed", "1 if the last run failed", |progress| {
        Some(progress.error.is_some().into())
    }),
    (
        "never_blocked",
        "Values that are left out or cut because this host must never block them",
        |progress| Some(progress.never_blocked),
    ),
    (
        "refused",
        "Values that are left out or cut because they are too wide or have a special purpose",
        |progress| Some(progress.refused.count()),
    ),
    (
        "left_out",
        "Values that the target's format cannot express",
        |progress| Some(progress.left_out),
    ),
    ("feeds_failing", "Feeds that did not answer last time", |progress| {
        let failing = progress.feeds.values().filter(|feed| feed.error.is_some()).count();
        u64::try_from(failing).ok()
    }),
];

/// Returns the metrics of these targets, each with its name, in the text format of Prometheus.
pub(crate) fn text<'a>(targets: impl Iterator<Item = (&'a str, &'a Progress)> + Clone) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("cratos_agent");
    for (name, help, value) in ROWS {
        let family = Family::<Labels, Gauge>::default();
        for (target, progress) in targets.clone() {
            // A metric without a value is left out: a made-up time is worse than none.
            if let Some(value) = value(progress) {
                let labels = [("target", target.to_owned())];
                family
                    .get_or_create(&labels)
                    .set(i64::try_from(value).unwrap_or(i64::MAX));
            }
        }
        registry.register(*name, *help, family);
    }
    let mut text = String::new();
    prometheus_text::encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_text_for_prometheus() {
        let progress = Progress {
            entries: 7,
            held: Some("x".to_owned()),
            ..Progress::default()
        };
        let text = text([("firewall", &progress)].into_iter()).unwrap();
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

    #[test]
    fn names_labels_and_types_of_the_metrics_stay() {
        let progress = Progress {
            last_success: Some(Moment::now()),
            ..Progress::default()
        };
        let text = text([("firewall", &progress)].into_iter()).unwrap();
        let rows: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| line.rsplit_once(' ').unwrap().0)
            .collect();
        let names = [
            "last_success_timestamp_seconds",
            "values",
            "addresses",
            "entries",
            "held",
            "failed",
            "never_blocked",
            "refused",
            "left_out",
            "feeds_failing",
        ];
        assert_eq!(
            rows,
            names.map(|name| format!("cratos_agent_{name}{{target=\"firewall\"}}"))
        );
        for name in names {
            assert!(text.contains(&format!("# TYPE cratos_agent_{name} gauge\n")), "{text}");
            assert!(text.contains(&format!("# HELP cratos_agent_{name} ")), "{text}");
        }
        assert!(
            text.contains("# HELP cratos_agent_failed 1 if the last run failed.\n"),
            "{text}"
        );
    }
}
