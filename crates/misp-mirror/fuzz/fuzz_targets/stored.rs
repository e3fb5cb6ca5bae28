//! Arbitrary bytes as the manifest, the memory and the warninglists of a store.
//!
//! `cargo xtask fuzz stored`.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (u8, &[u8])| {
    let (page, bytes) = input;
    misp_mirror::testkit::read_stored(page.into(), bytes);
});
