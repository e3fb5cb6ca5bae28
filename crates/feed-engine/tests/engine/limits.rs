//! What gets through limits on TLP, and what may be seen of what does not.

use std::time::Duration;

use feed_classification::{FeedName, IndicatorType, Tlp};
use feed_engine::{Filter, Judge, LookupScope, Match, Query, RenderedFeed};
use misp_sim::{Attribute, Event, Moment};
use proptest::prelude::*;

use crate::support::{Bench, lines, tag, wanted};

const HOUR: u64 = 3_600;

fn event(level: &str) -> Event {
    let event = Event::new(format!("{level} event"))
        .tag(tag("block"))
        .changed(Moment::Ago(HOUR));
    if level.is_empty() {
        return event;
    }
    event.tag(format!("tlp:{level}"))
}

fn domain(name: &str) -> Attribute {
    Attribute::new("domain", format!("{name}.example.com"))
}

/// Marks on attributes, on events, on both, on neither; one value in two events; values of no use in each.
fn events() -> Vec<Event> {
    vec![
        event("")
            .attribute(domain("unmarked"))
            .attribute(domain("own-green").tag("tlp:green")),
        event("clear")
            .attribute(domain("clear"))
            .attribute(domain("own-red").tag("tlp:red"))
            .attribute(domain("twice")),
        event("green")
            .attribute(domain("green"))
            .attribute(domain("own-clear").tag("tlp:clear")),
        event("amber")
            .attribute(domain("amber"))
            .attribute(Attribute::new("domain", "*.amber.example.com")),
        event("amber+strict").attribute(domain("strict")),
        event("red")
            .attribute(domain("red"))
            .attribute(domain("twice"))
            .attribute(Attribute::new("domain", "*.red.example.com")),
        event("unheard-of").attribute(domain("unheard-of")),
    ]
}

async fn feed(bench: &Bench, max_tlp: Tlp) -> RenderedFeed {
    let request = wanted(FeedName::Block, IndicatorType::Domain).filter(Filter::NONE.with_max_tlp(max_tlp));
    bench.grow_old(1);
    bench.ask(request.max_age(Duration::ZERO)).await.unwrap()
}

/// The first parts of the names.
fn names(feed: &RenderedFeed) -> Vec<String> {
    let names = lines(feed).into_iter();
    names
        .map(|name| name.trim_end_matches(".example.com").to_owned())
        .collect()
}

#[tokio::test]
async fn a_feed_holds_values_up_to_its_tlp_limit() {
    let bench = Bench::of(events()).await;
    let clear = ["clear", "twice"];
    let green = ["clear", "green", "own-clear", "own-green", "twice"];
    let amber = ["amber", "clear", "green", "own-clear", "own-green", "twice"];
    let strict = ["amber", "clear", "green", "own-clear", "own-green", "strict", "twice"];
    for (level, expected) in [
        (Tlp::Clear, &clear[..]),
        (Tlp::Green, &green),
        (Tlp::Amber, &amber),
        (Tlp::AmberStrict, &strict),
    ] {
        assert_eq!(names(&feed(&bench, level).await), expected, "{level}");
    }
    assert_eq!(feed(&bench, Tlp::Red).await.count, 11);
}

#[tokio::test]
async fn a_value_without_a_tlp_tag_counts_as_the_site_says() {
    for (default, is_seen) in [
        ("clear", true),
        ("amber", true),
        ("amber+strict", false),
        ("red", false),
    ] {
        let bench = Bench::with_site(events(), &format!("default_tlp: {default}\n")).await;
        let names = names(&feed(&bench, Tlp::Amber).await);
        assert_eq!(names.contains(&"unmarked".to_owned()), is_seen, "{default}");
        assert!(!names.contains(&"unheard-of".to_owned()));
    }
}

#[tokio::test]
async fn another_default_is_acted_on_at_once_where_there_is_a_limit() {
    let bench = Bench::of(events()).await;
    let limited = wanted(FeedName::Block, IndicatorType::Domain).filter(Filter::NONE.with_max_tlp(Tlp::Green));
    let open = wanted(FeedName::Block, IndicatorType::Domain);
    for request in [&limited, &open] {
        bench.ask(request.clone()).await.unwrap();
    }
    let reloaded = bench.with_rules("default_tlp: green\n");
    let asked = bench.sim.count("/attributes/restSearch");
    let limited = bench.engine.feed(&reloaded, &limited).await.unwrap();
    assert!(names(&limited).contains(&"unmarked".to_owned()));
    let asked_again = bench.sim.count("/attributes/restSearch");
    assert!(asked_again > asked);
    bench.engine.feed(&reloaded, &open).await.unwrap();
    assert_eq!(bench.sim.count("/attributes/restSearch"), asked_again);
}

