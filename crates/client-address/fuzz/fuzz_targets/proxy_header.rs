//! Headers of the PROXY protocol: nothing panics, and never is more asked for than the bound.

#![no_main]

use client_address::ProxyHeader;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(ProxyHeader::NeedsMore(more)) = ProxyHeader::read(bytes) {
        assert!(more > 0 && bytes.len() + more <= ProxyHeader::MAX_BYTES);
    }
});
