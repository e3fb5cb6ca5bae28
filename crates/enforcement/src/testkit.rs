//! For fuzzers: what reads bytes of a server, without the server.

use feed_classification::{Extractor, IndicatorType};

use crate::source::states;

/// Reads these bytes as a stream of this type of feed, in one piece and cut at a place, and returns how many states they told of.
///
/// # Panics
/// If where the bytes are cut makes a difference, or if a value is told that is none of the type.
#[must_use]
pub fn read_stream(kind: IndicatorType, cut: usize, bytes: &[u8]) -> usize {
    let told = states(kind, &[bytes]);
    let (first, rest) = bytes.split_at(cut.min(bytes.len()));
    assert_eq!(states(kind, &[first, rest]), told, "it matters where the bytes are cut");
    let extractor = Extractor::new(kind).max_expand(1);
    for value in told.iter().flat_map(|(_, values)| values) {
        let mut again = Vec::new();
        let read = extractor.extract("", value, &mut |value| again.push(value.to_owned()));
        assert!(read.is_ok() && again == [value.as_str()], "{value:?} is no {kind}");
    }
    told.len()
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
    fn what_is_no_stream_tells_nothing() {
        for bytes in [
            &b""[..],
            b"<html>",
            b"\xff\xfe",
            b"event: snapshot\ndata: {}\nid: 1\n\n",
        ] {
            assert_eq!(read_stream(IndicatorType::Ip, 1, bytes), 0, "{bytes:?}");
        }
    }

    /// An event that is now and then what should come next.
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
        fn whatever_is_told_makes_sense_and_may_be_cut_anywhere(
            events in proptest::collection::vec(event(), 0..8),
            cut in 0..400_usize,
        ) {
            let _ = read_stream(IndicatorType::Domain, cut, events.concat().as_bytes());
        }
    }
}
