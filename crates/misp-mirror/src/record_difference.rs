//! The kinds of difference between two states of one event that MISP's times do not explain.

use crate::{EventRecord, MirrorRow};

/// Returns the kinds of difference between the record that is held and MISP; none where MISP's times show a change.
pub(crate) fn difference(held: &EventRecord, there: &EventRecord) -> Vec<&'static str> {
    let (old, new) = (&held.current, &there.current);
    let times = |record: &EventRecord| {
        let event = &record.current.event;
        (event.uuid, event.timestamp, event.published, event.publish_timestamp)
    };
    if times(held) != times(there) {
        return Vec::new();
    }
    let mut kinds = Vec::new();
    let mut note = |differs: bool, kind: &'static str| kinds.extend(differs.then_some(kind));
    note(old.event.tags != new.event.tags, "tags of the event");
    note(
        (&old.event.info, old.event.orgc_uuid) != (&new.event.info, new.event.orgc_uuid),
        "title or organisation",
    );
    note(
        (old.event.attribute_count, old.event.protected) != (new.event.attribute_count, new.event.protected),
        "count of attributes or protection",
    );
    let ids = |rows: &[MirrorRow]| rows.iter().map(|row| row.id).collect::<Vec<_>>();
    let (old_ids, new_ids) = (ids(&old.rows), ids(&new.rows));
    note(
        new_ids.iter().any(|id| old_ids.binary_search(id).is_err()),
        "attributes that were missing",
    );
    note(
        old_ids.iter().any(|id| new_ids.binary_search(id).is_err()),
        "attributes that are gone",
    );
    let both = old.rows.iter().filter_map(|row| {
        let place = new.rows.binary_search_by_key(&row.id, |other| other.id).ok()?;
        Some((row, new.rows.get(place)?))
    });
    let both: Vec<_> = both.collect();
    let any = |differs: fn(&MirrorRow, &MirrorRow) -> bool| both.iter().any(|(old, new)| differs(old, new));
    note(any(|old, new| old.tags != new.tags), "tags of attributes");
    note(
        any(|old, new| old.warninglists != new.warninglists),
        "warninglists that MISP names",
    );
    note(any(|old, new| old.last_sighting != new.last_sighting), "sightings");
    note(
        any(|old, new| {
            (&old.kind, &old.value, old.to_ids, old.timestamp, old.last_seen)
                != (&new.kind, &new.value, new.to_ids, new.timestamp, new.last_seen)
        }),
        "values, flags or times of attributes",
    );
    if kinds.is_empty() && held != there {
        kinds.push("the block that counts as published");
    }
    kinds
}

#[cfg(test)]
mod tests {
    use misp_client::Tag;

    use super::*;
    use crate::EventFacts;
    use crate::samples::{self, row};

    type Changing = fn(&mut EventRecord);

    fn record() -> EventRecord {
        let event = EventFacts {
            id: 7,
            timestamp: 1_000,
            published: true,
            ..EventFacts::default()
        };
        samples::record(event, vec![row(1), row(2)])
    }

    #[test]
    fn each_difference_has_its_name() {
        let changes: [(Changing, &str); 10] = [
            (
                |there| there.current.event.tags.push(Tag::own("tlp:red")),
                "tags of the event",
            ),
            (|there| there.current.event.info.push('x'), "title or organisation"),
            (
                |there| there.current.event.protected = true,
                "count of attributes or protection",
            ),
            (|there| there.current.rows.push(row(3)), "attributes that were missing"),
            (|there| drop(there.current.rows.remove(0)), "attributes that are gone"),
            (
                |there| there.current.rows[1].tags = [Tag::own("tlp:red")].into(),
                "tags of attributes",
            ),
            (
                |there| there.current.rows[1].warninglists.push(5),
                "warninglists that MISP names",
            ),
            (|there| there.current.rows[0].last_sighting = Some(9), "sightings"),
            (
                |there| there.current.rows[0].to_ids = false,
                "values, flags or times of attributes",
            ),
            (
                |there| there.withdrawn_at = Some(9),
                "the block that counts as published",
            ),
        ];
        assert!(difference(&record(), &record()).is_empty());
        for (change, name) in changes {
            let mut there = record();
            change(&mut there);
            assert_eq!(difference(&record(), &there), [name]);
            there.current.event.timestamp += 1;
            assert!(difference(&record(), &there).is_empty(), "{name}: MISP shows a change");
        }
    }
}
