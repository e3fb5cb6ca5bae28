//! The bytes of a server in the place of a memcached, in both protocols.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    cache::testkit::read_memcached(input);
});
