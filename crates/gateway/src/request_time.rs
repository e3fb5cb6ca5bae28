//! The moment of a request.

use std::time::Instant;

/// The moment at which a request is judged: the clocks are read once for all its checks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RequestTime {
    pub(crate) at: Instant,
    /// Seconds since 1970.
    pub(crate) second: i64,
}

impl RequestTime {
    pub(crate) fn now() -> Self {
        Self {
            at: Instant::now(),
            second: jiff::Timestamp::now().as_second(),
        }
    }
}
