//! An index for look-ups, made by a source outside of this crate.

use std::collections::HashMap;
use std::sync::Arc;

use catalogue::{Classes, LOOKUP_TYPES, MatchedEvent, Question};
use feed_classification::{DropReason, Extractor, IndicatorSet, IndicatorType, TypeSet};
use misp_client::Tag;
use misp_mirror::EventFacts;

use super::LookupIndex;
use super::index::Rules;
use super::misp_index::catalogue_of;
use crate::FeedError;
use crate::gathered_rows::{GatheredRows, MAX_ROWS};
use crate::publication::Publication;

/// Builds a [`LookupIndex`] from values and the events they come from.
///
/// ```
/// use feed_classification::IndicatorType;
/// use feed_engine::{Filter, Judge, LookupIndex, MatchedEvent, Query};
/// use site_config::Site;
///
/// let mut index = LookupIndex::builder();
/// let event = MatchedEvent::new(7, "Phishing against Example Ltd");
/// index.add(IndicatorType::Domain, "evil.example", &event)?;
/// let index = index.build()?;
///
/// let site = Site::from_yaml("misp.example.net".parse()?, "tag: example")?;
/// let judge = Judge::new(Filter::NONE, &site);
/// let matches = index.find(&Query::parse("www.evil.example"), &judge, 10);
/// assert_eq!(matches[0].event.info, "Phishing against Example Ltd");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Default)]
pub struct LookupIndexBuilder {
    rows: GatheredRows,
    events: HashMap<MatchedEvent, u64>,
}

impl LookupIndex {
    /// Returns a builder without values.
    #[must_use]
    pub fn builder() -> LookupIndexBuilder {
        Default::default()
    }
}

impl LookupIndexBuilder {
    /// Adds one value in any spelling, with an event that it comes from. A value of several events is added once for
    /// each.
    ///
    /// # Errors
    /// The reason why the text is not a value of this type; the index is as before then. Rules cannot be looked up.
    pub fn add(&mut self, kind: IndicatorType, value: &str, event: &MatchedEvent) -> Result<(), DropReason> {
        if TypeSet::RULES.contains(kind) {
            return Err(DropReason::NoSuchPart);
        }
        let mut normal_forms = Vec::new();
        Extractor::new(kind).extract("", value, &mut |value| normal_forms.push(value.to_owned()))?;
        for value in &normal_forms {
            self.push(kind, value, event);
        }
        Ok(())
    }

    /// Adds all values of a set with the event that they come from; [`MatchedEvent::default`] where none is known.
    pub fn add_all(&mut self, values: &IndicatorSet, event: &MatchedEvent) {
        if TypeSet::RULES.contains(values.kind()) {
            return;
        }
        for value in values {
            self.push(values.kind(), value, event);
        }
    }

    /// Returns the index.
    ///
    /// # Errors
    /// [`FeedError::TooManyValues`] above ten million values.
    pub fn build(self) -> Result<LookupIndex, FeedError> {
        if self.rows.len() > MAX_ROWS {
            return Err(FeedError::TooManyValues { limit: MAX_ROWS });
        }
        // Matches come in order of their events.
        let mut events: Vec<(MatchedEvent, u64)> = self.events.into_iter().collect();
        events.sort_unstable();
        let numbers: HashMap<u64, u64> = events
            .iter()
            .zip(1..)
            .map(|((_, own), number)| (*own, number))
            .collect();
        let mut rows = self.rows;
        rows.renumber_events(&numbers);
        let names: HashMap<IndicatorType, [String; 1]> =
            LOOKUP_TYPES.iter().map(|kind| (*kind, [name(*kind)])).collect();
        let classes = Classes::new(|kind| names.get(&kind).map_or(&[][..], |name| name));
        let state = catalogue_of(rows, classes, &Publication::default())?.snapshot();
        let questions: Vec<Question> = LOOKUP_TYPES.iter().map(|kind| Question::new(*kind)).collect();
        let mut rules = Rules::of(&questions, Err(FeedError::NoDecayingModel), jiff::Timestamp::MIN);
        rules.events = Some(events.into_iter().map(|(event, _)| event).collect());
        Ok(LookupIndex::new(Arc::new(rules), state))
    }

