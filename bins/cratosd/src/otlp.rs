//! Traces for an OpenTelemetry collector: OTLP over HTTP, with protobuf.
//!
//! cratosd begins no traces. It sends the steps of those that a caller began and records (`traceparent` with the flag
//! for it). The variables of the OpenTelemetry standard say where to: `OTEL_EXPORTER_OTLP_ENDPOINT` or
//! `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`. Without one of them nothing is sent.

use std::env;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_http::{HttpClient, HttpError};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{BatchConfig, BatchSpanProcessor, SpanData, SpanEvents, SpanLinks, SpanProcessor as _};
use service_kit::{StepKind, TraceStep, collect_steps};
use tokio::runtime::Handle;

use crate::exit::{Failure, chain};

/// The variables that name a collector.
const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/// The longest answer of a collector that is read.
const MAX_ANSWER_BYTES: usize = 64 << 10;

/// Sends steps in batches. Dropping it sends those that wait.
#[derive(Debug)]
pub(crate) struct Traces(Arc<BatchSpanProcessor>);

impl Traces {
    /// Begins to send the steps of this process, if the environment names a collector.
    ///
    /// # Errors
    /// If an address or a certificate cannot be used.
    pub(crate) fn begin() -> Result<Option<Self>, Failure> {
        let is_named = |name: &&str| env::var_os(name).is_some_and(|value| !value.is_empty());
        if !ENDPOINTS.iter().any(is_named) {
            return Ok(None);
        }
        let client = Client::new().map_err(|error| Failure::failed(chain(&error)))?;
        let exporter = SpanExporter::builder().with_http().with_http_client(client).build();
        let exporter =
            exporter.map_err(|error| Failure::usage(format!("{}: {}", ENDPOINTS.join(", "), chain(&error))))?;
        let mut processor = BatchSpanProcessor::new(exporter, BatchConfig::default());
        // `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` win.
        let name = env::var_os("OTEL_SERVICE_NAME")
            .is_none()
            .then(|| KeyValue::new("service.name", "cratosd"));
        let version = KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
        let resource = Resource::builder()
            .with_attributes(name.into_iter().chain([version]))
            .build();
        processor.set_resource(&resource);
        let processor = Arc::new(processor);
        let theirs = Arc::clone(&processor);
        if collect_steps(move |step| theirs.on_end(span(step))) {
            tracing::info!("traces that callers record are sent to a collector");
        }
        Ok(Some(Self(processor)))
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        if let Err(error) = self.0.force_flush() {
            tracing::warn!(%error, "the last steps of traces were not sent");
        }
    }
}

fn span(step: TraceStep) -> SpanData {
    let context = step.context;
    let status = step
        .status
        .map(|status| KeyValue::new("http.response.status_code", i64::from(status)));
    let facts = step.facts.into_iter().map(|(name, value)| KeyValue::new(name, value));
    let attributes = facts.chain(status);
    let trace = TraceId::from_bytes(context.trace_id().to_u128().to_be_bytes());
    let id = |id: service_kit::SpanId| SpanId::from_bytes(id.to_u64().to_be_bytes());
    SpanData {
        span_context: SpanContext::new(trace, id(context.span()), TraceFlags::SAMPLED, false, TraceState::NONE),
        parent_span_id: id(context.parent()),
        parent_span_is_remote: step.kind == StepKind::Server,
        span_kind: match step.kind {
            StepKind::Client => SpanKind::Client,
            _ => SpanKind::Server,
        },
        name: step.name.into(),
        start_time: step.began,
        end_time: step.ended,
        attributes: attributes.collect(),
        dropped_attributes_count: 0,
        events: SpanEvents::default(),
        links: SpanLinks::default(),
        status: if step.is_failed {
            Status::error("")
        } else {
            Status::Unset
        },
        instrumentation_scope: InstrumentationScope::builder("cratosd").build(),
    }
}

/// Our HTTP client, so that the program has one TLS for everything. The exporter calls it on a thread without a
/// runtime, so requests run on that of the daemon.
#[derive(Debug)]
struct Client {
    http: reqwest::Client,
    runtime: Handle,
}

impl Client {
    fn new() -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .build()?;
        let runtime = Handle::current();
        Ok(Self { http, runtime })
    }
}

impl HttpClient for Client {
    // The trait is written with `async_trait`, whose methods look like this one.
    fn send_bytes<'s, 'f>(&'s self, request: Request<Bytes>) -> BoxFuture<'f, Result<Response<Bytes>, HttpError>>
    where
        's: 'f,
        Self: 'f,
    {
        let sending = self.runtime.spawn(send(self.http.clone(), request));
        Box::pin(async move { sending.await? })
    }
}

async fn send(http: reqwest::Client, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
    let request = reqwest::Request::try_from(request)?;
    let mut answer = http.execute(request).await?;
    let mut body = Vec::new();
    while let Some(piece) = answer.chunk().await? {
        if body.len() + piece.len() > MAX_ANSWER_BYTES {
            return Err("the answer of the collector is too long".into());
        }
        body.extend_from_slice(&piece);
    }
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}
