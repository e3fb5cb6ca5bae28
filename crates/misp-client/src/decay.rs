//! Computes the score of an attribute by one of MISP's decaying models.
//!
//! MISP can be asked for scores (`includeDecayScore`), but it then looks up sightings one attribute at a time and
//! answers about seven times slower. The parameters of a model say all that is needed, so that a score is reckoned from
//! the row itself:
//!
//! - the **base score** ([`base_score`]): the tags' numerical values, weighted by the model, or its default where no
//!   tag counts;
//! - **how long ago** the attribute was confirmed: its last sighting, if that is no older than the last change of the
//!   attribute; else its `last_seen`; else the last change;
//! - the **formula** ([`formula`]): the rest of the base score after this time.
//!
//! Compared with every score in the recordings of a real MISP 2.5.1 (`tests/it/decay.rs`), digit by digit. (The page on
//! which MISP simulates a model for one attribute answers browsers only, 558.) None of its tags has a numerical value
//! and none of its attributes a sighting that counts, so that weights, sightings and `PolynomialExtended` follow MISP's
//! published source and are compared with worked examples only.

mod base_score;
mod formula;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::{Attribute, Tag};
use formula::Formula;

/// MISP scores an attribute that was confirmed in the future with 0. Two clocks never agree, and an attribute of a
/// moment ago must not be gone until the next refresh: so little counts as now.
const CLOCK_DIFFERENCE_SECONDS: i64 = 60;

/// One decaying model, as MISP has it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DecayingModel {
    /// MISP's number of it; another MISP has other numbers.
    pub id: u64,
    /// Its UUID; models made on that MISP have none in some versions.
    pub uuid: Option<Uuid>,
    /// Its name. MISP does not keep names unique.
    pub name: String,
    /// The name of the formula, such as `Polynomial`.
    pub formula: String,
    /// Days after which nothing is left of a score (τ), where MISP says so.
    pub lifetime_days: Option<f64>,
    /// How a score falls (δ), where MISP says so: 1 evenly, more means fast at first, less means slowly at first.
    pub decay_speed: Option<f64>,
    /// The score below which MISP calls an attribute decayed, where MISP says so.
    pub threshold: Option<f64>,
    /// The base score where no tag has a say; 0 when MISP does not say.
    pub default_base_score: f64,
    /// The weights of tags, by taxonomy (`retention`) or taxonomy and predicate (`phishing:state`).
    pub base_score_config: BTreeMap<String, f64>,
    /// Whether the weights were of a shape that could be read. Without them a base score would be a wrong one.
    pub base_score_config_is_known: bool,
    /// The attribute types that MISP shows scores of this model for.
    pub attribute_types: Vec<String>,
    /// Whether MISP uses it.
    pub enabled: bool,
}

/// Why no score can be reckoned by a model.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ModelError {
    /// It is reckoned by a formula that is not known here; a guess would be a wrong score.
    #[error("the decaying model {model:?} uses the formula {formula:?}, which is not known here")]
    UnknownFormula {
        /// The model's name.
        model: String,
        /// The formula's name.
        formula: String,
    },
    /// One of its parameters is missing, or is nothing that can be reckoned with.
    #[error("the decaying model {model:?} has no usable {parameter}")]
    BadParameter {
        /// The model's name.
        model: String,
        /// The parameter's name, as MISP has it.
        parameter: &'static str,
    },
}

/// The score of an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Score {
    /// The score now; not negative.
    pub now: f64,
    /// The score at the time of the confirmation.
    pub base: f64,
}

/// What the tags of an attribute mean for its score, by one model; see [`Scorer::of_tags`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TagScore {
    base: f64,
    /// Seconds after the last change beyond which nothing is left.
    ends_after: Option<i64>,
}

