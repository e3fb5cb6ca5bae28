//! The effects of a sighting.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod support;

use misp_sim::{Attribute, Event, RunningSim, Sim, User};
use serde_json::{Value, json};
use support::send;

const REPORTER: &str = "simreporterkeysimreporterkeysimrepor0004";

fn sim() -> RunningSim {
    Sim::builder()
        .user(User::reporter("sensor@cert.example.org", 1, REPORTER))
        .event(
            Event::new("first")
                .attribute(Attribute::new("domain", "bad.example.com"))
                .attribute(Attribute::new("domain|ip", "other.example.com|192.0.2.7")),
        )
        .event(Event::new("second").attribute(Attribute::new("hostname", "BAD.example.com")))
        .start_now()
        .unwrap()
}

fn add(sim: &RunningSim, key: &str, body: &Value) -> (u16, Value) {
    let headers = [
        ("Host", "misp.example.net"),
        ("Accept", "application/json"),
        ("Content-Type", "application/json"),
        ("Authorization", key),
    ];
    let body = body.to_string();
    let got = send(sim.addr(), "POST", "/sightings/add", &headers, body.as_bytes()).unwrap();
    (got.status, got.json())
}

fn count(sim: &RunningSim) -> usize {
    sim.with_store(|store| store.sightings().count())
}

#[test]
fn every_attribute_with_the_value_is_sighted_and_the_last_is_shown() {
    let sim = sim();
    let (status, answer) = add(
        &sim,
        REPORTER,
        &json!({"values": ["bad.example.com", "unknown.example"], "source": "fw"}),
    );
    assert_eq!((status, count(&sim)), (200, 2));
    assert_eq!(
        (&answer["Sighting"]["type"], &answer["Sighting"]["source"]),
        (&json!("0"), &json!("fw"))
    );
    add(
        &sim,
        REPORTER,
        &json!({"value": "192.0.2.7", "type": "1", "timestamp": 1_795_000_000}),
    );
    let last = sim.with_store(|store| store.sightings().last().cloned()).unwrap();
    assert_eq!((last.kind, last.seen_at, last.organisation), (1, 1_795_000_000, 1));
}

#[test]
fn unknown_values_and_types_are_a_message_with_status_200() {
    let sim = sim();
    for (body, reason) in [
        (
            json!({"values": ["unknown.example"]}),
            "No valid attributes found that match the criteria.",
        ),
        (json!({"values": []}), "No valid attributes found."),
        (json!({}), "No valid attributes found."),
        (json!({"values": ["bad.example.com"], "type": "3"}), "Invalid type"),
    ] {
        let (status, answer) = add(&sim, REPORTER, &body);
        assert_eq!(status, 200, "{body}");
        assert!(answer["message"].as_str().unwrap().contains(reason), "{body}: {answer}");
    }
    assert_eq!(count(&sim), 0);
}

#[test]
fn an_empty_value_is_found_in_every_plain_attribute() {
    let sim = sim();
    add(&sim, REPORTER, &json!({"values": ["  "]}));
    assert_eq!(count(&sim), 2);
}

#[test]
fn readers_may_not_and_nothing_else_changes() {
    let sim = sim();
    assert_eq!(add(&sim, Sim::READER_KEY, &json!({"value": "bad.example.com"})).0, 403);
    assert_eq!(count(&sim), 0);
    let state = |sim: &RunningSim| {
        sim.with_store(|store| {
            let event = |event: misp_sim::EventView<'_>| (event.timestamp(), event.published());
            store.events().map(event).collect::<Vec<_>>()
        })
    };
    let before = state(&sim);
    sim.clock().advance(60);
    add(&sim, REPORTER, &json!({"value": "bad.example.com"}));
    assert_eq!((state(&sim), count(&sim)), (before, 2));
}

#[test]
fn sightings_of_a_range_of_time_are_those_that_the_key_may_see() {
    const NOW: i64 = 1_800_000_000;
    let own = Event::new("own")
        .own_organisation_only()
        .attribute(Attribute::new("domain", "own.example.com"));
    let shared = Event::new("shared").attribute(Attribute::new("domain", "shared.example.com"));
    let sim = Sim::builder()
        .clock(misp_sim::Clock::fixed(NOW))
        .event(own)
        .event(shared)
        .start_now()
        .unwrap();
    sim.edit(|store| {
        for (attribute, age) in [(1, 10), (2, 20), (2, 40 * 86_400)] {
            store.add_sighting(attribute, 0, NOW - age).unwrap();
        }
    });
    let found = |key: &str, body: &str| -> Vec<String> {
        let list = support::post(sim.addr(), key, "/sightings/restSearch", body).json()["response"]
            .as_array()
            .unwrap()
            .clone();
        list.iter()
            .map(|seen| seen["Sighting"]["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let range = format!(r#"{{"from":{},"to":{}}}"#, NOW - 20, NOW - 15);
    assert_eq!(found(Sim::READER_KEY, &range), ["2"]);
    assert_eq!(found(Sim::READER_KEY, "{}"), ["1", "2"]);
    assert_eq!(found(Sim::PARTNER_KEY, r#"{"last":"100d"}"#), ["2", "3"]);
    sim.edit(|store| store.hard_delete(2).unwrap());
    assert_eq!(found(Sim::READER_KEY, "{}"), ["1"]);
}
