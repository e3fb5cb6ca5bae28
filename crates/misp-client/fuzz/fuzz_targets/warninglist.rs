//! Arbitrary entries of a warninglist and an arbitrary value: no panic, and `matches` agrees with `hits`.
//!
//! `cargo xtask fuzz warninglist`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::Warninglist;
use misp_client::warninglist::WarninglistMatcher;

fuzz_target!(|input: (u8, Vec<&str>, &str)| {
    let (kind, entries, value) = input;
    let kind = ["string", "substring", "hostname", "cidr", "regex"][usize::from(kind % 5)];
    let list = Warninglist::new(1, "any", kind).attribute_types(["a|b"]);
    let matcher = WarninglistMatcher::builder().add_values(&list, entries).build();
    assert_eq!(matcher.matches("a|b", value), !matcher.hits("a|b", value).is_empty());
});
