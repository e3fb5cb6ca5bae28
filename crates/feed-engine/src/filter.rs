//! The limits of a caller on the attributes of a feed, and the one judge of these limits.
//!
//! The limits are on TLP levels and on decay scores ([`crate::score`]).
//!
//! An attribute's TLP level is the most closed of its own tags and its event's: MISP knows no tag that takes another
//! one back, so a `tlp:green` on an attribute does not open an event that is `tlp:red`. Local tags count as others do.
//! Where neither has a TLP tag, the site's `default_tlp` counts.
//!
//! The judge looks at attributes, not at values: a value of a red and of a green attribute is listed for a caller up to
//! green, because of the green one. An attribute beyond the limits does not exist for the caller, also not in counts
//! (`FeedSet::dropped` counts attributes without a valid value). False positives are not judged: one beyond the limits
//! still removes its value, and that reveals nothing about it: feeds with limits do not count false positives.

use std::fmt;

use catalogue::Limits;
use feed_classification::{Guard, Tlp};
use misp_client::AttributeRow;
use site_config::Site;

use crate::score::{ScoreLimit, Scoring, Unscored};

/// Limits on the attributes that count. It can be narrowed, and never widened again.
///
/// ```
/// use feed_classification::Tlp;
/// use feed_engine::Filter;
///
/// let token = Filter::NONE.with_max_tlp(Tlp::Amber);
/// assert_eq!(token.with_max_tlp(Tlp::Red), token);
/// assert_eq!(token.with_max_tlp(Tlp::Green).to_string(), "max_tlp=green");
/// ```
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Filter {
    /// Red means no limit, and no other value does: filters are part of cache keys.
    max_tlp: Tlp,
    /// `None` is the only way to say "no limit", for the same reason.
    score: Option<ScoreLimit>,
}

impl Filter {
    /// No limits.
    pub const NONE: Self = Self {
        max_tlp: Tlp::Red,
        score: None,
    };

    /// Returns this filter, narrowed to TLP levels up to `level`.
    #[must_use]
    pub fn with_max_tlp(mut self, level: Tlp) -> Self {
        self.max_tlp = self.max_tlp.min(level);
        self
    }

    /// Returns the filter that passes only attributes that pass both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let narrowed = self.with_max_tlp(other.max_tlp);
        other.score.map_or(narrowed, |limit| narrowed.with_score(limit))
    }

    /// Returns this filter, narrowed to attributes within this limit on scores.
    #[must_use]
    pub fn with_score(mut self, limit: ScoreLimit) -> Self {
        let both = self.score.map_or(limit, |own| own.and(limit));
        self.score = Some(both).filter(|limit| !limit.is_none());
        self
    }

    /// Returns the limit on scores, if the filter has one. The site must name a decaying model for it.
    #[must_use]
    pub fn score(&self) -> Option<ScoreLimit> {
        self.score
    }

    /// Returns the most closed level that gets through.
    #[must_use]
    pub fn max_tlp(&self) -> Tlp {
        self.max_tlp
    }

    /// Returns whether everything gets through.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Returns the settings of a site by which the limits are judged; a change of settings without a limit changes no
    /// feed.
    pub(crate) fn rules<'a>(&self, site: &'a Site) -> (Option<Tlp>, Option<(Option<&'a str>, bool)>) {
        (
            (self.max_tlp < Tlp::Red).then_some(site.default_tlp),
            self.score
                .map(|_| (site.decaying_model.as_deref(), site.score_sightings)),
        )
    }
}

impl Default for Filter {
    fn default() -> Self {
        Self::NONE
    }
}

/// Writes the limits as a query, for example `max_tlp=amber&min_score=80`; nothing without limits.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.max_tlp < Tlp::Red {
            write!(f, "max_tlp={}", self.max_tlp)?;
        }
        if let Some(limit) = self.score {
            let and = if self.max_tlp < Tlp::Red { "&" } else { "" };
            write!(f, "{and}{limit}")?;
        }
        Ok(())
    }
}

/// Decides which attributes pass a filter, by the rules of one site.
#[derive(Clone, Debug)]
pub struct Judge {
    filter: Filter,
    default_tlp: Tlp,
    scoring: Option<Scoring>,
    /// The guard of the site, for look-ups; attributes are not judged by it.
    guard: Option<Guard>,
}

impl Judge {
    /// Returns the judge of a filter at a site.
    #[must_use]
    pub fn new(filter: Filter, site: &Site) -> Self {
        Self {
            filter,
            default_tlp: site.default_tlp,
            scoring: None,
            guard: Some(site.guard.clone()),
        }
    }