#[tokio::test]
async fn a_limit_that_limits_nothing_is_the_same_feed() {
    let bench = Bench::of(events()).await;
    let open = bench.ask(wanted(FeedName::Block, IndicatorType::Domain)).await.unwrap();
    let asked = bench.sim.count("/attributes/restSearch");
    let red = wanted(FeedName::Block, IndicatorType::Domain).filter(Filter::NONE.with_max_tlp(Tlp::Red));
    assert_eq!(bench.ask(red).await.unwrap().etag, open.etag);
    assert_eq!(bench.sim.count("/attributes/restSearch"), asked);
}

#[tokio::test]
async fn a_value_beyond_the_limits_is_in_no_count() {
    let bench = Bench::of(events()).await;
    for (level, dropped) in [(Tlp::Green, 0), (Tlp::Amber, 1), (Tlp::Red, 2)] {
        assert_eq!(feed(&bench, level).await.dropped, dropped, "{level}");
    }
}

#[tokio::test]
async fn a_false_positive_beyond_the_limits_removes_its_value() {
    let harmless = Event::new("harmless")
        .tag(tag("false-positive"))
        .tag("tlp:red")
        .changed(Moment::Ago(HOUR))
        .attribute(domain("green"));
    let bench = Bench::of(events().into_iter().chain([harmless])).await;
    let limited = feed(&bench, Tlp::Green).await;
    assert_eq!(names(&limited), ["clear", "own-clear", "own-green", "twice"]);
    assert_eq!(
        limited.dropped, 0,
        "the count would tell of a false positive beyond the limits"
    );
}

/// The tag of an event changes no attribute: MISP shows only the tag itself.
#[tokio::test]
async fn an_event_that_is_closed_later_goes_at_the_next_refresh() {
    let bench = Bench::of(events()).await;
    assert!(names(&feed(&bench, Tlp::Green).await).contains(&"green".to_owned()));
    bench.sim.edit(|store| {
        let event = store.find_event("green event").unwrap();
        store.tag_event(event, "tlp:red").unwrap();
    });
    // Editing unpublishes; the published attributes stay as they were, except for their tags.
    assert_eq!(names(&feed(&bench, Tlp::Green).await), ["clear", "own-green", "twice"]);
}

async fn find(bench: &Bench, max_tlp: Tlp, value: &str) -> Vec<Match> {
    let scope = LookupScope {
        feed: FeedName::Any,
        age: feed_classification::Age::Years1,
    };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE.with_max_tlp(max_tlp), bench.upstream.site());
    index.find(&Query::parse(value), &judge, 50)
}

#[tokio::test]
async fn a_look_up_finds_values_up_to_its_tlp_limit() {
    let bench = Bench::of(events()).await;
    for (name, levels) in [
        ("clear", [1, 1, 1, 1, 1]),
        ("twice", [1, 1, 1, 1, 2]),
        ("own-green", [0, 1, 1, 1, 1]),
        ("own-red", [0, 0, 0, 0, 1]),
        ("own-clear", [0, 1, 1, 1, 1]),
        ("amber", [0, 0, 1, 1, 1]),
        ("strict", [0, 0, 0, 1, 1]),
        ("unmarked", [0, 0, 0, 0, 1]),
        ("unheard-of", [0, 0, 0, 0, 1]),
        ("a.b.red", [0, 0, 0, 0, 1]),
    ] {
        for (level, matches) in Tlp::ALL.into_iter().zip(levels) {
            let found = find(&bench, level, &format!("{name}.example.com")).await;
            assert_eq!(found.len(), matches, "{name} up to {level}");
        }
    }
    let questions = bench.sim.count("/attributes/restSearch");
    assert_eq!(questions, 3, "one index for every limit");
}

#[tokio::test]
async fn an_untagged_event_stays_hidden_behind_a_tagged_attribute() {
    let event = event("")
        .tag("misp-galaxy:threat-actor=\"APT Example\"")
        .attribute(domain("own-green").tag("tlp:green"));
    let bench = Bench::of([event]).await;
    let limited = &find(&bench, Tlp::Green, "own-green.example.com").await[0].event;
    assert_eq!((limited.info.as_str(), limited.threat_actors.len()), ("", 0));
    assert_eq!(limited.tlp, Some(Tlp::Green));
    let open = &find(&bench, Tlp::Red, "own-green.example.com").await[0].event;
    assert_eq!((open.info.as_str(), open.threat_actors.len()), (" event", 1));
    assert_eq!(limited.id, open.id);
}

