//! Ages: how recently an attribute must have changed.

use jiff::{SignedDuration, Span, Timestamp, tz::TimeZone};

use crate::names::named;

named! {
    /// How far back a feed looks, by its name in a URL; months and years are those of the calendar.
    ///
    /// ```
    /// use feed_classification::Age;
    ///
    /// let age: Age = "1m".parse()?;
    /// let since = age.since("2026-03-31T08:00:00Z".parse()?);
    /// assert_eq!(since.to_string(), "2026-02-28T08:00:00Z");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub enum Age as "age" {
        /// One hour.
        Hours1 = "1h",
        /// Two hours.
        Hours2 = "2h",
        /// Six hours.
        Hours6 = "6h",
        /// Twelve hours.
        Hours12 = "12h",
        /// One day of 24 hours.
        Days1 = "1d",
        /// Two days.
        Days2 = "2d",
        /// Three days.
        Days3 = "3d",
        /// Four days.
        Days4 = "4d",
        /// Five days.
        Days5 = "5d",
        /// Six days.
        Days6 = "6d",
        /// One week.
        Weeks1 = "1w",
        /// Two weeks.
        Weeks2 = "2w",
        /// Three weeks.
        Weeks3 = "3w",
        /// One calendar month.
        Months1 = "1m",
        /// Two months.
        Months2 = "2m",
        /// Three months.
        Months3 = "3m",
        /// Four months.
        Months4 = "4m",
        /// Five months.
        Months5 = "5m",
        /// Six months.
        Months6 = "6m",
        /// Nine months.
        Months9 = "9m",
        /// One calendar year.
        Years1 = "1y",
        /// Two years.
        Years2 = "2y",
        /// Four years.
        Years4 = "4y",
        /// Ten years.
        Years10 = "10y",
    }
}

/// The unit of an age: hours, which never vary, or months of the calendar.
enum Reach {
    Hours(i64),
    Months(i32),
}

impl Age {
    /// Returns the moment from which on a change counts, seen from `now`.
    ///
    /// Hours, days and weeks are exact (a day has 24 hours). Months and years go back in the UTC calendar at the same
    /// time of day; a day that the month lacks becomes its last one: `1m` before 31 March is 28 or 29 February. The
    /// result is never before [`Timestamp::MIN`].
    #[must_use]
    pub fn since(self, now: Timestamp) -> Timestamp {
        let reached = match self.reach() {
            Reach::Hours(hours) => now.checked_sub(SignedDuration::from_hours(hours)),
            Reach::Months(months) => now
                .to_zoned(TimeZone::UTC)
                .checked_sub(Span::new().months(months))
                .map(|at| at.timestamp()),
        };
        reached.unwrap_or(Timestamp::MIN)
    }

    const fn reach(self) -> Reach {
        match self {
            Self::Hours1 => Reach::Hours(1),
            Self::Hours2 => Reach::Hours(2),
            Self::Hours6 => Reach::Hours(6),
            Self::Hours12 => Reach::Hours(12),
            Self::Days1 => Reach::Hours(24),
            Self::Days2 => Reach::Hours(2 * 24),
            Self::Days3 => Reach::Hours(3 * 24),
            Self::Days4 => Reach::Hours(4 * 24),
            Self::Days5 => Reach::Hours(5 * 24),
            Self::Days6 => Reach::Hours(6 * 24),
            Self::Weeks1 => Reach::Hours(7 * 24),
            Self::Weeks2 => Reach::Hours(14 * 24),
            Self::Weeks3 => Reach::Hours(21 * 24),
            Self::Months1 => Reach::Months(1),
            Self::Months2 => Reach::Months(2),
            Self::Months3 => Reach::Months(3),
            Self::Months4 => Reach::Months(4),
            Self::Months5 => Reach::Months(5),
            Self::Months6 => Reach::Months(6),
            Self::Months9 => Reach::Months(9),
            Self::Years1 => Reach::Months(12),
            Self::Years2 => Reach::Months(24),
            Self::Years4 => Reach::Months(48),
            Self::Years10 => Reach::Months(120),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Age;
    use jiff::Timestamp;

    fn since(age: &str, now: &str) -> String {
        age.parse::<Age>().unwrap().since(now.parse().unwrap()).to_string()
    }

    #[test]
    fn names_are_in_the_order_of_the_documentation() {
        assert_eq!(
            Age::NAMES.join(" "),
            "1h 2h 6h 12h 1d 2d 3d 4d 5d 6d 1w 2w 3w 1m 2m 3m 4m 5m 6m 9m 1y 2y 4y 10y"
        );
    }

    #[test]
    fn ages_outside_the_list_are_refused() {
        for text in [
            "", "1", "h", "3h", "7d", "4w", "7m", "3y", "1H", "01h", "1h ", "1 h", "-1h", "١h",
        ] {
            assert!(text.parse::<Age>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn hours_days_and_weeks_are_exact() {
        assert_eq!(since("1h", "2026-11-22T00:30:00Z"), "2026-11-21T23:30:00Z");
        assert_eq!(since("3d", "2026-03-01T12:00:00Z"), "2026-02-26T12:00:00Z");
        assert_eq!(since("3w", "2026-03-01T12:00:00Z"), "2026-02-08T12:00:00Z");
    }

    #[test]
    fn a_month_before_22_november_is_31_days() {
        assert_eq!(since("1m", "2026-11-22T08:00:00Z"), "2026-10-22T08:00:00Z");
    }

    #[test]
    fn a_missing_day_becomes_the_last_of_its_month() {
        assert_eq!(since("1m", "2026-03-31T08:00:00Z"), "2026-02-28T08:00:00Z");
        assert_eq!(since("1m", "2028-03-30T08:00:00Z"), "2028-02-29T08:00:00Z");
        assert_eq!(since("1y", "2028-02-29T08:00:00Z"), "2027-02-28T08:00:00Z");
        assert_eq!(since("4y", "2028-02-29T08:00:00Z"), "2024-02-29T08:00:00Z");
    }

    #[test]
    fn months_cross_the_year() {
        assert_eq!(since("9m", "2026-02-15T00:00:00Z"), "2025-05-15T00:00:00Z");
        assert_eq!(since("10y", "2026-02-15T00:00:00Z"), "2016-02-15T00:00:00Z");
    }

    #[test]
    fn ages_grow_along_the_list() {
        let now: Timestamp = "2026-11-22T00:00:00Z".parse().unwrap();
        assert!(Age::ALL.is_sorted_by(|left, right| left.since(now) > right.since(now)));
    }

    #[test]
    fn the_beginning_of_time_is_not_crossed() {
        assert_eq!(Age::Years10.since(Timestamp::MIN), Timestamp::MIN);
        assert_eq!(Age::Hours1.since(Timestamp::MIN), Timestamp::MIN);
    }
}
