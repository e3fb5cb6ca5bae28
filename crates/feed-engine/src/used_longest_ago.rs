//! Makes room in a map that has as many entries as it may.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;

/// The part of an owner's entries that goes at once, so that not all are looked at for each new one.
const PART: usize = 8;

/// Removes an eighth of the entries of the owner with the most of them, and at least one: those that were used the
/// longest time ago.
///
/// So one token that asks for thousands of feeds takes the places of its own, and not those of others.
pub(crate) fn remove<K, V, S, O: Copy + Eq + Hash, T: Copy + Ord>(
    entries: &mut HashMap<K, V, S>,
    owner: impl Fn(&V) -> O,
    used_at: impl Fn(&V) -> T,
) {
    let mut uses: HashMap<O, Vec<T>> = HashMap::new();
    for entry in entries.values() {
        uses.entry(owner(entry)).or_default().push(used_at(entry));
    }
    // Of two with as many, the one whose entries are older.
    let size = |uses: &Vec<T>| (uses.len(), uses.iter().min().copied().map(Reverse));
    let Some((largest, mut uses)) = uses.into_iter().max_by_key(|(_, uses)| size(uses)) else {
        return;
    };
    let mut going = uses.len().div_ceil(PART);
    let (_, last_to_go, _) = uses.select_nth_unstable(going - 1);
    let last_to_go = *last_to_go;
    entries.retain(|_, entry| {
        let goes = going > 0 && owner(entry) == largest && used_at(entry) <= last_to_go;
        going -= usize::from(goes);
        !goes
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cache::{Clock as _, Moment};

    use super::*;

    #[test]
    fn an_eighth_goes_and_it_is_the_oldest() {
        let clock = cache::ManualClock::new();
        let mut entries = HashMap::new();
        for number in 0..80 {
            clock.advance(Duration::from_secs(1));
            entries.insert(number, clock.now());
        }
        remove(&mut entries, |_| (), |at| *at);
        let mut left: Vec<i32> = entries.into_keys().collect();
        left.sort_unstable();
        assert!(left.into_iter().eq(10..80));
    }

    #[test]
    fn entries_of_one_moment_do_not_go_all_at_once() {
        let now = cache::ManualClock::new().now();
        let mut entries: HashMap<u32, Moment> = (0..9).map(|number| (number, now)).collect();
        remove(&mut entries, |_| (), |at| *at);
        assert_eq!(entries.len(), 7);
        entries.retain(|number, _| *number == u32::MAX);
        remove(&mut entries, |_| (), |at| *at);
        assert!(entries.is_empty());
    }

    #[test]
    fn an_owner_of_many_entries_takes_no_place_of_another() {
        let clock = cache::ManualClock::new();
        let mut entries: HashMap<(char, u32), Moment> = HashMap::new();
        for number in 0..4 {
            entries.insert(('a', number), clock.now());
        }
        for number in 0..12 {
            clock.advance(Duration::from_secs(1));
            entries.insert(('b', number), clock.now());
        }
        let mut owned: HashMap<(char, u32), (char, Moment)> =
            entries.into_iter().map(|(key, at)| (key, (key.0, at))).collect();
        remove(&mut owned, |(owner, _)| *owner, |(_, at)| *at);
        assert_eq!(owned.len(), 14);
        assert!((0..4).all(|number| owned.contains_key(&('a', number))));
        assert!(!owned.contains_key(&('b', 0)) && !owned.contains_key(&('b', 1)));
    }
}
