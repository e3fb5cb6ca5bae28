//! What a program that follows a MISP sees: lists of events, their order and counts, and who sees what.

#![allow(clippy::unwrap_used, reason = "a test ends at the first thing that goes wrong")]

mod support;

use misp_sim::{Attribute, Clock, Event, Publication, RunningSim, Sim, Tag, TagUse, Warninglist, WarninglistKind};
use support::{Got, post};

const NOW: i64 = 1_795_900_000;

/// Three events: 1 published, 2 edited since, 3 withdrawn; each changed a hundred seconds after the one before.
fn three() -> RunningSim {
    let at = |second: i64| misp_sim::Moment::At(NOW + second);
    let event = |number: i64, publication| {
        Event::new(format!("event {number}"))
            .attribute(Attribute::new("domain", format!("{number}.example.com")))
            .changed(at(number * 100))
            .publication(publication)
    };
    Sim::builder()
        .clock(Clock::fixed(NOW + 1_000))
        .event(event(1, Publication::Published(Some(at(500)))))
        .event(event(2, Publication::Edited(at(150))))
        .event(event(3, Publication::Withdrawn(Some(at(400)))))
        .start_now()
        .unwrap()
}

fn index(sim: &RunningSim, body: &str) -> Got {
    post(sim.addr(), Sim::READER_KEY, "/events/index", body)
}

fn metadata(sim: &RunningSim, body: &str) -> Got {
    post(sim.addr(), Sim::READER_KEY, "/events/restSearch", body)
}

fn listed(got: &Got) -> Vec<String> {
    let json = got.json();
    let events = json["response"].as_array().or_else(|| json.as_array()).unwrap();
    let id = |event: &serde_json::Value| event.get("Event").unwrap_or(event)["id"].as_str().unwrap().to_owned();
    events.iter().map(id).collect()
}

