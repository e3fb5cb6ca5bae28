//! Which mutants of a crate are tested: the first of an order that a seed decides.

use std::collections::BTreeMap;

/// Returns the first `size` of these names, in the order of the seed.
///
/// Names are in the order of the source, such as `crates/tlp/src/lib.rs:31:9: replace < with > in Tlp::read`. A place
/// in the order does not depend on line and column, and not on the other mutants. So a sample holds nearly the same
/// mutants after a test was added, and a smaller sample is the beginning of a larger one.
pub(super) fn drawn(names: Vec<String>, size: usize, seed: u64) -> Vec<String> {
    let mut seen = BTreeMap::<String, u64>::new();
    let mut placed: Vec<(u64, String)> = Vec::new();
    for name in names {
        let same = seen.entry(without_place(&name)).or_default();
        placed.push((place(&without_place(&name), *same, seed), name));
        *same += 1;
    }
    placed.sort();
    placed.into_iter().take(size).map(|(_, name)| name).collect()
}

/// Returns the name without line and column.
fn without_place(name: &str) -> String {
    let mut parts = name.splitn(4, ':');
    let file = parts.next().unwrap_or_default();
    format!("{file}:{}", parts.nth(2).unwrap_or_default())
}

/// Returns a number that looks drawn and is the same on every machine: FNV-1a, mixed as SplitMix64 does.
fn place(text: &str, same: u64, seed: u64) -> u64 {
    let bytes = text.bytes().chain(same.to_le_bytes()).chain(seed.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let mixed = (hash ^ hash >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Names of different mutants, and of mutants that differ in their place alone.
    fn names(count: usize, first_line: usize) -> Vec<String> {
        let name = |number| format!("src/a.rs:{}:5: replace f{} with ()", first_line + number, number / 2);
        (0..count).map(name).collect()
    }

    #[test]
    fn a_seed_draws_the_same_sample_each_time_and_nothing_twice() {
        let sample = drawn(names(200, 1), 50, 1);
        assert_eq!(sample, drawn(names(200, 1), 50, 1));
        assert_ne!(sample, drawn(names(200, 1), 50, 2));
        assert_eq!(sample.iter().collect::<BTreeSet<_>>().len(), 50);
        assert_eq!(drawn(names(3, 1), 50, 1).len(), 3);
    }

    #[test]
    fn a_smaller_sample_is_the_beginning_of_a_larger_one() {
        assert_eq!(drawn(names(200, 1), 20, 1), drawn(names(200, 1), 50, 1)[..20]);
    }

    #[test]
    fn new_lines_and_mutants_elsewhere_leave_the_order_as_it_is() {
        let before = drawn(names(200, 1), 200, 1);
        let mut later = names(200, 70);
        later.push("src/b.rs:1:1: replace g with ()".to_owned());
        let mut after = drawn(later, 201, 1);
        after.retain(|name| name.starts_with("src/a.rs"));
        let texts = |names: &[String]| names.iter().map(|name| without_place(name)).collect::<Vec<_>>();
        assert_eq!(texts(&before), texts(&after));
        assert_eq!(
            without_place("src/a.rs:12:5: replace a::b -> c with d"),
            "src/a.rs: replace a::b -> c with d"
        );
    }
}
