//! Looking single values up.

use std::time::Duration;

use feed_classification::{Age, FeedName, IndicatorType, Tlp};
use feed_engine::{ChangeHint, Filter, Judge, LookupScope, Match, Query, Relation};
use misp_sim::{Attribute, Event, Moment};

use crate::scripted_source::{Stage, pass};
use crate::support::{Bench, tag};

fn event(values: &[(&str, &str)]) -> Event {
    let event = Event::new("a campaign").tag(tag("block")).changed(Moment::Ago(3_600));
    values.iter().fold(event, |event, (kind, value)| {
        event.attribute(Attribute::new(*kind, *value))
    })
}

async fn find_in(bench: &Bench, feed: FeedName, value: &str) -> Vec<Match> {
    let scope = LookupScope { feed, age: Age::Years1 };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    index.find(&Query::parse(value), &judge, 50)
}

async fn find(bench: &Bench, value: &str) -> Vec<Match> {
    find_in(bench, FeedName::Any, value).await
}

#[tokio::test]
async fn every_type_is_found_in_any_spelling() {
    let bench = Bench::of([event(&[
        ("ip-dst|port", "192.0.2.1|443"),
        ("ip-src", "2001:db8::1"),
        ("domain", "evil.example"),
        ("hostname|port", "www.other.example|80"),
        ("url", "http://example.com/A?b=c"),
        (
            "filename|sha256",
            "x.exe|e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ),
        ("md5", "d41d8cd98f00b204e9800998ecf8427e"),
        ("email-src", "user@example.com"),
        ("vulnerability", "CVE-2026-12345"),
    ])])
    .await;
    for (asked, kind) in [
        ("192.0.2.1", IndicatorType::Ipv4),
        ("2001:DB8:0:0::1", IndicatorType::Ipv6),
        ("EVIL.example.", IndicatorType::Domain),
        ("www.other.example", IndicatorType::Hostname),
        ("http://example.com/A?b=c", IndicatorType::Url),
        (
            "E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855",
            IndicatorType::FileSha256,
        ),
        ("d41d8cd98f00b204e9800998ecf8427e", IndicatorType::FileMd5),
        ("User@EXAMPLE.com", IndicatorType::EmailAddress),
        ("cve-2026-12345", IndicatorType::Vulnerability),
    ] {
        let found = find(&bench, asked).await;
        assert_eq!(found.len(), 1, "{asked}: {found:?}");
        assert_eq!((found[0].kind, found[0].relation), (kind, Relation::Exact), "{asked}");
    }
    for miss in [
        "192.0.2.2",
        "example",
        "evil2.example",
        "http://example.com/a?b=c",
        "CVE-2026-1234",
        "nonsense",
        "",
    ] {
        assert_eq!(find(&bench, miss).await, [], "{miss}");
    }
    // One index for all of them, asked for once: its rows, and the two questions for false positives.
    assert_eq!(bench.sim.count("/attributes/restSearch"), 3);
}

#[tokio::test]
async fn an_address_is_found_in_a_listed_network_and_a_name_below_a_listed_one() {
    let bench = Bench::of([event(&[
        ("ip-dst", "198.51.100.0/24"),
        ("ip-dst", "198.51.0.0/16"),
        ("ip-dst", "2001:db8::/32"),
        ("domain", "evil.example"),
        ("url", "evil2.example"),
    ])])
    .await;
    let found = find(&bench, "198.51.100.9").await;
    let listed: Vec<&str> = found.iter().map(|found| found.value.as_str()).collect();
    assert_eq!(listed, ["198.51.100.0/24", "198.51.0.0/16"]);
    assert!(
        found
            .iter()
            .all(|found| found.relation == Relation::Network && found.kind == IndicatorType::Cidr4)
    );
    assert_eq!(find(&bench, "2001:db8::7").await[0].kind, IndicatorType::Cidr6);
    let below = find(&bench, "a.b.evil.example").await;
    assert_eq!(
        (below[0].value.as_str(), below[0].relation),
        ("evil.example", Relation::Parent)
    );
    assert_eq!(find(&bench, "notevil.example").await, []);
    // A value of another type does not count as a parent domain.
    assert_eq!(find(&bench, "a.evil2.example").await, []);
}

/// Looks a value up and returns the listed values with their relation.
async fn ask(bench: &Bench, value: &str) -> Vec<(String, Relation)> {
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Years1,
    };
    let (index, _) = bench.engine.lookup_index(&bench.upstream, scope).await.unwrap();
    let judge = Judge::new(Filter::NONE, bench.upstream.site());
    let found = index.find(&Query::asking(value), &judge, 50);
    found.into_iter().map(|found| (found.value, found.relation)).collect()
}

