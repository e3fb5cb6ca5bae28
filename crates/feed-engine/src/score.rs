//! Limits on decay scores, and the score of an attribute.
//!
//! Callers see whole numbers, MISP computes fractions: 80.0 meets `min_score=80` and 79.9 does not, as MISP calls
//! values below its threshold decayed. People set whole numbers, and these bound how many different feeds can be
//! requested.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use misp_client::{AttributeRow, ScoreTimes, Scorer};

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

    /// Returns whether an attribute with this score, or without one, passes.
    pub(crate) fn permits(self, score: Option<u8>) -> bool {
        score.map_or(self.unscored == Unscored::Include, |score| score >= self.min.0)
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

    /// Returns the score of an attribute without its fraction; nothing if the model does not cover its type.
    pub(crate) fn score(&self, attribute: &AttributeRow<'_>) -> Option<u8> {
        if !self.scorer.covers(&attribute.kind) {
            return None;
        }
        let times = ScoreTimes {
            timestamp: attribute.timestamp,
            last_seen: attribute.last_seen,
            last_sighting: attribute.last_sighting,
        };
        let tags = self.scorer.of_tags(&attribute.tags);
        Some(whole(self.scorer.score_of(tags, times, self.now.as_second()).now))
    }
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
            assert_eq!(eighty.permits(Some(whole(score))), counts, "{score}");
        }
    }

    #[test]
    fn unset_scores_do_not_pass_unless_they_are_asked_for() {
        assert!(!limit("0", Unscored::Exclude).permits(None));
        assert!(!limit("80", Unscored::Exclude).permits(None));
        assert!(limit("80", Unscored::Include).permits(None));
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
            score in prop::option::of(any::<u8>()),
        ) {
            let of = |place: usize| ScoreLimit {
                min: MinScore(mins[place]),
                unscored: if includes[place] { Unscored::Include } else { Unscored::Exclude },
            };
            prop_assert_eq!(of(0).and(of(1)).permits(score), of(0).permits(score) && of(1).permits(score));
        }
    }
}