/// The times of an attribute by which its score falls, in unix seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScoreTimes {
    /// The last change.
    pub timestamp: i64,
    /// Last time that the thing itself was seen, where an analyst entered it.
    pub last_seen: Option<i64>,
    /// The newest sighting, where it is known.
    pub last_sighting: Option<i64>,
}

/// Reckons scores by one model whose formula and parameters were looked at.
#[derive(Clone, Debug, PartialEq)]
pub struct Scorer {
    formula: Formula,
    lifetime_seconds: f64,
    decay_speed: f64,
    default_base_score: f64,
    weights: BTreeMap<String, f64>,
    attribute_types: Vec<String>,
}

impl DecayingModel {
    /// Returns what reckons scores by this model.
    ///
    /// # Errors
    /// [`ModelError`] when the formula is not known here, or a parameter cannot be reckoned with.
    pub fn scorer(&self) -> Result<Scorer, ModelError> {
        let bad = |parameter| ModelError::BadParameter {
            model: self.name.clone(),
            parameter,
        };
        let above_zero = |number: &f64| *number > 0.0;
        let formula = Formula::named(&self.formula).ok_or_else(|| ModelError::UnknownFormula {
            model: self.name.clone(),
            formula: self.formula.clone(),
        })?;
        if !self.base_score_config_is_known {
            return Err(bad("base_score_config"));
        }
        let lifetime_days = self.lifetime_days.filter(above_zero).ok_or_else(|| bad("lifetime"))?;
        Ok(Scorer {
            formula,
            lifetime_seconds: lifetime_days * 86_400.0,
            decay_speed: self.decay_speed.filter(above_zero).ok_or_else(|| bad("decay_speed"))?,
            default_base_score: self.default_base_score,
            weights: self.base_score_config.clone(),
            attribute_types: self.attribute_types.clone(),
        })
    }
}

impl Scorer {
    /// Returns whether the model is about this attribute type. Asked for one model by its number, MISP gives scores of
    /// it to every type; asked for all, and on its pages, only to these.
    #[must_use]
    pub fn covers(&self, attribute_type: &str) -> bool {
        self.attribute_types.iter().any(|covered| covered == attribute_type)
    }

    /// Returns the score of the attribute at `now`, whether its type is covered or not. Times are unix seconds.
    ///
    /// The tags of the event must have been asked for. Sightings count where they were asked for, too; MISP counts
    /// those always.
    #[must_use]
    pub fn score(&self, attribute: &Attribute, now: i64) -> Score {
        let times = ScoreTimes {
            timestamp: attribute.timestamp,
            last_seen: attribute.last_seen,
            last_sighting: attribute.last_sighting,
        };
        self.score_of(self.of_tags(&attribute.tags), times, now)
    }

    /// Returns what these tags, own ones and those of the event, mean for a score. Many attributes have the same tags,
    /// and this part of their scores is the same at any time.
    ///
    /// ```no_run
    /// # fn example(scorer: &misp_client::Scorer, now: i64) {
    /// use misp_client::{ScoreTimes, Tag};
    ///
    /// let tags = scorer.of_tags(&[Tag::inherited("retention:7d").worth(7)]);
    /// let times = ScoreTimes { timestamp: 1_795_308_097, ..ScoreTimes::default() };
    /// let score = scorer.score_of(tags, times, now);
    /// # }
    /// ```
    #[must_use]
    pub fn of_tags(&self, tags: &[Tag]) -> TagScore {
        TagScore {
            base: base_score::of(tags, &self.weights).unwrap_or(self.default_base_score),
            ends_after: self.formula.ends_after(tags),
        }
    }

