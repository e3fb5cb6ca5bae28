//! The way from a request to its answer: host, address, route, reply, logs.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use http::header::{self, HeaderMap, HeaderName};
use http::{Method, Response, StatusCode, Uri, Version};
use service_kit::{StepKind, TraceContext};
use tracing::Instrument as _;

use crate::answer_log::AnsweredRequest;
use crate::app::App;
use crate::body::RequestBody;
use crate::caller;
use crate::configuration::Snapshot;
use crate::notes::RequestNotes;
use crate::prepared_answers::{Named, PreparedAnswer};
use crate::query::Query;
use crate::refusals;
use crate::reject::Reject;
use crate::reply::{Body, Reply};
use crate::request::Request;
use crate::routes::{self, Call, Given, Segments};

/// The facts about an answered request, as an extension of its response (in an [`Arc`]): an access log may want them.
#[derive(Debug)]
pub struct Facts {
    /// The client, or the peer where its proxy names no client.
    pub client: IpAddr,
    /// Template of the route; `None` for a path that is not a route.
    pub route: Option<&'static str>,
    /// Facts about the token.
    pub notes: RequestNotes,
}

/// Answers one request, whatever it is. `peer` is the other end of the connection.
///
/// If the caller names a trace, each line of the log about the request has its id, and the questions to MISP that the
/// request causes belong to it.
///
/// `named` is known where an answer out of memory was tried.
pub(crate) async fn respond(
    app: &Arc<App>,
    request: http::Request<RequestBody>,
    peer: IpAddr,
    named: Option<Named>,
) -> Response<Body> {
    let Some(trace) = trace_of(request.headers()) else {
        return answer(app, request, peer, named).await;
    };
    // At this level it is there whatever the log shows.
    let span = tracing::error_span!("request", trace_id = %trace.trace_id());
    let (began, method) = (SystemTime::now(), request.method().clone());
    // Boxed, so that requests without a trace take no memory for it.
    let response = Box::pin(trace.scope(answer(app, request, peer, named)).instrument(span)).await;
    trace.report(StepKind::Server, began, |step| {
        let facts = response.extensions().get::<Arc<Facts>>();
        let route = facts.and_then(|facts| facts.route).unwrap_or("unknown");
        let method = shown(&method);
        step.name = format!("{method} {route}");
        step.facts = vec![
            ("http.request.method", method.to_owned()),
            ("http.route", route.to_owned()),
        ];
        step.status = Some(response.status().as_u16());
        step.is_failed = response.status().is_server_error();
    });
    response
}

pub(crate) static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Reads `traceparent`. Two of them are none, as the standard says.
fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let mut values = headers.get_all(&TRACEPARENT).iter();
    let (first, second) = (values.next()?, values.next());
    first
        .to_str()
        .ok()
        .filter(|_| second.is_none())
        .and_then(TraceContext::below)
}

async fn answer(
    app: &Arc<App>,
    request: http::Request<RequestBody>,
    peer: IpAddr,
    named: Option<Named>,
) -> Response<Body> {
    let started = Instant::now();
    let (parts, body) = request.into_parts();
    let mut way = Way::default();
    let notes = RequestNotes::default();
    let snapshot = app.configuration().snapshot();
    let caller = check_host(parts.version, &parts.headers)
        .and_then(|()| caller::of(&snapshot.loaded.core.reverse_proxy, &parts.headers, peer));
    // The log names the proxy if the caller is unknown.
    let client = *caller.as_ref().unwrap_or(&peer);
    let named = named.unwrap_or_else(|| Named(app.prepared_answers().name(&parts.method, &parts.uri, &parts.headers)));
    let outcome = match caller {
        Ok(client) => dispatch(app, snapshot, (&parts, named), body, client, &mut way, &notes).await,
        Err(reject) => Err(reject),
    };
    concluded(app, &parts.method, client, started, way, notes, outcome)
}

/// Returns the response, counts it and logs it.
pub(crate) fn concluded(
    app: &App,
    method: &Method,
    client: IpAddr,
    started: Instant,
    way: Way,
    notes: RequestNotes,
    outcome: Result<Reply, Reject>,
) -> Response<Body> {
    let reply = counted(app, method, client, started, &way, &notes, outcome);
    let mut response = reply.into_response(*method == Method::HEAD);
    response.extensions_mut().insert(Arc::new(Facts {
        client,
        route: way.template,
        notes,
    }));
    response
}

/// Returns the reply, after counting and logging it.
pub(crate) fn counted(
    app: &App,
    method: &Method,
    client: IpAddr,
    started: Instant,
    way: &Way,
    notes: &RequestNotes,
    outcome: Result<Reply, Reject>,
) -> Reply {
    let reply = outcome.unwrap_or_else(|reject| {
        if refusals::is_one(reject.status()) {
            notes.refused(reject.words());
        }
        reject.into()
    });
    let (status, took) = (reply.code(), started.elapsed());
    let route = way.template.unwrap_or("unknown");
    if refusals::is_one(status) {
        refusals::log(client, route, status, notes);
    }
    match &way.prepared {
        Some(prepared) => prepared.answered(app.metrics(), status, took),
        None => app.metrics().answers(route, status).answered(took),
    }
    let answered = AnsweredRequest {
        client,
        method: shown(method),
        route,
        status: status.as_u16(),
        took,
    };
    match (&way.given, &way.prepared) {
        (Some(given), Some(prepared)) => {
            app.log().feed_answered(&given.told(prepared, client, notes), &answered);
        }
        _ => app.log().answered(&answered),
    }
    reply
}

