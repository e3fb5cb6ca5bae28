//! Pauses before the next try.

use std::time::Duration;

/// Pauses before the next try: each is twice as long as the one before, up to the longest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(shortest: Duration, longest: Duration) -> Self {
        Self {
            shortest,
            longest,
            next: shortest,
        }
    }

    /// Returns the pause after a failure.
    pub(super) fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = pause.saturating_mul(2).min(self.longest);
        pause
    }

    /// Begins with the shortest pause again.
    pub(super) fn reset(&mut self) {
        self.next = self.shortest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let seconds = Duration::from_secs;
        let mut pauses = Backoff::new(seconds(60), seconds(200));
        let taken: Vec<Duration> = (0..4).map(|_| pauses.next()).collect();
        assert_eq!(taken, [60, 120, 200, 200].map(seconds));
        pauses.reset();
        assert_eq!(pauses.next(), seconds(60));
    }
}
