//! Arbitrary bytes in arbitrary pieces: no panic, and neither the pieces nor the way of reading changes what comes out.
//!
//! `cargo xtask fuzz answer`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::{Attribute, AttributeReader, AttributeRow};

fn read(body: &[u8], piece: usize) -> Option<(Vec<Attribute>, u64)> {
    let mut reader = AttributeReader::new();
    let mut rows = Vec::new();
    for piece in body.chunks(piece) {
        reader.push(piece, &mut rows).ok()?;
    }
    reader.finish(&mut rows).ok()?;
    Some((rows, reader.unusable()))
}

/// Reads rows where they lie, and compares them with the attributes.
fn compare(body: &[u8], piece: usize, expected: Option<&(Vec<Attribute>, u64)>) {
    let expected = expected.map(|(rows, _)| rows.iter().cloned().map(AttributeRow::from).collect::<Vec<_>>());
    let (mut reader, mut count, mut is_same) = (AttributeReader::new(), 0, true);
    let mut take = |row: AttributeRow<'_>| {
        is_same &= expected.as_ref().is_none_or(|rows| rows.get(count) == Some(&row));
        count += 1;
    };
    let pushed = body.chunks(piece).try_for_each(|piece| reader.push_rows(piece, &mut take));
    let is_whole = pushed.and_then(|()| reader.finish_rows(&mut take)).is_ok();
    assert_eq!(is_whole, expected.is_some());
    assert!(is_same && expected.is_none_or(|rows| rows.len() == count));
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, body) = input;
    let whole = read(body, body.len().max(1));
    assert_eq!(read(body, usize::from(piece) + 1), whole);
    let inside = [br#"{"response":{"Attribute":[{"id":"1","type":"domain","value":""#, body].concat();
    let whole = read(&inside, inside.len());
    assert_eq!(read(&inside, usize::from(piece) + 1), whole);
    compare(&inside, usize::from(piece) + 1, whole.as_ref());
});