    /// Returns the score at `now` of an attribute with these tags and times; see [`score`](Self::score).
    #[must_use]
    pub fn score_of(&self, tags: TagScore, times: ScoreTimes, now: i64) -> Score {
        let confirmed = times
            .last_sighting
            .filter(|seen| *seen >= times.timestamp)
            .or(times.last_seen)
            .unwrap_or(times.timestamp);
        let elapsed = match now.saturating_sub(confirmed) {
            ahead if (-CLOCK_DIFFERENCE_SECONDS..0).contains(&ahead) => 0,
            elapsed => elapsed,
        };
        let base = tags.base;
        let since_change = now.saturating_sub(times.timestamp);
        let now = if tags.ends_after.is_some_and(|after| since_change > after) {
            0.0
        } else {
            formula::left_of(base, elapsed, self.lifetime_seconds, self.decay_speed)
        };
        Score { now, base }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: i64 = 86_400;
    const NOW: i64 = 1_795_308_097;

    fn model(formula: &str) -> DecayingModel {
        DecayingModel {
            id: 3,
            uuid: None,
            name: "Invented".to_owned(),
            formula: formula.to_owned(),
            lifetime_days: Some(100.0),
            decay_speed: Some(2.0),
            threshold: Some(30.0),
            default_base_score: 80.0,
            base_score_config: [("admiralty-scale:source-reliability".to_owned(), 0.5)].into(),
            base_score_config_is_known: true,
            attribute_types: vec!["domain".to_owned()],
            enabled: true,
        }
    }

    fn seen(days_ago: i64) -> Attribute {
        let mut attribute = Attribute::new(1, "domain", "host.example.com");
        attribute.timestamp = NOW - days_ago * DAY;
        attribute
    }

    fn polynomial() -> Scorer {
        model("Polynomial").scorer().unwrap()
    }

    #[test]
    fn formula_that_is_not_known_is_an_error_and_never_a_score() {
        let error = model("Sigmoid").scorer().unwrap_err();
        assert_eq!(
            error.to_string(),
            "the decaying model \"Invented\" uses the formula \"Sigmoid\", which is not known here"
        );
        // MISP writes its default in lower case.
        assert!(model("polynomial").scorer().is_ok());
    }

    #[test]
    fn parameters_that_cannot_be_reckoned_with_are_named() {
        type Breaks = fn(&mut DecayingModel);
        let broken: [(&str, Breaks); 5] = [
            ("lifetime", |model| model.lifetime_days = Some(0.0)),
            ("lifetime", |model| model.lifetime_days = None),
            ("decay_speed", |model| model.decay_speed = Some(-1.0)),
            ("decay_speed", |model| model.decay_speed = None),
            ("base_score_config", |model| model.base_score_config_is_known = false),
        ];
        for (name, breaks) in broken {
            let mut model = model("Polynomial");
            breaks(&mut model);
            assert_eq!(
                model.scorer().unwrap_err().to_string(),
                format!("the decaying model \"Invented\" has no usable {name}")
            );
        }
    }

    #[test]
    fn score_counts_from_last_seen_when_it_is_set() {
        let mut attribute = seen(0);
        assert_eq!(polynomial().score(&attribute, NOW).now, 80.0);
        attribute.last_seen = Some(NOW - 25 * DAY);
        // A quarter of its life: the root of 1/4 is 1/2.
        assert_eq!(polynomial().score(&attribute, NOW).now, 40.0);
    }

    #[test]
    fn sighting_counts_unless_the_attribute_changed_after_it() {
        let mut attribute = seen(50);
        attribute.last_seen = Some(NOW - 64 * DAY);
        let unsighted = polynomial().score(&attribute, NOW).now;
        let mut score = |sighting: i64| {
            attribute.last_sighting = Some(NOW - sighting * DAY);
            polynomial().score(&attribute, NOW).now
        };
        assert_eq!(score(25), 40.0);
        assert_eq!(score(51), unsighted);
    }

    #[test]
    fn a_moment_ahead_is_now_and_the_future_is_worth_nothing() {
        let score = |ahead: i64| polynomial().score(&seen(0), NOW - ahead).now;
        assert_eq!((score(1), score(60)), (80.0, 80.0));
        assert_eq!(score(61), 0.0);
    }

    #[test]
    fn retention_ends_a_score_only_where_the_formula_says_so() {
        let mut attribute = seen(8);
        attribute.tags = vec![Tag::inherited("retention:7d")];
        let extended = model("PolynomialExtended").scorer().unwrap();
        assert!(polynomial().score(&attribute, NOW).now > 0.0);
        assert_eq!(extended.score(&attribute, NOW).now, 0.0);
        attribute.timestamp = NOW - 7 * DAY;
        assert!(extended.score(&attribute, NOW).now > 0.0);
    }

    proptest! {
        #[test]
        fn a_score_by_tags_and_times_is_that_of_the_attribute(
            days in prop::array::uniform3(0_i64..200),
            (seen, sighted, extended) in any::<(bool, bool, bool)>(),
            worths in prop::collection::vec((any::<bool>(), 0_i64..100), 0..4),
        ) {
            let mut attribute = self::seen(days[0]);
            attribute.last_seen = seen.then_some(NOW - days[1] * DAY);
            attribute.last_sighting = sighted.then_some(NOW - days[2] * DAY);
            attribute.tags = worths.iter().map(|(own, worth)| {
                let name = "admiralty-scale:source-reliability=\"b\"";
                if *own { Tag::own(name).worth(*worth) } else { Tag::inherited("retention:1m").worth(*worth) }
            }).collect();
            let scorer = model(if extended { "PolynomialExtended" } else { "Polynomial" }).scorer().unwrap();
            let times = ScoreTimes {
                timestamp: attribute.timestamp,
                last_seen: attribute.last_seen,
                last_sighting: attribute.last_sighting,
            };
            let score = scorer.score_of(scorer.of_tags(&attribute.tags), times, NOW);
            prop_assert_eq!(score, scorer.score(&attribute, NOW));
        }

        #[test]
        fn score_is_within_base_falls_with_time_and_ends(
            base in 0.0..200.0_f64,
            lifetime in 0.01..4000.0_f64,
            speed in 0.05..50.0_f64,
            age in 0_i64..400 * DAY,
            later in 0_i64..400 * DAY,
        ) {
            let mut model = model("Polynomial");
            (model.default_base_score, model.lifetime_days, model.decay_speed) = (base, Some(lifetime), Some(speed));
            let scorer = model.scorer().unwrap();
            let score = |elapsed: i64| scorer.score(&seen(0), NOW + elapsed);
            let at = score(age);
            prop_assert_eq!(at.base, base);
            prop_assert!((0.0..=base).contains(&at.now));
            prop_assert!(score(age + later).now <= at.now);
            #[expect(clippy::cast_possible_truncation, reason = "below 4000 days")]
            let end = (lifetime * 86_400.0).ceil() as i64;
            prop_assert_eq!(score(end).now, 0.0);
            prop_assert_eq!(score(end + later).now, 0.0);
        }

        #[test]
        fn any_numbers_give_a_number(
            numbers in prop::array::uniform3(any::<f64>()),
            times in prop::array::uniform4(any::<i64>()),
            worth in any::<i64>(),
        ) {
            let mut model = model("PolynomialExtended");
            model.default_base_score = 50.0;
            (model.lifetime_days, model.decay_speed) = (Some(numbers[0]), Some(numbers[1]));
            model.base_score_config.insert("a:b".to_owned(), numbers[2]);
            if let Ok(scorer) = model.scorer() {
                let mut attribute = Attribute::new(1, "domain", "host.example.com");
                (attribute.timestamp, attribute.last_seen) = (times[0], Some(times[1]));
                attribute.tags = vec![Tag::own("a:b=\"c\"").worth(worth), Tag::inherited("retention:1d").worth(worth)];
                attribute.last_sighting = Some(times[2]);
                let score = scorer.score(&attribute, times[3]);
                prop_assert!(score.now >= 0.0, "{:?}", score);
            }
        }
    }
}
