//! Server-sent events on the wire.

use std::sync::Arc;

use bytes::Bytes;
use feed_classification::IndicatorSet;
use feed_engine::{Delta, Snapshot};
use serde::Serialize;

/// Values in one event. A line has at most some hundred kilobytes, however large the feed is.
const VALUES_IN_EVENT: usize = 5_000;

/// When a listener that lost its connection comes back, in milliseconds; browsers and most libraries heed it.
const RETRY_MILLISECONDS: u32 = 3_000;

/// Pieces that are still to be sent.
#[derive(Debug, Default)]
pub(super) struct Pending {
    pieces: Arc<Vec<Bytes>>,
    next: usize,
}

impl Pending {
    pub(super) fn next(&mut self) -> Option<Bytes> {
        let piece = self.pieces.get(self.next)?.clone();
        self.next += 1;
        Some(piece)
    }
}

impl From<Arc<Vec<Bytes>>> for Pending {
    fn from(pieces: Arc<Vec<Bytes>>) -> Self {
        Self { pieces, next: 0 }
    }
}

impl From<Vec<Bytes>> for Pending {
    fn from(pieces: Vec<Bytes>) -> Self {
        Arc::new(pieces).into()
    }
}

#[derive(Serialize)]
struct Part<'a> {
    part: usize,
    parts: usize,
    /// Values in all parts together.
    count: usize,
    values: &'a [&'a str],
}

/// Returns the line that asks a listener to wait before it connects again.
pub(super) fn retry() -> Bytes {
    format!("retry: {RETRY_MILLISECONDS}\n\n").into()
}

/// Returns the event for a feed that has not changed for a while.
pub(super) fn alive() -> Bytes {
    Bytes::from_static(b"event: alive\ndata: {}\n\n")
}

/// Returns the events of a whole feed. A feed without values has one event with an empty list.
pub(super) fn snapshot(all: &Snapshot) -> Vec<Bytes> {
    let mut events = Vec::new();
    write(&mut events, "snapshot", all.set.values());
    with_id(events, all.id())
}

/// Returns the values that came, then those that went: for a moment a device enforces too much rather than too little.
pub(super) fn difference(delta: &Delta) -> Vec<Bytes> {
    let mut events = Vec::new();
    for (name, values) in [("added", &delta.added), ("removed", &delta.removed)] {
        if !values.is_empty() {
            write(&mut events, name, values);
        }
    }
    with_id(events, &delta.to)
}

fn write(events: &mut Vec<String>, name: &str, values: &IndicatorSet) {
    let all: Vec<&str> = values.iter().collect();
    let parts = all.len().div_ceil(VALUES_IN_EVENT).max(1);
    for part in 0..parts {
        let from = part * VALUES_IN_EVENT;
        let values = all.get(from..all.len().min(from + VALUES_IN_EVENT)).unwrap_or_default();
        let data = Part {
            part: part + 1,
            parts,
            count: all.len(),
            values,
        };
        // Numbers and strings: writing them cannot fail. JSON has no raw line ends, which would end the event.
        let data = serde_json::to_string(&data).unwrap_or_default();
        events.push(format!("event: {name}\ndata: {data}\n"));
    }
}

fn with_id(mut events: Vec<String>, id: &str) -> Vec<Bytes> {
    if let Some(last) = events.last_mut() {
        *last += &format!("id: {id}\n");
    }
    events.into_iter().map(|event| Bytes::from(event + "\n")).collect()
}
