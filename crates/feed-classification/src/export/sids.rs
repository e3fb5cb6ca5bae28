//! Numbers of rules that stay the same without a list of them.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// The first number of our range.
const FIRST: u32 = 1_100_000_000;
/// How many numbers the range has.
const COUNT: u32 = 1_000_000_000;
/// The numbers that a rule can choose from. A million rules take a thousandth of the range, so few are enough.
const CHOICES: u32 = 64;

/// Gives out numbers, each once.
#[derive(Debug)]
pub(super) struct Sids {
    first: u32,
    count: u32,
    taken: HashSet<u32>,
}

impl Default for Sids {
    fn default() -> Self {
        Self {
            first: FIRST,
            count: COUNT,
            taken: HashSet::new(),
        }
    }
}

impl Sids {
    /// Returns the first number of this identity that is still free.
    pub(super) fn take(&mut self, identity: &str) -> Option<u32> {
        (0..CHOICES)
            .map(|choice| self.first + number(identity, choice, self.count))
            .find(|sid| self.taken.insert(*sid))
    }
}

/// A cryptographic hash, so that an attacker cannot choose values that crowd others out.
fn number(identity: &str, choice: u32, count: u32) -> u32 {
    let digest = Sha256::new()
        .chain_update(choice.to_be_bytes())
        .chain_update(identity)
        .finalize();
    let bits = digest
        .iter()
        .take(8)
        .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
    u32::try_from(bits % u64::from(count)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{COUNT, FIRST, Sids};

    /// These numbers are in the alerts and the suppressions of installations: they must never change.
    #[test]
    fn numbers_never_change() {
        let mut sids = Sids::default();
        assert_eq!(sids.take("domain\0DNS query\0evil.example"), Some(2_010_646_310));
        assert_eq!(sids.take("ipv4\0IP packet\x00192.0.2.1/32"), Some(1_547_867_044));
    }

    #[test]
    fn the_range_fits_into_a_signed_number() {
        assert!(i32::try_from(FIRST + (COUNT - 1)).is_ok());
    }

    #[test]
    fn no_two_rules_share_a_number_and_the_first_keeps_its_own() {
        let narrow = || Sids {
            first: 10,
            count: 16,
            ..Sids::default()
        };
        let alone = |identity: &str| narrow().take(identity).unwrap();
        let identities: Vec<String> = (0..12).map(|number| format!("domain {number}")).collect();
        let numbers = || {
            let mut sids = narrow();
            identities
                .iter()
                .map(|identity| sids.take(identity).unwrap())
                .collect::<Vec<_>>()
        };
        let given = numbers();
        assert_eq!(given, numbers());
        assert_eq!(
            given.iter().collect::<std::collections::HashSet<_>>().len(),
            identities.len()
        );
        assert_eq!(given[0], alone("domain 0"));
        assert!(
            identities
                .iter()
                .zip(&given)
                .any(|(identity, sid)| alone(identity) != *sid),
            "nobody had to give way, so this shows nothing"
        );
    }

    #[test]
    fn a_full_range_gives_nothing() {
        let mut sids = Sids {
            count: 1,
            ..Sids::default()
        };
        assert_eq!(sids.take("a"), Some(FIRST));
        assert_eq!(sids.take("b"), None);
    }
}
