use proptest::prelude::*;

use super::*;

/// One event; `numbers` are part, parts and count.
fn event(name: &str, numbers: (u64, u64, u64), values: &[&str], id: Option<&str>) -> Event {
    let (part, parts, count) = numbers;
    let data = serde_json::json!({ "part": part, "parts": parts, "count": count, "values": values });
    Event {
        name: name.to_owned(),
        data: data.to_string(),
        id: id.map(str::to_owned),
    }
}

fn whole(name: &str, values: &[&str], id: Option<&str>) -> Event {
    event(name, (1, 1, count(values.len())), values, id)
}

/// Follows events from a snapshot of `a` and `b` on; returns the values after the last whole change.
fn follow(events: Vec<Event>) -> Result<Vec<String>, Error> {
    let mut collector = Collector::new(IndicatorType::Domain, 1000);
    let mut held = None;
    for event in [vec![whole("snapshot", &["a.example", "b.example"], Some("s1"))], events].concat() {
        if let Step::State(now) = collector.add(event, held.as_ref())? {
            held = Some(now);
        }
    }
    let set = held.map(|held| held.set);
    Ok(set.iter().flat_map(|set| set.iter()).map(str::to_owned).collect())
}

#[test]
fn changes_count_when_their_last_event_is_there() {
    let added = event("added", (1, 2, 2), &["d.example"], None);
    let more = event("added", (2, 2, 2), &["c.example"], None);
    let removed = whole("removed", &["a.example"], Some("s2"));
    assert_eq!(follow(vec![added.clone()]).unwrap(), ["a.example", "b.example"]);
    assert_eq!(
        follow(vec![added.clone(), more.clone()]).unwrap(),
        ["a.example", "b.example"]
    );
    let all = follow(vec![added, more, removed]).unwrap();
    assert_eq!(all, ["b.example", "c.example", "d.example"]);
    let again = whole("snapshot", &["x.example"], Some("s3"));
    assert_eq!(follow(vec![again]).unwrap(), ["x.example"]);
    assert!(
        follow(vec![event("snapshot", (1, 1, 0), &[], Some("s4"))])
            .unwrap()
            .is_empty()
    );
}

#[test]
fn events_that_contradict_each_other_are_refused() {
    let contradictions = [
        (
            "the second part first",
            vec![event("snapshot", (2, 2, 2), &["c.example"], Some("s"))],
        ),
        (
            "part nought",
            vec![event("snapshot", (0, 2, 2), &["c.example"], Some("s"))],
        ),
        (
            "more parts than there are",
            vec![event("added", (1, 0, 1), &["c.example"], Some("s"))],
        ),
        (
            "the same part twice",
            vec![
                event("added", (1, 2, 2), &["c.example"], None),
                event("added", (1, 2, 2), &["d.example"], Some("s")),
            ],
        ),
        (
            "a part is missing",
            vec![
                event("added", (1, 3, 2), &["c.example"], None),
                event("added", (3, 3, 2), &["d.example"], Some("s")),
            ],
        ),
        (
            "another number of parts",
            vec![
                event("added", (1, 2, 2), &["c.example"], None),
                event("added", (2, 3, 2), &["d.example"], Some("s")),
            ],
        ),
        (
            "another count",
            vec![
                event("added", (1, 2, 2), &["c.example"], None),
                event("added", (2, 2, 3), &["d.example"], Some("s")),
            ],
        ),
        (
            "fewer than it says",
            vec![event("added", (1, 1, 2), &["c.example"], Some("s"))],
        ),
        (
            "more than it says",
            vec![event("added", (1, 1, 1), &["c.example", "d.example"], Some("s"))],
        ),
        (
            "the same value twice",
            vec![whole("added", &["c.example", "c.example"], Some("s"))],
        ),
        (
            "an end in the middle",
            vec![event("added", (1, 2, 2), &["c.example"], Some("s"))],
        ),
        ("a value that is there", vec![whole("added", &["a.example"], Some("s"))]),
        (
            "a value that is not there",
            vec![whole("removed", &["c.example"], Some("s"))],
        ),
        (
            "removed values before added ones",
            vec![
                whole("removed", &["a.example"], None),
                whole("added", &["c.example"], Some("s")),
            ],
        ),
        (
            "a snapshot in a change",
            vec![
                whole("added", &["c.example"], None),
                whole("snapshot", &["c.example"], Some("s")),
            ],
        ),
        (
            "a sign of life in a change",
            vec![
                whole("added", &["c.example"], None),
                Event {
                    name: "alive".to_owned(),
                    ..Event::default()
                },
            ],
        ),
        ("a state without a name", vec![whole("added", &["c.example"], Some(""))]),
        (
            "a name that is none",
            vec![whole("added", &["c.example"], Some("a\u{1}"))],
        ),
        (
            "no numbers",
            vec![Event {
                name: "added".to_owned(),
                data: "{\"values\": []}".to_owned(),
                id: None,
            }],
        ),
        (
            "no JSON",
            vec![Event {
                name: "added".to_owned(),
                data: "<html>".to_owned(),
                id: None,
            }],
        ),
        ("too much", vec![whole("added", &[&"c".repeat(1001)], Some("s"))]),
        (
            "a page of something else",
            vec![whole("snapshot", &["<p>", "</p>", "x.example"], Some("s"))],
        ),
    ];
    for (what, events) in contradictions {
        assert!(follow(events).is_err(), "{what}");
    }
    let mut collector = Collector::new(IndicatorType::Domain, 1000);
    let refused = collector.add(whole("added", &["c.example"], Some("s")), None);
    assert!(matches!(refused, Err(Error::Contradiction(_))), "{refused:?}");
}

