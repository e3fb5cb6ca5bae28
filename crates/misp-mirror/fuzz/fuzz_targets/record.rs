//! Arbitrary bytes as a record of the store, and arbitrary text behind its compression: no panic, and every record that
//! is read survives its own bytes.
//!
//! `cargo xtask fuzz record`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_mirror::EventRecord;

fuzz_target!(|input: &[u8]| {
    let _ = EventRecord::from_bytes(input);
    let (Ok(frame), Ok(length)) = (zstd::bulk::compress(input, 1), u32::try_from(input.len())) else {
        return;
    };
    let bytes = [length.to_le_bytes().as_slice(), &frame].concat();
    if let Ok(record) = EventRecord::from_bytes(&bytes) {
        let again = record.to_bytes().expect("a record that fitted once");
        assert!(EventRecord::from_bytes(&again).as_ref() == Ok(&record));
    }
});
