//! `GET /v1/site`, `POST /v1/site/resync` and `POST /v1/site/forget`: the mirror of the token's site, for operators.

use feed_engine::{MirrorPhase, MirrorStatus, Way};
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use token_crypto::Permission;

use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::openapi::Operation;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/v1/site",
    methods: READ,
    handler: Handler::Granted(Right::May(Permission::Operate), |call, grant| {
        Box::pin(async move { get(&call, &grant) })
    }),
    words,
};

pub(super) const RESYNC: Route = Route {
    template: "/v1/site/resync",
    methods: &[Method::POST],
    handler: Handler::Granted(Right::May(Permission::Operate), |call, grant| {
        Box::pin(async move { resync(&call, &grant) })
    }),
    words: resync_words,
};

pub(super) const FORGET: Route = Route {
    template: "/v1/site/forget",
    methods: &[Method::POST],
    handler: Handler::Granted(Right::May(Permission::Operate), |call, grant| {
        Box::pin(async move { forget(&call, &grant) })
    }),
    words: forget_words,
};

/// The state of the mirror of one MISP, as one MISP key sees it. Numbers are 0 for a site without a mirror.
#[derive(Serialize, JsonSchema)]
struct SiteState<'a> {
    /// The name of the site.
    site: &'a str,
    /// Where answers come from: the mirror in memory, or a new question to MISP for each feed.
    #[schemars(extend("enum" = ["mirror", "direct"]))]
    way: &'static str,
    /// Why the mirror does not answer, as one word, for example `loading`; empty while it does.
    reason: &'static str,
    /// The same as a sentence; empty while the mirror answers.
    reason_text: String,
    /// What the mirror does: `opening` while it reads its store, `loading` while it reads MISP for the first time,
    /// `following` while it reads what changes; `none` without a mirror, `stopped` for one that has ended.
    #[schemars(extend("enum" = ["none", "opening", "loading", "following", "stopped"]))]
    phase: &'static str,
    /// The part of this daemon among those that share a cache: `leading` asks MISP for all, `following the leader`
    /// takes what that one found, `alone` asks MISP for itself.
    #[schemars(extend("enum" = ["alone", "leading", "following the leader"]))]
    standing: &'static str,
    /// Events of the first load that are read, while the phase is `loading`.
    loaded: u64,
    /// Events of the first load, while the phase is `loading`.
    to_load: u64,
    /// Events in the mirror.
    events: u64,
    /// Attributes in the mirror.
    rows: u64,
    /// Events whose record was damaged and is not read again yet.
    missing_events: u64,
    /// When something last changed in MISP.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    changed_at: Option<String>,
    /// When the last complete look at MISP began: answers are as MISP was then.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    as_of: Option<String>,
    /// Seconds since `as_of`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "i64")]
    lag_seconds: Option<i64>,
    /// Since when looks at MISP fail; missing while they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("format" = "date-time"))]
    failing_since: Option<String>,
    /// The last error; empty while looks do not fail.
    error: &'a str,
    /// The size of the store in bytes.
    store_bytes: u64,
    /// Whether the mirror outlives a restart of the daemon.
    durable: bool,
    /// Events that the slow round has compared with MISP.
    round_done: u64,
    /// Events of the slow round.
    round_total: u64,
    /// Differences that slow rounds have found and repaired since the start.
    repaired: u64,
    /// Questions to MISP since the start.
    questions: u64,
    /// Bytes of MISP's answers to them.
    answer_bytes: u64,
}

/// Whether the mirror reads everything again.
#[derive(Serialize, JsonSchema)]
struct Resync {
    /// True if it does.
    started: bool,
    /// Why it does not; empty if it does.
    reason: String,
}

/// Whether a mirror was deleted.
#[derive(Serialize, JsonSchema)]
struct Forgotten {
    /// True if there was one.
    forgotten: bool,
}

fn get(call: &Call<'_>, grant: &Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the mirror of the site")?;
    let way = call.app.engine().way(&grant.upstream);
    let nothing = MirrorStatus::default();
    Reply::json(&SiteState::of(
        grant.site().name.as_str(),
        &way,
        &nothing,
        jiff::Timestamp::now(),
    ))
}

fn resync(call: &Call<'_>, grant: &Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the mirror of the site")?;
    let refused = call.app.engine().resync(&grant.upstream).err();
    if refused.is_none() {
        tracing::info!(
            site = grant.site().name.as_str(),
            token_id = call.request.notes.token_id().map(tracing::field::display),
            "an operator has the mirror read every event again"
        );
    }
    Reply::json(&Resync {
        started: refused.is_none(),
        reason: refused.map(|reason| reason.to_string()).unwrap_or_default(),
    })
}

fn forget(call: &Call<'_>, grant: &Grant) -> Result<Reply, Reject> {
    grant.check_whole_site("the mirror of the site")?;
    let forgotten = call.app.engine().forget_mirror(&grant.upstream);
    if forgotten {
        tracing::warn!(
            site = grant.site().name.as_str(),
            token_id = call.request.notes.token_id().map(tracing::field::display),
            "an operator deleted the mirror; the next request begins another one"
        );
    }
    Reply::json(&Forgotten { forgotten })
}

impl<'a> SiteState<'a> {
    fn of(site: &'a str, way: &'a Way, nothing: &'a MirrorStatus, now: jiff::Timestamp) -> Self {
        let mirror = way.mirror();
        let held = mirror.unwrap_or(nothing);
        let (phase, loaded, to_load) = match mirror.map(|status| status.phase) {
            None => ("none", 0, 0),
            Some(MirrorPhase::Opening) => ("opening", 0, 0),
            Some(MirrorPhase::Loading { done, total }) => ("loading", done, total),
            Some(MirrorPhase::Following) => ("following", 0, 0),
            Some(_) => ("stopped", 0, 0),
        };
        Self {
            site,
            way: way.as_str(),
            reason: way.reason().map_or("", |reason| reason.as_str()),
            reason_text: way.reason().map(|reason| reason.to_string()).unwrap_or_default(),
            phase,
            standing: held.standing.as_str(),
            loaded,
            to_load,
            events: held.events,
            rows: held.rows,
            missing_events: held.missing_events,
            changed_at: held.changed_at.map(|at| at.to_string()),
            as_of: held.as_of.map(|at| at.to_string()),
            lag_seconds: held.as_of.map(|at| now.duration_since(at).as_secs().max(0)),
            failing_since: held.failing.as_ref().map(|(since, _)| since.to_string()),
            error: held.failing.as_ref().map_or("", |(_, error)| error),
            store_bytes: held.store_bytes,
            durable: held.is_durable,
            round_done: held.round.0,
            round_total: held.round.1,
            repaired: held.repaired,
            questions: held.questions,
            answer_bytes: held.answer_bytes,
        }
    }
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("site", "site", "The state of the mirror of MISP")
        .description(
            "For tokens with the permission `operate`. The mirror is that of the site and the MISP key of the token.",
        )
        .answers_with::<SiteState<'_>>(200, "The state, also of a site without a mirror.")
}

fn resync_words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("resync", "site", "Has the mirror read every event of MISP again")
        .description(
            "For tokens with the permission `operate`. Feeds and look-ups go on from what the mirror holds meanwhile.",
        )
        .answers_with::<Resync>(200, "Whether the mirror reads again.")
}

fn forget_words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("forget", "site", "Deletes the mirror and its files")
        .description(
            "For tokens with the permission `operate`. Feeds come from MISP directly until the next request has begun \
             another mirror, and that one has read MISP.",
        )
        .answers_with::<Forgotten>(200, "Whether there was a mirror.")
}
