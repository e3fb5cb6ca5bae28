//! Limits on decay scores, and feeds without known scores.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use feed_classification::{Age, FeedName, IndicatorType};
use feed_engine::{
    Fault, FeedError, FeedRequest, Filter, Judge, LookupScope, MispSource, Origin, Query, RenderedFeed, ScoreLimit,
    Selection, Unscored,
};
use misp_sim::{Attribute, Clock, DecayingModel, Event, Moment, Sim, SimBuilder, Tag};

use crate::support::{Bench, lines, tag};

const NOW: i64 = 1_795_308_097;
const DAY: u64 = 86_400;
const HOUR: u64 = 3_600;
const MODEL: &str = "decaying_model: NIDS Simple Decaying Model\n";

/// Engine and stand-in agree on the time, so that their scores agree to the last digit.
struct Scored {
    bench: Bench,
    now: Arc<AtomicI64>,
}

impl Scored {
    async fn on(sim: SimBuilder, rules: &str) -> Self {
        let now = Arc::new(AtomicI64::new(NOW));
        let (told, shown) = (Arc::clone(&now), Arc::clone(&now));
        let source = MispSource::with_clock(move || {
            jiff::Timestamp::from_second(told.load(Ordering::Relaxed)).unwrap_or_default()
        });
        let sim = sim.clock(Clock::from_fn(move || shown.load(Ordering::Relaxed)));
        Self {
            bench: Bench::from(sim, source, rules).await,
            now,
        }
    }

    async fn of(events: impl IntoIterator<Item = Event>) -> Self {
        let sim = events.into_iter().fold(with_tags(), SimBuilder::event);
        Self::on(sim.decaying_model(DecayingModel::nids()), MODEL).await
    }

    /// Moves the clocks of engine, source and MISP forward.
    fn grow_old(&self, seconds: u64) {
        self.bench.grow_old(seconds);
        self.now.fetch_add(seconds.cast_signed(), Ordering::Relaxed);
    }

    async fn feed(&self, request: FeedRequest) -> Result<RenderedFeed, FeedError> {
        self.bench.grow_old(1);
        self.bench.ask(request.max_age(Duration::ZERO)).await
    }

    async fn names(&self, filter: Filter) -> Vec<String> {
        names(&self.feed(domains(filter)).await.unwrap())
    }

    fn asked_for_models(&self) -> usize {
        self.bench.sim.count("/decayingModel/index")
    }
}

fn with_tags() -> SimBuilder {
    Sim::builder()
        .tag(Tag::new("retention:2d").worth(2))
        .tag(Tag::new("retention:10y").worth(95))
        .tag(Tag::new("priority-level:high").worth(90))
        .tag(Tag::new("false-positive:risk=\"low\"").worth(55))
}

fn domains(filter: Filter) -> FeedRequest {
    FeedRequest::new(
        Selection::Feed(FeedName::Block),
        IndicatorType::Domain,
        Age::Years2,
        "txt",
    )
    .filter(filter)
}

fn min(score: u8) -> Filter {
    limit(score, Unscored::Exclude)
}

fn limit(score: u8, unscored: Unscored) -> Filter {
    Filter::NONE.with_score(ScoreLimit {
        min: score.to_string().parse().unwrap(),
        unscored,
    })
}

fn names(feed: &RenderedFeed) -> Vec<String> {
    let names = lines(feed).into_iter();
    names
        .map(|name| name.trim_end_matches(".example.com").to_owned())
        .collect()
}

fn event(attributes: impl IntoIterator<Item = Attribute>) -> Event {
    let event = Event::new("scored").tag(tag("block")).changed(Moment::Ago(0));
    attributes.into_iter().fold(event, Event::attribute)
}

fn domain(name: &str, days_old: u64) -> Attribute {
    Attribute::new("domain", format!("{name}.example.com")).changed(Moment::Ago(days_old * DAY))
}

