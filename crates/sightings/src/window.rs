//! The sightings of the last minutes, so that the same one counts once.

use std::collections::{HashMap, VecDeque};

use crate::report::{Report, ReporterId, digest};

/// Sightings that are remembered; the oldest are forgotten first, and might count twice then.
const MOST: usize = 100_000;

/// The facts that make two sightings the same: reporter, value, kind, source, and the stretch of time.
type Stretch = ([u8; 16], i64);

/// Remembers for each value, kind, source and reporter when it was seen.
///
/// The times are those of the sightings and no clock is asked: reading a log file of last week makes the same of it as
/// last week did, and a clock that jumps does nothing but that.
#[derive(Debug)]
pub(crate) struct Window {
    seconds: i64,
    counted: HashMap<Stretch, i64>,
    oldest_first: VecDeque<Stretch>,
    most: usize,
}

impl Window {
    /// Returns an empty one of so many seconds; 0 counts everything.
    pub(crate) fn new(seconds: u32) -> Self {
        Self {
            seconds: i64::from(seconds),
            counted: HashMap::new(),
            oldest_first: VecDeque::new(),
            most: MOST,
        }
    }

    /// Notes a sighting, and returns what to give to [`forget`](Self::forget) should it come to nothing; none if it was
    /// counted already.
    pub(crate) fn count(&mut self, reporter: ReporterId, report: &Report) -> Option<Stretch> {
        let what = digest(&[
            &reporter.0,
            &[report.kind.code()],
            report.source.as_bytes(),
            report.value.as_bytes(),
        ]);
        if self.seconds == 0 {
            return Some((what, 0));
        }
        let stretch = report.seen_at.div_euclid(self.seconds);
        let near = [stretch.saturating_sub(1), stretch, stretch.saturating_add(1)];
        let is_counted = near.iter().any(|stretch| {
            let counted = self.counted.get(&(what, *stretch));
            counted.is_some_and(|at| at.abs_diff(report.seen_at) < self.seconds.unsigned_abs())
        });
        if is_counted {
            return None;
        }
        let key = (what, stretch);
        // Within one stretch nothing else can stand: it would be nearer than the window is long.
        self.counted.insert(key, report.seen_at);
        self.oldest_first.push_back(key);
        if self.oldest_first.len() > self.most
            && let Some(oldest) = self.oldest_first.pop_front()
        {
            self.counted.remove(&oldest);
        }
        Some(key)
    }

    /// Forgets the sighting that was counted last.
    pub(crate) fn forget(&mut self, noted: &[Stretch]) {
        for key in noted {
            self.counted.remove(key);
        }
        let still = &self.counted;
        self.oldest_first.retain(|key| still.contains_key(key));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::Kind;

    const SOMEBODY: ReporterId = ReporterId([1; 16]);

    fn report(value: &str, seen_at: i64) -> Report {
        Report {
            value: value.to_owned(),
            kind: Kind::Hit,
            source: "fw".into(),
            seen_at,
        }
    }

    fn counted(window: &mut Window, report: &Report) -> bool {
        window.count(SOMEBODY, report).is_some()
    }

    #[test]
    fn the_same_within_the_window_counts_once() {
        let mut window = Window::new(300);
        let seen: Vec<bool> = [1_000, 1_000, 1_299, 1_300, 1_100, 701, 700, -5]
            .map(|at| counted(&mut window, &report("a", at)))
            .to_vec();
        assert_eq!(seen, [true, false, false, true, false, false, true, true]);
    }

    #[test]
    fn another_value_kind_source_or_reporter_is_another_sighting() {
        let mut window = Window::new(300);
        let first = report("a", 0);
        assert!(counted(&mut window, &first));
        assert!(counted(&mut window, &report("b", 0)));
        let mut harmless = first.clone();
        harmless.kind = Kind::FalsePositive;
        assert!(counted(&mut window, &harmless));
        let mut elsewhere = first.clone();
        elsewhere.source = "fw2".into();
        assert!(counted(&mut window, &elsewhere));
        assert!(window.count(ReporterId([2; 16]), &first).is_some());
        assert!(!counted(&mut window, &first));
    }

    #[test]
    fn what_came_to_nothing_counts_when_it_comes_again() {
        let mut window = Window::new(300);
        let noted = window.count(SOMEBODY, &report("a", 0)).unwrap();
        assert!(counted(&mut window, &report("b", 0)));
        window.forget(&[noted]);
        assert!(counted(&mut window, &report("a", 0)));
        assert!(!counted(&mut window, &report("b", 0)));
        assert_eq!(window.oldest_first.len(), window.counted.len());
    }

    #[test]
    fn without_a_window_everything_counts_and_nothing_is_kept() {
        let mut window = Window::new(0);
        assert!(counted(&mut window, &report("a", 0)) && counted(&mut window, &report("a", 0)));
        assert!(window.counted.is_empty());
    }

    #[test]
    fn memory_is_bounded() {
        let mut window = Window::new(300);
        window.most = 10;
        for at in 0..100 {
            assert!(counted(&mut window, &report("a", at * 300)));
        }
        assert_eq!((window.counted.len(), window.oldest_first.len()), (10, 10));
        assert!(!counted(&mut window, &report("a", 99 * 300)));
        assert!(counted(&mut window, &report("a", 0)));
    }

    proptest! {
        #[test]
        fn counted_ones_are_never_nearer_than_the_window(times in prop::collection::vec(0_i64..3_000, 1..60)) {
            let mut window = Window::new(300);
            let mut kept: Vec<i64> = Vec::new();
            for at in times {
                let is_near = kept.iter().any(|other| (other - at).abs() < 300);
                prop_assert_eq!(counted(&mut window, &report("a", at)), !is_near);
                if !is_near {
                    kept.push(at);
                }
            }
        }

        #[test]
        fn extreme_times_do_no_harm(at in any::<i64>()) {
            let mut window = Window::new(300);
            prop_assert!(counted(&mut window, &report("a", at)));
            prop_assert!(!counted(&mut window, &report("a", at)));
        }
    }
}
