//! The access log and the log: what is missing in them.

use prometheus_client::registry::Registry;

use super::counters;
use crate::access_log::AccessLog;
use crate::telemetry;

pub(crate) fn register(access_log: Option<&AccessLog>, registry: &mut Registry) {
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
