//! Traces for a collector: a receiver stands in for it, and reads what the daemon sends as a collector does.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message as _;
use rustix::process::Signal;
use token_crypto::Scope;

use crate::story::{SITE, sim};
use crate::support::{Daemon, Installation, block_on, client};
use crate::tokens;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT: &str = "00f067aa0ba902b7";

/// Longer than anything takes on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a receiver, and returns its address and everything that it is sent.
fn collector() -> (String, Receiver<ExportTraceServiceRequest>) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let (batches, received) = channel();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let batches = batches.clone();
            thread::spawn(move || receive(stream, &batches));
        }
    });
    (address, received)
}

/// Reads the requests of one connection.
fn receive(stream: TcpStream, batches: &Sender<ExportTraceServiceRequest>) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    loop {
        let (mut head, mut length) = (Vec::new(), 0);
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).unwrap_or(0) == 0 {
                return;
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix("content-length: ") {
                length = value.parse().unwrap();
            }
            head.push(line);
        }
        assert_eq!(head[0], "post /v1/traces http/1.1");
        assert!(
            head.contains(&"content-type: application/x-protobuf".to_owned()),
            "{head:?}"
        );
        let mut body = vec![0; length];
        reader.read_exact(&mut body).unwrap();
        let batch = ExportTraceServiceRequest::decode(body.as_slice()).unwrap();
        let answer = "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        (&stream).write_all(answer.as_bytes()).unwrap();
        if batches.send(batch).is_err() {
            return;
        }
    }
}

fn serve(installation: &Installation, collector: &str) -> Daemon {
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", collector)
        .env("OTEL_BSP_SCHEDULE_DELAY", "50");
    Daemon::start(command)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn fact(span: &Span, name: &str) -> String {
    let found = span.attributes.iter().find(|fact| fact.key == name);
    format!("{:?}", found.and_then(|fact| fact.value.as_ref()))
}

#[test]
fn a_recorded_request_and_its_questions_to_misp_reach_the_collector() {
    let sim = sim();
    let installation = Installation::new().with_site("127.0.0.1", &format!("{SITE}mirror: False\n"));
    let (address, received) = collector();
    let mut daemon = serve(&installation, &address);
    let url = format!("http://{}/v1/check", daemon.address());
    let token = tokens::sealed(&sim, Scope::new());
    let ask = |flags: &str| {
        let header = format!("00-{TRACE}-{PARENT}-{flags}");
        let request = client().get(&url).header("token", &token).header("traceparent", header);
        block_on(async { assert_eq!(request.send().await.unwrap().status().as_u16(), 200) });
    };
    // The caller does not record this trace.
    ask("00");
    ask("01");
    daemon.signal(Signal::TERM);
    daemon.wait();
    let mut spans = Vec::new();
    while let Ok(batch) = received.recv_timeout(if spans.is_empty() {
        PATIENCE
    } else {
        Duration::from_millis(100)
    }) {
        for of_resource in batch.resource_spans {
            let resource = of_resource.resource.unwrap();
            let named = resource
                .attributes
                .iter()
                .any(|fact| fact.key == "service.name" && format!("{:?}", fact.value).contains("\"cratosd\""));
            assert!(named, "{resource:?}");
            spans.extend(of_resource.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let text = format!("{spans:?}");
    assert!(
        !text.contains(&token) && !text.contains(misp_sim::Sim::READER_KEY),
        "{text}"
    );
    let servers: Vec<&Span> = spans.iter().filter(|span| span.kind() == SpanKind::Server).collect();
    let [server] = servers[..] else { panic!("{servers:?}") };
    assert_eq!(
        (hex(&server.trace_id), hex(&server.parent_span_id)),
        (TRACE.to_owned(), PARENT.to_owned())
    );
    assert_eq!(server.name, "GET /v1/check");
    assert!(fact(server, "http.response.status_code").contains("200"));
    let clients: Vec<&Span> = spans.iter().filter(|span| span.kind() == SpanKind::Client).collect();
    let [question] = clients[..] else { panic!("{clients:?}") };
    assert_eq!(
        (&question.trace_id, &question.parent_span_id),
        (&server.trace_id, &server.span_id)
    );
    assert_eq!(question.name, "GET /servers/getVersion");
    let heard = sim.requests();
    let sent = heard.last().and_then(|request| request.header("traceparent")).unwrap();
    assert_eq!(
        sent,
        format!("00-{TRACE}-{}-01", hex(&question.span_id)),
        "MISP was told the same"
    );
    for span in [server, question] {
        assert!(span.end_time_unix_nano >= span.start_time_unix_nano && span.start_time_unix_nano > 0);
    }
    assert!(server.start_time_unix_nano <= question.start_time_unix_nano);
}

#[test]
fn an_address_that_is_none_is_a_mistake_in_the_command() {
    let installation = Installation::new().with_site("127.0.0.1", SITE);
    let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", "not an address");
    let ran = crate::support::run_with(command, "");
    assert_eq!(ran.code, Some(64), "{}", ran.stderr);
    assert!(ran.stderr.contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{}", ran.stderr);
}
