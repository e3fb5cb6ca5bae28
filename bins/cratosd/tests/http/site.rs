//! `/v1/site`: the mirror of the token's site, for operators.

use std::sync::{Arc, Mutex};

use feed_classification::IndicatorSet;
use feed_engine::{
    DirectReason, Errand, FeedEngine, FeedScope, GatherFuture, IndicatorSource, MirrorPhase, MirrorStanding,
    MirrorStatus, Upstream, Way,
};
use http::Method;
use serde_json::json;
use token_crypto::{Claims, Permission, Scope};

use crate::support::{Ask, Daemon, FEED, Setup};

const SITE: &str = "/v1/site";
const RESYNC: &str = "/v1/site/resync";
const FORGET: &str = "/v1/site/forget";

/// A source whose mirror is in the state that a test sets.
#[derive(Debug)]
struct Mirrored {
    way: Way,
    resyncs: Mutex<Vec<String>>,
}

impl IndicatorSource for Mirrored {
    fn gather<'a>(&'a self, _: &'a Upstream, scope: FeedScope, _: &'a Errand) -> GatherFuture<'a> {
        Box::pin(async move { Ok(IndicatorSet::of(scope.kind, ["198.51.100.7"]).into()) })
    }

    fn way(&self, _: &Upstream) -> Way {
        self.way.clone()
    }

    fn forget_mirror(&self, _: &Upstream) -> bool {
        self.way.reason().is_none()
    }

    fn resync(&self, upstream: &Upstream) -> Result<(), DirectReason> {
        if let Some(reason) = self.way.reason() {
            return Err(reason);
        }
        self.resyncs.lock().unwrap().push(upstream.name().to_owned());
        Ok(())
    }
}

async fn daemon(way: Way) -> (Daemon, Arc<Mirrored>) {
    let source = Arc::new(Mirrored {
        way,
        resyncs: Mutex::default(),
    });
    let engine = FeedEngine::builder().source(Arc::clone(&source) as _).build();
    let daemon = Daemon::with(Setup {
        engine,
        ..Setup::default()
    });
    (daemon.await, source)
}

fn operator(daemon: &Daemon) -> Claims {
    daemon.claims().with_scope(Scope::new().only([Permission::Operate]))
}

