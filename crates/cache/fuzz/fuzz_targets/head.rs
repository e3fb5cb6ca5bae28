//! What is inside of an item of a shared cache, as somebody would write it who had our keys.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u32, &[u8])| {
    cache::testkit::read_head(input.0, input.1);
});
