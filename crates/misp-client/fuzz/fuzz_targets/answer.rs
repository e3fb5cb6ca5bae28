//! Arbitrary bytes in arbitrary pieces: no panic, and the pieces do not change what comes out.
//!
//! `cargo +nightly fuzz run answer` in `crates/misp-client`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::{Attribute, AttributeReader};

fn read(body: &[u8], piece: usize) -> Option<(Vec<Attribute>, u64)> {
    let mut reader = AttributeReader::new();
    let mut rows = Vec::new();
    for piece in body.chunks(piece) {
        reader.push(piece, &mut rows).ok()?;
    }
    reader.finish(&mut rows).ok()?;
    Some((rows, reader.unusable()))
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, body) = input;
    let whole = read(body, body.len().max(1));
    assert_eq!(read(body, usize::from(piece) + 1), whole);
    let inside = [br#"{"response":{"Attribute":[{"id":"1","type":"domain","value":""#, body].concat();
    assert_eq!(read(&inside, usize::from(piece) + 1), read(&inside, inside.len()));
});
