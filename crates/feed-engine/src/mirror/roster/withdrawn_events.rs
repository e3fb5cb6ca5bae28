//! The memory of withdrawn events, which the mirror and the direct way share.

use std::sync::Arc;

use misp_client::EventMetadata;
use misp_mirror::{Batch, Change, LastPublished};

use crate::withdrawals::UpstreamMemory;

/// Takes the events that the direct way saw withdrawn as withdrawn in this batch, and remembers those of the batch.
///
/// An event that one way saw withdrawn stays so in the other until MISP shows a later publication. The direct way may
/// have seen a withdrawal before the copy began.
pub(super) async fn share(batch: &mut Batch, remembered: &UpstreamMemory) {
    if batch.as_of.is_some() {
        remembered.note_look();
    }
    let records = batch.changes.iter().filter_map(|change| match change {
        Change::Replaced { record, .. } => Some(record),
        _ => None,
    });
    let unpublished = records.filter_map(|record| {
        let event = &record.current.event;
        let times = record
            .withdrawn_at
            .map_or((event.timestamp, event.publish_timestamp), |at| (at, at));
        (!event.published).then(|| EventMetadata::unpublished(event.id, times.0, times.1))
    });
    let unpublished: Vec<EventMetadata> = unpublished.collect();
    if unpublished.is_empty() {
        return;
    }
    let withdrawn = remembered.observe(&unpublished).await;
    for change in &mut batch.changes {
        let Change::Replaced {
            record,
            warned_published,
            ..
        } = change
        else {
            continue;
        };
        let event = &record.current.event;
        let is_block = matches!(record.last_published, LastPublished::Block(_));
        let at = withdrawn.get(&event.id).filter(|at| **at >= event.publish_timestamp);
        if let (true, Some(at)) = (is_block, at) {
            let record = Arc::make_mut(record);
            (record.last_published, record.withdrawn_at) = (LastPublished::Nothing, Some(*at));
            warned_published.clear();
        }
    }
}
