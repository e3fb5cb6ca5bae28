//! The day on which a token stops working.

use std::{fmt, str::FromStr};

/// The day at whose beginning, 00:00 UTC, a token stops working.
///
/// Years 1900 to 9999, proleptic Gregorian calendar, real days only. The token does not work on the day itself:
///
/// ```
/// use token_crypto::ExpiryDay;
///
/// let day = ExpiryDay::parse("2027-12-31")?;
/// let midnight = 1_830_211_200; // 2027-12-31 00:00:00 UTC
/// assert!(!day.has_ended(midnight - 1));
/// assert!(day.has_ended(midnight));
/// # Ok::<(), token_crypto::NoSuchDay>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ExpiryDay {
    /// Days since 1970-01-01.
    days: i32,
}

/// The error for a text that names no day from 1900 to 9999.
///
/// ```
/// let error = "2027-02-31".parse::<token_crypto::ExpiryDay>().unwrap_err();
/// assert_eq!(error.to_string(), "not a real day written as YYYY-MM-DD, from 1900 to 9999");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a real day written as YYYY-MM-DD, from 1900 to 9999")]
#[non_exhaustive]
pub struct NoSuchDay;

const SECONDS_PER_DAY: i64 = 86_400;
/// 1900-01-01, the first day of the wire form.
const FIRST: i32 = -25_567;
/// 9999-12-31.
const LAST: i32 = 2_932_896;

impl ExpiryDay {
    /// Returns the day with this year, month (1–12) and day of the month.
    ///
    /// # Errors
    /// [`NoSuchDay`] if the calendar has no such day or it lies outside 1900–9999.
    pub fn new(year: i32, month: u8, day: u8) -> Result<Self, NoSuchDay> {
        if !(1900..=9999).contains(&year) || !(1..=days_in_month(year, month)).contains(&day) {
            return Err(NoSuchDay);
        }
        Ok(Self {
            days: days_from_civil(year, i32::from(month), i32::from(day)),
        })
    }

    /// Returns the day that `YYYY-MM-DD` names; the text holds nothing else.
    ///
    /// # Errors
    /// [`NoSuchDay`] for any other shape and for days that do not exist.
    pub fn parse(text: &str) -> Result<Self, NoSuchDay> {
        let (year, month, day) = fields(text).ok_or(NoSuchDay)?;
        Self::new(i32::from(year), month, day)
    }

    /// Returns the day that begins `days` days after the day of `unix_seconds` (UTC), clamped to 1900-01-01 and
    /// 9999-12-31.
    ///
    /// For example `days_from(now, 1)` is the expiry of a token for the rest of today.
    #[must_use]
    pub fn days_from(unix_seconds: i64, days: u32) -> Self {
        let day = unix_seconds.div_euclid(SECONDS_PER_DAY).saturating_add(i64::from(days));
        let day = day.clamp(i64::from(FIRST), i64::from(LAST));
        Self {
            days: i32::try_from(day).unwrap_or(LAST),
        }
    }

    /// Returns the moment at which the token stops working, in seconds since 1970-01-01 00:00 UTC.
    #[must_use]
    pub fn ends_at(self) -> i64 {
        i64::from(self.days) * SECONDS_PER_DAY
    }

    /// Returns whether a token with this expiry has stopped working at that moment (seconds since 1970-01-01 00:00
    /// UTC).
    #[must_use]
    pub fn has_ended(self, unix_seconds: i64) -> bool {
        unix_seconds >= self.ends_at()
    }

    /// Days since 1900-01-01, as in the wire form.
    pub(crate) fn to_wire(self) -> u32 {
        u32::try_from(self.days - FIRST).unwrap_or_default()
    }

    pub(crate) fn from_wire(days: u32) -> Option<Self> {
        let days = i32::try_from(days).ok()?.checked_add(FIRST)?;
        (days <= LAST).then_some(Self { days })
    }
}

impl FromStr for ExpiryDay {
    type Err = NoSuchDay;

