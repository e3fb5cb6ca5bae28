//! The time filter of a search.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::{Error, ErrorKind};

/// When something changed, as MISP takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimeFilter {
    /// At this unix second or later.
    From(i64),
    /// Between these unix seconds, both included.
    Between(i64, i64),
    /// In the last so many seconds, by MISP's clock.
    Within(u64),
}

impl TimeFilter {
    /// Returns none for 0 and less: MISP takes 0 for "no filter".
    pub(crate) fn from(unix_seconds: i64) -> Option<Self> {
        (unix_seconds > 0).then_some(Self::From(unix_seconds))
    }

    pub(crate) fn between(from: i64, to: i64) -> Result<Self, Error> {
        if to < 1 || to < from {
            let detail = "a range of time ends at unix second 1 or later, and not before it begins";
            return Err(Error::new(ErrorKind::InvalidSearch).with_detail(detail));
        }
        Ok(Self::Between(from.max(1), to))
    }

    /// Rounds up to whole seconds. MISP does not understand weeks, and answers with nothing to a text that it does not
    /// understand.
    pub(crate) fn within(time: Duration) -> Self {
        Self::Within(time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0)).max(1))
    }

    /// Returns whether something that changed then is an answer; always, where only MISP's clock can say.
    pub(crate) fn admits(self, unix_seconds: i64) -> bool {
        match self {
            Self::From(from) => unix_seconds >= from,
            Self::Between(from, to) => (from..=to).contains(&unix_seconds),
            Self::Within(_) => true,
        }
    }
}

impl Serialize for TimeFilter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::From(from) => serializer.serialize_i64(from),
            Self::Between(from, to) => [from, to].serialize(serializer),
            Self::Within(seconds) => serializer.collect_str(&format_args!("{seconds}s")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(filter: TimeFilter) -> serde_json::Value {
        serde_json::to_value(filter).unwrap()
    }

    #[test]
    fn times_are_sent_as_misp_takes_them() {
        assert_eq!(sent(TimeFilter::from(7).unwrap()), 7);
        assert_eq!(sent(TimeFilter::between(7, 9).unwrap()), serde_json::json!([7, 9]));
        assert_eq!(sent(TimeFilter::between(-1, 9).unwrap()), serde_json::json!([1, 9]));
        assert_eq!(sent(TimeFilter::within(Duration::from_secs(7 * 86_400))), "604800s");
        assert_eq!(sent(TimeFilter::within(Duration::from_millis(1))), "1s");
        assert_eq!(sent(TimeFilter::within(Duration::ZERO)), "1s");
    }

    #[test]
    fn range_that_would_be_no_filter_or_nothing_is_refused() {
        for (from, to) in [(0, 0), (9, 7), (-9, -7)] {
            assert!(TimeFilter::between(from, to).is_err());
        }
        assert_eq!(TimeFilter::from(0), None);
    }
}