#[tokio::test]
async fn a_feed_holds_values_from_its_min_score_on() {
    let scored = Scored::of([event([
        domain("new", 0),
        domain("day", 1),
        domain("month", 30),
        domain("season", 100),
        domain("year", 300),
        // Changed today, but last seen long ago; and the other way round.
        domain("unseen", 0).last_seen("2026-09-23T00:41:37.000000+00:00"),
        domain("seen", 300).last_seen("2026-11-22T00:41:37.900000+00:00"),
        domain("tagged", 0).tag("priority-level:high"),
    ])])
    .await;
    for (score, expected) in [
        (91, &[][..]),
        (90, &["tagged"][..]),
        (80, &["new", "seen", "tagged"]),
        (72, &["day", "new", "seen", "tagged"]),
        (40, &["day", "month", "new", "seen", "tagged"]),
        (23, &["day", "month", "new", "seen", "tagged", "unseen"]),
        (1, &["day", "month", "new", "season", "seen", "tagged", "unseen"]),
        (
            0,
            &["day", "month", "new", "season", "seen", "tagged", "unseen", "year"],
        ),
    ] {
        assert_eq!(scored.names(min(score)).await, expected, "{score}");
    }
}

/// The scores that MISP computes, computed here: with weights, tags of the event and of the attribute, old and new.
#[tokio::test]
async fn a_feed_holds_the_values_that_misp_gives_such_scores() {
    let tags = [
        "retention:2d",
        "retention:10y",
        "priority-level:high",
        "false-positive:risk=\"low\"",
        "tlp:green",
    ];
    let pick = |number: usize, of: usize| {
        tags.iter()
            .enumerate()
            .filter(move |(place, _)| (number >> (place + of)) & 1 == 1)
    };
    let events = (0..32_usize).map(|number| {
        let attributes = (0..8_usize).map(|more| {
            let name = format!("d{number:02}-{more}");
            let attribute = domain(&name, (number * 7 + more * 13) as u64 % 140);
            pick(number * 8 + more * 37, 2).fold(attribute, |attribute, (_, tag)| attribute.tag(*tag))
        });
        pick(number, 0).fold(event(attributes), |event, (_, tag)| event.tag(*tag))
    });
    let scored = Scored::of(events).await;
    let known: Vec<(String, f64)> = scored.bench.sim.with_store(|store| {
        let of_domain = |attribute: misp_sim::AttributeView<'_>| {
            let scores = attribute.decay_scores();
            assert_eq!(scores.len(), 1);
            (
                attribute.value().trim_end_matches(".example.com").to_owned(),
                scores[0].1,
            )
        };
        store.attributes().map(of_domain).collect()
    });
    assert_eq!(known.len(), 256);
    for score in [0_u8, 1, 5, 20, 33, 47, 50, 60, 71, 80, 89, 90, 95, 100] {
        let mut expected: Vec<&str> = known
            .iter()
            .filter(|(_, own)| *own >= f64::from(score))
            .map(|(name, _)| name.as_str())
            .collect();
        expected.sort_unstable();
        assert_eq!(scored.names(min(score)).await, expected, "{score}");
    }
    let body_words = |request: misp_sim::LoggedRequest| format!("{:?}", request.body).to_lowercase();
    let questions = scored.bench.sim.requests().into_iter().map(body_words);
    assert!(
        questions
            .into_iter()
            .all(|body| !body.contains("decay") && !body.contains("score"))
    );
}