#[test]
fn the_index_is_filtered_by_publication_and_sorted_by_any_time() {
    let sim = three();
    for (body, want, total) in [
        (r#"{"minimal":1}"#.to_owned(), vec!["1", "2", "3"], "3"),
        (r#"{"minimal":1,"limit":1}"#.to_owned(), vec!["1"], "3"),
        (r#"{"minimal":1,"published":1,"limit":1}"#.to_owned(), vec!["1"], "1"),
        (r#"{"minimal":1,"published":0}"#.to_owned(), vec!["2", "3"], "2"),
        (
            format!(r#"{{"minimal":1,"publish_timestamp":{}}}"#, NOW + 400),
            vec!["1", "3"],
            "2",
        ),
        (
            format!(r#"{{"minimal":1,"publishtimestamp":{}}}"#, NOW + 500),
            vec!["1"],
            "1",
        ),
        (
            r#"{"minimal":1,"sort":"timestamp","direction":"desc","limit":2}"#.to_owned(),
            vec!["3", "2"],
            "3",
        ),
        (
            r#"{"minimal":1,"sort":"publish_timestamp"}"#.to_owned(),
            vec!["2", "3", "1"],
            "3",
        ),
        (
            r#"{"minimal":1,"order":"Event.timestamp desc"}"#.to_owned(),
            vec!["3", "2", "1"],
            "3",
        ),
        (
            r#"{"minimal":1,"eventid":["3","1","77"]}"#.to_owned(),
            vec!["1", "3"],
            "2",
        ),
    ] {
        let got = index(&sim, &body);
        assert_eq!(
            (listed(&got), got.header("X-Result-Count")),
            (want.iter().map(ToString::to_string).collect(), Some(total)),
            "{body}"
        );
    }
}

#[test]
fn a_tag_of_the_index_changes_with_the_body_only() {
    let sim = three();
    let ask = |tag: &str| {
        let headers = [
            ("Authorization", Sim::READER_KEY),
            ("Content-Type", "application/json"),
            ("If-None-Match", tag),
        ];
        support::send(sim.addr(), "POST", "/events/index", &headers, br#"{"minimal":1}"#).unwrap()
    };
    let first = ask("x");
    let tag = first.header("ETag").unwrap().to_owned();
    let again = ask(&tag);
    assert_eq!(
        (again.status, again.header("X-Result-Count"), again.body.len()),
        (304, None, 0)
    );
    // Neither publication times nor tags are in the body.
    sim.edit(|store| store.tag_event_locally(1, "example:x").unwrap());
    sim.edit(|store| store.publish(1).unwrap());
    assert_eq!(ask(&tag).status, 304);
    sim.edit(|store| store.publish(2).unwrap());
    let changed = ask(&tag);
    assert_eq!(changed.status, 200);
    assert_ne!(changed.header("ETag"), Some(tag.as_str()));
}

#[test]
fn metadata_is_filtered_paged_and_ordered() {
    let sim = three();
    for (body, want, total) in [
        (r#"{"metadata":1}"#.to_owned(), vec!["1", "2", "3"], "3"),
        (r#"{"metadata":1,"limit":2,"page":2}"#.to_owned(), vec!["3"], "3"),
        (r#"{"metadata":1,"limit":2,"page":3}"#.to_owned(), vec![], "3"),
        (r#"{"metadata":1,"eventid":["3","2"]}"#.to_owned(), vec!["2", "3"], "2"),
        (
            format!(r#"{{"metadata":1,"timestamp":{}}}"#, NOW + 200),
            vec!["2", "3"],
            "2",
        ),
        (
            format!(r#"{{"metadata":1,"publish_timestamp":{}}}"#, NOW + 400),
            vec!["1", "3"],
            "2",
        ),
        (r#"{"metadata":1,"published":0}"#.to_owned(), vec!["2", "3"], "2"),
        (
            r#"{"metadata":1,"order":"Event.timestamp desc"}"#.to_owned(),
            vec!["3", "2", "1"],
            "3",
        ),
        (
            r#"{"metadata":1,"sort":"timestamp","direction":"desc"}"#.to_owned(),
            vec!["1", "2", "3"],
            "3",
        ),
    ] {
        let got = metadata(&sim, &body);
        assert_eq!(
            (listed(&got), got.header("X-Result-Count")),
            (want.iter().map(ToString::to_string).collect(), Some(total)),
            "{body}"
        );
    }
}

#[test]
fn metadata_shows_the_tags_that_are_asked_for() {
    let hidden = Tag {
        exportable: false,
        ..Tag::new("example:hidden")
    };
    let local = TagUse {
        name: "example:local".to_owned(),
        local: true,
    };
    let event = Event::new("tagged")
        .tag("example:plain")
        .tag("example:hidden")
        .tag(local);
    let sim = Sim::builder().tag(hidden).event(event).start_now().unwrap();
    let shown = |options: &str| -> Vec<String> {
        let json = metadata(&sim, &format!(r#"{{"metadata":1{options}}}"#)).json();
        let tags = json["response"][0]["Event"]["Tag"].as_array().unwrap().clone();
        tags.iter()
            .map(|tag| tag["name"].as_str().unwrap().replace("example:", ""))
            .collect()
    };
    assert_eq!(shown(""), ["plain", "local"]);
    assert_eq!(shown(r#","includeAllTags":1"#), ["plain", "hidden", "local"]);
    assert_eq!(shown(r#","excludeLocalTags":1"#), ["plain"]);
}

#[test]
fn an_unpublished_event_is_private_when_the_site_says_so() {
    let sim = three();
    let seen = |key: &str| listed(&post(sim.addr(), key, "/events/restSearch", r#"{"metadata":1}"#));
    assert_eq!(seen(Sim::PARTNER_KEY), ["1", "2", "3"]);
    sim.edit(|store| store.set_unpublished_private(true));
    assert_eq!(seen(Sim::PARTNER_KEY), ["1"]);
    assert_eq!(seen(Sim::READER_KEY), ["1", "2", "3"]);
    let rows = support::search(sim.addr(), Sim::PARTNER_KEY, r#"{"eventid":["1","2"]}"#);
    assert_eq!(rows.column("event_id"), ["1"]);
    sim.edit(|store| store.set_unpublished_private(false));
    assert_eq!(seen(Sim::PARTNER_KEY), ["1", "2", "3"]);
}

#[test]
fn an_event_leaves_the_view_of_a_key_by_distribution_and_by_owner() {
    let sim = three();
    let seen = |key: &str| listed(&post(sim.addr(), key, "/events/index", r#"{"minimal":1}"#));
    sim.edit(|store| store.set_distribution(1, 0).unwrap());
    assert_eq!(
        (seen(Sim::PARTNER_KEY), seen(Sim::READER_KEY).len()),
        (vec!["2".to_owned(), "3".to_owned()], 3)
    );
    let view = sim.with_store(|store| store.event(1).map(|event| (event.published(), event.timestamp())));
    assert_eq!(view, Some((false, NOW + 1_000)), "a change of distribution is an edit");
    sim.edit(|store| store.publish(1).unwrap());
    sim.edit(|store| store.set_owner(1, 2).unwrap());
    assert_eq!(
        (seen(Sim::PARTNER_KEY).len(), seen(Sim::READER_KEY)),
        (3, vec!["2".to_owned(), "3".to_owned()])
    );
    assert!(sim.with_store(|store| store.event(1).unwrap().published()));
}

#[test]
fn sightings_show_in_the_index_once_they_are_published() {
    let sim = three();
    let shown = || index(&sim, r#"{"minimal":1,"eventid":"1"}"#).json()[0]["sighting_timestamp"].clone();
    let attribute = sim.with_store(|store| store.find("1.example.com")).unwrap();
    sim.edit(|store| store.add_sighting(attribute, 0, NOW).unwrap());
    assert_eq!(shown(), "0");
    sim.edit(|store| store.publish_sightings(1).unwrap());
    assert_eq!(shown(), (NOW + 1_000).to_string());
}

#[test]
fn an_update_of_a_list_raises_its_version() {
    let list = Warninglist::new("own", WarninglistKind::Hostname, &["domain"], &["1.example.com"]);
    let sim = Sim::builder().warninglist(list).start_now().unwrap();
    let version = || {
        let headers = [("Authorization", Sim::READER_KEY), ("Accept", "application/json")];
        let page = support::send(sim.addr(), "GET", "/warninglists/index", &headers, b"")
            .unwrap()
            .json();
        page["Warninglists"][0]["Warninglist"]["version"].clone()
    };
    assert_eq!(version(), "1");
    sim.edit(|store| store.set_warninglist_entries(1, &["2.example.com"]));
    assert_eq!(version(), "2");
}

#[test]
fn the_log_says_how_much_went_over_the_wire() {
    let sim = three();
    let body = r#"{"minimal":1,"limit":1}"#;
    let got = index(&sim, body);
    support::search(sim.addr(), Sim::READER_KEY, "{}");
    let light = sim.traffic(|request| !request.is_search());
    assert_eq!((light.requests, light.request_bytes), (1, body.len() as u64));
    assert_eq!(light.answer_bytes, got.body.len() as u64);
    assert_eq!(
        sim.requests().iter().map(|request| request.status).collect::<Vec<_>>(),
        [200, 200]
    );
    sim.clear_requests();
    assert_eq!(sim.traffic(|_| true).requests, 0);
}

#[test]
fn tags_are_counted_as_the_key_sees_events_and_as_the_site_has_attributes() {
    let tag = "example:block";
    let own = Event::new("own")
        .own_organisation_only()
        .tag(tag)
        .attribute(Attribute::new("domain", "a.example.com").tag(tag));
    let shared = Event::new("shared")
        .tag(tag)
        .attribute(Attribute::new("domain", "b.example.com").tag(tag));
    let sim = Sim::builder().event(own).event(shared).start_now().unwrap();
    let page = |key: &str, path: &str| {
        let headers = [("Authorization", key), ("Accept", "application/json")];
        support::send(sim.addr(), "GET", path, &headers, b"").unwrap().json()
    };
    let counts = |key: &str| {
        let tag = page(key, "/tags/index/searchall:EXAMPLE:")["Tag"][0].clone();
        (tag["count"].as_u64().unwrap(), tag["attribute_count"].as_u64().unwrap())
    };
    let viewed = |key: &str| page(key, "/tags/view/1")["attribute_count"].as_u64().unwrap();
    assert_eq!((counts(Sim::READER_KEY), viewed(Sim::READER_KEY)), ((2, 2), 2));
    assert_eq!((counts(Sim::PARTNER_KEY), viewed(Sim::PARTNER_KEY)), ((1, 2), 1));
    let deleted = sim.with_store(|store| store.find("b.example.com")).unwrap();
    sim.edit(|store| store.soft_delete(deleted).unwrap());
    assert_eq!((counts(Sim::PARTNER_KEY), viewed(Sim::PARTNER_KEY)), ((1, 2), 0));
    sim.edit(|store| store.hard_delete(deleted).unwrap());
    assert_eq!(counts(Sim::PARTNER_KEY), (1, 1));
    sim.edit(|store| store.tag_event_locally(2, "example:mine").unwrap());
    assert_eq!(
        page(Sim::PARTNER_KEY, "/tags/index/name:example:mine")["Tag"][0]["count"],
        1
    );
    let found = |body: &str| post(sim.addr(), Sim::READER_KEY, "/tags/search", body).json();
    assert_eq!(found(r#"{"tag":"example:bl%"}"#)[0]["Tag"]["name"], tag);
    assert_eq!(found(r#"["example"]"#).as_array().map(Vec::len), Some(0));
}

#[test]
fn lists_are_told_apart_by_state_and_exported_short() {
    let list = |name: &str, enabled| Warninglist {
        enabled,
        ..Warninglist::new(name, WarninglistKind::Cidr, &["ip-dst"], &["192.0.2.0/24"])
    };
    let sim = Sim::builder()
        .warninglist(list("on", true))
        .warninglist(list("off", false))
        .start_now()
        .unwrap();
    let page = |path: &str, tag: &str| {
        let headers = [
            ("Authorization", Sim::READER_KEY),
            ("Accept", "application/json"),
            ("If-None-Match", tag),
        ];
        support::send(sim.addr(), "GET", path, &headers, b"").unwrap()
    };
    let names = |path: &str| -> Vec<String> {
        let lists = page(path, "x").json()["Warninglists"].as_array().unwrap().clone();
        lists
            .iter()
            .map(|list| list["Warninglist"]["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names("/warninglists/index"), ["off", "on"]);
    assert_eq!(names("/warninglists/index/enabled:1"), ["on"]);
    let export = page("/warninglists/export/1", "x");
    assert_eq!(
        (
            export.json()["list"][0].clone(),
            export.json()["matching_attributes"][0].clone()
        ),
        ("192.0.2.0/24".into(), "ip-dst".into())
    );
    let tag = page("/warninglists/index/enabled:1", "x")
        .header("ETag")
        .unwrap()
        .to_owned();
    assert_eq!(page("/warninglists/index/enabled:1", &tag).status, 304);
    sim.edit(|store| store.enable_warninglist(2, true));
    assert_eq!(page("/warninglists/index/enabled:1", &tag).status, 200);
}

#[test]
fn a_user_that_is_changed_shows_when() {
    let sim = three();
    let me = || {
        let headers = [("Authorization", Sim::READER_KEY), ("Accept", "application/json")];
        support::send(sim.addr(), "GET", "/users/view/me", &headers, b"")
            .unwrap()
            .json()
    };
    let before = me();
    assert_eq!(before, me());
    sim.edit(|store| store.change_user(1, |user| user.organisation = 2));
    let after = me();
    assert_eq!(after["User"]["date_modified"], (NOW + 1_000).to_string());
    assert_eq!(after["Organisation"]["name"], "Partner Research");
}

#[test]
fn the_index_comes_as_csv() {
    let sim = three();
    sim.edit(|store| store.tag_event_locally(1, "a:b=\"c\"").unwrap());
    let got = index_csv(&sim, r#"{"eventid":["1","3"]}"#);
    assert_eq!(
        (got.status, got.header("Content-Type"), got.header("X-Result-Count")),
        (200, Some("text/csv; charset=UTF-8"), Some("2"))
    );
    let text = String::from_utf8(got.body).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        lines[1],
        "1,\"2026-11-28\",\"event 1\",\"a:b=\"\"c\"\"\",\"e0000000-0000-4000-8000-000000000001\",1,1,1,1,\"Example CERT\",\"5c0ba7a0-0001-4000-8000-000000000001\",1795900100,1,0,2,1795900500,\"\""
    );
    let minimal = String::from_utf8(index_csv(&sim, r#"{"minimal":1,"eventid":["1"]}"#).body).unwrap();
    assert!(
        minimal.ends_with("\n1,,,\"\",\"e0000000-0000-4000-8000-000000000001\",1,,,,,,1795900100,,,,,\n"),
        "{minimal}"
    );
}

fn index_csv(sim: &RunningSim, body: &str) -> Got {
    post(sim.addr(), Sim::READER_KEY, "/events/index.csv", body)
}
