//! Log lines about values that the guard drops by its default rules.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use feed_classification::GuardRule;
use jiff::{SignedDuration, Timestamp};
use site_config::Site;

use crate::FeedScope;

/// How long after the guard came into force its defaults are reported.
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

const DAY: i64 = 24 * 60 * 60;

/// Feeds that are reported in one day.
const MOST_FEEDS: usize = 1_000;

/// No file of ours is larger.
const MAX_BYTES: usize = 32;

/// Reports each feed once a day, during the first week of the guard.
#[derive(Debug)]
pub(crate) struct GuardNotices {
    since: Timestamp,
    told: Mutex<Told>,
}

/// The feeds that were reported on one day.
#[derive(Debug, Default)]
struct Told {
    day: i64,
    feeds: HashSet<(String, FeedScope)>,
}

impl GuardNotices {
    /// Returns the notices of a guard that came into force at `since`.
    pub(crate) fn new(since: Timestamp) -> Self {
        Self {
            since,
            told: Mutex::default(),
        }
    }

    /// Returns the notices of a guard that came into force when this file was made; it is made if it is missing.
    ///
    /// Without a readable file the week begins again, so nothing is kept from the operator.
    pub(crate) fn remembered_in(path: &Path, now: Timestamp) -> Self {
        match since(path, now) {
            Ok(since) => Self::new(since),
            Err(error) => {
                tracing::warn!(
                    file = %path.display(),
                    error = &error as &dyn std::error::Error,
                    "the file that remembers when the guard came into force cannot be used: its first week begins again"
                );
                Self::new(now)
            }
        }
    }

    /// Logs what the guard dropped from a feed by rules that the site file does not name.
    pub(crate) fn note(&self, site: &Site, scope: FeedScope, dropped: &BTreeMap<&'static str, u64>, now: Timestamp) {
        if now.duration_since(self.since) >= WEEK {
            return;
        }
        let of_rule = |rule: GuardRule| {
            let count = dropped.get(rule.as_str()).copied();
            count.filter(|_| !site.guard_named.contains(&rule))
        };
        let special_purpose = of_rule(GuardRule::SpecialPurpose);
        let wide_prefixes = of_rule(GuardRule::WidePrefixes);
        let public_suffixes = of_rule(GuardRule::PublicSuffixes);
        let is_any = special_purpose.or(wide_prefixes).or(public_suffixes).is_some();
        if is_any && self.is_new(site, scope, now) {
            tracing::warn!(
                site = site.name.as_str(),
                feed = %scope,
                special_purpose,
                wide_prefixes,
                public_suffixes,
                "the guard keeps values out of the feed: `cratosd feed --show-dropped` names them, and `guard` in the site file switches each rule off"
            );
        }
    }

    fn is_new(&self, site: &Site, scope: FeedScope, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let day = now.as_second().div_euclid(DAY);
        if told.day != day {
            *told = Told {
                day,
                feeds: HashSet::new(),
            };
        }
        told.feeds.len() < MOST_FEEDS && told.feeds.insert((site.name.as_str().to_owned(), scope))
    }
}

fn since(path: &Path, now: Timestamp) -> io::Result<Timestamp> {
    match fs::read(path) {
        Ok(bytes) if bytes.len() <= MAX_BYTES => {
            let text = str::from_utf8(&bytes).ok();
            let since = text.and_then(|text| Timestamp::from_second(text.trim().parse().ok()?).ok());
            since.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "it is not a unix time"))
        }
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, "it is too large")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
            state_file::replace(path, format!("{}\n", now.as_second()).as_bytes(), Some(0o600))?;
            Ok(now)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use feed_classification::{Age, FeedName, IndicatorType};

    use super::*;
    use crate::{Filter, Selection};

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    fn scope(kind: IndicatorType) -> FeedScope {
        FeedScope {
            selection: Selection::Feed(FeedName::Block),
            kind,
            age: Age::Weeks1,
            filter: Filter::NONE,
        }
    }

    fn site(yaml: &str) -> Site {
        Site::from_yaml("misp.example.net".parse().unwrap(), &format!("tag: example\n{yaml}")).unwrap()
    }

    /// Returns the lines that `work` logs.
    fn logged(work: impl FnOnce()) -> Vec<String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = Mutex::new(file.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        tracing::subscriber::with_default(subscriber, work);
        let text = fs::read_to_string(file.path()).unwrap();
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_feed_is_reported_once_a_day_for_a_week() {
        let notices = GuardNotices::new(at("2026-11-01T12:00:00Z"));
        let (site, dropped) = (site(""), BTreeMap::from([("special_purpose", 3), ("bad_label", 2)]));
        let lines = logged(|| {
            for now in [
                "2026-11-01T12:00:00Z",
                "2026-11-01T23:59:59Z",
                "2026-11-02T00:00:01Z",
                "2026-11-08T11:59:59Z",
                "2026-11-08T12:00:00Z",
                "2026-12-01T12:00:00Z",
            ] {
                notices.note(&site, scope(IndicatorType::Ip), &dropped, at(now));
            }
        });
        assert_eq!(lines.len(), 3, "{lines:?}");
        assert!(
            lines[0].contains("WARN") && lines[0].contains("feed=block/ip/1w special_purpose=3"),
            "{lines:?}"
        );
    }

    #[test]
    fn a_rule_that_the_file_names_and_a_feed_without_drops_are_not_reported() {
        let notices = GuardNotices::new(at("2026-11-01T12:00:00Z"));
        let now = at("2026-11-01T12:00:00Z");
        let lines = logged(|| {
            let named = site("guard: {special_purpose: yes}\nnever_export: [own.example]\n");
            let dropped = BTreeMap::from([("special_purpose", 3), ("never_export", 1), ("false_positive", 1)]);
            notices.note(&named, scope(IndicatorType::Ip), &dropped, now);
            notices.note(&site(""), scope(IndicatorType::Ip), &BTreeMap::new(), now);
        });
        assert_eq!(lines, [""; 0]);
    }

    #[test]
    fn the_week_goes_on_after_a_restart() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("state/guard-in-force");
        let first = GuardNotices::remembered_in(&path, at("2026-11-01T12:00:00Z"));
        let later = GuardNotices::remembered_in(&path, at("2026-11-05T12:00:00Z"));
        assert_eq!((first.since, later.since), (at("2026-11-01T12:00:00Z"), first.since));
        fs::write(&path, "not a time").unwrap();
        let lines = logged(|| {
            let again = GuardNotices::remembered_in(&path, at("2026-11-06T12:00:00Z"));
            assert_eq!(again.since, at("2026-11-06T12:00:00Z"));
        });
        assert!(lines[0].contains("not a unix time"), "{lines:?}");
    }
}
