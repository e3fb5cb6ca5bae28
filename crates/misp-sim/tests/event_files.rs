//! Event files in this crate's form and in MISP's own, and the errors of wrong ones.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that goes wrong"
)]

use misp_sim::{Clock, RunningSim, Sim, StartError};
use proptest::prelude::*;

const NOW: i64 = 1_795_308_000;

fn start(text: &str) -> Result<RunningSim, StartError> {
    Sim::builder()
        .clock(Clock::fixed(NOW))
        .event_text("test.yaml", text)
        .start_now()
}

#[test]
fn ages_count_from_the_start() {
    let sim = start("info: one\nage: 3d\nattributes:\n  - {type: domain, value: a.example.com, age: 10m}\n  - {type: domain, value: b.example.com}").unwrap();
    sim.with_store(|store| {
        let at = |value: &str| store.attribute(store.find(value).unwrap()).unwrap().timestamp();
        assert_eq!(
            (at("a.example.com"), at("b.example.com")),
            (NOW - 600, NOW - 3 * 86_400)
        );
        assert!(store.events().next().unwrap().published());
    });
}

#[test]
fn a_directory_is_read_in_order_and_other_files_are_passed_over() {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("b.yaml", "info: second"),
        ("a.json", r#"{"info":"first"}"#),
        ("README.txt", "not an event"),
    ] {
        std::fs::write(directory.path().join(name), text).unwrap();
    }
    let sim = Sim::builder().events_dir(directory.path()).start_now().unwrap();
    assert_eq!(
        sim.with_store(|store| store.events().map(|event| event.info().to_owned()).collect::<Vec<_>>()),
        ["first", "second"]
    );
}

#[test]
fn an_export_of_misp_is_taken() {
    let text = r##"{"response":[{"Event":{"id":"7","uuid":"891c5498-dd01-4059-af4c-a97271dec558","info":"x","published":false,
        "timestamp":"200","publish_timestamp":"100","Orgc":{"name":"Else","uuid":"5c0ba7a0-0009-4000-8000-000000000001"},"unknown":1,
        "Attribute":[{"type":"domain","value":"a.example.com","to_ids":true,"timestamp":"150","Tag":[{"name":"example:x","colour":"#ffffff"}]}],
        "Object":[{"id":"3","Attribute":[{"type":"ip-dst","value":"192.0.2.1","object_relation":"ip"}]}]}}]}"##;
    let sim = start(text).unwrap();
    sim.with_store(|store| {
        let event = store.event(7).unwrap();
        assert_eq!(
            (event.published(), event.timestamp(), event.publish_timestamp()),
            (false, 200, 100)
        );
        assert_eq!(
            event
                .attributes()
                .map(|attribute| attribute.value().to_owned())
                .collect::<Vec<_>>(),
            ["a.example.com", "192.0.2.1"]
        );
        assert_eq!(
            event.attributes().next().unwrap().tags().collect::<Vec<_>>(),
            ["example:x"]
        );
    });
}

#[test]
fn a_wrong_file_is_refused_with_its_name_and_what_to_write() {
    for (text, said) in [
        ("info: x\nage: tomorrow", "write a number"),
        ("info: x\nstate: gone", "write published, draft, edited or withdrawn"),
        ("info: x\nstate: edited", "write published_age too"),
        ("info: x\nattributes: [{type: domain}]", "value"),
        ("info: x\nattributs: []", "attributs"),
        ("evnts: []", "evnts"),
        (
            "warninglists: [{name: x, kind: odd, types: [], entries: []}]",
            "write cidr",
        ),
        ("{", "EOF"),
        ("a: [", "test.yaml"),
    ] {
        let error = start(text).unwrap_err().to_string();
        assert!(
            error.starts_with("test.yaml: ") && error.contains(said),
            "{text}: {error}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn arbitrary_text_never_panics(text in "\\PC{0,200}") {
        let _either_way = start(&text);
    }
}
