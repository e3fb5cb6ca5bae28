//! Runs a search over the rows.

use std::collections::HashSet;

use uuid::Uuid;

use crate::{
    decaying,
    query::{Deleted, Order, Query, Terms, iso},
    render::Renderer,
    store::{AttributeRow, EventRow, Reader, Store},
};

/// The result of a search.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) body: Vec<u8>,
    /// `X-Result-Count`, which is not a total (fact 35).
    pub(crate) count: u64,
    /// `X-Skipped-Elements-Count`.
    pub(crate) skipped: u64,
}

/// Runs a search and writes the answer; numbers go in quotes when `stringify`. Unless `any`, it finds nothing.
pub(crate) fn search(store: &Store, query: &Query, reader: Reader, stringify: bool, any: bool) -> Found {
    let rows = if any { page(store, query, reader) } else { Vec::new() };
    let mut renderer = Renderer::new(store, query, stringify);
    let mut sent = 0_usize;
    for slot in &rows {
        let row = &store.attributes[*slot];
        if query.enforce_warninglist && store.checker.is_listed(store.names.name(row.kind), &row.value) {
            continue;
        }
        let scores = query.decay.as_ref().map(|decay| decaying::scores(store, row, decay));
        let scores = scores.unwrap_or_default();
        if query.decay.as_ref().is_some_and(|decay| decay.exclude_decayed)
            && !scores.is_empty()
            && scores.iter().all(|score| score.decayed)
        {
            continue;
        }
        renderer.row(row, &scores);
        sent += 1;
    }
    Found {
        body: renderer.finish(),
        count: result_count(query.limit, rows.len(), sent),
        skipped: wide(rows.len() - sent),
    }
}

/// With a limit MISP counts one more when the page is full or nothing is left of it.
fn result_count(limit: Option<i64>, rows: usize, sent: usize) -> u64 {
    let one_more = limit.is_some_and(|limit| sent == 0 || i64::try_from(sent).unwrap_or(i64::MAX) >= limit);
    wide(rows) + u64::from(one_more)
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Returns the places of the rows on the asked page.
fn page(store: &Store, query: &Query, reader: Reader) -> Vec<usize> {
    let matcher = Matcher::new(store, query, reader);
    // A negative limit is none for the rows, though it is one for the count (339).
    let limit = query.limit.and_then(|limit| usize::try_from(limit).ok());
    let skip = limit.map_or(0, |limit| {
        limit.saturating_mul(usize::try_from(query.page - 1).unwrap_or(usize::MAX))
    });
    let take = limit.unwrap_or(usize::MAX);
    let matching = matcher
        .candidates()
        .filter(|slot| matcher.admits(&store.attributes[*slot]));
    if matches!(query.order, Order::Id | Order::Event) {
        return matching.skip(skip).take(take).collect();
    }
    let mut rows: Vec<usize> = matching.collect();
    match query.order {
        Order::Id | Order::Event => {}
        Order::IdDown => rows.reverse(),
        Order::Time => rows.sort_by_key(|slot| store.attributes[*slot].timestamp),
        Order::TimeDown => rows.sort_by_key(|slot| std::cmp::Reverse(store.attributes[*slot].timestamp)),
    }
    rows.into_iter().skip(skip).take(take).collect()
}

/// A query with everything looked up that does not depend on the single attribute.
struct Matcher<'a> {
    store: &'a Store,
    query: &'a Query,
    reader: Reader,
    tags: Option<crate::query::ResolvedTags>,
    events: Vec<bool>,
    names: Vec<bool>,
    categories: Vec<bool>,
    uuids: Option<HashSet<Uuid>>,
    ids: EventIds,
}

impl<'a> Matcher<'a> {
    fn new(store: &'a Store, query: &'a Query, reader: Reader) -> Self {
        let ids = EventIds::of(store, query.event_ids.as_ref());
        let organisations = query.organisations.as_ref().map(|terms| organisations(store, terms));
        let admits_event = |event: &EventRow| {
            store.shows(event, reader)
                && query.published.is_none_or(|published| event.published == published)
                && query.event_info.as_ref().is_none_or(|terms| terms.admit(&event.info))
                && query
                    .threat_levels
                    .as_ref()
                    .is_none_or(|terms| terms.admit(&event.threat_level.to_string()))
                && organisations
                    .as_ref()
                    .is_none_or(|known| known.contains(&event.creator))
                && query.event_timestamp.is_none_or(|time| time.admits(event.timestamp))
                && query
                    .publish_timestamp
                    .is_none_or(|time| time.admits(event.publish_timestamp))
                && query.from.as_ref().is_none_or(|from| event.date >= *from)
                && query.to.as_ref().is_none_or(|to| event.date <= *to)
        };
        let mut events = vec![false; store.events.len()];
        for (slot, event) in ids.rows(store) {
            events[slot as usize] = admits_event(event);
        }
        Self {
            store,
            query,
            reader,
            tags: query.tags.as_ref().map(|tags| tags.resolve(store)),
            events,
            names: store
                .names
                .iter()
                .map(|name| query.kinds.as_ref().is_none_or(|kinds| kinds.admits(name)))
                .collect(),
            categories: store
                .names
                .iter()
                .map(|name| query.categories.as_ref().is_none_or(|terms| terms.admit(name)))
                .collect(),
            uuids: query
                .uuids
                .as_ref()
                .map(|terms| terms.any.iter().filter_map(|uuid| uuid.parse().ok()).collect()),
            ids,
        }
    }

