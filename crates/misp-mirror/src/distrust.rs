//! Doubts about a MISP that suddenly lists far less than before.
//!
//! A MISP whose restore failed is empty and answers politely. Believed at once, it would empty every firewall.

use std::num::NonZeroU32;

/// How often MISP has to say it.
const BELIEVED_AT: NonZeroU32 = NonZeroU32::new(3).expect("not zero");

/// Counts how often MISP said in a row that most events are gone.
#[derive(Debug, Default)]
pub(crate) struct Distrust {
    said: u32,
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
    /// Checks a list of this many events against the number that is held.
    pub(crate) fn judge(&mut self, listed: usize, held: usize) -> Result<(), Distrusted> {
        let is_plausible = held == 0 || (listed > 0 && listed.saturating_mul(2) >= held);
        if is_plausible {
            self.said = 0;
            return Ok(());
        }
        self.said += 1;
        if self.said < BELIEVED_AT.get() {
            return Err(Distrusted {
                listed,
                held,
                time: self.said,
            });
        }
        self.said = 0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_that_empties_or_halves_is_believed_the_third_time() {
        for listed in [0, 4] {
            let mut distrust = Distrust::default();
            assert!(distrust.judge(listed, 10).is_err());
            assert_eq!(distrust.judge(listed, 10).unwrap_err().time, 2);
            assert_eq!(distrust.judge(listed, 10), Ok(()));
            assert!(distrust.judge(listed, 10).is_err(), "the count starts again");
        }
    }

    #[test]
    fn full_list_between_two_empty_ones_starts_the_count_again() {
        let mut distrust = Distrust::default();
        assert!(distrust.judge(0, 10).is_err());
        assert!(distrust.judge(0, 10).is_err());
        assert_eq!(distrust.judge(5, 10), Ok(()));
        assert!(distrust.judge(0, 10).is_err());
    }

    #[test]
    fn first_list_is_believed() {
        assert_eq!(Distrust::default().judge(0, 0), Ok(()));
    }
}
