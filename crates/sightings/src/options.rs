//! The settings of a queue.

use std::path::PathBuf;
use std::time::Duration;

/// The place of the journal, and the rules by which the queue counts and delivers reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// A directory of this queue alone; the queue creates it if it is missing.
    pub directory: PathBuf,
    /// Bound of the journal in bytes; it may take twice that for the moment in which it is written anew. Default: 32
    /// MiB.
    pub max_bytes: u64,
    /// The same value, kind and source from the same reporter within this time counts once. Default: 5 min; at most a
    /// day.
    pub window: Duration,
    /// Reports that waited longer are dropped. Default: 7 days.
    pub max_age: Duration,
    /// Values of one parcel. Default: 100.
    pub batch: usize,
    /// How long a report waits for others to travel with. Default: 2 s.
    pub linger: Duration,
    /// The pause after each parcel to a site. Default: 0.5 s.
    pub pace: Duration,
    /// The pause after the first failure at a site; it doubles. Default: 2 s.
    pub first_backoff: Duration,
    /// The longest pause after failures. Default: 5 min.
    pub longest_backoff: Duration,
    /// How long a reporter is left alone that was refused. Default: 10 min.
    pub hold: Duration,
}

impl Options {
    /// Returns the defaults, for a journal in this directory.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            max_bytes: 32 << 20,
            window: Duration::from_secs(300),
            max_age: Duration::from_secs(7 * 86_400),
            batch: 100,
            linger: Duration::from_secs(2),
            pace: Duration::from_millis(500),
            first_backoff: Duration::from_secs(2),
            longest_backoff: Duration::from_secs(300),
            hold: Duration::from_secs(600),
        }
    }
}
