//! Makes room in a map that has as many entries as it may.

use std::collections::HashMap;

/// The part of the entries that goes at once, so that each of them is looked at once for many new ones.
const PART: usize = 8;

/// Removes an eighth of the entries, and at least one: those that were used the longest time ago.
pub(crate) fn remove<K, V, S, T: Copy + Ord>(entries: &mut HashMap<K, V, S>, used_at: impl Fn(&V) -> T) {
    let mut going = entries.len().div_ceil(PART);
    let mut uses: Vec<T> = entries.values().map(&used_at).collect();
    if going == 0 {
        return;
    }
    let (_, last_to_go, _) = uses.select_nth_unstable(going - 1);
    let last_to_go = *last_to_go;
    entries.retain(|_, entry| {
        let goes = going > 0 && used_at(entry) <= last_to_go;
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
        remove(&mut entries, |at| *at);
        let mut left: Vec<i32> = entries.into_keys().collect();
        left.sort_unstable();
        assert!(left.into_iter().eq(10..80));
    }

    #[test]
    fn entries_of_one_moment_do_not_go_all_at_once() {
        let now = cache::ManualClock::new().now();
        let mut entries: HashMap<u32, Moment> = (0..9).map(|number| (number, now)).collect();
        remove(&mut entries, |at| *at);
        assert_eq!(entries.len(), 7);
        entries.retain(|number, _| *number == u32::MAX);
        remove(&mut entries, |at| *at);
        assert!(entries.is_empty());
    }
}