/// Where the answer to a request comes from, as far as it is known.
#[derive(Default)]
pub(crate) struct Way {
    /// The template of the route.
    pub(crate) template: Option<&'static str>,
    pub(crate) prepared: Option<Arc<PreparedAnswer>>,
    /// The feed that is given, if the log does not have it yet.
    pub(crate) given: Option<Given>,
}

async fn dispatch(
    app: &Arc<App>,
    snapshot: Arc<Snapshot>,
    (parts, Named(name)): (&http::request::Parts, Named),
    body: RequestBody,
    client: IpAddr,
    way: &mut Way,
    notes: &RequestNotes,
) -> Result<Reply, Reject> {
    way.prepared = name.and_then(|name| app.prepared_answers().find(snapshot.generation, name));
    let query = Query::new(parts.uri.query());
    let request = |path_token| Request {
        name,
        method: &parts.method,
        version: parts.version,
        authority: parts.uri.authority(),
        headers: &parts.headers,
        extensions: &parts.extensions,
        query,
        path_token,
        client,
        body,
        snapshot,
        notes,
    };
    if let Some(prepared) = &way.prepared {
        // The whole target is the same as then, so its path is not cut again.
        way.template = Some(prepared.template);
        let request = request(None);
        // Boxed, as every handler is, so that the future of a request stays small: it is moved around.
        return Box::pin(routes::answer_again(app, prepared, &request)).await;
    }
    let mut segments = Segments::split(parts.uri.path()).ok_or(Reject::NotFound)?;
    let path_token = segments.take_token();
    let (route, path) = routes::find(segments.parts()).ok_or(Reject::NotFound)?;
    way.template = Some(route.template);
    // Cratos FastAPI redirects `/v1/status/` and repeats the query. A token must not show in a `Location`, where
    // proxies log it, and without the token the second request would be refused. So a request with a token in its
    // target is answered at once, and so is one with a token under a wrong name, for example `?tokn=`.
    let brings_token = path_token.is_some() || query.last("token").is_some() || query.may_hold_a_token();
    if segments.has_trailing_slash() && !brings_token {
        return Ok(without_slash(&parts.uri));
    }
    if !route.methods.contains(&parts.method) {
        return Err(Reject::MethodNotAllowed(route.methods));
    }
    let call = Call {
        app,
        request: request(path_token.as_deref()),
        template: route.template,
        path,
    };
    route.answer(call).await
}

/// Refuses HTTP/1.1 without or with two `Host` (RFC 9112, section 3.2): two programs on the way may each believe
/// another of them.
pub(crate) fn check_host(version: Version, headers: &HeaderMap) -> Result<(), Reject> {
    match (headers.get_all(header::HOST).iter().count(), version) {
        (1, _) => Ok(()),
        (0, Version::HTTP_11) => Err(Reject::BadHost),
        (0, _) => Ok(()),
        _ => Err(Reject::BadHost),
    }
}

/// Sends the caller to the same path without the slash at its end.
///
/// The location is relative to the host: behind a proxy we know neither the scheme nor the name that the caller used.
fn without_slash(uri: &Uri) -> Reply {
    let mut location = uri.path().trim_end_matches('/').to_owned();
    if let Some(query) = uri.query() {
        location.push('?');
        location.push_str(query);
    }
    Reply::empty(StatusCode::TEMPORARY_REDIRECT).header_text(header::LOCATION, &location)
}