    /// Sets the scores to judge by; without them no attribute has a score.
    pub(crate) fn with_scoring(mut self, scoring: Scoring) -> Self {
        self.scoring = Some(scoring);
        self
    }

    /// Returns a judge that passes everything.
    pub(crate) const fn of_nothing() -> Self {
        Self {
            filter: Filter::NONE,
            default_tlp: Tlp::Red,
            scoring: None,
            guard: None,
        }
    }

    /// Returns whether an attribute passes.
    pub(crate) fn counts(&self, attribute: &AttributeRow<'_>) -> bool {
        self.filter.is_none() || (self.permits_tlp(level_of(attribute)) && self.permits_score(attribute))
    }

    /// Without a model no attribute has a score.
    fn permits_score(&self, attribute: &AttributeRow<'_>) -> bool {
        let score = || self.scoring.as_ref().and_then(|scoring| scoring.score(attribute));
        self.filter.score.is_none_or(|limit| limit.permits(score()))
    }

    /// Returns whether the judge needs scores.
    pub(crate) fn needs_scores(&self) -> bool {
        self.filter.score.is_some()
    }

    /// Returns whether an attribute of this TLP level, or without one, passes.
    pub(crate) fn permits_tlp(&self, level: Option<Tlp>) -> bool {
        level.unwrap_or(self.default_tlp) <= self.filter.max_tlp
    }

    /// Returns the limits as the catalogue judges them.
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::of_tlp(self.filter.max_tlp, self.default_tlp);
        let unscored_count = |limit: ScoreLimit| limit.unscored == Unscored::Include;
        limits.guard = self.guard.clone();
        limits.min_score = self.filter.score.map(|limit| (limit.min.get(), unscored_count(limit)));
        limits
    }

    /// Returns whether its limits are exactly these.
    pub(crate) fn has(&self, filter: Filter) -> bool {
        self.filter == filter
    }

    /// Returns a judge that passes everything that the guard of the site lets through.
    pub(crate) fn of_everything(&self) -> Self {
        Self {
            filter: Filter::NONE,
            ..self.clone()
        }
    }

    /// Returns whether everything gets through.
    pub(crate) fn lets_all_through(&self) -> bool {
        self.filter.is_none()
    }

    /// Logs why a feed is empty although MISP has attributes for it.
    pub(crate) fn log_nothing_left(&self, left_out: usize) {
        tracing::info!(
            limits = %self.filter,
            default_tlp = self.default_tlp.as_str(),
            left_out,
            "every attribute is beyond the limits; one without a TLP tag counts as the site's default_tlp, and one of a type that its decaying_model does not cover has no score"
        );
    }
}

/// Returns the most closed TLP level of an attribute and its event; nothing without a TLP tag.
pub(crate) fn level_of(attribute: &AttributeRow<'_>) -> Option<Tlp> {
    Tlp::of_tags(attribute.tags.iter().map(|tag| tag.name.as_str()))
}

#[cfg(test)]
mod tests {
    use misp_client::{Attribute, Tag};
    use proptest::prelude::*;

    use super::*;
    use crate::Unscored;

    fn judge(max_tlp: Tlp, default_tlp: Tlp) -> Judge {
        let name = "misp.example.net".parse().unwrap();
        let site = Site::from_yaml(name, &format!("tag: example\ndefault_tlp: {default_tlp}")).unwrap();
        Judge::new(Filter::NONE.with_max_tlp(max_tlp), &site)
    }

