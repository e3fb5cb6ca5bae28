//! Edits drawn at random, the same ones for the same seed.

use super::{AttributeEdit, Edit, EventEdit, NewAttribute, NewEvent, SiteEdit};
use crate::store::{AttributeView, EventView, Store};

/// A source of random edits of every kind that leaves or does not leave a trace in a real MISP (facts 60, 61, 63, 66).
///
/// It draws edits of events, attributes and warninglists. Users and settings of the site stay, since the program under
/// test depends on them.
#[derive(Debug, Clone)]
pub struct RandomEdits {
    state: u64,
    tags: Vec<String>,
    organisations: bool,
}

impl RandomEdits {
    /// Returns the source of that seed; it draws among `tags` where an edit needs a tag.
    #[must_use]
    pub fn new(seed: u64, tags: &[&str]) -> Self {
        let tags: Vec<String> = tags.iter().map(ToString::to_string).collect();
        Self {
            state: seed,
            tags: if tags.is_empty() {
                vec!["tlp:clear".to_owned()]
            } else {
                tags
            },
            organisations: true,
        }
    }

    /// Leaves events with their organisation and distribution.
    #[must_use]
    pub fn without_moves(mut self) -> Self {
        self.organisations = false;
        self
    }

    /// Draws an edit that can be applied to the store as it is now.
    pub fn draw(&mut self, store: &Store) -> Edit {
        // Few of the kinds below can be impossible now, such as restoring where nothing is deleted: another draw then.
        for _ in 0..50 {
            let drawn = match self.below(100) {
                0..=49 => self.attribute_edit(store),
                50..=89 => self.event_edit(store),
                90..=94 => self.list_edit(store),
                _ => Some(Edit::Site(SiteEdit::AddEvent(self.new_event()))),
            };
            if let Some(edit) = drawn {
                return edit;
            }
        }
        Edit::Site(SiteEdit::AddEvent(self.new_event()))
    }

    fn attribute_edit(&mut self, store: &Store) -> Option<Edit> {
        let attribute = self.attribute(store)?;
        let edit = match self.below(20) {
            0..=2 => AttributeEdit::Value(self.value(attribute.kind())),
            3..=5 => AttributeEdit::ToIds(!attribute.to_ids()),
            6..=8 => AttributeEdit::Tag(self.tag()),
            9..=10 => AttributeEdit::TagLocally(self.tag()),
            11..=13 => AttributeEdit::Untag(self.one_of(attribute.tags())?),
            14 => AttributeEdit::SoftDelete,
            15 => return self.restored(store),
            16 => AttributeEdit::HardDelete,
            17 if self.organisations => AttributeEdit::Distribution(if self.below(3) == 0 { 0 } else { 5 }),
            17 => AttributeEdit::Comment(format!("seen {}", self.below(1_000))),
            _ => AttributeEdit::Sighting(u8::from(self.below(3) == 0)),
        };
        Some(Edit::Attribute(attribute.id(), edit))
    }

    fn event_edit(&mut self, store: &Store) -> Option<Edit> {
        let event = self.event(store)?;
        let edit = match self.below(40) {
            0..=6 => EventEdit::AddAttribute(self.new_attribute()),
            7..=8 => EventEdit::Info(format!("event {}", self.below(1_000))),
            9..=12 => EventEdit::Tag(self.tag()),
            13..=15 => EventEdit::TagLocally(self.tag()),
            16..=19 => EventEdit::Untag(self.one_of(event.tags())?),
            20..=29 => EventEdit::Publish,
            30..=33 => EventEdit::Unpublish,
            34 => EventEdit::Delete,
            35..=36 => EventEdit::Protect(!event.protected()),
            37 => EventEdit::AttributeCount(self.below(3)),
            38 if self.organisations => EventEdit::Owner(1 + self.below(2)),
            39 if self.organisations => EventEdit::Distribution(u8::from(self.below(3) > 0)),
            _ => EventEdit::PublishSightings,
        };
        Some(Edit::Event(event.id(), edit))
    }

    fn list_edit(&mut self, store: &Store) -> Option<Edit> {
        let count = store.warninglists.len();
        let list = store.warninglists.get(self.place(count))?;
        let edit = if self.below(2) == 0 {
            SiteEdit::EnableWarninglist(list.id, !list.enabled)
        } else {
            let mut entries = list.entries.clone();
            match entries.len() {
                0 => entries.push(self.value("domain")),
                some => {
                    let place = self.place(some);
                    entries.remove(place);
                }
            }
            SiteEdit::WarninglistEntries(list.id, entries)
        };
        Some(Edit::Site(edit))
    }