#[tokio::test]
async fn a_url_and_an_email_address_are_found_by_their_host() {
    let bench = Bench::of([event(&[
        ("domain", "evil.example"),
        ("url", "http://evil.example/x"),
        ("hostname", "www.other.example"),
        ("ip-dst", "192.0.2.1"),
        ("ip-dst", "198.51.100.0/24"),
        ("ip-dst", "2001:db8::7"),
        ("filename", "file.example"),
    ])])
    .await;
    use Relation::{Exact, Host, Network, Parent};
    for (asked, expected) in [
        (
            "http://evil.example/x",
            &[("http://evil.example/x", Exact), ("evil.example", Host)] as &[_],
        ),
        ("https://EVIL.example.:8443/other", &[("evil.example", Host)]),
        ("http://a.b.evil.example/", &[("evil.example", Parent)]),
        ("user@evil.example", &[("evil.example", Host)]),
        ("user@mail.evil.example", &[("evil.example", Parent)]),
        ("www.other.example:443", &[("www.other.example", Host)]),
        ("192.0.2.1:8080", &[("192.0.2.1", Host)]),
        ("http://198.51.100.9/x", &[("198.51.100.0/24", Network)]),
        ("http://[2001:DB8:0::7]/x", &[("2001:db8::7", Host)]),
        ("evil.example", &[("evil.example", Exact)]),
        ("http://notevil.example/", &[]),
        // A value of another type does not count as a host.
        ("http://file.example/", &[]),
        // A network is not taken for a URL with a path.
        ("192.0.2.1/28", &[]),
    ] {
        let found = ask(&bench, asked).await;
        let found: Vec<(&str, Relation)> = found
            .iter()
            .map(|(value, relation)| (value.as_str(), *relation))
            .collect();
        assert_eq!(found, expected, "{asked}");
    }
}

#[tokio::test]
async fn a_defanged_value_is_found_when_it_is_asked_for() {
    let bench = Bench::of([event(&[
        ("domain", "evil.example"),
        ("ip-dst", "192.0.2.1"),
        ("email-src", "user@bad.example"),
        ("filename", "odd[.]name"),
    ])])
    .await;
    for (asked, listed, relation) in [
        ("evil[.]example", "evil.example", Relation::Exact),
        ("hxxps[:]//www(.)evil[.]example/x", "evil.example", Relation::Parent),
        ("192.0.2[.]1", "192.0.2.1", Relation::Exact),
        ("user[at]bad[.]example", "user@bad.example", Relation::Exact),
        // A value listed in this very form is found too.
        ("odd[.]name", "odd[.]name", Relation::Exact),
    ] {
        assert_eq!(ask(&bench, asked).await, [(listed.to_owned(), relation)], "{asked}");
    }
    assert_eq!(find(&bench, "evil[.]example").await, []);
}

#[tokio::test]
async fn texts_are_found_as_they_are_listed() {
    let bench = Bench::of([event(&[
        ("user-agent", "Evil/1.0 (x; y)"),
        ("mutex", "198.51.100.0/24"),
        ("malware-sample", "Evil Name.exe|d41d8cd98f00b204e9800998ecf8427e"),
    ])])
    .await;
    for (asked, kind) in [
        ("Evil/1.0 (x; y)", IndicatorType::UserAgent),
        ("Evil Name.exe", IndicatorType::Filename),
        ("D41D8CD98F00B204E9800998ECF8427E", IndicatorType::FileMd5),
        ("198.51.100.0/24", IndicatorType::Mutex),
    ] {
        let found = find(&bench, asked).await;
        let kinds: Vec<IndicatorType> = found.iter().map(|found| found.kind).collect();
        assert_eq!(kinds, [kind], "{asked}");
    }
    // Case counts, and a mutex is not taken for a network.
    assert_eq!(find(&bench, "evil name.exe").await, []);
    assert_eq!(find(&bench, "198.51.100.9").await, []);
}

