//! Arbitrary texts presented as a token: `cargo xtask fuzz open`
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use token_crypto::KeyRing;

static RING: LazyLock<KeyRing> = LazyLock::new(|| {
    let builder = KeyRing::builder(&"a salt for fuzzing only".into());
    builder.key("a key for fuzzing only, of no value".into()).build().unwrap()
});

fuzz_target!(|text: &str| {
    assert!(RING.open(text).is_err());
});
