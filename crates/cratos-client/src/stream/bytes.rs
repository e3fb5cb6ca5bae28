//! A whole stream read from bytes, without a connection: for fuzzers.

use feed_classification::IndicatorType;

use super::event::Reader;
use super::state::{Collector, FeedState, Step};

/// More bytes than an input of a fuzzer has.
const MAX_BYTES: usize = 1 << 20;

/// Returns every state that these bytes describe, its name and its values, up to the first contradiction.
pub(crate) fn states(kind: IndicatorType, chunks: &[&[u8]]) -> Vec<(String, Vec<String>)> {
    let (mut reader, mut collector) = (Reader::new(MAX_BYTES), Collector::new(kind, MAX_BYTES));
    let mut state: Option<FeedState> = None;
    let mut states = Vec::new();
    for chunk in chunks {
        let mut events = Vec::new();
        let read = reader.read(chunk, &mut events);
        for event in events {
            match collector.add(event, state.as_ref()) {
                Ok(Step::State(new)) => {
                    states.push((new.id().to_owned(), new.set().iter().map(str::to_owned).collect()));
                    state = Some(new);
                }
                Ok(Step::Part | Step::Alive) => {}
                Err(_) => return states,
            }
        }
        if read.is_err() {
            return states;
        }
    }
    states
}
