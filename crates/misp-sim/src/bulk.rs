//! Generated attributes by the hundred thousand, for tests of speed and memory.

use crate::{
    model::{Attribute, Event, Moment},
    store::Store,
};

/// A number of generated attributes of one type, all different, spread over events of 20 000.
#[derive(Debug, Clone)]
pub struct Bulk {
    count: usize,
    kind: String,
    tags: Vec<String>,
    event_tags: Vec<String>,
    age: Moment,
    per_event: usize,
}

impl Bulk {
    /// Returns `count` attributes of a MISP type: `domain`, `hostname`, `url`, `ip-src`, `ip-dst`, `md5`, `sha1`,
    /// `sha256`; other types get numbered texts.
    #[must_use]
    pub fn new(count: usize, kind: &str) -> Self {
        Self {
            count,
            kind: kind.to_owned(),
            tags: Vec::new(),
            event_tags: Vec::new(),
            age: Moment::Ago(3_600),
            per_event: 20_000,
        }
    }

    /// Puts a tag on every attribute.
    #[must_use]
    pub fn tag(mut self, tag: &str) -> Self {
        self.tags.push(tag.to_owned());
        self
    }

    /// Puts a tag on every event.
    #[must_use]
    pub fn event_tag(mut self, tag: &str) -> Self {
        self.event_tags.push(tag.to_owned());
        self
    }

    /// Sets the age of all of them; an hour otherwise.
    #[must_use]
    pub fn age(mut self, age: Moment) -> Self {
        self.age = age;
        self
    }

    /// Sets how many go into one event; 0 counts as 1.
    #[must_use]
    pub fn per_event(mut self, attributes: usize) -> Self {
        self.per_event = attributes.max(1);
        self
    }

    pub(crate) fn load(&self, store: &mut Store) {
        let mut done = 0;
        while done < self.count {
            let upto = self.count.min(done + self.per_event);
            let mut event = Event::new(format!("bulk {done}")).changed(self.age);
            event.tags = self.event_tags.iter().map(|tag| tag.as_str().into()).collect();
            event.attributes = (done..upto).map(|number| self.attribute(number)).collect();
            store.add_event(event);
            done = upto;
        }
    }

    fn attribute(&self, number: usize) -> Attribute {
        let mut attribute = Attribute::new(self.kind.as_str(), value(&self.kind, number));
        attribute.tags = self.tags.iter().map(|tag| tag.as_str().into()).collect();
        attribute
    }
}

pub(crate) fn value(kind: &str, number: usize) -> String {
    // From 11.0.0.0 on. No range for tests is large enough, and feeds leave those for load tests and private use out.
    let address = |number: usize| {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        std::net::Ipv4Addr::from(0x0b00_0000_u32.wrapping_add(number)).to_string()
    };
    match kind {
        "ip-src" | "ip-dst" => address(number),
        "domain" => format!("bulk{number}.example.com"),
        "hostname" => format!("host{number}.bulk.example.com"),
        "url" => format!("https://bulk.example.com/path/{number}"),
        "md5" => format!("{number:032x}"),
        "sha1" => format!("{number:040x}"),
        "sha256" => format!("{number:064x}"),
        _ => format!("bulk {number}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[test]
    fn all_values_are_there_and_differ() {
        for kind in ["ip-dst", "domain", "sha256", "mutex"] {
            let mut store = Store::new(Clock::fixed(1_000_000));
            Bulk::new(140_000, kind).tag("a").event_tag("b").load(&mut store);
            let mut values: Vec<&str> = store.attributes().map(|attribute| attribute.value()).collect();
            values.sort_unstable();
            values.dedup();
            assert_eq!(values.len(), 140_000, "{kind}");
        }
    }
}