    fn from_str(text: &str) -> Result<Self, NoSuchDay> {
        Self::parse(text)
    }
}

impl fmt::Display for ExpiryDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.days);
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

/// Returns year, month and day of a text shaped `dddd-dd-dd`, whether or not such a day exists.
pub(crate) fn fields(text: &str) -> Option<(u16, u8, u8)> {
    let bytes: &[u8; 10] = text.as_bytes().try_into().ok()?;
    let [y1, y2, y3, y4, b'-', m1, m2, b'-', d1, d2] = *bytes else {
        return None;
    };
    let pair = |a: u8, b: u8| (a.is_ascii_digit() && b.is_ascii_digit()).then(|| (a - b'0') * 10 + (b - b'0'));
    let year = u16::from(pair(y1, y2)?) * 100 + u16::from(pair(y3, y4)?);
    Some((year, pair(m1, m2)?, pair(d1, d2)?))
}

fn days_in_month(year: i32, month: u8) -> u8 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        1..=12 => 31,
        _ => 0,
    }
}

/// Counts with years that begin in March, so that the leap day is the last day of its year.
fn days_from_civil(year: i32, month: i32, day: i32) -> i32 {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

fn civil_from_days(days: i32) -> (i32, i32, i32) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 {
        month_from_march + 3
    } else {
        month_from_march - 9
    };
    (era * 400 + year_of_era + i32::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_token_stops_working_at_midnight_of_its_day() {
        let day = ExpiryDay::parse("2027-12-31").unwrap();
        assert_eq!(day.ends_at(), 1_830_211_200);
        assert!(!day.has_ended(1_830_211_199));
        assert!(day.has_ended(1_830_211_200));
    }

    #[test]
    fn only_real_days_in_the_one_spelling_are_taken() {
        for text in ["2024-02-29", "2000-02-29", "1900-01-01", "9999-12-31"] {
            assert_eq!(ExpiryDay::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "2098-02-31",
            "2023-02-29",
            "1900-02-29",
            "2100-02-29",
            "1899-12-31",
            "2027-13-01",
            "2027-00-01",
            "2027-01-00",
            "2027-04-31",
            "2027-1-1",
            " 2027-01-01",
            "2027-01-01\n",
            "2027/01/01",
            "20270101",
            "",
            "２０２７-01",
            "+027-01-01",
        ] {
            assert_eq!(ExpiryDay::parse(text), Err(NoSuchDay), "{text}");
        }
    }

    #[test]
    fn the_wire_form_counts_from_the_first_day_to_the_last_one() {
        let (first, last) = (ExpiryDay { days: FIRST }, ExpiryDay { days: LAST });
        assert_eq!((first.to_wire(), ExpiryDay::from_wire(0)), (0, Some(first)));
        assert_eq!(ExpiryDay::from_wire(last.to_wire()), Some(last));
        for beyond in [last.to_wire() + 1, u32::MAX] {
            assert_eq!(ExpiryDay::from_wire(beyond), None);
        }
    }

    #[test]
    fn days_from_counts_in_utc_and_is_clamped() {
        assert_eq!(ExpiryDay::days_from(0, 1).to_string(), "1970-01-02");
        assert_eq!(ExpiryDay::days_from(-1, 0).to_string(), "1969-12-31");
        assert_eq!(ExpiryDay::days_from(i64::MAX, u32::MAX).to_string(), "9999-12-31");
        assert_eq!(ExpiryDay::days_from(i64::MIN, 0).to_string(), "1900-01-01");
    }

    proptest! {
        #[test]
        fn the_calendar_is_that_of_jiff(days in FIRST..=LAST) {
            let day = ExpiryDay { days };
            let date: jiff::civil::Date = day.to_string().parse().unwrap();
            let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).unwrap();
            prop_assert_eq!(midnight.timestamp().as_second(), day.ends_at());
            prop_assert_eq!(ExpiryDay::parse(&day.to_string()), Ok(day));
            prop_assert_eq!(ExpiryDay::from_wire(day.to_wire()), Some(day));
        }
    }
}
