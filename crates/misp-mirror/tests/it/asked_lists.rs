//! Warninglists that cannot be judged here: MISP is asked about them.

use std::collections::BTreeMap;
use std::time::Duration;

use misp_mirror::{Batch, Change};
use misp_sim::{Attribute, Fault, LoggedRequest, SimBuilder, Warninglist, WarninglistKind};

use crate::site::{Log, POLL, Site, empty_store, event, sim};

/// Rust has no look around, so MISP has to judge by it. It names every domain but those that begin with `keep`.
const ONLY_PHP: &str = r"/^(?!keep)[a-z0-9-]+\.example\.com$/";

/// Whether a row is marked, by its value.
type Marked = BTreeMap<String, bool>;

fn list() -> Warninglist {
    Warninglist::new(
        "only PHP",
        WarninglistKind::Regex,
        &["domain"],
        &[ONLY_PHP, r"/^keep-me\./"],
    )
}

fn three(sim: SimBuilder) -> SimBuilder {
    let without_to_ids = Attribute::new("domain", "off.example.com").to_ids(false);
    let url = Attribute::new("url", "http://one.example.com/");
    sim.event(event("one").attribute(without_to_ids).attribute(url))
        .event(event("keep"))
        .event(event("keep-me"))
        .warninglist(list())
}

/// The marks that MISP gives: its feeds leave these values out.
fn marks_there(site: &Site) -> Marked {
    site.sim.with_store(|store| {
        let rows = store.events().flat_map(|event| event.attributes().collect::<Vec<_>>());
        rows.map(|row| {
            (
                row.value().to_owned(),
                store.is_on_a_warninglist(row.kind(), row.value()),
            )
        })
        .collect()
    })
}

fn take(marked: &mut Marked, batch: &Batch) {
    for change in &batch.changes {
        if let Change::Replaced { record, warned, .. } = change {
            let rows = record.current.rows.iter().zip(warned);
            marked.extend(rows.map(|(row, warned)| (row.value.clone(), *warned)));
        }
    }
}

/// Takes batches up to the first one of a complete copy.
async fn until_complete(site: &mut Site, marked: &mut Marked) {
    loop {
        let batch = site.next().await;
        take(marked, &batch);
        if batch.is_complete {
            return;
        }
    }
}

/// Lets the time of one poll pass, and takes what that look brings.
async fn look(site: &mut Site, marked: &mut Marked) {
    site.wait(POLL);
    let now = site.sim.clock().now();
    loop {
        let batch = site.next().await;
        take(marked, &batch);
        if batch.as_of.is_some_and(|as_of| as_of.as_second() >= now) {
            return;
        }
    }
}

async fn loaded(with: fn(SimBuilder) -> SimBuilder) -> (Site, Marked) {
    let mut site = Site::start(sim(with), empty_store(), |mirror| mirror);
    let mut marked = Marked::new();
    until_complete(&mut site, &mut marked).await;
    (site, marked)
}

/// Whether MISP was asked for the lists of rows, or for rows on no list.
fn is_about_lists(request: &&LoggedRequest) -> bool {
    let body = request.body.as_ref();
    body.is_some_and(|body| body.get("includeWarninglistHits").is_some() || body["enforceWarninglist"] == 1)
}

/// Returns the log of a mirror that loads a MISP with this list.
async fn log_of_a_load(list: Warninglist) -> String {
    let log = Log::begin();
    let mut site = Site::load_with(sim(|sim| sim.event(event("one")).warninglist(list)), |mirror| mirror).await;
    site.look().await;
    log.end()
}

#[tokio::test]
async fn an_operator_hears_of_lists_that_misp_has_to_judge_and_of_no_others() {
    let asked = log_of_a_load(list()).await;
    assert!(asked.contains("MISP is asked about their values: only PHP"), "{asked}");
    let plain = Warninglist::new("plain", WarninglistKind::Hostname, &["domain"], &["example.org"]);
    let judged = log_of_a_load(plain).await;
    assert!(judged.contains("the mirror has read MISP's warninglists"), "{judged}");
    assert!(!judged.contains("MISP is asked"), "{judged}");
}

#[tokio::test]
async fn expression_that_only_php_takes_marks_what_misp_says() {
    let (mut site, marked) = loaded(three).await;
    let there = marks_there(&site);
    assert_eq!(marked, there);
    let of = |value: &str| there[value];
    assert!(of("one.example.com") && of("off.example.com") && of("keep-me.example.com"));
    assert!(!of("keep.example.com") && !of("http://one.example.com/"));

    let one = site.mirror.record(site.event("one")).unwrap();
    assert_eq!(site.mirror.warninglists_of(&one.current.rows[0]), ["only PHP"]);
    let url = one.current.rows.iter().find(|row| &*row.kind == "url").unwrap();
    assert!(site.mirror.warninglists_of(url).is_empty());

    site.sim.set_fault(Fault::Status(500));
    site.restart();
    let mut stored = Marked::new();
    until_complete(&mut site, &mut stored).await;
    assert_eq!(stored, there, "the marks lie in the store");
}