#[tokio::test]
async fn unset_scores_do_not_pass() {
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    let scored = Scored::of([event([Attribute::new("md5", hash).changed(Moment::Ago(0))])]).await;
    let hashes = |filter| {
        FeedRequest::new(
            Selection::Feed(FeedName::Block),
            IndicatorType::FileMd5,
            Age::Years2,
            "txt",
        )
        .filter(filter)
    };
    for (filter, count) in [
        (Filter::NONE, 1),
        (min(0), 0),
        (min(80), 0),
        (limit(0, Unscored::Include), 1),
        (limit(80, Unscored::Include), 1),
    ] {
        assert_eq!(scored.feed(hashes(filter)).await.unwrap().count, count, "{filter}");
    }
    // A value with a score is judged by it nevertheless.
    let old = Scored::of([event([domain("old", 300)])]).await;
    assert_eq!(old.names(limit(80, Unscored::Include)).await, [""; 0]);
}

/// The false positives, the unpublished events, the rows: nothing that MISP is asked speaks of scores.
#[tokio::test]
async fn no_question_to_misp_is_about_scores() {
    let scored = Scored::of([event([domain("new", 0), domain("year", 300)])]).await;
    assert_eq!(scored.names(min(50)).await, ["new"]);
    let requests = scored.bench.sim.requests();
    assert!(requests.iter().any(misp_sim::LoggedRequest::is_search));
    for request in requests {
        let body = format!("{:?}", request.body);
        assert!(!body.contains("ecay") && !body.contains("core"), "{body}");
    }
}

#[tokio::test]
async fn a_value_counts_by_the_best_of_its_attributes() {
    let scored = Scored::of([event([domain("twice", 200)]), event([domain("twice", 1)])]).await;
    assert_eq!(scored.names(min(70)).await, ["twice"]);
}

#[tokio::test]
async fn scores_sink_from_refresh_to_refresh_though_nothing_changes_in_misp() {
    let scored = Scored::of([event([domain("new", 0)])]).await;
    assert_eq!(scored.names(min(60)).await, ["new"]);
    scored.grow_old(20 * DAY);
    assert_eq!(scored.names(min(60)).await, [""; 0]);
    assert_eq!(scored.names(min(40)).await, ["new"]);
}

#[tokio::test]
async fn a_model_is_asked_for_only_where_scores_are_and_then_kept() {
    let scored = Scored::of([event([domain("new", 0)])]).await;
    scored.names(Filter::NONE).await;
    assert_eq!(scored.asked_for_models(), 0);
    for score in [0, 10, 20, 30] {
        scored.names(min(score)).await;
    }
    assert_eq!(scored.asked_for_models(), 1);
    // A change in MISP counts soon.
    scored.bench.sim.edit(|store| {
        let mut model = DecayingModel::nids();
        (model.id, model.default_base_score) = (1, 10.0);
        store.add_decaying_model(model);
    });
    assert_eq!(scored.names(min(50)).await, ["new"]);
    scored.grow_old(300);
    assert_eq!(scored.names(min(50)).await, [""; 0]);
    assert_eq!(scored.asked_for_models(), 2);
}

#[tokio::test]
async fn a_model_is_kept_for_an_hour_where_feeds_may_be_older() {
    let sim = with_tags().event(event([domain("new", 0)]));
    let rules = format!("{MODEL}memcached_all_timeout: 86400\nmax_stale: 2d\n");
    let scored = Scored::on(sim.decaying_model(DecayingModel::nids()), &rules).await;
    for (seconds, asked) in [(0, 1), (HOUR - 10, 1), (20, 2)] {
        scored.grow_old(seconds);
        scored.names(min(10)).await;
        assert_eq!(scored.asked_for_models(), asked, "{seconds} s later");
    }
}

#[tokio::test]
async fn a_site_without_a_model_has_no_scores_to_ask_for() {
    let sim = Sim::builder()
        .event(event([domain("new", 0)]))
        .decaying_model(DecayingModel::nids());
    let scored = Scored::on(sim, "").await;
    let error = scored.feed(domains(min(80))).await.unwrap_err();
    assert_eq!(error.fault(), Fault::Caller);
    assert!(error.to_string().contains("`decaying_model`"), "{error}");
    assert_eq!(scored.bench.sim.requests().len(), 0);
    assert_eq!(scored.names(Filter::NONE).await, ["new"]);
}