/// With a MISP of constant edits the last two passes make one feed, without rows that the last pass saw beyond the
/// limits.
#[tokio::test]
async fn a_row_closed_while_pages_are_read_is_not_brought_back_by_an_earlier_pass() {
    let name = |number: usize| format!("d{number:02}");
    let events = (0..10).map(|number: usize| {
        let event = Event::new(name(number))
            .tag(tag("alert"))
            .changed(Moment::Ago(24 * HOUR));
        (0..4).fold(event, |event, more| event.attribute(domain(&name(number * 4 + more))))
    });
    let bench = Bench::with_site(events, "page_size: 10\ndefault_tlp: green\n").await;
    let mut next = 0;
    bench.sim.on_request(move |request, store| {
        if request.is_search() && request.page() == 3 {
            let closed = store.find(&format!("{}.example.com", name(next))).unwrap();
            store.tag_attribute(closed, "tlp:red").unwrap();
            next += 1;
        }
    });
    let request = wanted(FeedName::Alert, IndicatorType::Domain).filter(Filter::NONE.with_max_tlp(Tlp::Green));
    let seen = names(&bench.ask(request).await.unwrap());
    // Closed after the first pass and after the second; a row closed during the third was open when it was read.
    assert_eq!(seen, (2..40).map(name).collect::<Vec<_>>());
}

/// Tags of an attribute, as places in [`MARKS`].
type Marks = Vec<usize>;

const MARKS: [&str; 7] = [
    "tlp:clear",
    "TLP:White",
    "tlp:green",
    "tlp:amber",
    "tlp:amber+strict",
    "tlp:red",
    "type:osint",
];

/// Returns how closed the tags say that something is: by the order of [`MARKS`] and nothing of ours.
fn closedness(marks: &[usize], default: usize) -> usize {
    let of = |mark: &usize| [Some(0), Some(0), Some(1), Some(2), Some(3), Some(4), None][*mark];
    marks.iter().filter_map(of).max().unwrap_or(default)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// For all tags: a narrower limit gives a subset of a wider one, and each agrees with a count by hand.
    #[test]
    fn a_narrower_limit_gives_a_part_of_a_wider_one(
        events in prop::collection::vec((
            prop::collection::vec(0..MARKS.len(), 0..3),
            prop::collection::vec((0_usize..6, prop::collection::vec(0..MARKS.len(), 0..3)), 1..4),
        ), 1..5),
        default in 0_usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(narrower_is_a_part(&events, default))?;
    }
}

async fn narrower_is_a_part(events: &[(Marks, Vec<(usize, Marks)>)], default: usize) -> Result<(), TestCaseError> {
    let tags = |marks: &Marks| marks.iter().map(|mark| MARKS[*mark]).collect::<Vec<_>>();
    let made = events.iter().enumerate().map(|(number, (of_event, attributes))| {
        let event = Event::new(format!("event {number}"))
            .tag(tag("block"))
            .changed(Moment::Ago(HOUR));
        let event = tags(of_event).into_iter().fold(event, Event::tag);
        attributes.iter().fold(event, |event, (value, own)| {
            let attribute = tags(own).into_iter().fold(domain(&format!("d{value}")), Attribute::tag);
            event.attribute(attribute)
        })
    });
    let bench = Bench::with_site(made, &format!("default_tlp: {}\n", Tlp::ALL[default])).await;
    let mut narrower: Vec<String> = Vec::new();
    for (place, level) in Tlp::ALL.into_iter().enumerate() {
        let seen = names(&feed(&bench, level).await);
        prop_assert!(
            narrower.iter().all(|name| seen.contains(name)),
            "{:?} not in {:?}",
            narrower,
            seen
        );
        let mut expected: Vec<String> = events
            .iter()
            .flat_map(|(of_event, attributes)| {
                attributes
                    .iter()
                    .map(move |(value, own)| (value, [&own[..], of_event].concat()))
            })
            .filter(|(_, marks)| level == Tlp::Red || closedness(marks, default) <= place)
            .map(|(value, _)| format!("d{value}"))
            .collect();
        expected.sort();
        expected.dedup();
        prop_assert_eq!(&seen, &expected);
        narrower = seen;
    }
    Ok(())
}

#[tokio::test]
async fn a_feed_is_logged_whose_limits_leave_nothing() {
    let bench = Bench::of([
        event("green").attribute(domain("green")),
        event("red").attribute(domain("red")),
    ])
    .await;
    for (level, count, is_logged) in [(Tlp::Green, 1, false), (Tlp::Clear, 0, true)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        let writer = std::sync::Mutex::new(file.reopen().unwrap());
        let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(writer).finish();
        let heard = tracing::subscriber::set_default(subscriber);
        assert_eq!(feed(&bench, level).await.count, count);
        drop(heard);
        let lines = std::fs::read_to_string(file.path()).unwrap();
        let found = lines.contains("every attribute is beyond the limits");
        assert_eq!(found, is_logged, "{level}: {lines}");
    }
}
