//! The opened text of an item of a shared cache, as an attacker with our keys could write it.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    cache::testkit::read_head(input.0, input.1);
});
