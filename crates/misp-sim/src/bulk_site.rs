//! A whole site of generated events, for tests of speed and memory.

use crate::{
    bulk::value,
    model::{Attribute, Event, Moment, Publication},
    store::Store,
};

/// A site with many events: 30 % addresses, 30 % domains, 15 % URLs, 20 % SHA-256 and 5 % of other types.
///
/// Nine of ten events are published; the others are drafts, edited since, or withdrawn. The tags of the feeds are on
/// two of three events and on every tenth attribute. Every twentieth value stands in another event too. The same
/// numbers give the same site, but for its times, which count back from the start.
#[derive(Debug, Clone)]
pub struct BulkSite {
    events: usize,
    attributes: usize,
    tags: Vec<String>,
}

/// How far back the changes go.
const OLDEST_DAYS: u64 = 400;

impl BulkSite {
    /// Returns a site with `attributes` spread evenly over `events`.
    ///
    /// Its feeds are `block`, `alert`, `hunt` and `incident`, as tags `example:incident-classification=…`.
    #[must_use]
    pub fn new(events: usize, attributes: usize) -> Self {
        let tag = |feed: &str| format!("example:incident-classification={feed}");
        Self {
            events: events.max(1),
            attributes,
            tags: ["block", "alert", "hunt", "incident"].map(tag).to_vec(),
        }
    }

    /// Puts these tags on events and attributes instead.
    #[must_use]
    pub fn tags(mut self, tags: &[&str]) -> Self {
        self.tags = tags.iter().map(ToString::to_string).collect();
        self
    }

    pub(crate) fn load(&self, store: &mut Store) {
        let start = |event: usize| event * (self.attributes / self.events) + event.min(self.attributes % self.events);
        store.events.reserve(self.events);
        store.attributes.reserve_exact(self.attributes);
        for number in 0..self.events {
            let mut event = self.event(number);
            event.attributes = (start(number)..start(number + 1))
                .map(|place| self.attribute(place))
                .collect();
            store.add_event(event);
        }
    }

    fn event(&self, number: usize) -> Event {
        let drawn = mixed(number);
        let age = 3_600 + drawn % (OLDEST_DAYS * 86_400);
        let publication = match drawn >> 32 & 0xff {
            0..=229 => Publication::Published(Some(Moment::Ago(age - 60))),
            230..=241 => Publication::Edited(Moment::Ago(age + 86_400)),
            242..=249 => Publication::Withdrawn(Some(Moment::Ago(age - 60))),
            _ => Publication::Draft,
        };
        let event = Event::new(format!("Generated event {number}")).changed(Moment::Ago(age));
        let event = event
            .publication(publication)
            .tag(["tlp:clear", "tlp:green", "tlp:amber"][number % 3]);
        match self.tag(number) {
            Some(tag) if !number.is_multiple_of(3) => event.tag(tag),
            _ => event,
        }
    }

    fn attribute(&self, place: usize) -> Attribute {
        let number = if place % 20 == 19 { place / 2 } else { place };
        let kind = match number % 20 {
            0..=5 => "ip-dst",
            6..=11 => "domain",
            12..=14 => "url",
            15..=18 => "sha256",
            _ => ["hostname", "md5", "ip-src", "email-src", "mutex"][number / 20 % 5],
        };
        let mut attribute = Attribute::new(kind, value(kind, number));
        attribute.to_ids = !place.is_multiple_of(16);
        if let Some(tag) = self.tag(place / 10).filter(|_| place.is_multiple_of(10)) {
            attribute.tags.push(tag.into());
        }
        attribute
    }

    fn tag(&self, number: usize) -> Option<&str> {
        let place = number.checked_rem(self.tags.len())?;
        self.tags.get(place).map(String::as_str)
    }
}

/// Returns bits that look drawn, the same for the same number.
fn mixed(number: usize) -> u64 {
    let number = u64::try_from(number).unwrap_or(u64::MAX).wrapping_add(1);
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 8
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::clock::Clock;

    #[test]
    fn a_site_has_its_events_attributes_types_and_states() {
        let mut store = Store::new(Clock::fixed(1_800_000_000));
        BulkSite::new(1_001, 20_000).load(&mut store);
        assert_eq!((store.events().count(), store.attributes().count()), (1_001, 20_000));
        let mut kinds: HashMap<&str, usize> = HashMap::new();
        for attribute in store.attributes() {
            *kinds.entry(attribute.kind()).or_default() += 1;
        }
        for (kind, share) in [("ip-dst", 30), ("domain", 30), ("url", 15), ("sha256", 20)] {
            let percent = kinds[kind] * 100 / 20_000;
            assert!(percent.abs_diff(share) <= 3, "{kind}: {percent}");
        }
        let published = store.events().filter(|event| event.published()).count();
        assert!((850..950).contains(&published), "{published}");
        assert!(
            store
                .events()
                .any(|event| event.timestamp() > event.publish_timestamp() && event.publish_timestamp() > 0)
        );
        assert!(
            store
                .events()
                .all(|event| event.timestamp() < 1_800_000_000 && event.attribute_count() >= 19)
        );
    }
}