#[test]
fn a_change_in_many_small_parts_is_bounded_too() {
    let mut collector = Collector::new(IndicatorType::Domain, 1000);
    let refused = (1..100)
        .map(|part| {
            collector.add(
                event(
                    "snapshot",
                    (part, 1 << 40, 1 << 40),
                    &[&format!("{part}.example")],
                    None,
                ),
                None,
            )
        })
        .find(Result::is_err);
    assert!(
        matches!(refused, Some(Err(Error::TooLarge { limit: 1000 }))),
        "{refused:?}"
    );
}

#[test]
fn one_foreign_value_does_not_stop_the_rest_and_goes_as_it_came() {
    let added = whole("added", &["c.example", "not a domain"], Some("s2"));
    assert_eq!(
        follow(vec![added.clone()]).unwrap(),
        ["a.example", "b.example", "c.example"]
    );
    let removed = whole("removed", &["not a domain", "a.example"], Some("s3"));
    assert_eq!(follow(vec![added, removed]).unwrap(), ["b.example", "c.example"]);
}

/// cratosd sends a delta of lines: it adds the line with the new spelling and removes the one with the old spelling.
#[test]
fn a_url_in_a_new_spelling_stays_one_url() {
    let mut collector = Collector::new(IndicatorType::Url, 1000);
    let mut states: Vec<FeedState> = Vec::new();
    for event in [
        whole("snapshot", &["HTTP://a.example", "http://b.example/"], Some("s1")),
        whole("added", &["http://a.example/"], None),
        whole("removed", &["HTTP://a.example"], Some("s2")),
        whole("removed", &["http://a.example/"], Some("s3")),
    ] {
        if let Step::State(now) = collector.add(event, states.last()).unwrap() {
            states.push(now);
        }
    }
    let urls: Vec<Vec<&str>> = states.iter().map(|held| held.set.iter().collect()).collect();
    let expected = [
        vec!["HTTP://a.example", "http://b.example/"],
        vec!["http://a.example/", "http://b.example/"],
        vec!["http://b.example/"],
    ];
    assert_eq!(urls, expected);
}

proptest! {
    /// After any true changes, the state is the one that a set of the standard library has.
    #[test]
    fn the_state_is_the_sum_of_all_changes(states in proptest::collection::vec(proptest::collection::btree_set("[a-f]", 0..6), 1..8)) {
        let mut collector = Collector::new(IndicatorType::Domain, 10_000);
        let mut held: Option<FeedState> = None;
        let mut before = BTreeSet::new();
        for (index, state) in states.iter().enumerate() {
            let names = |set: Vec<&String>| set.into_iter().map(|name| format!("{name}.example")).collect::<Vec<_>>();
            let (added, removed) = (names(state.difference(&before).collect()), names(before.difference(state).collect()));
            let id = format!("s{index}");
            let refs = |names: &[String]| names.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
            let (added, removed) = (refs(&added), refs(&removed));
            let (added, removed): (Vec<&str>, Vec<&str>) = (added.split_whitespace().collect(), removed.split_whitespace().collect());
            let mut events = Vec::new();
            if held.is_none() {
                events.push(event("snapshot", (1, 1, count(added.len())), &added, None));
            } else {
                if !added.is_empty() { events.push(whole("added", &added, None)); }
                if !removed.is_empty() { events.push(whole("removed", &removed, None)); }
            }
            if let Some(last) = events.last_mut() { last.id = Some(id); }
            for event in events {
                if let Step::State(now) = collector.add(event, held.as_ref()).unwrap() { held = Some(now); }
            }
            let now: Vec<String> = held.iter().flat_map(|held| held.set.iter()).map(str::to_owned).collect();
            prop_assert_eq!(now, names(state.iter().collect()));
            before.clone_from(state);
        }
    }

    #[test]
    fn no_data_makes_the_collector_panic(name in "snapshot|added|removed|alive|x", data in "\\PC{0,60}", id in proptest::option::of("\\PC{0,4}")) {
        let _ = Collector::new(IndicatorType::Domain, 50).add(Event { name, data, id }, None);
    }
}
