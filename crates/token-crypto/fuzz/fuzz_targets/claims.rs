//! Arbitrary bytes inside a good seal are refused or read strictly: `cargo xtask fuzz claims`
#![no_main]

use libfuzzer_sys::fuzz_target;
use token_crypto::Claims;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(claims) = Claims::decode(bytes) {
        let again = claims.encode().unwrap();
        assert!(Claims::decode(&again).unwrap() == claims);
    }
});
