//! Doubts about a MISP that suddenly lists far less than before.
//!
//! A MISP whose restore failed is empty and answers politely. Believed at once, it would empty every firewall.

use std::num::NonZeroU32;
use std::time::Duration;

use jiff::Timestamp;

/// How often MISP has to say it.
const BELIEVED_AT: NonZeroU32 = NonZeroU32::new(3).expect("not zero");

/// Looks that follow a hint are close together; a MISP that is being restored lies for longer than that.
const SHORTEST_SPACE: Duration = Duration::from_secs(15);

/// What is believed of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plausibility {
    /// Nothing speaks against it.
    Plausible,
    /// MISP has said so often enough.
    Doubted,
}

/// Counts how often MISP said in a row that most events are gone.
#[derive(Debug)]
pub(crate) struct Distrust {
    /// Two answers that count are at least so far apart.
    space: Duration,
    said: u32,
    /// When the look began whose answer counted last.
    counted_at: Option<Timestamp>,
}

/// MISP lists nothing, or less than half of the events that are held, and has not said so often enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "MISP lists {listed} events of {held}; the mirror believes that when MISP has said so {BELIEVED_AT} times in a row, \
     and this was time {time}"
)]
pub(crate) struct Distrusted {
    pub(crate) listed: usize,
    pub(crate) held: usize,
    pub(crate) time: u32,
}

impl Distrust {
    /// Returns one that counts one answer in a poll, and in 15 s.
    pub(crate) fn new(poll: Duration) -> Self {
        Self {
            space: poll.max(SHORTEST_SPACE),
            said: 0,
            counted_at: None,
        }
    }

    /// Checks a list of this many events, from a look that began at `began`, against the number that is held.
    pub(crate) fn judge(&mut self, began: Timestamp, listed: usize, held: usize) -> Result<Plausibility, Distrusted> {
        let is_plausible = held == 0 || (listed > 0 && listed.saturating_mul(2) >= held);
        if is_plausible {
            self.forget();
            return Ok(Plausibility::Plausible);
        }
        let is_apart = |at: Timestamp| began.duration_since(at).unsigned_abs() >= self.space;
        if self.counted_at.is_none_or(is_apart) {
            self.said += 1;
            self.counted_at = Some(began);
        }
        if self.said < BELIEVED_AT.get() {
            return Err(Distrusted {
                listed,
                held,
                time: self.said,
            });
        }
        self.forget();
        Ok(Plausibility::Doubted)
    }

    fn forget(&mut self) {
        self.said = 0;
        self.counted_at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLL: Duration = Duration::from_secs(20);

    /// A MISP whose answers are looks apart.
    struct Looks {
        distrust: Distrust,
        began: Timestamp,
    }

    impl Looks {
        fn new() -> Self {
            Self {
                distrust: Distrust::new(POLL),
                began: Timestamp::from_second(1_000).unwrap(),
            }
        }

        fn judge(&mut self, listed: usize, held: usize) -> Result<Plausibility, Distrusted> {
            self.began += POLL;
            self.distrust.judge(self.began, listed, held)
        }
    }

    #[test]
    fn list_that_empties_or_halves_is_believed_the_third_time() {
        for listed in [0, 4] {
            let mut distrust = Looks::new();
            assert!(distrust.judge(listed, 10).is_err());
            assert_eq!(distrust.judge(listed, 10).unwrap_err().time, 2);
            assert_eq!(distrust.judge(listed, 10), Ok(Plausibility::Doubted));
            assert!(distrust.judge(listed, 10).is_err(), "the count starts again");
        }
    }

    #[test]
    fn full_list_between_two_empty_ones_starts_the_count_again() {
        let mut distrust = Looks::new();
        assert!(distrust.judge(0, 10).is_err());
        assert!(distrust.judge(0, 10).is_err());
        assert_eq!(distrust.judge(5, 10), Ok(Plausibility::Plausible));
        assert!(distrust.judge(0, 10).is_err());
    }

    #[test]
    fn first_list_is_believed() {
        assert_eq!(Looks::new().judge(0, 0), Ok(Plausibility::Plausible));
    }

    #[test]
    fn answers_that_follow_each_other_closely_count_once() {
        let mut looks = Looks::new();
        assert!(looks.judge(0, 10).is_err());
        for _ in 0..5 {
            assert_eq!(looks.distrust.judge(looks.began, 0, 10).unwrap_err().time, 1);
            looks.began += Duration::from_secs(3);
        }
        assert_eq!(looks.judge(0, 10).unwrap_err().time, 2);
        let mut quick = Distrust::new(Duration::from_secs(1));
        let began = looks.began;
        assert_eq!(quick.judge(began, 0, 10).unwrap_err().time, 1);
        assert_eq!(quick.judge(began + Duration::from_secs(14), 0, 10).unwrap_err().time, 1);
        assert_eq!(quick.judge(began + Duration::from_secs(15), 0, 10).unwrap_err().time, 2);
    }
}
