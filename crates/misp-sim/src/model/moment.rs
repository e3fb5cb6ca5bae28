//! A point in time.

/// A point in time: absolute, or counted back from the moment the data are loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix seconds.
    At(i64),
    /// So many seconds before the clock of the stand-in at load time, so that sample data never get old.
    Ago(u64),
}

impl Moment {
    /// Returns the moment in unix seconds, seen from `now`.
    #[must_use]
    pub fn resolve(self, now: i64) -> i64 {
        match self {
            Self::At(unix) => unix,
            Self::Ago(seconds) => now.saturating_sub(i64::try_from(seconds).unwrap_or(i64::MAX)),
        }
    }

    /// Reads an age such as `10m`, `3d`, `2w` or `3y` (a year is 365 days, a week seven); `None` for anything else.
    #[must_use]
    pub fn from_age(text: &str) -> Option<Self> {
        let number = text.get(..text.len().checked_sub(1)?)?;
        let seconds: u64 = match text.as_bytes().last()? {
            b's' => 1,
            b'm' => 60,
            b'h' => 3_600,
            b'd' => 86_400,
            b'w' => 7 * 86_400,
            b'y' => 365 * 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds).map(Self::Ago)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_count_back_from_now() {
        assert_eq!(
            Moment::from_age("3d").map(|m| m.resolve(1_000_000)),
            Some(1_000_000 - 3 * 86_400)
        );
        assert_eq!(Moment::from_age("2w"), Some(Moment::Ago(14 * 86_400)));
    }

    #[test]
    fn what_is_no_age_is_refused() {
        for text in ["", "d", "3", "3 d", "-3d", "3ä", "99999999999999999999y"] {
            assert_eq!(Moment::from_age(text), None, "{text}");
        }
    }
}
