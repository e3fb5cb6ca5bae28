//! The answers of `/v1/site`, as far as people need them.

use std::fmt::Write as _;

use serde::Deserialize;

/// The state of a mirror. The daemon may be of another version, so each field may be missing.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct SiteState {
    site: String,
    way: String,
    reason_text: String,
    phase: String,
    standing: String,
    loaded: u64,
    to_load: u64,
    events: u64,
    rows: u64,
    missing_events: u64,
    changed_at: String,
    as_of: String,
    lag_seconds: u64,
    failing_since: String,
    error: String,
    store_bytes: u64,
    durable: bool,
    round_done: u64,
    round_total: u64,
    repaired: u64,
    questions: u64,
    answer_bytes: u64,
}

/// The answer of `/v1/site/resync`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Resync {
    pub(super) started: bool,
    pub(super) reason: String,
}

/// The answer of `/v1/site/forget`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Forgotten {
    pub(super) forgotten: bool,
}

impl SiteState {
    /// Returns one line for each fact.
    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, fact: String| {
            let _ = writeln!(text, "{name:<12} {}", shown(&fact));
        };
        line("site", self.site.clone());
        match self.way.as_str() {
            "mirror" => line("way", "mirror".to_owned()),
            way => line("way", format!("{way}: {}", self.reason_text)),
        }
        if self.phase == "none" {
            return text;
        }
        match self.phase.as_str() {
            "loading" => line("phase", format!("loading: {} of {} events", self.loaded, self.to_load)),
            phase => line("phase", phase.to_owned()),
        }
        if !self.standing.is_empty() {
            line("standing", self.standing.clone());
        }
        line("holds", format!("{} attributes in {} events", self.rows, self.events));
        if self.missing_events > 0 {
            line(
                "missing",
                format!("{} damaged events, which are read again", self.missing_events),
            );
        }
        if !self.as_of.is_empty() {
            line("as of", format!("{}, {} s ago", self.as_of, self.lag_seconds));
        }
        if !self.changed_at.is_empty() {
            line("changed", self.changed_at.clone());
        }
        if !self.failing_since.is_empty() {
            line("failing", format!("since {}: {}", self.failing_since, self.error));
        }
        let place = if self.durable { "on disk" } else { "in memory only" };
        line("store", format!("{} bytes {place}", self.store_bytes));
        line(
            "round",
            format!(
                "{} of {} events, {} repaired",
                self.round_done, self.round_total, self.repaired
            ),
        );
        line(
            "asked MISP",
            format!("{} questions, {} bytes", self.questions, self.answer_bytes),
        );
        text
    }
}

/// Returns a text of the daemon without characters that a terminal obeys.
fn shown(text: &str) -> String {
    text.chars()
        .map(|letter| if letter.is_control() { '\u{fffd}' } else { letter })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(state: &str) -> String {
        serde_json::from_str::<SiteState>(state).unwrap().text()
    }

    #[test]
    fn a_mirror_that_follows_says_how_late_it_is_and_what_it_cost() {
        let state = r#"{"site": "misp.example.net", "way": "mirror", "phase": "following",
            "standing": "leading", "events": 7, "rows": 90,
            "as_of": "2026-11-29T05:00:00Z", "lag_seconds": 12, "changed_at": "2026-11-29T04:00:00Z",
            "store_bytes": 4096, "durable": true, "round_done": 3, "round_total": 7, "repaired": 0,
            "questions": 40, "answer_bytes": 900, "a field of later": 1}"#;
        assert_eq!(
            text(state),
            "site         misp.example.net\nway          mirror\nphase        following\nstanding     leading\n\
             holds        90 attributes in 7 events\nas of        2026-11-29T05:00:00Z, 12 s ago\n\
             changed      2026-11-29T04:00:00Z\nstore        4096 bytes on disk\n\
             round        3 of 7 events, 0 repaired\nasked MISP   40 questions, 900 bytes\n"
        );
    }

    #[test]
    fn a_first_load_and_a_failing_misp_are_shown_and_no_control_character_is() {
        let state = r#"{"site": "misp.example.net", "way": "direct",
            "reason_text": "the mirror reads MISP for the first time", "phase": "loading", "loaded": 7, "to_load": 90,
            "failing_since": "2026-11-29T03:00:00Z", "error": "a\u001b[31m"}"#;
        let text = text(state);
        assert!(
            text.contains(
                "way          direct: the mirror reads MISP for the first time\nphase        loading: 7 of 90 events\n"
            ),
            "{text}"
        );
        assert!(
            text.contains("failing      since 2026-11-29T03:00:00Z: a\u{fffd}[31m\n"),
            "{text}"
        );
    }
}
