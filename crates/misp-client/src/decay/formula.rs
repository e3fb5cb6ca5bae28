//! MISP's formulas: what time leaves of a base score.

use super::base_score;
use crate::Tag;

/// How MISP names what ends a score early.
const RETENTION: &str = "retention:";

/// How scores fall. MISP takes further formulas as PHP files of an administrator; those are not known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Formula {
    /// By time alone.
    Polynomial,
    /// The same, and nothing is left after the time that a tag of the taxonomy `retention` gives.
    PolynomialExtended,
}

impl Formula {
    /// Finds a formula by MISP's name of it; MISP itself writes the first one in two ways.
    pub(super) fn named(name: &str) -> Option<Self> {
        if name.eq_ignore_ascii_case("Polynomial") {
            Some(Self::Polynomial)
        } else if name.eq_ignore_ascii_case("PolynomialExtended") {
            Some(Self::PolynomialExtended)
        } else {
            None
        }
    }

    /// Returns the seconds after the last change of an attribute beyond which these tags end its score.
    pub(super) fn ends_after(self, tags: &[Tag]) -> Option<i64> {
        if self != Self::PolynomialExtended || !tags.iter().any(|tag| retention(tag).is_some()) {
            return None;
        }
        let days = base_score::counting(tags).filter_map(retention).min();
        days.map(|days| days * 86_400)
    }
}

/// Returns after how many days a tag says that an attribute ends; the names and values of MISP's taxonomy `retention`,
/// version 4.
fn retention(tag: &Tag) -> Option<i64> {
    Some(match tag.name.strip_prefix(RETENTION)? {
        "expired" => 0,
        "1d" => 1,
        "2d" => 2,
        "7d" => 7,
        "2w" => 14,
        "1m" => 30,
        "2m" => 60,
        "3m" => 90,
        "6m" => 180,
        "1y" => 365,
        "10y" => 3650,
        _ => return None,
    })
}

/// Returns the rest of `base` after this many seconds: `base × (1 − (elapsed ÷ lifetime)^(1 ÷ speed))`, never below
/// zero.
pub(super) fn left_of(base: f64, elapsed_seconds: i64, lifetime_seconds: f64, decay_speed: f64) -> f64 {
    if elapsed_seconds < 0 {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "exact below 2^53 seconds")]
    let part_of_life = elapsed_seconds as f64 / lifetime_seconds;
    let left = base * (1.0 - part_of_life.powf(1.0 / decay_speed));
    // NaN counts as nothing too.
    if left > 0.0 { left } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_follows_the_curve() {
        // Speed 1 is a straight line, 2 a root.
        assert_eq!(left_of(80.0, 0, 100.0, 1.0), 80.0);
        assert_eq!(left_of(80.0, 25, 100.0, 1.0), 60.0);
        assert_eq!(left_of(80.0, 25, 100.0, 2.0), 40.0);
        assert_eq!(left_of(80.0, 100, 100.0, 2.0), 0.0);
        assert_eq!(left_of(80.0, 101, 100.0, 2.0), 0.0);
        assert_eq!(left_of(80.0, -1, 100.0, 2.0), 0.0);
    }

    fn ends(formula: Formula, tags: &[Tag], seconds_since_change: i64) -> bool {
        formula
            .ends_after(tags)
            .is_some_and(|after| seconds_since_change > after)
    }

    #[test]
    fn retention_on_the_attribute_hides_that_of_the_event() {
        let day = 86_400;
        let tags = [Tag::own("retention:2w"), Tag::inherited("retention:1d")];
        assert!(!ends(Formula::PolynomialExtended, &tags, 14 * day));
        assert!(ends(Formula::PolynomialExtended, &tags, 14 * day + 1));
        assert!(ends(Formula::PolynomialExtended, &tags[1..], day + 1));
        assert!(!ends(Formula::Polynomial, &tags, 100 * day));
        assert!(!ends(
            Formula::PolynomialExtended,
            &[Tag::own("retention:for-ever")],
            100 * day
        ));
    }
}