#[tokio::test]
async fn a_model_that_cannot_be_used_is_a_fault_and_neither_no_limit_nor_an_empty_feed() {
    let nids = DecayingModel::nids;
    let off = DecayingModel {
        enabled: false,
        ..nids()
    };
    let by_hand = DecayingModel {
        formula: "OurOwn".to_owned(),
        ..nids()
    };
    let endless = DecayingModel {
        lifetime: 0.0,
        ..nids()
    };
    let other = DecayingModel::new("Another", &["domain"]);
    for (models, why) in [
        (vec![], "no decaying model of this name"),
        (vec![other], "no decaying model of this name"),
        (vec![off.clone()], "not enabled in MISP"),
        (vec![nids(), nids()], "2 enabled decaying models"),
        (vec![by_hand], "formula \"OurOwn\", which is not known here"),
        (vec![endless], "no usable lifetime"),
    ] {
        let sim = Sim::builder().event(event([domain("new", 0)]));
        let sim = models.into_iter().fold(sim, SimBuilder::decaying_model);
        let scored = Scored::on(sim, MODEL).await;
        let error = scored.feed(domains(min(0))).await.unwrap_err();
        assert_eq!(error.fault(), Fault::Upstream);
        let line = error.chain();
        assert!(
            line.contains("`decaying_model` \"NIDS Simple Decaying Model\"") && line.contains(why),
            "{line}"
        );
        // A request without a limit on scores goes on.
        assert_eq!(scored.names(Filter::NONE).await, ["new"]);
        assert_eq!(scored.bench.sim.searches(), 3);
    }
    // A disabled model beside an enabled one of the same name does not make the name ambiguous.
    let sim = Sim::builder().event(event([domain("new", 0)]));
    let scored = Scored::on(sim.decaying_model(off).decaying_model(nids()), MODEL).await;
    assert_eq!(scored.names(min(80)).await, ["new"]);
}

#[tokio::test]
async fn the_last_good_feed_is_served_while_the_model_is_gone() {
    let scored = Scored::of([event([domain("new", 0), domain("year", 300)])]).await;
    assert_eq!(scored.names(min(80)).await, ["new"]);
    scored.bench.sim.edit(|store| {
        let mut model = DecayingModel::nids();
        (model.id, model.enabled) = (1, false);
        store.add_decaying_model(model);
    });
    scored.grow_old(301);
    let stale = scored.feed(domains(min(80))).await.unwrap();
    assert_eq!((names(&stale), stale.origin), (vec!["new".to_owned()], Origin::Stale));
    assert!(stale.refresh_failing);
}

#[tokio::test]
async fn a_hit_renews_a_score_where_misp_is_asked_for_sightings() {
    let event = || {
        event([
            domain("hit", 100),
            domain("false-alarm", 100),
            domain("changed-since", 0),
        ])
    };
    for (rules, expected) in [
        (MODEL.to_owned(), [""; 0].as_slice()),
        (format!("{MODEL}score_sightings: True\n"), &["hit"]),
    ] {
        let sim = Sim::builder().event(event()).decaying_model(DecayingModel::nids());
        let scored = Scored::on(sim, &rules).await;
        scored.bench.sim.edit(|store| {
            for (name, kind, at) in [
                ("hit", 0, NOW),
                ("hit", 0, NOW - 5),
                ("false-alarm", 1, NOW),
                ("changed-since", 0, NOW - 1),
            ] {
                let id = store.find(&format!("{name}.example.com")).unwrap();
                store.add_sighting(id, kind, at).unwrap();
            }
        });
        scored.grow_old(60);
        assert_eq!(
            scored
                .names(min(79))
                .await
                .iter()
                .filter(|name| *name != "changed-since")
                .collect::<Vec<_>>(),
            expected,
            "{rules}"
        );
        // As MISP itself says, who counts sightings always.
        let own = scored.bench.sim.with_store(|store| {
            let id = store.find("hit.example.com").unwrap();
            store.attribute(id).unwrap().decay_scores()[0].1
        });
        assert!(own > 79.0, "{own}");
        let asked = scored
            .bench
            .sim
            .requests()
            .iter()
            .filter(|request| format!("{:?}", request.body).contains("includeSightings"))
            .count();
        assert_eq!(asked, expected.len());
        scored.names(Filter::NONE).await;
        let again = scored
            .bench
            .sim
            .requests()
            .iter()
            .filter(|request| format!("{:?}", request.body).contains("includeSightings"))
            .count();
        assert_eq!(again, asked, "only where scores matter");
    }
}

