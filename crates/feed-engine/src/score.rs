//! Limits on decay scores, and the worth of an attribute.
//!
//! Callers see whole numbers, MISP computes fractions: 80.0 meets `min_score=80` and 79.9 does not, as MISP calls
//! values below its threshold decayed. People set whole numbers, and these bound how many different feeds can be
//! requested.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use misp_client::{Attribute, Scorer};

/// The lowest score that counts: 0 to 100.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MinScore(u8);

/// The text is not a score.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("a score is a whole number from 0 to 100")]
pub struct NotAScore;

impl MinScore {
    /// Returns it as a number.
    #[must_use]
    pub fn get(self) -> u8 {
        self.0
    }
}

impl FromStr for MinScore {
    type Err = NotAScore;

    fn from_str(text: &str) -> Result<Self, NotAScore> {
        let is_plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_plain && *number <= 100);
        number.map(Self).ok_or(NotAScore)
    }
}

impl fmt::Display for MinScore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The treatment of attributes without a score, whose type the site's model does not cover.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Unscored {
    /// They do not count.
    #[default]
    Exclude,
    /// They count.
    Include,
}

impl Unscored {
    /// Both, as queries name them.
    pub const ALL: [Self; 2] = [Self::Exclude, Self::Include];

    /// Returns the name, as queries have it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exclude => "exclude",
            Self::Include => "include",
        }
    }
}

/// A limit on scores.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct ScoreLimit {
    /// The lowest score that counts.
    pub min: MinScore,
    /// The treatment of attributes without a score.
    pub unscored: Unscored,
}

impl ScoreLimit {
    /// Returns whether every attribute passes.
    pub(crate) fn is_none(self) -> bool {
        self.min.0 == 0 && self.unscored == Unscored::Include
    }

    /// Returns the limit that both allow.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            min: self.min.max(other.min),
            unscored: self.unscored.min(other.unscored),
        }
    }

    /// Returns whether a value of this worth passes.
    pub(crate) fn permits(self, worth: Worth) -> bool {
        worth.best.is_some_and(|best| best >= self.min.0) || (worth.unscored && self.unscored == Unscored::Include)
    }
}

/// Writes the limit as a query, for example `min_score=80&unscored=include`.
impl fmt::Display for ScoreLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "min_score={}", self.min)?;
        if self.unscored == Unscored::Include {
            f.write_str("&unscored=include")?;
        }
        Ok(())
    }
}

/// The worth of all attributes with the same value.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Worth {
    /// The best of their scores, without its fraction.
    best: Option<u8>,
    /// Whether one of them has no score.
    unscored: bool,
}

impl Worth {
    /// The worth of attributes without a score.
    pub(crate) const UNKNOWN: Self = Self {
        best: None,
        unscored: true,
    };

    /// Returns the worth of both together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            best: self.best.max(other.best),
            unscored: self.unscored || other.unscored,
        }
    }
}

/// Computes scores at one moment, by one model.
#[derive(Clone, Debug)]
pub(crate) struct Scoring {
    scorer: Arc<Scorer>,
    now: jiff::Timestamp,
}

impl Scoring {
    pub(crate) fn new(scorer: Arc<Scorer>, now: jiff::Timestamp) -> Self {
        Self { scorer, now }
    }

    /// Returns the worth of an attribute; one whose type the model does not cover has no score.
    pub(crate) fn worth(&self, attribute: &Attribute) -> Worth {
        let is_covered = self.scorer.covers(&attribute.kind);
        Worth {
            best: is_covered.then(|| whole(self.scorer.score(attribute, self.now.as_second()).now)),
            unscored: !is_covered,
        }
    }
}

/// Returns the worth of an attribute; without a model no attribute has a score.
pub(crate) fn worth(scoring: Option<&Scoring>, attribute: &Attribute) -> Worth {
    scoring.map_or(Worth::UNKNOWN, |scoring| scoring.worth(attribute))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "scores are not negative, and what is above 255 is above every limit"
)]
fn whole(score: f64) -> u8 {
    score as u8
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limit(min: &str, unscored: Unscored) -> ScoreLimit {
        ScoreLimit {
            min: min.parse().unwrap(),
            unscored,
        }
    }

    #[test]
    fn a_score_is_a_whole_number_up_to_a_hundred() {
        for text in ["0", "80", "100", "007"] {
            assert!(text.parse::<MinScore>().is_ok(), "{text}");
        }
        for text in ["", "101", "-1", "+1", "79.5", "eighty", "1e1", " 80", "0000", "٨"] {
            assert_eq!(text.parse::<MinScore>(), Err(NotAScore), "{text}");
        }
    }

    #[test]
    fn a_score_at_the_limit_passes_and_a_fraction_below_it_does_not() {
        let eighty = limit("80", Unscored::Exclude);
        for (score, counts) in [
            (80.0, true),
            (79.999, false),
            (100.0, true),
            (300.0, true),
            (0.0, false),
        ] {
            let worth = Worth {
                best: Some(whole(score)),
                unscored: false,
            };
            assert_eq!(eighty.permits(worth), counts, "{score}");
        }
    }

    #[test]
    fn unset_scores_do_not_pass_unless_they_are_asked_for() {
        let unknown = Worth {
            best: None,
            unscored: true,
        };
        assert!(!limit("0", Unscored::Exclude).permits(unknown));
        assert!(!limit("80", Unscored::Exclude).permits(unknown));
        assert!(limit("80", Unscored::Include).permits(unknown));
    }

    #[test]
    fn a_limit_is_said_as_a_query_says_it() {
        assert_eq!(limit("80", Unscored::Exclude).to_string(), "min_score=80");
        assert_eq!(
            limit("5", Unscored::Include).to_string(),
            "min_score=5&unscored=include"
        );
    }

    proptest! {
        #[test]
        fn two_limits_together_pass_what_both_pass(
            mins in prop::array::uniform2(0_u8..=100),
            includes in prop::array::uniform2(any::<bool>()),
            best in prop::option::of(any::<u8>()),
            unscored in any::<bool>(),
        ) {
            let of = |place: usize| ScoreLimit {
                min: MinScore(mins[place]),
                unscored: if includes[place] { Unscored::Include } else { Unscored::Exclude },
            };
            let worth = Worth { best, unscored };
            // Of one attribute: it has a score or it has none.
            prop_assume!(best.is_some() != unscored);
            prop_assert_eq!(of(0).and(of(1)).permits(worth), of(0).permits(worth) && of(1).permits(worth));
        }
    }
}