    /// Returns the places worth looking at, in the order that is asked for or by number.
    fn candidates(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        let named = self.ids.rows(self.store);
        let admitted = named.filter(|(slot, _)| self.events[*slot as usize]);
        let mut events: Vec<&EventRow> = admitted.map(|(_, event)| event).collect();
        let total = self.store.attributes.len();
        let few = events.iter().map(|event| event.attributes.len()).sum::<usize>() <= total / 8;
        if self.query.order != Order::Event && !few {
            return Box::new(0..total);
        }
        events.sort_by_key(|event| event.id);
        let places = events
            .into_iter()
            .flat_map(|event| &event.attributes)
            .map(|place| *place as usize);
        if self.query.order == Order::Event {
            return Box::new(places);
        }
        let mut places: Vec<usize> = places.collect();
        places.sort_unstable();
        Box::new(places.into_iter())
    }

    fn admits(&self, row: &AttributeRow) -> bool {
        let query = self.query;
        if row.gone
            || !self.events[row.event as usize]
            || !self.names[usize::from(row.kind)]
            || !self.categories[usize::from(row.category)]
        {
            return false;
        }
        let event = self.store.event_of(row);
        match query.deleted {
            Deleted::Without if row.deleted => return false,
            Deleted::Only if !row.deleted => return false,
            _ => {}
        }
        query.to_ids.is_none_or(|to_ids| row.to_ids == to_ids)
            && query.timestamp.is_none_or(|time| time.admits(row.timestamp))
            && self.tags.as_ref().is_none_or(|tags| tags.admit(&row.tags, &event.tags))
            && (row.distribution != 0 || self.reader.sees_everything || event.owner == self.reader.organisation)
            && query
                .values
                .as_ref()
                .is_none_or(|values| values.admits(self.store.names.name(row.kind), &row.value))
            && self
                .uuids
                .as_ref()
                .is_none_or(|uuids| uuids.contains(&row.uuid) || uuids.contains(&event.uuid))
            && query
                .relations
                .as_ref()
                .is_none_or(|terms| relation(row).is_some_and(|relation| terms.admit(relation)))
            && query
                .first_seen
                .is_none_or(|time| first_seen(row).is_some_and(|seen| time.admits(seen)))
    }
}

/// The events that a filter names by number or UUID, looked up once.
#[derive(Debug)]
pub(crate) struct EventIds {
    /// Places of the wanted events, ascending; none for all.
    wanted: Option<Vec<u32>>,
    unwanted: HashSet<u32>,
}

impl EventIds {
    /// Looks the events up; without terms all are meant.
    pub(crate) fn of(store: &Store, terms: Option<&Terms>) -> Self {
        let places = |names: &[String]| {
            let mut places: Vec<u32> = Vec::with_capacity(names.len());
            let mut uuids: HashSet<Uuid> = HashSet::new();
            for name in names {
                if let Ok(id) = name.parse() {
                    places.extend(store.event_slot(id));
                } else if let Ok(uuid) = name.parse() {
                    uuids.insert(uuid);
                }
            }
            if !uuids.is_empty() {
                let named = (0_u32..).zip(&store.events);
                let named = named.filter(|(_, event)| uuids.contains(&event.uuid));
                places.extend(named.map(|(place, _)| place));
            }
            places.sort_unstable();
            places.dedup();
            places
        };
        Self {
            wanted: terms
                .filter(|terms| !terms.any.is_empty())
                .map(|terms| places(&terms.any)),
            unwanted: terms.map_or_else(HashSet::new, |terms| places(&terms.none).into_iter().collect()),
        }
    }

    /// Returns the events with their places.
    pub(crate) fn rows<'s, 'a: 's>(&'s self, store: &'a Store) -> Box<dyn Iterator<Item = (u32, &'a EventRow)> + 's> {
        let all = || (0_u32..).zip(&store.events);
        match &self.wanted {
            Some(places) => Box::new(
                places
                    .iter()
                    .map(|place| (*place, &store.events[*place as usize]))
                    .filter(|(place, _)| !self.unwanted.contains(place)),
            ),
            None if self.unwanted.is_empty() => Box::new(all()),
            None => Box::new(all().filter(|(place, _)| !self.unwanted.contains(place))),
        }
    }
}

/// Returns the numbers of the organisations that are meant by number, UUID or name.
pub(crate) fn organisations(store: &Store, terms: &Terms) -> HashSet<u64> {
    let meant = |names: &[String], organisation: &crate::model::Organisation| {
        names.iter().any(|name| {
            name.parse() == Ok(organisation.id)
                || name.parse() == Ok(organisation.uuid)
                || name.eq_ignore_ascii_case(&organisation.name)
        })
    };
    let wanted = store.organisations.iter().filter(|organisation| {
        (terms.any.is_empty() || meant(&terms.any, organisation)) && !meant(&terms.none, organisation)
    });
    wanted.map(|organisation| organisation.id).collect()
}

fn relation(row: &AttributeRow) -> Option<&str> {
    row.rare
        .as_ref()?
        .object
        .as_ref()
        .map(|object| object.relation.as_str())
}

fn first_seen(row: &AttributeRow) -> Option<i64> {
    row.rare.as_ref()?.first_seen.as_deref().and_then(iso)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_follows_the_recorded_pages() {
        // (limit, rows, sent) -> header: 330, 332, 333, 334, 338, 339, and the warninglist pages 243 to 246 and 240.
        for (limit, rows, sent, want) in [
            (Some(2), 2, 2, 3),
            (Some(2), 1, 1, 1),
            (Some(2), 0, 0, 1),
            (Some(5), 5, 5, 6),
            (None, 5, 5, 5),
            (Some(-1), 5, 5, 6),
            (Some(10), 10, 0, 11),
            (Some(10), 10, 3, 10),
            (Some(10), 3, 0, 4),
            (None, 23, 3, 23),
        ] {
            assert_eq!(result_count(limit, rows, sent), want, "{limit:?} {rows} {sent}");
        }
    }
}
