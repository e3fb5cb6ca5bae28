//! For fuzzers: the stream reader without a server.

use feed_classification::{Extractor, IndicatorType};

use crate::stream::states;

/// Reads these bytes as a stream of a feed of this type, in one piece and in two, and returns the number of states in
/// it.
///
/// # Panics
/// If the place of the cut makes a difference, or a state holds a value of another type.
#[must_use]
pub fn read_stream(kind: IndicatorType, cut: usize, bytes: &[u8]) -> usize {
    let whole = states(kind, &[bytes]);
    let (first, rest) = bytes.split_at(cut.min(bytes.len()));
    assert_eq!(
        states(kind, &[first, rest]),
        whole,
        "the place of the cut makes a difference"
    );
    let extractor = Extractor::new(kind).max_expand(1);
    for value in whole.iter().flat_map(|(_, values)| values) {
        let mut again = Vec::new();
        let read = extractor.extract("", value, &mut |value| again.push(value.to_owned()));
        assert!(read.is_ok() && again == [value.as_str()], "{value:?} is no {kind}");
    }
    whole.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &str = "event: snapshot\n\
        data: {\"part\": 1, \"parts\": 1, \"count\": 2, \"values\": [\"a.example\", \"b.example\"]}\n\
        id: one\n\n\
        event: added\n\
        data: {\"part\": 1, \"parts\": 1, \"count\": 1, \"values\": [\"c.example\"]}\n\
        id: two\n\n\
        event: removed\n\
        data: {\"part\": 1, \"parts\": 1, \"count\": 1, \"values\": [\"z.example\"]}\n\
        id: three\n\n";

    #[test]
    fn a_stream_is_read_up_to_its_first_contradiction_wherever_it_is_cut() {
        for cut in 0..STREAM.len() {
            assert_eq!(read_stream(IndicatorType::Domain, cut, STREAM.as_bytes()), 2, "{cut}");
        }
    }

    #[test]
    fn bytes_that_are_no_stream_give_no_state() {
        for bytes in [
            &b""[..],
            b"<html>",
            b"\xff\xfe",
            b"event: snapshot\ndata: {}\nid: 1\n\n",
        ] {
            assert_eq!(read_stream(IndicatorType::Ip, 1, bytes), 0, "{bytes:?}");
        }
    }

    /// An event that is sometimes the right one.
    fn event() -> impl Strategy<Value = String> {
        let name = prop_oneof![
            Just("snapshot"),
            Just("added"),
            Just("removed"),
            Just("alive"),
            Just("else")
        ];
        let values = proptest::collection::vec("[a-c]\\.example|A|\\\\u0000", 0..3);
        let parts = (1..3_u64, 1..3_u64, 0..4_u64);
        let end = "(id: [a-z]{0,2}\n)?(\n|\r\n|)";
        (name, values, parts, end).prop_map(|(name, values, (part, parts, count), end)| {
            let count = if count == 3 {
                u64::try_from(values.len()).unwrap()
            } else {
                count
            };
            let values = values.join("\", \"");
            let values = if values.is_empty() {
                String::new()
            } else {
                format!("\"{values}\"")
            };
            let data = format!("{{\"part\": {part}, \"parts\": {parts}, \"count\": {count}, \"values\": [{values}]}}");
            format!("event: {name}\ndata: {data}\n{end}\n")
        })
    }

    proptest! {
        #[test]
        fn states_make_sense_wherever_the_bytes_are_cut(
            events in proptest::collection::vec(event(), 0..8),
            cut in 0..400_usize,
        ) {
            let _ = read_stream(IndicatorType::Domain, cut, events.concat().as_bytes());
        }
    }
}
