//! The warninglists in the store, and what the mirror does without them.

use misp_mirror::{Batch, Change, Update};
use misp_sim::{Fault, Warninglist, WarninglistKind};

use crate::site::{POLL, Site, event, sim};

/// A mirror with two events; a list names the value of the second.
async fn site() -> Site {
    let list = Warninglist::new("shared", WarninglistKind::Hostname, &["domain"], &["two.example.com"]);
    Site::load(sim(|sim| sim.event(event("one")).event(event("two")).warninglist(list))).await
}

/// The events of a batch with a marked row.
fn marked(batch: &Batch) -> Vec<u64> {
    let marked = batch.changes.iter().filter_map(|change| match change {
        Change::Replaced { record, warned, .. } if warned.contains(&true) => Some(record.current.event.id),
        _ => None,
    });
    marked.collect()
}

/// Restarts the mirror after `damage` to its store while MISP does not show its lists, and then with them.
async fn rows_without_marks_are_not_complete(damage: impl FnOnce(&Site)) {
    let mut site = site().await;
    let two = site.event("two");
    damage(&site);
    site.sim.set_fault(Fault::Status(500).on("/warninglists/index"));
    site.restart();
    let mut batches = 0;
    while site.reported.len() < 2 {
        let batch = site.next().await;
        assert!(!batch.is_complete && marked(&batch).is_empty(), "{batch:?}");
        batches += 1;
    }
    assert!(batches > 0);
    let opened = site.next().await;
    assert!(!opened.is_complete, "feeds would have a value that MISP leaves out");
    let error = site.look_fails().await;
    assert!(error.contains("MISP answered with an error"), "{error}");

    site.sim.clear_fault();
    site.wait(POLL);
    let mut seen = Vec::new();
    loop {
        let batch = site.next().await;
        seen.extend(marked(&batch));
        if batch.is_complete {
            break;
        }
    }
    assert_eq!(seen, [two], "the marks are there before the copy is complete");
    site.restart();
    let mut stored = Vec::new();
    while stored.is_empty() {
        stored = marked(&site.next().await);
    }
    assert_eq!(stored, [two], "the lists lie in the store again");
}

#[tokio::test]
async fn rows_without_marks_are_not_complete_after_the_stored_lists_are_unreadable() {
    rows_without_marks_are_not_complete(|site| site.store.put_meta("warninglists", b"{").unwrap()).await;
}

#[tokio::test]
async fn rows_without_marks_are_not_complete_after_the_stored_lists_are_missing() {
    rows_without_marks_are_not_complete(|site| {
        let update = Update::new().remove_meta("warninglists");
        site.store.write(update).unwrap();
    })
    .await;
}