#[tokio::test]
async fn rows_without_to_ids_are_marked_whether_misp_warns_of_them_or_not() {
    for warns_of_all in [false, true] {
        let mut site = Site::start(sim(three), empty_store(), |mirror| mirror);
        site.sim.edit(|store| store.set_warning_for_all(warns_of_all));
        let mut marked = Marked::new();
        until_complete(&mut site, &mut marked).await;
        assert_eq!(marked, marks_there(&site), "warning_for_all {warns_of_all}");
    }
}

#[tokio::test]
async fn row_that_arrives_is_never_reported_before_misp_was_asked_about_it() {
    let (mut site, mut marked) = loaded(three).await;
    let keep = site.event("keep");
    site.sim.edit(|store| {
        store
            .add_attribute(keep, Attribute::new("domain", "new.example.com"))
            .unwrap();
        store.publish(keep).unwrap();
    });
    // The rows arrive, and then MISP fails.
    site.sim
        .set_fault(Fault::Status(500).on("/attributes/restSearch").after(1).times(1));
    look(&mut site, &mut marked).await;
    assert!(!marked.contains_key("new.example.com"), "{marked:?}");
    assert_eq!(site.mirror.status().troubled_events, 1);
    for _ in 0..3 {
        look(&mut site, &mut marked).await;
    }
    assert_eq!(marked.get("new.example.com"), Some(&true));
    assert_eq!(site.mirror.status().troubled_events, 0);
    assert_eq!(marked, marks_there(&site));
}

const EVENTS: usize = 1_500;

#[tokio::test]
async fn list_that_is_switched_on_is_asked_about_in_a_few_questions_each_look() {
    fn many(mut sim: SimBuilder) -> SimBuilder {
        for number in 0..EVENTS {
            sim = sim.event(event(&format!("event-{number}")));
        }
        let mut list = list();
        list.enabled = false;
        sim.warninglist(list)
    }
    // The slow round asks about lists too.
    let mut site = Site::start(sim(many), empty_store(), |mirror| mirror.round(Duration::MAX));
    let mut marked = Marked::new();
    until_complete(&mut site, &mut marked).await;
    assert!(marked.values().all(|is_marked| !is_marked));
    site.sim.edit(|store| store.enable_warninglist(1, true));
    let mut looks = 0;
    while marked != marks_there(&site) {
        site.sim.clear_requests();
        look(&mut site, &mut marked).await;
        let requests = site.sim.requests();
        let asked = requests.iter().filter(is_about_lists).count();
        assert!(asked <= 4, "{asked}");
        looks += 1;
        assert!(
            looks < 40,
            "{:?}",
            marked.values().filter(|is_marked| **is_marked).count()
        );
    }
    site.sim.clear_requests();
    for _ in 0..3 {
        look(&mut site, &mut marked).await;
    }
    let asked: Vec<_> = site
        .sim
        .requests()
        .into_iter()
        .filter(|request| is_about_lists(&request))
        .collect();
    assert!(asked.is_empty(), "{asked:?}");
    // Another version, of which the expression is judged here in part only.
    site.sim
        .edit(|store| store.set_warninglist_entries(1, &[r"/^(?!event-1)event/"]));
    for _ in 0..30 {
        look(&mut site, &mut marked).await;
    }
    assert_eq!(marked, marks_there(&site));
}

#[tokio::test]
async fn last_published_value_that_misp_does_not_have_any_more_is_asked_about_by_itself() {
    let (mut site, mut marked) = loaded(three).await;
    let (keep, row) = (site.event("keep"), site.attribute("keep.example.com"));
    site.sim
        .edit(|store| store.set_value(row, "keep2.example.com"))
        .unwrap();
    look(&mut site, &mut marked).await;
    assert_eq!(site.published(keep), ["keep.example.com"]);
    // The former value is on the list now, and the present one is not.
    site.sim
        .edit(|store| store.set_warninglist_entries(1, &[r"/^keep(?!2)/"]));
    let mut published = Vec::new();
    for _ in 0..30 {
        site.wait(POLL);
        let now = site.sim.clock().now();
        loop {
            let batch = site.next().await;
            take(&mut marked, &batch);
            published.extend(batch.changes.iter().filter_map(|change| match change {
                Change::Replaced {
                    record,
                    warned_published,
                    ..
                } if record.current.event.id == keep => Some(warned_published.clone()),
                _ => None,
            }));
            if batch.as_of.is_some_and(|as_of| as_of.as_second() >= now) {
                break;
            }
        }
    }
    assert_eq!(published.last(), Some(&vec![true]), "{published:?}");
    assert_eq!(marked.get("keep2.example.com"), Some(&false));
}

