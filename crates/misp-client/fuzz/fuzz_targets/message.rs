//! Arbitrary bytes as a message of the ZeroMQ feed: no panic, and no error repeats the bytes.
//!
//! `cargo xtask fuzz message`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::Message;

fuzz_target!(|input: (bool, &[u8])| {
    let (whole, body) = input;
    let frame = if whole { body.to_vec() } else { [b"misp_json_attribute ", body].concat() };
    if let Err(error) = Message::parse(&frame) {
        assert!(error.to_string().is_ascii());
    }
});
