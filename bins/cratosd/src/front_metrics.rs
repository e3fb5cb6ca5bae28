//! The metrics of the HTTP front and of the logs.

use gateway::Gateway;
use gateway::metrics::{Registry, counters, gauges};
use http_front::{AccessLog, Certificates, Front};
use prometheus_client::metrics::gauge::Gauge;

use crate::telemetry;

/// Adds the numbers of this front to the metrics page of the gateway.
pub(crate) fn register(
    gateway: &Gateway,
    front: &Front,
    certificates: Option<&Certificates>,
    access_log: Option<&AccessLog>,
) {
    let (front, certificates, access_log) = (front.clone(), certificates.cloned(), access_log.cloned());
    gateway.add_metrics(move |registry| {
        let connections: Gauge = Gauge::default();
        connections.set(i64::try_from(front.open_connections()).unwrap_or(i64::MAX));
        registry.register("connections", "Open connections", connections);
        counters(
            registry,
            "connections_evicted",
            "Connections that were closed to make room for others: places or memory for callers without a token ran short",
            [(Vec::new(), front.evicted_connections() as f64)],
        );
        counters(
            registry,
            "requests_repeated",
            "Requests that cratosd answered without parsing them: their connection had sent the same bytes before",
            [(Vec::new(), front.repeated_requests() as f64)],
        );
        logs(registry, access_log.as_ref());
        if let Some(certificates) = &certificates {
            tls(registry, certificates);
        }
    });
}

fn logs(registry: &mut Registry, access_log: Option<&AccessLog>) {
    let lost = access_log.map(|log| (Vec::new(), log.lost() as f64));
    counters(
        registry,
        "access_log_lost",
        "Lines of the access log that were not written: the disk was slow, full or closed to us",
        lost,
    );
    counters(
        registry,
        "log_lost",
        "Lines of the log that were not written: nobody read standard error fast enough",
        [(Vec::new(), telemetry::lost_lines() as f64)],
    );
}

fn tls(registry: &mut Registry, certificates: &Certificates) {
    gauges(
        registry,
        "tls_certificate_end_timestamp_seconds",
        "When the certificate in force ends, in seconds since 1970",
        [(Vec::new(), certificates.ends() as f64)],
    );
    gauges(
        registry,
        "tls_files_refused",
        "Whether the files cannot be used and an older certificate stays in force",
        [(Vec::new(), f64::from(u8::from(certificates.is_refused())))],
    );
    counters(
        registry,
        "tls_failed_handshakes",
        "Connections that were closed before TLS stood: no TLS, too slow, or no certificate where one is required",
        [(Vec::new(), certificates.failed_handshakes() as f64)],
    );
}
