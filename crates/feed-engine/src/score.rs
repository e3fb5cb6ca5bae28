//! Limits on decay scores: how they are said, and what an attribute is worth.
//!
//! A score is a whole number to whoever asks. MISP reckons with fractions; `min_score=80` is met by 80 and more, as MISP calls decayed what
//! is below its threshold. Whole numbers are what people set, and they bound how many different feeds can be asked for.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use misp_client::{Attribute, Scorer};

/// The lowest score that counts: 0 to 100.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct MinScore(u8);

/// What is no lowest score.
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

/// What becomes of attributes that have no score, since the site's model is not about their type.
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
    /// What becomes of attributes without a score.
    pub unscored: Unscored,
}

impl ScoreLimit {
    /// Returns whether everything gets through.
    pub(crate) fn is_none(self) -> bool {
        self.min.0 == 0 && self.unscored == Unscored::Include
    }

    /// Returns what gets through both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            min: self.min.max(other.min),
            unscored: self.unscored.min(other.unscored),
        }
    }

    /// Returns whether a value gets through that some attributes give these scores, the best of which is told, and some none.
    pub(crate) fn permits(self, worth: Worth) -> bool {
        worth.best.is_some_and(|best| best >= self.min.0) || (worth.unscored && self.unscored == Unscored::Include)
    }
}

/// As a query says it: `min_score=80&unscored=include`.
impl fmt::Display for ScoreLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "min_score={}", self.min)?;
        if self.unscored == Unscored::Include {
            f.write_str("&unscored=include")?;
        }
        Ok(())
    }
}

/// What attributes are worth that say the same.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Worth {
    /// The best of their scores, without its fraction.
    best: Option<u8>,
    /// Whether there is one without a score.
    unscored: bool,
}

impl Worth {
    /// The worth of attributes without a score.
    pub(crate) const UNKNOWN: Self = Self {
        best: None,
        unscored: true,
    };

    /// Returns what both are worth together.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            best: self.best.max(other.best),
            unscored: self.unscored || other.unscored,
        }
    }
}

/// Tells scores as of one moment, by one model.
#[derive(Clone, Debug)]
pub(crate) struct Scoring {
    scorer: Arc<Scorer>,
    now: jiff::Timestamp,
}

impl Scoring {
    pub(crate) fn new(scorer: Arc<Scorer>, now: jiff::Timestamp) -> Self {
        Self { scorer, now }
    }

    /// Returns what an attribute is worth; nothing can be said of one whose type the model is not about.
    pub(crate) fn worth(&self, attribute: &Attribute) -> Worth {
        let is_covered = self.scorer.covers(&attribute.kind);
        Worth {
            best: is_covered.then(|| whole(self.scorer.score(attribute, self.now.as_second()).now)),
            unscored: !is_covered,
        }
    }
}

/// Without a model nothing has a score.
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
    fn what_is_worth_the_limit_gets_through_and_fractions_below_it_do_not() {
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
        fn two_limits_together_let_through_what_each_does(
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
