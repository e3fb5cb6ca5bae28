//! The service: cheap to clone, for any server that speaks `tower_service::Service`.

mod builder;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use feed_engine::FeedEngine;
use futures_util::FutureExt as _;
use http::{Extensions, Method, Request, Response};
use prometheus_client::registry::Registry;
use site_config::{ConfigStore, Loaded};

use crate::app::App;
use crate::background::Background;
use crate::body::RequestBody;
use crate::error::GatewayError;
use crate::hit;
use crate::prepared_answers::Named;
use crate::reject::Reject;
use crate::repeated_request::RepeatedRequest;
use crate::reply::{Body, Reply};
use crate::service;

pub use builder::GatewayBuilder;

/// The HTTP face of a [`FeedEngine`], as a tower service. Clones share everything.
///
/// The service takes requests with any body and never fails: every problem becomes an answer. The server in front says
/// in the extensions of each request from which address it comes, since a token may be limited to networks: as
/// [`Peer`](crate::Peer), or as [`GatewayBuilder::peer`] reads it. A request without it gets 500.
///
/// Nothing runs beside requests until [`start`](Self::start) is called.
#[derive(Clone)]
pub struct Gateway {
    app: Arc<App>,
    peer: PeerReader,
}

/// Finds the address of the connection in the extensions of a request.
pub(crate) type PeerReader = Arc<dyn Fn(&Extensions) -> Option<IpAddr> + Send + Sync>;

impl Gateway {
    /// Returns a gateway with the defaults of [`GatewayBuilder`].
    ///
    /// # Errors
    /// As [`GatewayBuilder::build`].
    pub fn new(config: ConfigStore, engine: FeedEngine) -> Result<Self, GatewayError> {
        Self::builder(config, engine).build()
    }

    /// Returns a builder for a gateway that serves the feeds of `engine` by the rules of `config`.
    pub fn builder(config: ConfigStore, engine: FeedEngine) -> GatewayBuilder {
        GatewayBuilder::new(config, engine)
    }

    pub(crate) fn of(app: App, peer: PeerReader) -> Self {
        Self {
            app: Arc::new(app),
            peer,
        }
    }

    /// Starts the work beside requests: it follows the configuration and the ZeroMQ feed of each MISP, checks for
    /// withdrawn events, and sends sightings. The work goes on until the returned guard is dropped.
    ///
    /// Without it a gateway answers feeds, but refuses sightings with 503, and feeds are only as fresh as their age
    /// says.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use = "the work ends when the guard is dropped"]
    pub fn start(&self) -> Background {
        Background::start(&self.app)
    }

    /// Ends all streams and opens no new ones: for the moment in which the server stops accepting connections.
    pub fn end_streams(&self) {
        self.app.streams().end_all();
    }

    /// Adds metrics of the embedding program to the page `/metrics`. `register` is called each time the page is made;
    /// the names it registers get the prefix `cratos_`.
    pub fn add_metrics(&self, register: impl Fn(&mut Registry) + Send + Sync + 'static) {
        self.app.add_metrics(register);
    }

    /// Returns the configuration files.
    #[must_use]
    pub fn config(&self) -> &ConfigStore {
        self.app.config()
    }

    /// Returns a function that gives the configuration by which requests are judged at that moment. After a change of
    /// keys that is the old one until the new keys are derived.
    pub fn in_force(&self) -> impl Fn() -> Arc<Loaded> + Send + Sync + use<> {
        let configuration = Arc::clone(self.app.configuration());
        move || Arc::clone(&configuration.snapshot().loaded)
    }

    /// Takes everything that each request takes, and returns when it has got it: a sign of life for watchdogs.
    pub fn touch(&self) {
        self.app.touch();
    }

    /// Returns the answer to one request, as [`answer`](Self::answer) does. If memory has all of it, it is ready when
    /// this returns, after some microseconds.
    pub fn answering<B>(&self, request: Request<B>) -> Answering
    where
        B: http_body::Body + Send + 'static,
    {
        let named = match self.answer_at_once(&request) {
            Ok(response) => return Answering(Progress::Ready(Some(Box::new(response)))),
            Err(named) => named,
        };
        let gateway = self.clone();
        Answering(Progress::Waiting(Box::pin(async move {
            gateway.answer_named(request, named).await
        })))
    }

