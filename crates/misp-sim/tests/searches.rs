//! Warninglists across pages, visibility, and malformed bodies.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod support;

use misp_sim::{Attribute, Event, RunningSim, Sim, Warninglist, WarninglistKind};
use proptest::prelude::*;
use support::{Got, search};

/// 23 addresses of which only the last three of the second page are on no list: the shape of recordings 243 to 246.
fn listed() -> RunningSim {
    let event = (0..23).fold(Event::new("listed"), |event, number| {
        let kind = if (17..20).contains(&number) {
            "ip-dst|port"
        } else {
            "ip-dst"
        };
        let value = if kind == "ip-dst" {
            format!("203.0.113.{number}")
        } else {
            format!("203.0.113.{number}|443")
        };
        event.attribute(Attribute::new(kind, value))
    });
    let list = Warninglist::new("own", WarninglistKind::Cidr, &["ip-dst"], &["203.0.113.0/24"]);
    Sim::builder().event(event).warninglist(list).start_now().unwrap()
}

fn ask(sim: &RunningSim, body: &str) -> Got {
    search(sim.addr(), Sim::READER_KEY, body)
}

#[test]
fn warninglists_are_applied_after_the_page_is_cut() {
    let sim = listed();
    for (page, sent, count, skipped) in [
        (1, 0, "11", "10"),
        (2, 3, "10", "7"),
        (3, 0, "4", "3"),
        (4, 0, "1", "0"),
    ] {
        let got = ask(&sim, &format!(r#"{{"enforceWarninglist":1,"limit":10,"page":{page}}}"#));
        assert_eq!(got.column("id").len(), sent, "page {page}");
        assert_eq!(
            (got.header("x-result-count"), got.header("x-skipped-elements-count")),
            (Some(count), Some(skipped)),
            "page {page}"
        );
    }
    let whole = ask(&sim, r#"{"enforceWarninglist":"false"}"#);
    assert_eq!(
        (whole.column("id").len(), whole.header("x-result-count")),
        (3, Some("23"))
    );
    for off in ["false", "0", "\"0\"", "null"] {
        assert_eq!(
            ask(&sim, &format!(r#"{{"enforceWarninglist":{off}}}"#))
                .column("id")
                .len(),
            23,
            "{off}"
        );
    }
}

#[test]
fn a_list_that_is_switched_off_takes_nothing_out() {
    let sim = listed();
    sim.edit(|store| store.enable_warninglist(1, false));
    assert_eq!(ask(&sim, r#"{"enforceWarninglist":1}"#).column("id").len(), 23);
}

#[test]
fn the_pages_of_a_list_are_there() {
    let sim = listed();
    let page = |path: &str| {
        let headers = [("Authorization", Sim::READER_KEY), ("Accept", "application/json")];
        support::send(sim.addr(), "GET", path, &headers, b"").unwrap()
    };
    let index = page("/warninglists/index").json();
    assert_eq!(index["Warninglists"][0]["Warninglist"]["warninglist_entry_count"], "1");
    let view = page("/warninglists/view/1").json();
    assert_eq!(view["Warninglist"]["WarninglistEntry"][0]["value"], "203.0.113.0/24");
    assert_eq!(view["Warninglist"]["WarninglistType"][0]["type"], "ip-dst");
    assert_eq!(page("/warninglists/view/9").status, 404);
    assert_eq!(page("/noticelists/index").status, 404);
}

#[test]
fn without_an_order_rows_come_by_event() {
    let first = Event {
        id: 9,
        ..Event::new("loaded first").attribute(Attribute::new("domain", "a.example.com"))
    };
    let second = Event {
        id: 3,
        ..Event::new("loaded second").attribute(Attribute::new("domain", "b.example.com"))
    };
    let sim = Sim::builder().event(first).event(second).start_now().unwrap();
    assert_eq!(ask(&sim, r#"{"type":"domain"}"#).column("id"), ["2", "1"]);
    assert_eq!(
        ask(&sim, r#"{"type":"domain","order":"Attribute.id asc"}"#).column("id"),
        ["1", "2"]
    );
    assert_eq!(
        ask(
            &sim,
            r#"{"type":"domain","order":"Attribute.id desc","limit":1,"page":2}"#
        )
        .column("id"),
        ["1"]
    );
}

/// Anything JSON, with keys that the search knows.
fn body() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        "[!%|&a-z0-9:.-]{0,12}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::btree_map("OR|AND|NOT|x", inner, 0..3)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    });
    let keys = "tags|type|value|eventid|uuid|org|timestamp|from|to|last|limit|page|order|deleted|to_ids|published|first_seen|returnFormat|request";
    prop::collection::btree_map(keys, value, 0..5).prop_map(|map| serde_json::Value::Object(map.into_iter().collect()))
}

#[test]
fn whatever_is_asked_there_is_an_answer() {
    let sim = listed();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(200));
    let asked = runner.run(&body(), |body| {
        let got = ask(&sim, &body.to_string());
        prop_assert!(matches!(got.status, 200 | 404 | 500), "{}: {}", got.status, body);
        Ok(())
    });
    asked.unwrap();
}
