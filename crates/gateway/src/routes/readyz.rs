//! `GET /readyz`: whether this daemon can serve feeds, for load balancers. Callers that may read the metrics also get
//! the list of problems.

use feed_engine::{DirectReason, MirrorPhase, MirrorState};
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use site_config::Loaded;

use super::metrics::may_look;
use super::route::{Call, Handler, READ, Route};
use crate::feed_tags::suggestion;
use crate::openapi::Operation;
use crate::reject::Reject;
use crate::reply::Reply;

pub(super) const ROUTE: Route = Route {
    template: "/readyz",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words,
};

/// Whether feeds can be served.
#[derive(Serialize, JsonSchema)]
struct Readiness {
    /// True if at least one site can be served.
    ready: bool,
    /// One sentence for each problem. Only callers that may read the metrics get this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    trouble: Option<Vec<String>>,
    /// One sentence for each site and MISP key: whether feeds come from the mirror, or why each feed is a question to
    /// MISP. Only callers that may read the metrics get this field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<String>")]
    mirrors: Option<Vec<String>>,
}

/// Answers 200 as long as one site can be served: its MISP answers, has not been asked yet, or an older feed is at
/// hand.
///
/// One bad file or one MISP that is down must not take the other sites out of service, so one failing site among
/// several is still 200.
async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let loaded = &request.snapshot.loaded;
    let refreshes = app.engine().refreshes();
    let mut trouble = Vec::new();
    let mut ready = false;
    for site in loaded.sites.values().filter(|site| site.enabled) {
        let name = site.name.as_str();
        let is_failing = refreshes.get(name).is_some_and(|seen| seen.is_failing);
        let youngest = if is_failing {
            app.engine().youngest_feed(name)
        } else {
            None
        };
        let at_hand = youngest.is_some_and(|age| age < site.max_stale);
        if is_failing {
            let instead = if at_hand {
                "older feeds are served"
            } else {
                "there is no feed to serve instead"
            };
            trouble.push(format!("{name}: MISP does not answer as it should; {instead}"));
        }
        for address in refreshes.get(name).iter().flat_map(|seen| &seen.unknown_addresses) {
            trouble.push(format!(
                "{name}: {address}, which a token names, has never answered; this does not count for the site"
            ));
        }
        ready |= at_hand || !is_failing;
    }
    for kept in &loaded.kept {
        trouble.push(format!(
            "{}: its file cannot be used; it is served as before",
            kept.name
        ));
    }
    for disabled in &loaded.disabled {
        trouble.push(format!("{}: its file cannot be used; it is not served", disabled.name));
    }
    if app.config().refused().is_some() {
        trouble.push("the configuration files cannot be used; the ones before stay in force".to_owned());
    }
    trouble.extend(app.sightings().trouble());
    for (site, feed, tag, closest) in app.missing_tags().all(loaded) {
        let closest = suggestion(&closest);
        trouble.push(format!(
            "{site}: the feed {feed} is empty, and MISP does not have its tag `{tag}`; {closest}"
        ));
    }
    if !ready && trouble.is_empty() {
        trouble.push("no site is served".to_owned());
    }
    let may_look = may_look(&request.snapshot, request.client);
    let mirrors = app.mirrors().filter(|_| may_look);
    let mirrors = mirrors.map(|mirrors| mirror_lines(&mirrors.states(), loaded));
    let reply = Reply::json(&Readiness {
        ready,
        trouble: may_look.then_some(trouble),
        mirrors,
    })?;
    Ok(if ready {
        reply
    } else {
        reply.status(StatusCode::SERVICE_UNAVAILABLE)
    })
}

fn mirror_lines(states: &[MirrorState], loaded: &Loaded) -> Vec<String> {
    let mut lines = Vec::new();
    for site in loaded.sites.values().filter(|site| site.enabled) {
        let name = site.name.as_str();
        let of_site: Vec<&MirrorState> = states.iter().filter(|state| state.site == name).collect();
        if of_site.is_empty() {
            let reason = if site.mirror {
                DirectReason::NotUsed
            } else {
                DirectReason::Off
            };
            lines.push(format!("{name}: {}", direct(reason)));
        }
        lines.extend(of_site.into_iter().map(mirror_line));
    }
    lines
}

fn direct(reason: DirectReason) -> String {
    format!("each feed is a question to MISP: {reason}")
}

fn mirror_line(state: &MirrorState) -> String {
    let MirrorState { site, key, .. } = state;
    let mut line = match state.way.reason() {
        Some(reason) => format!("{site}, key {key}: {}", direct(reason)),
        None => format!("{site}, key {key}: feeds come from the mirror"),
    };
    if let Some(status) = state.way.mirror() {
        if let MirrorPhase::Loading { done, total } = status.phase {
            line.push_str(&format!("; {done} of {total} events are read"));
        }
        if let Some((since, error)) = &status.failing {
            line.push_str(&format!("; MISP cannot be asked what changed since {since}: {error}"));
        }
    }
    if let Some(why) = &state.in_memory_because {
        line.push_str(&format!("; it is in memory only: {why}"));
    }
    if let Some(next_try) = state.next_try {
        line.push_str(&format!("; it is tried again at {next_try:.0}"));
    }
    line
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("readyz", "daemon", "Whether feeds can be served")
        .answers_with::<Readiness>(200, "At least one site can be served.")
        .answers_with::<Readiness>(503, "No site can be served.")
}
