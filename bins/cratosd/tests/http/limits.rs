//! Limits to a TLP level, in a query and in a token: they apply on every route that returns indicators.

use http::Method;
use misp_sim::{Attribute, Event, Fault, Moment, Sim};
use serde_json::{Value, json};
use token_crypto::{Permission, Scope, Tlp};

use crate::support::{Answer, Ask, Daemon, Events, SITE, Setup};

const TAIL: &str = "feed/block/type/domain/age/1w";
const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

const LEVELS: [&str; 5] = ["clear", "green", "amber", "amber+strict", "red"];

/// Builds one event for each level and one without a level. Each has a name for itself, a wildcard below that name, and
/// a name that all events share.
fn sim() -> misp_sim::SimBuilder {
    let event = |level: &str| {
        let event = Event::new(format!("secret of {level}"))
            .tag("example:incident-classification=block")
            .creator("Partner Research")
            .tag(format!("misp-galaxy:threat-actor=\"Actor {level}\""))
            .changed(Moment::Ago(3_600));
        let event = if level.is_empty() {
            event
        } else {
            event.tag(format!("tlp:{level}"))
        };
        event
            .attribute(Attribute::new("domain", format!("{}.example", name(level))))
            .attribute(Attribute::new("domain", "shared.example"))
            .attribute(Attribute::new("domain", format!("*.{}.example", name(level))))
    };
    LEVELS
        .into_iter()
        .chain([""])
        .fold(Sim::builder(), |sim, level| sim.event(event(level)))
}

fn name(level: &str) -> String {
    let level = level.replace('+', "-");
    if level.is_empty() { "unmarked".to_owned() } else { level }
}

async fn daemon() -> Daemon {
    with_site("memcached_all_timeout: 1\n").await
}

async fn with_site(lines: &str) -> Daemon {
    let site = format!(
        "{}{lines}",
        SITE.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 60")
    );
    Daemon::with(Setup {
        sim: sim(),
        site,
        ..Setup::default()
    })
    .await
}

/// Returns a token with every permission, limited to a level.
fn limited(daemon: &Daemon, level: Tlp) -> String {
    let scope = Scope::new()
        .with_permissions(Permission::ALL.iter().copied())
        .with_max_tlp(level);
    daemon.seal(&daemon.claims().with_scope(scope))
}

async fn ask(daemon: &Daemon, token: &str, target: &str) -> Answer {
    daemon.send(Ask::get(target).header("token", token)).await
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let lines = answer.text().split("\r\n").filter(|line| !line.is_empty());
    let mut names: Vec<String> = lines.map(|line| line.trim_end_matches(".example").to_owned()).collect();
    names.sort();
    names
}

/// Returns the names in a feed up to this level; an attribute without a TLP tag counts as red.
fn up_to(level: Tlp) -> Vec<String> {
    let place = Tlp::ALL.iter().position(|known| *known == level).unwrap();
    let mut names: Vec<String> = LEVELS[..=place].iter().map(|level| name(level)).collect();
    names.push("shared".to_owned());
    if level == Tlp::Red {
        names.push("unmarked".to_owned());
    }
    names.sort();
    names
}

fn organisation() -> String {
    format!("/v1/uuid/{}/type/domain/age/1w/output/txt", Sim::PARTNER)
}