async fn found(scored: &Scored, filter: Filter, value: &str) -> Result<usize, FeedError> {
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Years2,
    };
    let (index, _) = scored.bench.engine.lookup_index(&scored.bench.upstream, scope).await?;
    index.judgeable(filter)?;
    let judge = Judge::new(filter, scored.bench.upstream.site());
    Ok(index.find(&Query::parse(value), &judge, 50).len())
}

#[tokio::test]
async fn a_look_up_finds_values_from_its_min_score_on() {
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    let twice = domain("twice", 200);
    let scored = Scored::of([
        // One value in two attributes of one event counts by the better one, once.
        event([
            domain("new", 0),
            domain("year", 300),
            twice.clone(),
            twice.changed(Moment::Ago(DAY)),
        ]),
        event([Attribute::new("md5", hash).changed(Moment::Ago(0))]),
    ])
    .await;
    let include = |score| limit(score, Unscored::Include);
    for (value, filter, matches) in [
        ("new.example.com", min(80), 1),
        ("year.example.com", min(80), 0),
        ("year.example.com", min(0), 1),
        ("below.new.example.com", min(80), 1),
        ("twice.example.com", min(70), 1),
        ("twice.example.com", min(75), 0),
        ("twice.example.com", include(75), 0),
        (hash, min(0), 0),
        (hash, include(100), 1),
    ] {
        assert_eq!(
            found(&scored, filter, value).await.unwrap(),
            matches,
            "{value} {filter}"
        );
    }
    assert_eq!((scored.bench.sim.searches(), scored.asked_for_models()), (3, 1));
}

#[tokio::test]
async fn look_ups_go_on_without_a_model_but_for_those_that_ask_for_scores() {
    let new = || Sim::builder().event(event([domain("new", 0)]));
    let without = Scored::on(new(), "").await;
    let missing = Scored::on(new(), MODEL).await;
    for (scored, fault) in [(without, Fault::Caller), (missing, Fault::Upstream)] {
        assert_eq!(found(&scored, Filter::NONE, "new.example.com").await.unwrap(), 1);
        let error = found(&scored, min(0), "new.example.com").await.unwrap_err();
        assert_eq!(error.fault(), fault);
    }
}

#[tokio::test]
async fn look_ups_keep_their_scores_while_misp_does_not_return_its_models() {
    let scored = Scored::of([event([domain("new", 0)])]).await;
    assert_eq!(found(&scored, min(60), "new.example.com").await.unwrap(), 1);
    let fault = misp_sim::Fault::Status(500).on("/decayingModel/index");
    scored.bench.sim.set_fault(fault);
    scored.grow_old(HOUR);
    let scope = LookupScope {
        feed: FeedName::Any,
        age: Age::Years2,
    };
    for _ in 0..3_000 {
        let index = scored.bench.engine.lookup_index(&scored.bench.upstream, scope).await;
        if !index.unwrap().1.is_zero() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(scored.bench.sim.searches(), 6, "gathered anew");
    assert_eq!(found(&scored, min(60), "new.example.com").await.unwrap(), 1);
    assert_eq!(
        found(&scored, min(80), "new.example.com").await.unwrap(),
        0,
        "an hour later"
    );
}
