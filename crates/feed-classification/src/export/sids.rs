//! Numbers of rules that stay the same without a list of them.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

/// The first number of the usual range.
pub(super) const FIRST: u32 = 1_100_000_000;
/// How many numbers the usual range has.
pub(super) const COUNT: u32 = 1_000_000_000;
/// The fewest numbers of a range. Thirty million rules, of ten million names, take less than a third of them, so no
/// rule runs out of choices.
pub(super) const FEWEST: u32 = 100_000_000;
/// The greatest number: some programs read `sid` as a signed number.
pub(super) const GREATEST: u32 = 0x7fff_ffff;
/// The numbers that a rule can choose from. A million rules take a thousandth of the range, so few are enough.
const CHOICES: u32 = 64;

/// Gives out numbers, each once.
#[derive(Debug)]
pub(super) struct Sids {
    first: u32,
    count: u32,
    taken: HashSet<u32>,
}

impl Sids {
    /// Gives out `count` numbers from `first` on, or as many as there are.
    pub(super) fn within(first: u32, count: u32) -> Self {
        Self {
            first,
            count: count.min(GREATEST - first.min(GREATEST) + 1).max(1),
            taken: HashSet::new(),
        }
    }

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
    use super::{COUNT, FEWEST, FIRST, GREATEST, Sids};

    /// These numbers are in the alerts and the suppressions of installations: they must never change.
    #[test]
    fn numbers_never_change() {
        let mut sids = Sids::within(FIRST, COUNT);
        assert_eq!(sids.take("domain\0DNS query\0evil.example"), Some(2_010_646_310));
        assert_eq!(sids.take("ipv4\0IP packet\x00192.0.2.1/32"), Some(1_547_867_044));
    }

    #[test]
    fn every_range_fits_into_a_signed_number() {
        for (first, count) in [
            (FIRST, COUNT),
            (1, COUNT),
            (GREATEST - FEWEST + 1, COUNT),
            (u32::MAX, COUNT),
        ] {
            let Sids { first, count, .. } = Sids::within(first, count);
            assert!(
                first == u32::MAX || i32::try_from(first + (count - 1)).is_ok(),
                "{first} {count}"
            );
        }
    }

    #[test]
    fn a_value_has_other_numbers_in_another_range() {
        let number = |first| {
            Sids::within(first, FEWEST)
                .take("domain\0DNS query\0evil.example")
                .unwrap()
        };
        assert_eq!(number(2_000_000_000) - number(1_000_000_000), 1_000_000_000);
        assert!((1_000_000_000..1_100_000_000).contains(&number(1_000_000_000)));
    }

    #[test]
    fn no_two_rules_share_a_number_and_the_first_keeps_its_own() {
        let narrow = || Sids::within(10, 16);
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
        let mut sids = Sids::within(FIRST, 1);
        assert_eq!(sids.take("a"), Some(FIRST));
        assert_eq!(sids.take("b"), None);
    }
}