#[tokio::test]
async fn asking_goes_on_after_a_restart_and_around_an_event_that_misp_cannot_show() {
    let (mut site, mut marked) = loaded(three).await;
    site.sim
        .edit(|store| store.set_warninglist_entries(1, &[r"/^(?!one)/"]));
    // The first group fails, then each event by itself but the last two.
    site.sim
        .set_fault(Fault::Status(500).on("/attributes/restSearch").times(2));
    for _ in 0..21 {
        look(&mut site, &mut marked).await;
    }
    site.restart();
    let mut after = Marked::new();
    until_complete(&mut site, &mut after).await;
    for _ in 0..5 {
        look(&mut site, &mut after).await;
    }
    assert_eq!(after, marks_there(&site));
}

#[tokio::test]
async fn list_by_which_misp_judges_otherwise_counts_as_misp_says() {
    fn with_names(sim: SimBuilder) -> SimBuilder {
        let names = ["one.example.com", "two.example.com"];
        sim.event(event("one"))
            .event(event("two"))
            .event(event("three"))
            .warninglist(Warninglist::new(
                "names",
                WarninglistKind::Hostname,
                &["domain"],
                &names,
            ))
    }
    let hour = Duration::from_secs(3_600);
    let mut site = Site::start(sim(with_names), empty_store(), |mirror| {
        mirror.round(Duration::from_secs(600))
    });
    let mut marked = Marked::new();
    until_complete(&mut site, &mut marked).await;
    assert_eq!(marked, marks_there(&site));
    for _ in 0..60 {
        look(&mut site, &mut marked).await;
    }
    assert_eq!(site.mirror.status().repaired, 0, "MISP agrees");

    site.sim.edit(|store| {
        store.set_warninglist_exception(1, "one.example.com", false);
        store.set_warninglist_exception(1, "three.example.com", true);
    });
    let mut looks = 0;
    while marked != marks_there(&site) {
        look(&mut site, &mut marked).await;
        looks += 1;
        assert!(looks < 120, "{marked:?}");
    }
    assert_eq!(site.mirror.status().repaired, 1, "one list");
    let is_marked = |value: &str| marked[value];
    assert!(!is_marked("one.example.com") && is_marked("two.example.com") && is_marked("three.example.com"));

    site.restart();
    site.wait(hour);
    let mut after = Marked::new();
    until_complete(&mut site, &mut after).await;
    look(&mut site, &mut after).await;
    assert_eq!(after, marks_there(&site), "remembered over a restart");
}

#[tokio::test]
async fn after_a_failure_misp_is_asked_about_half_as_many_events() {
    fn four(mut sim: SimBuilder) -> SimBuilder {
        for name in ["one", "two", "three", "four"] {
            sim = sim.event(event(name));
        }
        let mut list = list();
        list.enabled = false;
        sim.warninglist(list)
    }
    // The slow round asks about lists too.
    let mut site = Site::start(sim(four), empty_store(), |mirror| mirror.round(Duration::MAX));
    let mut marked = Marked::new();
    until_complete(&mut site, &mut marked).await;
    site.sim.edit(|store| store.enable_warninglist(1, true));
    site.sim
        .set_fault(Fault::Status(500).on("/attributes/restSearch").times(1));
    site.sim.clear_requests();
    let mut looks = 0;
    while marked != marks_there(&site) {
        look(&mut site, &mut marked).await;
        looks += 1;
        assert!(looks < 40, "{marked:?}");
    }
    let requests = site.sim.requests();
    let bodies = requests
        .iter()
        .filter(is_about_lists)
        .filter_map(|request| request.body.as_ref());
    let events: Vec<usize> = bodies
        .map(|body| body["eventid"].as_array().map_or(1, Vec::len))
        .collect();
    assert_eq!(events, [4, 2, 2]);
}

#[tokio::test]
async fn key_that_misp_refuses_at_a_question_about_lists_makes_the_look_fail() {
    let (mut site, _) = loaded(three).await;
    site.sim
        .edit(|store| store.set_warninglist_entries(1, &[r"/^(?!one)/"]));
    site.sim.set_fault(Fault::Status(401).on("/attributes/restSearch"));
    // The lists are compared within an interval.
    site.wait(POLL * 20);
    site.look_fails().await;
}
