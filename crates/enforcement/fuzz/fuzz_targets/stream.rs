//! What a server says where a stream of a feed is expected: no panic, and every value that is told is one of the feed's type.
#![no_main]

use enforcement::testkit::read_stream;
use feed_classification::IndicatorType;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (pick, cut, bytes) = input;
    let kind = IndicatorType::ALL[usize::from(pick) % IndicatorType::ALL.len()];
    let _ = read_stream(kind, usize::from(cut), bytes);
});
