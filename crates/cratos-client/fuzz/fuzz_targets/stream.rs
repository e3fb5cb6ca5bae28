//! Bytes of a server in place of a stream: the reader does not panic, and every value in a state is of the feed's type.
#![no_main]

use cratos_client::IndicatorType;
use cratos_client::testkit::read_stream;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, u16, &[u8])| {
    let (pick, cut, bytes) = input;
    let kind = IndicatorType::ALL[usize::from(pick) % IndicatorType::ALL.len()];
    let _ = read_stream(kind, usize::from(cut), bytes);
});
