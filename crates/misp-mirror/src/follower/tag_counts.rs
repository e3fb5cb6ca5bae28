//! How often MISP says that the watched tags are used: local tags change nothing else in MISP's lists.
//!
//! MISP counts events and attributes that the mirror does not hold too, for example those of other types. So only a
//! difference that is another one than before says something. A count is remembered when the events behind it were
//! compared, and not earlier: a restart or a failure in between must not hide a change.

use std::collections::HashMap;

use misp_client::KnownTag;

use super::Follower;
use super::tag_texts::TagQuestion;
use crate::error::FollowError;

/// A watched tag with its use, as MISP lists it.
struct Use {
    place: usize,
    name: String,
    /// MISP's number of the tag; none while MISP does not list the tag.
    id: Option<u64>,
    events: Option<i64>,
    attributes: Option<i64>,
}

impl Follower {
    /// Asks for the use of the watched tags that this question finds, and compares it with the held events.
    pub(super) async fn check_tag_counts(&mut self, question: usize) -> Result<(), FollowError> {
        for used in self.tag_uses_by(question).await? {
            self.judge_events(&used).await?;
            self.judge_attributes(&used).await?;
        }
        self.walk_what_a_look_may().await
    }

    async fn tag_uses_by(&mut self, place: usize) -> Result<Vec<Use>, FollowError> {
        let Some(question) = self.traces.tag_questions.get(place).cloned() else {
            return Ok(Vec::new());
        };
        let listed = match &question {
            TagQuestion::With(text) => self.questions.tags_with(text).await?,
            TagQuestion::All => self.questions.all_tags().await?,
        };
        let known = self.held.watched().len();
        for tag in &listed {
            self.held.watch_of_namespace(&tag.name);
        }
        if !self.traces.answered.insert(place) {
            // Nothing had these tags when MISP listed the others.
            for tag in self.held.watched().iter().skip(known) {
                self.memory.event_tag_surplus.entry(tag.clone()).or_default();
                self.memory.tag_surplus.entry(tag.clone()).or_default();
            }
        }
        let listed: HashMap<&str, &KnownTag> = listed.iter().map(|tag| (tag.name.as_str(), tag)).collect();
        let watched = self.held.watched().iter().enumerate();
        let watched = watched.filter(|(_, name)| question.finds(name));
        let uses = watched.map(|(place, name)| Use::of(place, name, listed.get(name.as_str()).copied()));
        Ok(uses.collect())
    }

    async fn judge_events(&mut self, used: &Use) -> Result<(), FollowError> {
        let Some(count) = used.events else {
            self.traces.counts_no_events = true;
            return Ok(());
        };
        let held = self.held.events_with(used.place);
        match self.memory.event_tag_surplus.get(&used.name) {
            Some(known) if *known == count - held => {}
            Some(_) => self.compare_event_tag(used.place, Some(count)).await?,
            None if count == 0 && held == 0 => {
                self.memory.event_tag_surplus.insert(used.name.clone(), 0);
            }
            None => {
                self.traces.uncounted.insert(used.place, count);
            }
        }
        Ok(())
    }

    async fn judge_attributes(&mut self, used: &Use) -> Result<(), FollowError> {
        let Some(count) = used.attributes else {
            return Ok(());
        };
        let held = self.held.attributes_with(used.place);
        match self.memory.tag_surplus.get(&used.name) {
            Some(known) if *known == count - held => {}
            None if count == 0 && held == 0 => {
                self.memory.tag_surplus.insert(used.name.clone(), 0);
            }
            _ if self.is_walking(used.place) => {}
            _ => {
                // This count is of what the key sees, so most changes by others need no further question.
                let seen = match used.id {
                    Some(id) => self.questions.tag_seen(id).await?,
                    None => Some(0),
                };
                self.begin_walk(used.place, &used.name, count, seen);
            }
        }
        Ok(())
    }

    /// Asks for the use of all watched tags before a first load reads any event: a local tag that is put on an event
    /// after that was read would be part of the count from the start, and never be seen.
    pub(super) async fn count_tags_before_load(&mut self) {
        self.traces.before_load.clear();
        if self.held.len() > 0 {
            return;
        }
        for question in 0..self.traces.tag_questions.len() {
            // Without a count before the load, everything is compared after it.
            let Ok(uses) = self.tag_uses_by(question).await else {
                return;
            };
            let counts = uses.into_iter().map(|used| (used.name, (used.events, used.attributes)));
            self.traces.before_load.extend(counts);
        }
    }

    /// Takes those counts as the ones that belong to the events that the load has read.
    pub(super) fn take_counts_before_load(&mut self) {
        let counts = std::mem::take(&mut self.traces.before_load);
        let places: Vec<(usize, String)> = self.held.watched().iter().cloned().enumerate().collect();
        for (place, name) in places {
            // A tag that nothing had then was not listed.
            let Some((events, attributes)) = counts.get(&name) else {
                continue;
            };
            if let Some(count) = events {
                let surplus = count - self.held.events_with(place);
                self.memory.event_tag_surplus.insert(name.clone(), surplus);
            }
            if let Some(count) = attributes {
                let surplus = count - self.held.attributes_with(place);
                self.memory.tag_surplus.insert(name, surplus);
            }
        }
    }
}

impl Use {
    fn of(place: usize, name: &str, listed: Option<&KnownTag>) -> Self {
        let number = |count: Option<u64>| count.and_then(|count| i64::try_from(count).ok());
        Self {
            place,
            name: name.to_owned(),
            id: listed.map(|tag| tag.id),
            events: listed.map_or(Some(0), |tag| number(tag.count)),
            attributes: listed.map_or(Some(0), |tag| number(tag.attribute_count)),
        }
    }
}
