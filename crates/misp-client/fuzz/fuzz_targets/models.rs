//! Arbitrary text as the parameters of a decaying model: no panic, and a score is never less than nothing.
//!
//! `cargo xtask fuzz models`.

#![no_main]

use libfuzzer_sys::fuzz_target;
use misp_client::{Attribute, DecayingModel, Tag};

fuzz_target!(|input: (&[u8], &str, i64, i64, i64)| {
    let (body, tag, worth, timestamp, now) = input;
    let _ = DecayingModel::read_all(body);
    let parameters = [br#"[{"DecayingModel":{"id":1,"name":"x","formula":"Polynomial","parameters":"#, body, b"}}]"].concat();
    for scorer in DecayingModel::read_all(&parameters).iter().flatten().filter_map(|model| model.scorer().ok()) {
        let mut attribute = Attribute::new(1, "domain", "host.example.com");
        attribute.timestamp = timestamp;
        attribute.tags = vec![Tag::own(tag).worth(worth), Tag::inherited(tag).worth(worth)];
        assert!(scorer.score(&attribute, now).now >= 0.0);
    }
});