    /// Restores a deleted attribute near a drawn place.
    fn restored(&mut self, store: &Store) -> Option<Edit> {
        let from = self.attribute(store)?.id();
        let deleted = store.attributes().filter(|attribute| attribute.deleted());
        let mut ids: Vec<u64> = deleted.map(|attribute| attribute.id()).collect();
        ids.sort_by_key(|id| id.abs_diff(from));
        ids.first().map(|id| Edit::Attribute(*id, AttributeEdit::Restore))
    }

    fn new_event(&mut self) -> NewEvent {
        NewEvent {
            info: format!("drawn {}", self.below(1_000_000)),
            creator: None,
            published: self.below(3) > 0,
            tags: (0..self.below(3)).map(|_| self.tag()).collect(),
            attributes: (0..=self.below(5)).map(|_| self.new_attribute()).collect(),
        }
    }

    fn new_attribute(&mut self) -> NewAttribute {
        let kinds = [
            "domain",
            "hostname",
            "ip-dst",
            "ip-src",
            "url",
            "sha256",
            "md5",
            "domain|ip",
            "ip-dst|port",
        ];
        let kind = kinds[self.place(kinds.len())];
        NewAttribute {
            kind: kind.to_owned(),
            value: self.value(kind),
            to_ids: self.below(5) > 0,
            tags: (0..self.below(3)).map(|_| self.tag()).collect(),
        }
    }

    /// Returns a value out of a few hundred of the type, so that the same one comes in several events.
    fn value(&mut self, kind: &str) -> String {
        let number = self.below(250);
        match kind {
            "ip-dst" | "ip-src" => format!("198.51.100.{number}"),
            "ip-dst|port" | "ip-src|port" => format!("198.51.100.{number}|443"),
            "domain|ip" => format!("drawn{number}.example.com|203.0.113.{number}"),
            "url" => format!("https://drawn{number}.example.com/path"),
            "md5" => format!("{number:032x}"),
            "sha1" => format!("{number:040x}"),
            "sha256" => format!("{number:064x}"),
            _ => format!("drawn{number}.example.com"),
        }
    }

    fn event<'a>(&mut self, store: &'a Store) -> Option<EventView<'a>> {
        (0..100).find_map(|_| {
            let place = self.place(store.events.len());
            store.event(store.events.get(place)?.id)
        })
    }

    fn attribute<'a>(&mut self, store: &'a Store) -> Option<AttributeView<'a>> {
        (0..100).find_map(|_| {
            let place = self.place(store.attributes.len());
            store.attribute(store.attributes.get(place)?.id)
        })
    }

    fn tag(&mut self) -> String {
        let place = self.place(self.tags.len());
        self.tags[place].clone()
    }

    fn one_of<'a>(&mut self, names: impl Iterator<Item = &'a str>) -> Option<String> {
        let names: Vec<&str> = names.collect();
        names.get(self.place(names.len())).map(ToString::to_string)
    }

    /// Returns a place in a list of that length; 0 for an empty one.
    fn place(&mut self, length: usize) -> usize {
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(length)).unwrap_or_default()
    }

    /// Returns a number below `end`, by SplitMix64; 0 when there is none.
    fn below(&mut self, end: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)).checked_rem(end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{
        clock::Clock,
        model::{Attribute, Event, Warninglist, WarninglistKind},
    };

    fn store() -> Store {
        let mut store = Store::new(Clock::fixed(1_000_000));
        for number in 0..20 {
            let value = format!("{number}.example.com");
            store.add_event(
                Event::new("one")
                    .tag("a:b")
                    .attribute(Attribute::new("domain", value).tag("a:c")),
            );
        }
        store.add_warninglist(Warninglist::new(
            "own",
            WarninglistKind::Hostname,
            &["domain"],
            &["1.example.com"],
        ));
        store
    }

    #[test]
    fn the_same_seed_draws_the_same_edits_and_each_can_be_applied() {
        let edits = || {
            let (mut store, mut source) = (store(), RandomEdits::new(7, &["a:b", "a:c"]));
            let mut edits = Vec::new();
            for _ in 0..2_000 {
                let edit = source.draw(&store);
                store.clock.advance(1);
                store.apply(&edit).unwrap();
                edits.push(edit);
            }
            edits
        };
        let (first, second) = (edits(), edits());
        assert_eq!(first, second);
        let kind = |edit: &Edit| {
            let text = serde_json::to_string(edit).unwrap();
            text.chars()
                .filter(|letter| letter.is_ascii_lowercase() || *letter == '_')
                .take(24)
                .collect::<String>()
        };
        let kinds: HashSet<String> = first.iter().map(kind).collect();
        assert!(kinds.len() >= 20, "{kinds:?}");
    }
}
