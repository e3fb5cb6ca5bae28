//! An index in memory between look-ups.

use std::sync::Arc;

use cache::Weigh;

use super::index::{LookupIndex, Rules, State};

/// An index between look-ups. Of a catalogue that changes it keeps the rules only, so that no old state stays in
/// memory; each look-up gets the present one.
#[derive(Clone)]
pub(crate) struct KeptIndex {
    rules: Arc<Rules>,
    state: Option<State>,
    as_of: Option<jiff::Timestamp>,
}

impl From<LookupIndex> for KeptIndex {
    fn from(index: LookupIndex) -> Self {
        let (rules, state, as_of) = index.into_parts();
        let state = rules.present.is_none().then_some(state);
        Self { rules, state, as_of }
    }
}

impl KeptIndex {
    /// Returns the index as it is now; nothing once the catalogue that it follows no longer answers.
    pub(crate) fn present(&self) -> Option<LookupIndex> {
        if let Some(state) = &self.state {
            return Some(LookupIndex::of_parts(
                Arc::clone(&self.rules),
                state.clone(),
                self.as_of,
            ));
        }
        let state = (self.rules.present.as_ref()?)()?;
        Some(LookupIndex::new(Arc::clone(&self.rules), state))
    }

    /// Returns whether it follows a catalogue that changes.
    pub(crate) fn is_following(&self) -> bool {
        self.state.is_none()
    }
}

impl Weigh for KeptIndex {
    fn weight_bytes(&self) -> usize {
        let state = self.state.as_ref().and_then(State::get);
        self.rules.weight_bytes() + state.map_or(0, |state| state.weight_bytes())
    }
}

#[cfg(test)]
mod tests {
    use catalogue::{Catalogue, Classes, Query, Question};
    use feed_classification::IndicatorType;
    use misp_mirror::{Batch, Block, Change, EventFacts, EventRecord, LastPublished, MirrorRow};
    use site_config::Site;

    use super::*;
    use crate::{FeedError, Filter, Judge};

    fn batch(id: u64, domain: &str) -> Batch {
        let row = MirrorRow {
            id,
            kind: "domain".into(),
            value: domain.to_owned(),
            to_ids: true,
            timestamp: 1_795_000_000,
            last_seen: None,
            last_sighting: None,
            tags: Default::default(),
            warninglists: Vec::new(),
        };
        let event = EventFacts {
            id,
            ..EventFacts::default()
        };
        let record = EventRecord {
            current: Block { event, rows: vec![row] },
            last_published: LastPublished::Current,
            withdrawn_at: None,
        };
        let change = Change::Replaced {
            record: Arc::new(record),
            warned: Vec::new(),
            warned_published: Vec::new(),
        };
        Batch::new(vec![change], None, true)
    }

    fn is_listed(index: &LookupIndex, domain: &str) -> bool {
        let site = Site::from_yaml("misp.example.net".parse().unwrap(), "tag: example").unwrap();
        !index
            .find(&Query::parse(domain), &Judge::new(Filter::NONE, &site), 1)
            .is_empty()
    }

    #[test]
    fn the_next_look_up_sees_a_change_and_the_state_before_it_is_freed() {
        let catalogue = Arc::new(Catalogue::new(Classes::defaults()));
        catalogue.apply(&batch(1, "a.example")).unwrap();
        let questions = [Question::new(IndicatorType::Domain)];
        let rules = Rules::of(&questions, Err(FeedError::NoDecayingModel), jiff::Timestamp::MIN);
        let followed = Arc::downgrade(&catalogue);
        let rules = rules.following(move || followed.upgrade().map(|catalogue| catalogue.snapshot()));
        let kept = KeptIndex::from(LookupIndex::new(Arc::new(rules), catalogue.snapshot()));

        let before = Arc::downgrade(&catalogue.snapshot());
        let of_a_request = kept.present().unwrap();
        catalogue.apply(&batch(2, "b.example")).unwrap();
        assert!(!is_listed(&of_a_request, "b.example"), "a request sees one state");
        drop(of_a_request);
        assert!(before.upgrade().is_none(), "no one holds the old state");
        let present = kept.present().unwrap();
        assert!(is_listed(&present, "a.example") && is_listed(&present, "b.example"));

        drop((catalogue, present));
        assert!(kept.present().is_none(), "the catalogue is gone");
    }

    #[test]
    fn the_texts_of_events_count_as_memory() {
        let weight = |info: &str| {
            let mut index = LookupIndex::builder();
            let event = crate::MatchedEvent::new(7, info);
            index.add(IndicatorType::Domain, "a.example", &event).unwrap();
            KeptIndex::from(index.build().unwrap()).weight_bytes()
        };
        assert!(weight(&"x".repeat(501)) >= weight("x") + 500);
    }

    #[test]
    fn an_index_of_its_own_values_is_kept_with_them() {
        let mut index = LookupIndex::builder();
        index
            .add(IndicatorType::Domain, "a.example", &Default::default())
            .unwrap();
        let kept = KeptIndex::from(index.build().unwrap());
        assert!(!kept.is_following() && kept.weight_bytes() > 100);
        assert!(is_listed(&kept.present().unwrap(), "a.example"));
    }
}
