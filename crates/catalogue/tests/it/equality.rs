//! A catalogue after many batches equals one made of the final records.

use std::collections::BTreeMap;

use catalogue::feed_classification::IndicatorType;
use catalogue::misp_mirror::{Batch, Change};
use catalogue::{Catalogue, Classes, Snapshot, Table};
use proptest::prelude::*;

use crate::world;

/// Returns the events that are left by the batches.
pub(crate) fn final_changes(batches: &[Batch]) -> Vec<Change> {
    let mut events = BTreeMap::new();
    for change in batches.iter().flat_map(|batch| &batch.changes) {
        match change {
            Change::Removed { id } => {
                events.remove(id);
            }
            Change::Missing { .. } => {}
            Change::Replaced { record, .. } => {
                events.insert(record.current.event.id, change.clone());
            }
        }
    }
    events.into_values().collect()
}

pub(crate) fn applied(batches: &[Batch]) -> Catalogue {
    let catalogue = Catalogue::new(Classes::defaults());
    for batch in batches {
        catalogue.apply(batch).unwrap();
    }
    catalogue
}

/// Writes everything that can be read from a snapshot, without the numbers that depend on the way there.
fn written(snapshot: &Snapshot) -> Vec<String> {
    let mut lines = vec![format!("{} events", snapshot.events())];
    for kind in IndicatorType::ALL {
        let class = snapshot.class(*kind);
        for (name, table) in [("value", class.values()), ("invalid", class.invalid())] {
            for (rank, value, _) in table.iter() {
                let mut rows = rows(snapshot, table, rank);
                rows.sort();
                lines.push(format!(
                    "{kind} {name} {value:?}: {rows:?} {:?}",
                    class.ranks_of_key(value)
                ));
            }
        }
    }
    lines
}

fn rows(snapshot: &Snapshot, table: &Table, rank: u32) -> Vec<String> {
    let rows = table.rows(rank).iter().enumerate();
    rows.map(|(place, row)| {
        let tags: Vec<_> = snapshot.tags(row).collect();
        let marks = [
            row.is_current(),
            row.is_published(),
            row.is_last_published(),
            row.is_to_ids(),
            row.is_warned(),
        ];
        let times = (
            row.timestamp(),
            table.last_seen(rank, place),
            table.last_sighting(rank, place),
        );
        let event = snapshot
            .event(row)
            .map(|event| (event.id, event.timestamp, event.info.clone()));
        format!(
            "{event:?} {} {marks:?} {times:?} {:?} {tags:?}",
            snapshot.attribute_type(row),
            row.reason()
        )
    })
    .collect()
}

proptest! {
    #[test]
    fn batches_one_after_the_other_equal_the_final_records_at_once(batches in world::batches()) {
        let step_by_step = applied(&batches);
        let at_once = applied(&[Batch::new(final_changes(&batches), None, true)]);
        prop_assert_eq!(written(&step_by_step.snapshot()), written(&at_once.snapshot()));
    }
}

#[test]
fn nothing_is_built_before_the_copy_is_complete() {
    let catalogue = Catalogue::new(Classes::defaults());
    let applied = catalogue
        .apply(&Batch::new(vec![Change::Removed { id: 7 }], None, false))
        .unwrap();
    assert!(applied.types.is_empty() && !applied.is_complete && !catalogue.snapshot().is_complete());
    let applied = catalogue.apply(&Batch::new(Vec::new(), None, true)).unwrap();
    assert!(applied.types.is_empty() && applied.is_complete && catalogue.snapshot().is_complete());
}
