//! Times in filters: unix seconds, `30d`, days, ranges; a word that MISP does not know finds nothing (fact 25).

use jiff::{Timestamp, civil};
use serde_json::Value;

use super::truthy;

/// From when, and until when; both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeFilter {
    Between(i64, i64),
    /// Not understood: nothing passes.
    Nothing,
}

impl TimeFilter {
    /// Reads a filter; `None` means "no filter".
    pub(crate) fn read(value: Option<&Value>, now: i64) -> Option<Self> {
        let value = value.filter(|value| truthy(value))?;
        let range = match value {
            Value::Array(list) => match list.as_slice() {
                [one] => resolve(one, now).map(|from| (from, i64::MAX)),
                [one, other, ..] => resolve(one, now)
                    .zip(resolve(other, now))
                    .map(|(a, b)| (a.min(b), a.max(b))),
                [] => None,
            },
            one => resolve(one, now).map(|from| (from, i64::MAX)),
        };
        Some(range.map_or(Self::Nothing, |(from, to)| Self::Between(from, to)))
    }

    pub(crate) fn admits(self, unix: i64) -> bool {
        match self {
            Self::Between(from, to) => (from..=to).contains(&unix),
            Self::Nothing => false,
        }
    }
}

/// Returns the unix seconds that a value names, counted from `now` where it is an age.
pub(super) fn resolve(value: &Value, now: i64) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text
            .parse()
            .ok()
            .or_else(|| age(text).map(|age| now.saturating_sub(age)))
            .or_else(|| day_or_time(text)),
        _ => None,
    }
}

fn age(text: &str) -> Option<i64> {
    let number = text.get(..text.len().checked_sub(1)?)?;
    let unit = match text.as_bytes().last()?.to_ascii_lowercase() {
        b'd' => 86_400,
        b'h' => 3_600,
        b'm' => 60,
        b's' => 1,
        _ => return None,
    };
    number
        .parse::<i64>()
        .ok()
        .filter(|number| *number >= 0)?
        .checked_mul(unit)
}

fn day_or_time(text: &str) -> Option<i64> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time.as_second());
    }
    let time = text.parse::<civil::DateTime>().ok()?;
    time.to_zoned(jiff::tz::TimeZone::UTC)
        .ok()
        .map(|time| time.timestamp().as_second())
}

/// Returns the day of a moment, `YYYY-MM-DD` in UTC.
pub(super) fn day(unix: i64) -> String {
    Timestamp::from_second(unix)
        .unwrap_or_default()
        .strftime("%Y-%m-%d")
        .to_string()
}

/// Returns the unix seconds of an ISO 8601 time.
pub(crate) fn iso(text: &str) -> Option<i64> {
    day_or_time(text)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_795_308_000;

    #[test]
    fn ages_days_and_unix_seconds_are_understood() {
        for (value, want) in [
            (json!("30d"), NOW - 30 * 86_400),
            (json!("12H"), NOW - 12 * 3_600),
            (json!("90m"), NOW - 5_400),
            (json!("86400s"), NOW - 86_400),
            (json!(5), 5),
            (json!("5"), 5),
            (json!("1970-01-02"), 86_400),
        ] {
            assert_eq!(
                TimeFilter::read(Some(&value), NOW),
                Some(TimeFilter::Between(want, i64::MAX)),
                "{value}"
            );
        }
    }

    #[test]
    fn a_range_may_stand_in_any_order() {
        let want = Some(TimeFilter::Between(NOW - 90 * 86_400, NOW - 30 * 86_400));
        assert_eq!(TimeFilter::read(Some(&json!(["90d", "30d"])), NOW), want);
        assert_eq!(TimeFilter::read(Some(&json!(["30d", "90d"])), NOW), want);
    }

    #[test]
    fn a_word_it_does_not_know_finds_nothing() {
        for value in [
            json!("1w"),
            json!("yesterdayish"),
            json!("-3d"),
            json!({"x": 1}),
            json!("99999999999999999d"),
        ] {
            assert_eq!(
                TimeFilter::read(Some(&value), NOW),
                Some(TimeFilter::Nothing),
                "{value}"
            );
        }
    }

    #[test]
    fn zero_and_false_are_no_filter() {
        assert_eq!(TimeFilter::read(Some(&json!(0)), NOW), None);
        assert_eq!(TimeFilter::read(Some(&json!(false)), NOW), None);
    }
}