/// Returns the name of a method for the log; others may hold anything.
fn shown(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::DELETE | Method::PUT | Method::PATCH | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::Path;

    use feed_engine::{FeedEngine, MispSource};
    use http_body_util::Empty;
    use site_config::{ConfigStore, Paths, ReloadOutcome};
    use token_crypto::{Claims, ExpiryDay, Protocol};

    use crate::configuration::key_ring;

    const CLIENT: &str = "198.51.100.7";

    fn app(files: &Path) -> (Arc<App>, ConfigStore) {
        let core = format!(
            "encryption_key: {}\nsalt: {}\naccept_legacy_tokens: False\n",
            "k".repeat(64),
            "s".repeat(32)
        );
        fs::create_dir(files.join("sites")).unwrap();
        for (name, text) in [("config.yaml", &*core), ("mappings.yaml", "types: {}\n")] {
            fs::write(files.join(name), text).unwrap();
        }
        write_site(files, "allowed_ips: [198.51.100.0/24]\n");
        let store = ConfigStore::open(Paths {
            config: files.join("config.yaml"),
            mappings: files.join("mappings.yaml"),
            sites: files.join("sites"),
        });
        let (store, misp) = (store.unwrap(), Arc::new(MispSource::new()));
        let engine = FeedEngine::builder().source(Arc::clone(&misp) as _).build();
        let app = App::new(store.clone(), engine, misp, None, 1).unwrap();
        (Arc::new(app), store)
    }

    fn write_site(files: &Path, lines: &str) {
        fs::write(
            files.join("sites/misp.example.net.yaml"),
            format!("tag: example\n{lines}"),
        )
        .unwrap();
    }

    async fn status(app: &Arc<App>, path: &str, token: &str) -> u16 {
        let request = http::Request::get(path)
            .header("host", "x")
            .header("token", token)
            .body(RequestBody::new(Empty::<&[u8]>::new()))
            .unwrap();
        respond(app, request, CLIENT.parse().unwrap(), None)
            .await
            .status()
            .as_u16()
    }

    /// Between the check of the address and that of the token, for example.
    #[tokio::test]
    async fn a_reload_in_the_middle_of_a_request_counts_from_the_next_request_on() {
        let files = tempfile::tempdir().unwrap();
        let (app, store) = app(files.path());
        let (key, expires) = ("m".repeat(40).into(), ExpiryDay::parse("2099-12-31").unwrap());
        let claims = Claims::new("misp.example.net", Protocol::Https, 443, key, expires);
        let token = key_ring(&store.current().core).unwrap().seal(&claims).unwrap();
        let token = token.expose();
        assert_eq!(status(&app, "/v1/feedmapping", token).await, 200);
        let folder = files.path().to_owned();
        app.configuration().after_next_snapshot(move || {
            write_site(&folder, "allowed_ips: [192.0.2.0/24]\n");
            assert!(matches!(store.reload(), ReloadOutcome::Applied(_)));
        });
        assert_eq!(status(&app, "/v1/feedmapping", token).await, 200);
        assert_eq!(status(&app, "/v1/feedmapping", token).await, 403);
    }

    /// With two snapshots, each request would drop what the caches keep under the other one.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn requests_that_come_at_the_same_time_after_a_reload_have_the_same_snapshot() {
        let files = tempfile::tempdir().unwrap();
        let (app, store) = app(files.path());
        for round in 0..50 {
            write_site(files.path(), &format!("allowed_ips: [192.0.2.{round}/32]\n"));
            assert!(matches!(store.reload(), ReloadOutcome::Applied(_)));
            let barrier = Arc::new(std::sync::Barrier::new(4));
            let askers = (0..4).map(|_| {
                let (app, barrier) = (Arc::clone(&app), Arc::clone(&barrier));
                std::thread::spawn(move || {
                    barrier.wait();
                    app.configuration().snapshot().generation
                })
            });
            let askers: Vec<_> = askers.collect();
            let seen: Vec<_> = askers.into_iter().map(|asker| asker.join().unwrap()).collect();
            let in_force = app.configuration().snapshot().generation;
            assert_eq!(seen, [in_force; 4]);
        }
    }

    fn name_of(
        answers: &crate::prepared_answers::PreparedAnswers,
        parts: &http::request::Parts,
    ) -> Option<crate::secret_digest::SecretDigest> {
        answers.name(&parts.method, &parts.uri, &parts.headers)
    }

    fn parts(path: &str, token: &str) -> http::request::Parts {
        let request = http::Request::get(path).header("host", "x").header("token", token);
        request.body(()).unwrap().into_parts().0
    }

    /// The day is not part of what is remembered: a token that was good yesterday is refused today.
    #[tokio::test]
    async fn a_remembered_token_ends_with_its_day() {
        const FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";
        let files = tempfile::tempdir().unwrap();
        let (app, store) = app(files.path());
        let (key, ended) = ("m".repeat(40).into(), ExpiryDay::parse("2020-12-31").unwrap());
        let claims = Claims::new("misp.example.net", Protocol::Https, 443, key, ended);
        let token = key_ring(&store.current().core).unwrap().seal(&claims).unwrap();
        let snapshot = app.configuration().snapshot();
        // As it was remembered while the day had not come.
        let grant = crate::auth::remembered(app.known_tokens(), &snapshot, token.expose());
        assert_eq!(status(&app, "/v1/feedmapping", token.expose()).await, 403);
        let asked = feed_engine::FeedRequest::new(
            feed_engine::Selection::Feed(feed_classification::FeedName::Block),
            feed_classification::IndicatorType::Ipv4,
            feed_classification::Age::Weeks1,
            "txt",
        );
        let feed = app.engine().prepare(&grant.upstream, &asked).unwrap();
        let (answers, name) = (
            app.prepared_answers(),
            name_of(app.prepared_answers(), &parts(FEED, token.expose())),
        );
        let answer = PreparedAnswer::new("/v1/feed", grant, feed);
        answers.remember(snapshot.generation, name.unwrap(), Arc::new(answer));
        assert!(answers.find(snapshot.generation, name.unwrap()).is_some());
        assert_eq!(status(&app, FEED, token.expose()).await, 403);
    }
}
