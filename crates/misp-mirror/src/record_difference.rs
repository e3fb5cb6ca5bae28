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