    /// One value above the limit is enough to fail: the rest takes no memory.
    fn push(&mut self, kind: IndicatorType, value: &str, event: &MatchedEvent) {
        if self.rows.len() > MAX_ROWS {
            return;
        }
        let next = self.events.len() as u64 + 1;
        let id = match self.events.get(event) {
            Some(id) => *id,
            None => *self.events.entry(event.clone()).or_insert(next),
        };
        let facts = EventFacts {
            id,
            published: true,
            ..EventFacts::default()
        };
        let is_address = TypeSet::ADDRESSES.contains(kind);
        let kind = if is_address { IndicatorType::Ip } else { kind };
        let tags = event.tlp.map(|level| Tag::own(format!("tlp:{level}")));
        self.rows.push(&facts, &name(kind), value, tags.as_slice());
    }
}

/// Returns the attribute type under which the catalogue takes values of this type: of none that MISP has, so that each
/// value belongs to one type.
fn name(kind: IndicatorType) -> String {
    format!("own-{kind}")
}

#[cfg(test)]
mod tests {
    use feed_classification::Tlp;
    use site_config::Site;

    use super::*;
    use crate::{Filter, Judge, Match, Query, Relation};

    fn judge(max_tlp: Tlp) -> Judge {
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        Judge::new(Filter::NONE.with_max_tlp(max_tlp), &site)
    }

    fn find(index: &LookupIndex, value: &str, max_tlp: Tlp) -> Vec<Match> {
        index.find(&Query::parse(value), &judge(max_tlp), 10)
    }

    #[test]
    fn an_index_knows_values_in_any_spelling_with_each_of_their_events() {
        let mut index = LookupIndex::builder();
        for id in [1, 2] {
            let event = MatchedEvent::new(id, "an event");
            index.add(IndicatorType::Domain, "EVIL.example.", &event).unwrap();
        }
        let network = IndicatorSet::of(IndicatorType::Cidr4, ["192.0.2.0/24"]);
        index.add_all(&network, &MatchedEvent::default());
        let index = index.build().unwrap();
        let events: Vec<u64> = find(&index, "evil.example", Tlp::Red)
            .iter()
            .map(|found| found.event.id)
            .collect();
        assert_eq!(events, [1, 2]);
        let found = find(&index, "192.0.2.7", Tlp::Red);
        assert_eq!(
            (found[0].relation, found[0].kind),
            (Relation::Network, IndicatorType::Cidr4)
        );
    }

    #[test]
    fn a_text_that_is_not_a_value_of_the_type_is_refused() {
        let mut index = LookupIndex::builder();
        let event = MatchedEvent::default();
        assert_eq!(
            index.add(IndicatorType::Ipv4, "evil.example", &event),
            Err(DropReason::NotAnAddress)
        );
        assert_eq!(
            index.add(IndicatorType::Yara, "rule a {}", &event),
            Err(DropReason::NoSuchPart)
        );
        assert!(index.build().unwrap().is_empty());
    }

    #[test]
    fn limits_on_tlp_count_and_limits_on_scores_are_refused() {
        let mut index = LookupIndex::builder();
        let event = MatchedEvent::new(1, "an event").tlp(Tlp::Amber);
        index.add(IndicatorType::Domain, "evil.example", &event).unwrap();
        let index = index.build().unwrap();
        assert_eq!(find(&index, "evil.example", Tlp::Green), []);
        assert_eq!(find(&index, "evil.example", Tlp::Amber).len(), 1);
        let scored = Filter::NONE.with_score(crate::ScoreLimit {
            min: "80".parse().unwrap(),
            unscored: crate::Unscored::Exclude,
        });
        assert!(matches!(index.judgeable(scored), Err(FeedError::NoDecayingModel)));
        assert!(index.judgeable(Filter::NONE).is_ok());
    }
}
