//! Arbitrary bytes as the head and as an entry of the log that mirrors share.
//!
//! `cargo xtask fuzz shared`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u64, u64, &[u8])| {
    let (epoch, sequence, bytes) = input;
    misp_mirror::testkit::read_shared(epoch, sequence, bytes);
});
