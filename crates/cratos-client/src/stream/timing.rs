//! The times of a stream.

use std::time::Duration;

/// How long a stream waits for its events, and how it groups them.
///
/// ```
/// use std::time::Duration;
/// use cratos_client::StreamTiming;
///
/// let timing = StreamTiming::default().report(Duration::from_secs(300));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamTiming {
    pub(super) silence: Duration,
    pub(super) quiet: Duration,
    pub(super) longest: Duration,
    pub(super) pause: Duration,
    pub(super) report: Duration,
}

impl Default for StreamTiming {
    fn default() -> Self {
        Self {
            silence: Duration::from_secs(60),
            quiet: Duration::from_millis(200),
            longest: Duration::from_secs(2),
            pause: Duration::from_secs(3),
            report: Duration::from_secs(60),
        }
    }
}

impl StreamTiming {
    /// Sets after how much silence a connection counts as dead; 60 s if not set. cratosd sends something every 15 s.
    #[must_use]
    pub const fn silence(mut self, silence: Duration) -> Self {
        self.silence = silence;
        self
    }

    /// Sets how changes are grouped. Changes that follow each other within `quiet` (0.2 s if not set) are one update,
    /// but no change waits longer than `longest` (2 s if not set).
    #[must_use]
    pub const fn group(mut self, quiet: Duration, longest: Duration) -> Self {
        (self.quiet, self.longest) = (quiet, longest);
        self
    }

    /// Sets the first pause before a lost connection is made again; 3 s if not set.
    #[must_use]
    pub const fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    /// Sets how often the stream returns that nothing changed; every 60 s if not set.
    #[must_use]
    pub const fn report(mut self, interval: Duration) -> Self {
        self.report = interval;
        self
    }
}
