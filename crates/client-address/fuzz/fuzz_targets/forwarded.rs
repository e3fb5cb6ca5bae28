//! Forwarding headers: nothing panics, and what a caller sends never changes what the proxy appends.

#![no_main]

use std::sync::LazyLock;

use client_address::Forwarding;
use libfuzzer_sys::fuzz_target;
use regex::Regex;

static WHOLE: LazyLock<Regex> = LazyLock::new(|| Regex::new("^(.*)$").expect("it is one"));

fuzz_target!(|bytes: &[u8]| {
    let appended = "192.0.2.7".parse().expect("it is one");
    for (header, own) in [("X-Forwarded-For", "192.0.2.7"), ("Forwarded", "for=192.0.2.7;host=\"x, for=10.0.0.1\"")] {
        let forwarding = Forwarding::new(header, &WHOLE, 1, &[]);
        let _ = forwarding.client([bytes]);
        if let Ok(client) = forwarding.client([bytes, own.as_bytes()]) {
            assert_eq!(client, Some(appended), "{header}");
        }
    }
});