/// Returns the query part of a URL.
fn query(level: Tlp) -> String {
    format!("max_tlp={level}")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_narrows_a_token_and_never_widens_it() {
    let daemon = daemon().await;
    for of_token in Tlp::ALL {
        let token = limited(&daemon, of_token);
        assert_eq!(names(&ask(&daemon, &token, FEED).await), up_to(of_token));
        for of_query in Tlp::ALL {
            let answer = ask(&daemon, &token, &format!("{FEED}?{}", query(of_query))).await;
            let level = of_token.min(of_query);
            assert_eq!(
                names(&answer),
                up_to(level),
                "a token up to {of_token}, asking for {of_query}"
            );
            if level == Tlp::Red {
                assert!(!answer.headers.contains_key("x-feed-limits"));
            } else {
                assert_eq!(answer.header("x-feed-limits"), query(level));
            }
        }
    }
}

/// Of two limits the last one counts, and no spelling gets around the limit of the token.
#[tokio::test(flavor = "multi_thread")]
async fn no_spelling_of_a_query_gets_around_a_token() {
    let daemon = daemon().await;
    let token = limited(&daemon, Tlp::Green);
    let allowed = up_to(Tlp::Green);
    for query in [
        "max_tlp=red",
        "max_tlp=RED",
        "max_tlp=clear&max_tlp=red",
        "max_tlp=amber+strict",
        "max%5Ftlp=red",
        "Max_Tlp=red",
        "max_tlp[]=red",
        "default_tlp=clear",
        "cache=60&max_tlp=red",
    ] {
        let seen = names(&ask(&daemon, &token, &format!("{FEED}?{query}")).await);
        assert!(seen.iter().all(|name| allowed.contains(name)), "{query}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_level_is_refused_on_every_route() {
    let daemon = daemon().await;
    let token = limited(&daemon, Tlp::Red);
    for target in [
        FEED,
        &organisation(),
        "/v1/vendor/paloalto/feed/block/type/domain/age/1w",
        "/v1/stream/feed/block/type/domain/age/1w",
        "/v1/changes/feed/block/type/domain/age/1w",
        "/v1/lookup/red.example",
    ] {
        for wrong in ["", "orange", "tlp:red"] {
            let answer = ask(&daemon, &token, &format!("{target}?max_tlp={wrong}")).await;
            assert_eq!(answer.status, 422, "{target} {wrong}");
            assert_eq!(answer.detail()[0]["loc"], json!(["query", "max_tlp"]));
        }
    }
    let path = FEED.replace("/1w/", "/8w/");
    let both = ask(&daemon, &token, &format!("{path}?max_tlp=x")).await.detail();
    assert_eq!(both.as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_feed_has_the_limit() {
    let daemon = daemon().await;
    let token = limited(&daemon, Tlp::Amber);
    let vendor = "/v1/vendor/paloalto/feed/block/type/domain/age/1w";
    for target in [FEED, &organisation(), vendor] {
        assert_eq!(
            names(&ask(&daemon, &token, target).await),
            up_to(Tlp::Amber),
            "{target}"
        );
        let green = ask(&daemon, &token, &format!("{target}?max_tlp=green")).await;
        assert_eq!(names(&green), up_to(Tlp::Green), "{target}");
    }
    let json = ask(&daemon, &token, &FEED.replace("/txt", "/json")).await;
    assert_eq!(json.json().as_array().unwrap().len(), 4);
}

/// A wildcard is dropped, since it is not a value; only tokens that may read it see it counted.
#[tokio::test(flavor = "multi_thread")]
async fn counts_do_not_reveal_values_beyond_the_limit() {
    let daemon = daemon().await;
    for (place, level) in Tlp::ALL.into_iter().enumerate() {
        let answer = ask(&daemon, &limited(&daemon, level), FEED).await;
        let count = up_to(level).len();
        assert_eq!(answer.header("x-feed-count"), count.to_string());
        // One for each level, and one for the event without a level.
        let dropped = place + 1 + usize::from(level == Tlp::Red);
        assert_eq!(answer.header("x-feed-dropped"), dropped.to_string(), "{level}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_untagged_attribute_has_the_level_of_the_site() {
    let daemon = with_site("default_tlp: green\n").await;
    let token = limited(&daemon, Tlp::Green);
    assert!(names(&ask(&daemon, &token, FEED).await).contains(&"unmarked".to_owned()));
    daemon.rewrite_site(&format!("{SITE}default_tlp: amber+strict\n"));
    assert_eq!(names(&ask(&daemon, &token, FEED).await), up_to(Tlp::Green));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_and_its_changes_have_the_limit() {
    let daemon = daemon().await;
    let (open, closed) = (limited(&daemon, Tlp::Red), limited(&daemon, Tlp::Green));
    let stream = format!("/v1/stream/{TAIL}");
    let mut listeners = [
        Events::open(daemon.addr, &stream, &closed, None).await,
        Events::open(daemon.addr, &format!("{stream}?max_tlp=green"), &open, None).await,
        Events::open(daemon.addr, &format!("{stream}?max_tlp=red"), &closed, None).await,
    ];
    let expected: Vec<String> = up_to(Tlp::Green).iter().map(|name| format!("{name}.example")).collect();
    for listener in &mut listeners {
        assert!(
            listener.head.contains("x-feed-limits: max_tlp=green"),
            "{}",
            listener.head
        );
        assert_eq!(listener.next().await.unwrap().values(), expected);
    }
    // The listener gets the new value within the limit and hears nothing of the one beyond it.
    daemon.sim.edit(|store| {
        for level in ["red", "green"] {
            let name = format!("new-{level}.example");
            let event = Event::new("new")
                .tag("example:incident-classification=block")
                .tag(format!("tlp:{level}"))
                .changed(Moment::Ago(60));
            store.add_event(event.attribute(Attribute::new("domain", name)));
        }
    });
    for listener in &mut listeners {
        let mut told = listener.next().await.unwrap();
        while told.name == "alive" {
            told = listener.next().await.unwrap();
        }
        assert_eq!(
            (told.name.as_str(), told.values()),
            ("added", vec!["new-green.example"])
        );
    }
}

/// A state identifies the contents of a feed: the state of a feed with another limit counts as unknown.
#[tokio::test(flavor = "multi_thread")]
async fn no_difference_leads_from_a_feed_with_other_limits() {
    let daemon = daemon().await;
    let (open, closed) = (limited(&daemon, Tlp::Red), limited(&daemon, Tlp::Green));
    let changes = format!("/v1/changes/{TAIL}");
    let all = ask(&daemon, &open, &changes).await.json();
    assert_eq!(all["added"].as_array().unwrap().len(), 7);
    let since = format!("{changes}?since={}", all["etag"].as_str().unwrap());
    let answer = ask(&daemon, &closed, &since).await;
    assert_eq!(answer.header("x-feed-limits"), "max_tlp=green");
    let told = answer.json();
    assert_eq!((&told["complete"], &told["removed"]), (&json!(true), &json!([])));
    assert_eq!(told["added"].as_array().unwrap().len(), 3);
}

async fn look_up(daemon: &Daemon, token: &str, target: &str) -> Value {
    let answer = ask(daemon, token, target).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The answer equals that for an unknown value, except for the value itself.
#[tokio::test(flavor = "multi_thread")]
async fn values_beyond_the_limit_are_looked_up_like_unknown_values() {
    let daemon = daemon().await;
    let (open, closed) = (limited(&daemon, Tlp::Red), limited(&daemon, Tlp::Green));
    for hidden in ["amber.example", "red.example", "unmarked.example", "www.red.example"] {
        assert_eq!(
            look_up(&daemon, &open, &format!("/v1/lookup/{hidden}")).await["found"],
            true
        );
        for (token, query) in [(&closed, ""), (&closed, "max_tlp=red"), (&open, "max_tlp=green")] {
            let ask = |value: &str| {
                [
                    format!("/v1/lookup/{value}?{query}"),
                    format!("/v1/lookup?value={value}&{query}"),
                ]
            };
            for (hidden, unknown) in ask(hidden).into_iter().zip(ask("nobody-knows.example")) {
                let mut hidden = look_up(&daemon, token, &hidden).await;
                let mut unknown = look_up(&daemon, token, &unknown).await;
                for name in ["value", "looked_up"] {
                    (hidden[name], unknown[name]) = (json!(""), json!(""));
                }
                assert_eq!(hidden, unknown);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_in_several_events_is_found_in_those_within_the_limit() {
    let daemon = daemon().await;
    for (place, level) in Tlp::ALL.into_iter().enumerate() {
        let told = look_up(&daemon, &limited(&daemon, level), "/v1/lookup/shared.example").await;
        let events = place + 1 + usize::from(level == Tlp::Red);
        assert_eq!(told["count"], events, "{level}");
        assert_eq!(told["matches"].as_array().unwrap().len(), events);
        let text = told.to_string();
        for beyond in &LEVELS[place + 1..] {
            for part in [
                format!("\"{beyond}\""),
                format!("secret of {beyond}\""),
                format!("Actor {beyond}\""),
            ] {
                assert!(!text.contains(&part), "{part} in {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_values_are_looked_up_within_the_limit_too() {
    let daemon = daemon().await;
    let (open, closed) = (limited(&daemon, Tlp::Red), limited(&daemon, Tlp::Green));
    let values = ["green.example", "amber.example", "red.example"];
    for (token, query, body, found) in [
        (&open, "", json!({ "values": values }), [true, true, true]),
        (&closed, "", json!({ "values": values }), [true, false, false]),
        (
            &closed,
            "",
            json!({ "values": values, "max_tlp": "red" }),
            [true, false, false],
        ),
        (
            &open,
            "",
            json!({ "values": values, "max_tlp": "amber" }),
            [true, true, false],
        ),
        (
            &open,
            "?max_tlp=green",
            json!({ "values": values }),
            [true, false, false],
        ),
        (
            &closed,
            "?max_tlp=clear",
            json!({ "values": values }),
            [false, false, false],
        ),
    ] {
        let ask = Ask::new(Method::POST, &format!("/v1/lookup{query}"))
            .header("token", token)
            .body(body.to_string());
        let answer = daemon.send(ask).await.json();
        let told: Vec<&Value> = answer["results"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| &one["found"])
            .collect();
        assert_eq!(json!(told), json!(found), "{query} {body}");
    }
    for wrong in [json!(""), json!("x"), json!(3)] {
        let body = json!({ "values": values, "max_tlp": wrong });
        let ask = Ask::new(Method::POST, "/v1/lookup")
            .header("token", &open)
            .body(body.to_string());
        let answer = daemon.send(ask).await;
        assert_eq!(answer.status, 422, "{body}");
        assert_eq!(answer.detail()[0]["loc"], json!(["body", "max_tlp"]));
    }
}

/// MISP's statistics also count events that the token may not see.
#[tokio::test(flavor = "multi_thread")]
async fn answers_about_the_whole_site_are_closed_to_limited_tokens() {
    let daemon = daemon().await;
    for (target, open_status) in [("/v1/statistics", 200), ("/v1/warninglist/id/0/output/json", 200)] {
        assert_eq!(
            ask(&daemon, &limited(&daemon, Tlp::Red), target).await.status,
            open_status
        );
        let answer = ask(&daemon, &limited(&daemon, Tlp::AmberStrict), target).await;
        assert_eq!(answer.status, 403, "{target}");
    }
    // These answers contain no indicators.
    for target in ["/v1/check", "/v1/feedmapping"] {
        assert_eq!(ask(&daemon, &limited(&daemon, Tlp::Clear), target).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_feed_is_cleared_by_its_limit() {
    let daemon = with_site("").await;
    let token = limited(&daemon, Tlp::Red);
    let limited_feed = format!("{FEED}?max_tlp=green");
    for target in [FEED, &limited_feed] {
        ask(&daemon, &token, target).await;
    }
    let clear = format!("/v1/clear_cache/{TAIL}/output/txt?max_tlp=green");
    let cleared = daemon
        .send(Ask::new(Method::DELETE, &clear).header("token", &token))
        .await;
    assert_eq!(cleared.status, 200);
    assert_eq!(ask(&daemon, &token, &limited_feed).await.header("x-cache"), "MISS");
    assert_eq!(ask(&daemon, &token, FEED).await.header("x-cache"), "HIT");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_distinguish_limited_feeds() {
    let daemon = with_site("").await;
    let token = limited(&daemon, Tlp::Red);
    for target in [FEED, &format!("{FEED}?max_tlp=green")] {
        ask(&daemon, &token, target).await;
    }
    let page = daemon.send(Ask::get("/metrics")).await;
    let series = |limits: &str| {
        format!("cratos_feed_values{{site=\"127.0.0.1\",feed=\"block\",type=\"domain\",age=\"1w\"{limits}}}")
    };
    for (limits, count) in [("", 7), (",limits=\"max_tlp=green\"", 3)] {
        let line = format!("{} {count}", series(limits));
        assert!(
            page.text().lines().any(|known| known.starts_with(&line)),
            "{line} in {}",
            page.text()
        );
    }
}

/// Without this, a listener would still get values that the site has closed since.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_when_the_site_closes_untagged_values() {
    let daemon = with_site("memcached_all_timeout: 1\ndefault_tlp: green\n").await;
    let token = limited(&daemon, Tlp::Green);
    let stream = format!("/v1/stream/{TAIL}");
    let mut listener = Events::open(daemon.addr, &stream, &token, None).await;
    assert_eq!(listener.next().await.unwrap().values().len(), 4);
    daemon.rewrite_site(&format!("{SITE}memcached_all_timeout: 1\ndefault_tlp: red\n"));
    daemon.sim.edit(|store| {
        let event = Event::new("new")
            .tag("example:incident-classification=block")
            .changed(Moment::Ago(60));
        store.add_event(event.attribute(Attribute::new("domain", "new-unmarked.example")))
    });
    while let Some(told) = listener.next().await {
        assert_eq!(told.name, "alive", "{told:?}");
    }
    let mut again = Events::open(daemon.addr, &stream, &token, None).await;
    assert_eq!(again.next().await.unwrap().values().len(), 3);
}

/// The number of rows that MISP sent would reveal how many exist, red ones included.
#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_answer_shows_limited_tokens_no_numbers() {
    let daemon = daemon().await;
    daemon.sim.set_fault(Fault::EverythingUnfiltered);
    let targets = [
        FEED.replace("/domain/", "/url/"),
        format!("/v1/changes/{TAIL}").replace("/domain/", "/url/"),
        format!("/v1/stream/{TAIL}").replace("/domain/", "/url/"),
        "/v1/lookup/red.example?feed=hunt".to_owned(),
    ];
    for target in &targets {
        let told = ask(&daemon, &limited(&daemon, Tlp::Red), target).await;
        assert_eq!(told.status, 503, "{target}");
        assert!(told.text().contains(" rows in MISP's answer"), "{}", told.text());
        let told = ask(&daemon, &limited(&daemon, Tlp::Amber), target).await;
        assert_eq!(told.status, 503, "{target}");
        assert_eq!(
            told.detail(),
            "MISP's answer cannot be used; the log of the daemon says why."
        );
    }
}