fn following() -> MirrorStatus {
    let mut status = MirrorStatus::default();
    status.phase = MirrorPhase::Following;
    status.standing = MirrorStanding::Following;
    (status.events, status.rows, status.store_bytes) = (5_087, 120_000, 9_000_000);
    status.is_durable = true;
    status.as_of = Some(jiff::Timestamp::now() - jiff::SignedDuration::from_secs(20));
    status.changed_at = Some("2026-11-29T04:00:00Z".parse().unwrap());
    status.round = (100, 5_087);
    (status.repaired, status.questions, status.answer_bytes) = (2, 400, 70_000);
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_how_far_the_mirror_is_and_how_late() {
    let (daemon, _) = daemon(Way::Mirror(following())).await;
    let answer = daemon.get_as(&operator(&daemon), SITE).await;
    let mut state = answer.json();
    let lag = state["lag_seconds"].take().as_i64().unwrap();
    assert!((20..80).contains(&lag), "{lag}");
    assert!(state["as_of"].take().is_string());
    assert_eq!(
        state,
        json!({
            "site": "127.0.0.1", "way": "mirror", "reason": "", "reason_text": "", "phase": "following",
            "standing": "following the leader",
            "loaded": 0, "to_load": 0, "events": 5_087, "rows": 120_000, "missing_events": 0,
            "changed_at": "2026-11-29T04:00:00Z", "as_of": null, "lag_seconds": null, "error": "",
            "store_bytes": 9_000_000, "durable": true, "round_done": 100, "round_total": 5_087, "repaired": 2,
            "questions": 400, "answer_bytes": 70_000,
        })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_load_and_a_failing_misp_are_visible() {
    let mut status = following();
    status.phase = MirrorPhase::Loading { done: 7, total: 90 };
    status.as_of = None;
    status.failing = Some((
        "2026-11-29T03:00:00Z".parse().unwrap(),
        "MISP refused the key".to_owned(),
    ));
    let way = Way::Direct {
        reason: DirectReason::Loading,
        mirror: Some(status),
    };
    let (daemon, _) = daemon(way).await;
    let state = daemon.get_as(&operator(&daemon), SITE).await.json();
    assert_eq!((&state["way"], &state["reason"]), (&json!("direct"), &json!("loading")));
    assert_eq!(state["reason_text"], "the mirror reads MISP for the first time");
    assert_eq!(
        (&state["phase"], &state["loaded"], &state["to_load"]),
        (&json!("loading"), &json!(7), &json!(90))
    );
    assert_eq!(state["failing_since"], "2026-11-29T03:00:00Z");
    assert_eq!(state["error"], "MISP refused the key");
    assert!(state["as_of"].is_null() && state["lag_seconds"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_site_without_a_mirror_says_why() {
    let (daemon, _) = daemon(Way::direct(DirectReason::TooManyAttributes { limit: 10 })).await;
    let state = daemon.get_as(&operator(&daemon), SITE).await.json();
    assert_eq!(
        (&state["phase"], &state["reason"], &state["events"]),
        (&json!("none"), &json!("too_many_attributes"), &json!(0))
    );
    assert_eq!(
        state["reason_text"],
        "MISP has more than 10 attributes (`mirror_max_attributes`)"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resync_reaches_the_mirror_of_the_token_and_says_if_there_is_none() {
    let (with_mirror, source) = daemon(Way::Mirror(following())).await;
    let post = |daemon: &Daemon, claims: &Claims| Ask::new(Method::POST, RESYNC).header("token", daemon.seal(claims));
    let answer = with_mirror.send(post(&with_mirror, &operator(&with_mirror))).await;
    assert_eq!(answer.json(), json!({ "started": true, "reason": "" }));
    assert_eq!(*source.resyncs.lock().unwrap(), ["127.0.0.1"]);
    let refused = with_mirror.send(post(&with_mirror, &with_mirror.claims())).await;
    assert_eq!(refused.status, 403);
    assert_eq!(source.resyncs.lock().unwrap().len(), 1);

    let (without, _) = daemon(Way::direct(DirectReason::Off)).await;
    let answer = without.send(post(&without, &operator(&without))).await;
    assert_eq!(
        answer.json(),
        json!({ "started": false, "reason": "the site file says `mirror: off`" })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_is_forgotten_for_operators_only() {
    let post = |daemon: &Daemon, claims: &Claims| Ask::new(Method::POST, FORGET).header("token", daemon.seal(claims));
    for (way, forgotten) in [
        (Way::Mirror(following()), true),
        (Way::direct(DirectReason::Off), false),
    ] {
        let (daemon, _) = daemon(way).await;
        let answer = daemon.send(post(&daemon, &operator(&daemon))).await;
        assert_eq!(answer.json(), json!({ "forgotten": forgotten }));
        assert_eq!(daemon.send(post(&daemon, &daemon.claims())).await.status, 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_permission_operate_opens_the_state_and_it_opens_no_feed() {
    let (daemon, _) = daemon(Way::Mirror(following())).await;
    assert_eq!(daemon.get(SITE).await.status, 403);
    assert_eq!(daemon.get_as(&operator(&daemon), FEED).await.status, 403);
    let get = daemon
        .send(Ask::get(RESYNC).header("token", daemon.seal(&operator(&daemon))))
        .await;
    assert_eq!(get.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_limited_to_feeds_types_or_levels_learns_nothing_of_the_whole_mirror() {
    let (daemon, source) = daemon(Way::Mirror(following())).await;
    let operate = || Scope::new().only([Permission::Operate]);
    for scope in [
        operate().with_feeds(["block"]),
        operate().with_types(["domain"]),
        operate().with_max_tlp(token_crypto::Tlp::Green),
    ] {
        let claims = daemon.claims().with_scope(scope);
        let state = daemon.get_as(&claims, SITE).await;
        assert_eq!(
            (state.status.as_u16(), state.detail()),
            (403, json!("This token does not cover the mirror of the site."))
        );
    }
    assert!(source.resyncs.lock().unwrap().is_empty());
}
