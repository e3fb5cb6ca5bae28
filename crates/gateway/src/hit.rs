//! Answers out of memory to repeated requests, made at once: no future is built, moved or polled for them.

use std::net::IpAddr;
use std::sync::Arc;

use http::{Request, Response};

use crate::app::App;
use crate::caller;
use crate::notes::RequestNotes;
use crate::prepared_answers::Named;
use crate::reply::Body;
use crate::request::Asking;
use crate::request_time::RequestTime;
use crate::routes;
use crate::secret_digest::SecretDigest;
use crate::service::{TRACEPARENT, Way, check_host, concluded};

/// Returns the answer to a request that was answered before under the same configuration, if nothing of the answer has
/// to be waited for. Everything that can change under one configuration is judged, as it is on the long way.
///
/// Without an answer the request is as if it had not come: nothing was counted or logged, and its name is returned.
/// The request is answered here in any case once something was.
///
/// # Errors
/// The name of a request that goes the long way.
pub(crate) fn answer<B>(app: &Arc<App>, request: &Request<B>, peer: IpAddr) -> Result<Response<Body>, Named> {
    let name = app
        .prepared_answers()
        .name(request.method(), request.uri(), request.headers());
    let answer = name.and_then(|name| answer_named(app, name, request, peer));
    answer.ok_or(Named(name))
}

fn answer_named<B>(app: &Arc<App>, name: SecretDigest, request: &Request<B>, peer: IpAddr) -> Option<Response<Body>> {
    let now = RequestTime::now();
    let (method, headers) = (request.method(), request.headers());
    let snapshot = app.configuration().snapshot();
    let prepared = app.prepared_answers().find(snapshot.generation, name)?;
    // The lines of a trace belong to its span, which only the long way has.
    if headers.contains_key(&TRACEPARENT) || check_host(request.version(), headers).is_err() {
        return None;
    }
    let notes = RequestNotes::default();
    let client = match caller::of(&snapshot.loaded.core.reverse_proxy, headers, peer) {
        Ok(client) => client,
        Err(reject) => {
            return Some(concluded(app, method, peer, now.at, Way::default(), notes, Err(reject)));
        }
    };
    let asking = Asking {
        method,
        headers,
        extensions: Some(request.extensions()),
        client,
        snapshot: &snapshot,
        notes: &notes,
        now,
    };
    let (outcome, given) = routes::answer_at_once(app, &prepared, asking)?
        .map_or_else(|reject| (Err(reject), None), |(reply, given)| (Ok(reply), Some(given)));
    let way = Way {
        template: Some(prepared.template),
        prepared: Some(prepared),
        given,
    };
    Some(concluded(app, method, client, now.at, way, notes, outcome))
}
