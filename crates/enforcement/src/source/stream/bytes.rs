//! A whole stream out of bytes, without a connection: what a fuzzer is given.

use feed_classification::IndicatorType;

use super::change::{Collector, Held, Meaning};
use super::event::Reader;

/// More than an input of a fuzzer has.
const MOST: usize = 1 << 20;

/// Returns every state that these bytes tell of, its name and its values, until they make no sense.
pub(crate) fn states(kind: IndicatorType, chunks: &[&[u8]]) -> Vec<(Vec<u8>, Vec<String>)> {
    let (mut reader, mut collector) = (Reader::new(MOST), Collector::new(kind, MOST));
    let mut held: Option<Held> = None;
    let mut states = Vec::new();
    for chunk in chunks {
        let mut events = Vec::new();
        let read = reader.read(chunk, &mut events);
        for event in events {
            match collector.take(event, held.as_ref()) {
                Ok(Meaning::Held(now)) => {
                    states.push((now.id.as_bytes().to_vec(), now.set.iter().map(str::to_owned).collect()));
                    held = Some(now);
                }
                Ok(Meaning::Part | Meaning::Alive) => {}
                Err(_) => return states,
            }
        }
        if read.is_err() {
            return states;
        }
    }
    states
}