    fn attribute(own: &[&str], of_event: &[&str]) -> AttributeRow<'static> {
        let mut attribute = Attribute::new(1, "domain", "a.example");
        attribute.tags = own.iter().copied().map(Tag::own).collect();
        attribute.tags.extend(of_event.iter().copied().map(Tag::inherited));
        attribute.into()
    }

    #[test]
    fn the_most_closed_level_of_attribute_and_event_counts() {
        for (own, of_event, level) in [
            (&["tlp:green"][..], &["tlp:red"][..], Tlp::Red),
            (&["tlp:red"], &["tlp:green"], Tlp::Red),
            (&["tlp:clear", "tlp:amber"], &[], Tlp::Amber),
            (&[], &["tlp:amber", "TLP:AMBER+STRICT"], Tlp::AmberStrict),
            (&["tlp:white"], &["type:osint"], Tlp::Clear),
            (&[], &["tlp:ex:chr"], Tlp::Red),
        ] {
            let attribute = attribute(own, of_event);
            for max_tlp in Tlp::ALL {
                // The default does not count, since the attribute has a TLP tag.
                for default in Tlp::ALL {
                    let counts = judge(max_tlp, default).counts(&attribute);
                    assert_eq!(counts, level <= max_tlp, "{attribute:?} up to {max_tlp}");
                }
            }
        }
    }

    #[test]
    fn attributes_without_a_tlp_tag_count_as_the_sites_default() {
        let unmarked = attribute(&["misp-galaxy:tool=\"tlp:green\""], &["type:osint"]);
        for default in Tlp::ALL {
            for max_tlp in Tlp::ALL {
                assert_eq!(judge(max_tlp, default).counts(&unmarked), default <= max_tlp);
            }
        }
    }

    #[test]
    fn no_limit_is_one_filter_however_it_is_said() {
        assert_eq!(Filter::NONE.with_max_tlp(Tlp::Red), Filter::default());
        assert_eq!(Filter::NONE.to_string(), "");
        assert!(Judge::of_nothing().counts(&attribute(&["tlp:red"], &[])));
    }

    #[test]
    fn limits_are_said_together_and_only_where_there_are_any() {
        let limit = |min: &str, unscored| ScoreLimit {
            min: min.parse().unwrap(),
            unscored,
        };
        let scored = Filter::NONE.with_score(limit("80", Unscored::Exclude));
        assert_eq!(scored.to_string(), "min_score=80");
        assert_eq!(
            scored.with_max_tlp(Tlp::Green).to_string(),
            "max_tlp=green&min_score=80"
        );
        assert_eq!(Filter::NONE.with_score(limit("0", Unscored::Include)), Filter::NONE);
        // Narrowed, and never widened again.
        let wide = scored.with_score(limit("20", Unscored::Include));
        assert_eq!(wide, scored);
        assert_eq!(
            scored.with_score(limit("90", Unscored::Include)).to_string(),
            "min_score=90"
        );
        let green = Filter::NONE.with_max_tlp(Tlp::Green);
        assert_eq!(green.and(scored), scored.and(green));
        assert_eq!(green.and(scored), scored.with_max_tlp(Tlp::Green));
    }

    #[test]
    fn unset_scores_do_not_pass() {
        let limit = |unscored| ScoreLimit {
            min: "0".parse().unwrap(),
            unscored,
        };
        let name = "misp.example.net".parse().unwrap();
        let site = Site::from_yaml(name, "tag: example").unwrap();
        let attribute = attribute(&[], &[]);
        assert!(!Judge::new(Filter::NONE.with_score(limit(Unscored::Exclude)), &site).counts(&attribute));
    }

    #[test]
    fn the_default_is_a_rule_only_where_there_is_a_limit() {
        let site = |level: &str| {
            let name = "misp.example.net".parse().unwrap();
            Site::from_yaml(name, &format!("tag: example\ndefault_tlp: {level}")).unwrap()
        };
        let (green, red) = (site("green"), site("red"));
        assert_eq!(Filter::NONE.rules(&green), Filter::NONE.rules(&red));
        let limited = Filter::NONE.with_max_tlp(Tlp::Amber);
        assert_ne!(limited.rules(&green), limited.rules(&red));
    }

    proptest! {
        #[test]
        fn a_narrower_filter_lets_nothing_more_through(
            own in prop::collection::vec("(?i)(tlp:)?(clear|white|green|amber(\\+strict)?|red|x)", 0..3),
            of_event in prop::collection::vec("(?i)(tlp:)?(clear|green|amber(\\+strict)?|red)", 0..3),
            levels in (0_usize..5, 0_usize..5, 0_usize..5),
        ) {
            let texts = |tags: &[String]| tags.iter().map(|tag| tag.as_str().to_owned()).collect::<Vec<_>>();
            let (own, of_event) = (texts(&own), texts(&of_event));
            let own: Vec<&str> = own.iter().map(String::as_str).collect();
            let of_event: Vec<&str> = of_event.iter().map(String::as_str).collect();
            let attribute = attribute(&own, &of_event);
            let [token, query, default] = [levels.0, levels.1, levels.2].map(|level| Tlp::ALL[level]);
            let limit = |filter: Filter| Judge { filter, default_tlp: default, scoring: None, guard: None }.counts(&attribute);
            let token = Filter::NONE.with_max_tlp(token);
            let both = token.with_max_tlp(query);
            prop_assert!(!limit(both) || limit(token));
            prop_assert_eq!(limit(both), limit(token) && limit(Filter::NONE.with_max_tlp(query)));
        }
    }
}