#[tokio::test]
async fn a_match_knows_its_events() {
    let first = event(&[("domain", "evil.example")])
        .tag("tlp:amber")
        .tag("misp-galaxy:threat-actor=\"APT Example\"");
    let second = event(&[("domain", "evil.example")]);
    let bench = Bench::of([first, second]).await;
    let found = find(&bench, "evil.example").await;
    assert_eq!(found.len(), 2);
    let told = found.iter().find(|found| found.event.tlp.is_some()).unwrap();
    assert_eq!(told.event.info, "a campaign");
    assert_eq!(told.event.tlp, Some(Tlp::Amber));
    assert_eq!(told.event.threat_actors, ["APT Example"]);
    assert!(told.event.id > 0 && told.event.uuid.is_some());
}

#[tokio::test]
async fn a_match_knows_the_threat_actors_of_every_galaxy_of_actors() {
    let tagged = event(&[("domain", "evil.example")])
        .tag("misp-galaxy:mitre-intrusion-set=\"APT28 - G0007\"")
        .tag("misp-galaxy:microsoft-activity-group=\"Forest Blizzard\"")
        .tag("misp-galaxy:threat-actor=\"APT28\"")
        .tag("misp-galaxy:mitre-malware=\"X-Agent - S0023\"");
    let bench = Bench::of([tagged]).await;
    let found = find(&bench, "evil.example").await;
    assert_eq!(
        found[0].event.threat_actors,
        ["APT28", "APT28 - G0007", "Forest Blizzard"]
    );
}

#[tokio::test]
async fn an_index_holds_the_values_of_its_feed() {
    let harmless = Event::new("harmless")
        .tag(tag("false-positive"))
        .changed(Moment::Ago(3_600))
        .attribute(Attribute::new("hostname", "good.example"));
    let bench = Bench::of([
        event(&[("domain", "evil.example"), ("domain", "good.example")]),
        event(&[("domain", "draft.example")]).publication(misp_sim::Publication::Draft),
        Event::new("other")
            .tag(tag("alert"))
            .changed(Moment::Ago(3_600))
            .attribute(Attribute::new("domain", "alert.example")),
    ])
    .await;
    bench.sim.edit(|store| store.add_event(harmless));
    assert_eq!(find_in(&bench, FeedName::Block, "evil.example").await.len(), 1);
    // A false positive by value, an event that was never published, and another feed's value.
    for miss in ["good.example", "draft.example", "alert.example"] {
        assert_eq!(find_in(&bench, FeedName::Block, miss).await, [], "{miss}");
    }
    assert_eq!(find_in(&bench, FeedName::Alert, "alert.example").await.len(), 1);
}

#[tokio::test]
async fn an_index_is_refreshed_by_its_age_and_by_a_hint() {
    let bench = Bench::of([event(&[("domain", "a.example.com")])]).await;
    assert_eq!(find(&bench, "b.example.com").await, []);
    bench
        .sim
        .edit(|store| store.add_event(event(&[("domain", "b.example.com")])));
    let site = bench.upstream.site().name.clone();
    assert_eq!(bench.engine.refresh_touched(&site, &ChangeHint::Everything).await, 1);
    assert_eq!(find(&bench, "b.example.com").await.len(), 1);

    bench
        .sim
        .edit(|store| store.add_event(event(&[("domain", "c.example.com")])));
    bench.grow_old(301);
    let began = std::time::Instant::now();
    while find(&bench, "c.example.com").await.is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn while_misp_is_down_the_index_stays() {
    let bench = Bench::of([event(&[("domain", "a.example.com")])]).await;
    assert_eq!(find(&bench, "a.example.com").await.len(), 1);
    bench.sim.set_fault(misp_sim::Fault::Status(500));
    bench.grow_old(3_600);
    for _ in 0..3 {
        assert_eq!(find(&bench, "a.example.com").await.len(), 1);
    }
    bench.grow_old(7 * 86_400);
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Years1,
    };
    assert!(bench.engine.lookup_index(&bench.upstream, scope).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn after_a_look_up_that_waited_in_vain_the_next_ones_get_the_old_index_at_once() {
    let stage = Stage::of(&["a.example.com"], "");
    let scope = LookupScope {
        feed: FeedName::Block,
        age: Age::Weeks1,
    };
    let waited = async || {
        let began = tokio::time::Instant::now();
        stage.engine.lookup_index(&stage.upstream, scope).await.unwrap();
        began.elapsed().as_secs()
    };
    waited().await;
    stage.source.takes(Duration::from_secs(3_600));
    pass(601).await;
    assert_eq!(waited().await, 20);
    assert_eq!(waited().await, 0);
    pass(4).await;
    assert_eq!(waited().await, 0);
    pass(1).await;
    assert!(waited().await > 0, "the source is asked again after five seconds");
}
