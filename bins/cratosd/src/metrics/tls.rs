//! TLS: the certificate in force, and handshakes that came to nothing.

use prometheus_client::registry::Registry;

use super::{counters, gauges};
use crate::tls::Tls;

pub(crate) fn register(tls: Option<&Tls>, registry: &mut Registry) {
    let Some(tls) = tls else {
        return;
    };
    gauges(
        registry,
        "tls_certificate_end_timestamp_seconds",
        "When the certificate in force ends, in seconds since 1970",
        [(Vec::new(), tls.ends() as f64)],
    );
    gauges(
        registry,
        "tls_files_refused",
        "Whether the files cannot be used and an older certificate stays in force",
        [(Vec::new(), f64::from(u8::from(tls.is_refused())))],
    );
    counters(
        registry,
        "tls_failed_handshakes",
        "Connections that were closed before TLS stood: no TLS, too slow, or no certificate where one is required",
        [(Vec::new(), tls.failed_handshakes() as f64)],
    );
}