    /// Returns what answers the same request again while memory has all of the answer, so that a server in front need
    /// not read a request that a peer sends again byte for byte. Nothing for requests of other kinds.
    ///
    /// It may be asked inside of a tokio runtime only. [`GatewayBuilder::on_good_token`] is not called again for it.
    pub fn repeated<B>(&self, request: &Request<B>) -> Option<RepeatedRequest> {
        let peer = (self.peer)(request.extensions())?;
        RepeatedRequest::of(&self.app, request, peer.to_canonical())
    }

    /// Outside of a tokio runtime it returns nothing: noting a poll may start a task.
    fn answer_at_once<B>(&self, request: &Request<B>) -> Result<Response<Body>, Option<Named>> {
        let is_in_runtime = tokio::runtime::Handle::try_current().is_ok();
        let peer = (self.peer)(request.extensions())
            .filter(|_| is_in_runtime)
            .ok_or(None)?;
        let answer = || hit::answer(&self.app, request, peer.to_canonical());
        let outcome = std::panic::catch_unwind(AssertUnwindSafe(answer)).unwrap_or_else(|panic| {
            tracing::error!(panic = message(&*panic), "a request panicked");
            let is_head = request.method() == Method::HEAD;
            Ok(Reply::from(Reject::Internal).into_response(is_head))
        });
        outcome.map_err(Some)
    }

    /// Answers one request. A panic on the way is a 500 for this request only.
    pub async fn answer<B>(&self, request: Request<B>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
    {
        self.answer_named(request, None).await
    }

    async fn answer_named<B>(&self, request: Request<B>, named: Option<Named>) -> Response<Body>
    where
        B: http_body::Body + Send + 'static,
    {
        let is_head = request.method() == Method::HEAD;
        let Some(peer) = (self.peer)(request.extensions()) else {
            tracing::error!(
                "the server names no peer in the extensions of a request, so its address cannot be checked"
            );
            return Reply::from(Reject::Internal).into_response(is_head);
        };
        // State that requests share survives a panic: maps behind locks that are never left half changed.
        let answer = AssertUnwindSafe(service::respond(
            &self.app,
            request.map(RequestBody::new),
            peer.to_canonical(),
            named,
        ));
        answer.catch_unwind().await.unwrap_or_else(|panic| {
            tracing::error!(panic = message(&*panic), "a request panicked");
            Reply::from(Reject::Internal).into_response(is_head)
        })
    }
}

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway")
            .field("app", &self.app)
            .finish_non_exhaustive()
    }
}

impl<B> tower_service::Service<Request<B>> for Gateway
where
    B: http_body::Body + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        self.answering(request)
    }
}

/// The answer of a [`Gateway`] to one request, from [`Gateway::answering`]. It is small: an answer out of memory is
/// ready from the start.
#[must_use = "a future does nothing unless it is polled"]
pub struct Answering(Progress);

enum Progress {
    /// Nothing once it was taken.
    Ready(Option<Box<Response<Body>>>),
    Waiting(Pin<Box<dyn Future<Output = Response<Body>> + Send>>),
}

impl Answering {
    /// Returns whether the answer was ready from the start.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        matches!(self.0, Progress::Ready(_))
    }
}

impl Future for Answering {
    type Output = Result<Response<Body>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match &mut self.0 {
            // A future is not polled again after its end.
            Progress::Ready(response) => response
                .take()
                .map_or(Poll::Pending, |response| Poll::Ready(Ok(*response))),
            Progress::Waiting(answer) => answer.as_mut().poll(context).map(Ok),
        }
    }
}

impl fmt::Debug for Answering {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answering").finish_non_exhaustive()
    }
}

fn message(panic: &(dyn std::any::Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("unknown")
}
