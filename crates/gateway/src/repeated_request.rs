//! A request that comes again on its connection, answered without a look at its bytes.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, Request, StatusCode};

use crate::app::App;
use crate::caller;
use crate::conditional;
use crate::notes::RequestNotes;
use crate::prepared_answers::PreparedAnswer;
use crate::reply::ReadyReply;
use crate::request::Asking;
use crate::request_time::RequestTime;
use crate::routes;
use crate::service::{Facts, TRACEPARENT, Way, check_host, counted};
use crate::snapshot_cache::Generation;

/// A request for a feed that was answered before, kept by the server in front for the case that the same peer sends the
/// same bytes again. From [`Gateway::repeated`](crate::Gateway::repeated).
///
/// What the request and the configuration decide together is kept here: the opened token, the client, the feed. What
/// can change without them is judged at each answer.
pub struct RepeatedRequest {
    app: Arc<App>,
    generation: Generation,
    prepared: Arc<PreparedAnswer>,
    client: IpAddr,
    method: Method,
    /// The header fields that ask whether the caller has the feed already. The others may hold the token.
    conditions: HeaderMap,
    /// What a response would have with it, unless the request is refused.
    extensions: OnceLock<Arc<Extensions>>,
}

/// A whole answer as HTTP/1.1 sends it, from a [`RepeatedRequest`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct RepeatedAnswer {
    /// The status.
    pub status: StatusCode,
    /// The status line and the header fields with their line ends. The server adds `date` and the empty line.
    pub head: Bytes,
    /// The bytes behind the head.
    pub body: Bytes,
    /// The value of `content-length`, or 0 without one.
    pub length: u64,
    /// Those of a response, with its [`Facts`].
    pub extensions: Arc<Extensions>,
}

impl RepeatedRequest {
    /// Returns nothing for a request that is not answered out of memory in the same way each time.
    pub(crate) fn of<B>(app: &Arc<App>, request: &Request<B>, peer: IpAddr) -> Option<Self> {
        let (method, headers) = (request.method(), request.headers());
        // The lines of a trace belong to its span, which only the long way has.
        if headers.contains_key(&TRACEPARENT) || check_host(request.version(), headers).is_err() {
            return None;
        }
        let name = app.prepared_answers().name(method, request.uri(), headers)?;
        let snapshot = app.configuration().snapshot();
        let prepared = app.prepared_answers().find(snapshot.generation, name)?;
        let client = caller::of(&snapshot.loaded.core.reverse_proxy, headers, peer).ok()?;
        Some(Self {
            app: Arc::clone(app),
            generation: snapshot.generation,
            prepared,
            client,
            method: method.clone(),
            conditions: conditional::fields(headers),
            extensions: OnceLock::new(),
        })
    }

    /// Returns the answer of this moment if memory has all of it. Otherwise the request is as if it had not come, and
    /// the gateway has to answer it.
    #[must_use]
    pub fn answer(&self) -> Option<RepeatedAnswer> {
        let now = RequestTime::now();
        let snapshot = self.app.configuration().snapshot();
        // Another configuration may refuse the token, or name another client.
        if snapshot.generation != self.generation {
            return None;
        }
        let notes = RequestNotes::default();
        let asking = Asking {
            method: &self.method,
            headers: &self.conditions,
            extensions: None,
            client: self.client,
            snapshot: &snapshot,
            notes: &notes,
            now,
        };
        let (outcome, given) = routes::answer_at_once(&self.app, &self.prepared, asking)?
            .map_or_else(|reject| (Err(reject), None), |(reply, given)| (Ok(reply), Some(given)));
        let way = Way {
            template: Some(self.prepared.template),
            prepared: Some(Arc::clone(&self.prepared)),
            given,
        };
        let is_given = outcome.is_ok();
        let reply = counted(&self.app, &self.method, self.client, now.at, &way, &notes, outcome);
        let ReadyReply { status, headers, body } = reply.into_ready(self.method == Method::HEAD)?;
        // The notes of a given feed are the same each time.
        let extensions = if is_given {
            Arc::clone(self.extensions.get_or_init(|| self.facts(notes)))
        } else {
            self.facts(notes)
        };
        Some(RepeatedAnswer {
            status,
            head: headers.lines(),
            body,
            length: headers.length(),
            extensions,
        })
    }

    fn facts(&self, notes: RequestNotes) -> Arc<Extensions> {
        let mut extensions = Extensions::new();
        extensions.insert(Arc::new(Facts {
            client: self.client,
            route: Some(self.prepared.template),
            notes,
        }));
        Arc::new(extensions)
    }
}

impl fmt::Debug for RepeatedRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RepeatedRequest")
            .field("route", &self.prepared.template)
            .finish_non_exhaustive()
    }
}
