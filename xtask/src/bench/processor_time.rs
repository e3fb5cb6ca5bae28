//! The processor time of a process with its children, in nanoseconds.
//!
//! `/proc/…/stat` counts in hundredths of a second, which is too coarse for runs of a second. The scheduler's figures
//! are exact, but those of threads that ended are gone. So the coarse figure counts if it is clearly larger.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;

/// The coarse figure is the sum of two that are cut off.
const COARSE_ERROR: Duration = Duration::from_millis(30);

/// The time so far.
#[derive(Default)]
pub(crate) struct ProcessorTime {
    /// Nanoseconds by thread.
    threads: BTreeMap<String, u64>,
    /// Of all threads that ever were.
    coarse: Duration,
}

impl ProcessorTime {
    /// Reads it for all threads of the process and of its children, for example the workers of nginx.
    pub(crate) fn of(process: u32) -> anyhow::Result<Self> {
        let mut times = Self::default();
        let mut processes = vec![process.to_string()];
        while let Some(process) = processes.pop() {
            for thread in threads(&process)? {
                // A thread may end at any time.
                let Ok(schedule) = std::fs::read_to_string(thread.join("schedstat")) else {
                    continue;
                };
                let children = std::fs::read_to_string(thread.join("children")).unwrap_or_default();
                processes.extend(children.split_whitespace().map(str::to_owned));
                times
                    .threads
                    .insert(thread.to_string_lossy().into_owned(), nanoseconds(&schedule)?);
            }
            times.coarse += hundredths(&std::fs::read_to_string(format!("/proc/{process}/stat"))?)?;
        }
        Ok(times)
    }

    /// Returns the time from `before` to this reading.
    pub(crate) fn since(&self, before: &Self) -> Duration {
        let spent = |(thread, time): (&String, &u64)| time - before.threads.get(thread).unwrap_or(&0).min(time);
        let exact = Duration::from_nanos(self.threads.iter().map(spent).sum());
        let coarse = self.coarse.saturating_sub(before.coarse);
        if coarse > exact + COARSE_ERROR { coarse } else { exact }
    }

    /// Returns the time so far in hundredths of a second.
    pub(crate) fn coarse(&self) -> Duration {
        self.coarse
    }

    /// Returns the time since the process was started.
    pub(crate) fn total(&self) -> Duration {
        self.since(&Self::default())
    }
}

fn threads(process: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = format!("/proc/{process}/task");
    let threads = std::fs::read_dir(&folder).with_context(|| format!("{folder} cannot be read"))?;
    Ok(threads.map_while(Result::ok).map(|thread| thread.path()).collect())
}

/// The first field of proc(5).
fn nanoseconds(schedule: &str) -> anyhow::Result<u64> {
    let time = schedule.split_whitespace().next().and_then(|time| time.parse().ok());
    time.context("no time in /proc/…/schedstat")
}

/// Behind the name, which may hold blanks: fields 14 and 15 of proc(5), in hundredths of a second.
fn hundredths(stat: &str) -> anyhow::Result<Duration> {
    let (_, fields) = stat.rsplit_once(')').context("no name in /proc/…/stat")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks = ticks.sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reading(threads: &[(&str, u64)], coarse: u64) -> ProcessorTime {
        ProcessorTime {
            threads: threads
                .iter()
                .map(|(thread, time)| ((*thread).to_owned(), *time))
                .collect(),
            coarse: Duration::from_millis(coarse),
        }
    }

    #[test]
    fn the_time_of_new_threads_counts_from_nothing() {
        let before = reading(&[("1", 10), ("2", 5)], 0);
        let after = reading(&[("1", 25), ("3", 7)], 20);
        assert_eq!(after.since(&before), Duration::from_nanos(22));
    }

    #[test]
    fn the_time_of_threads_that_ended_is_not_lost() {
        let before = reading(&[("1", 10)], 100);
        let after = reading(&[("1", 25)], 400);
        assert_eq!(after.since(&before), Duration::from_millis(300));
    }

    #[test]
    fn both_figures_of_a_process_are_read() {
        assert_eq!(nanoseconds("2015 2877 1\n").unwrap(), 2_015);
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4194560 100 0 0 0 31 12 0 0 20 0 1 0 100 1 1";
        assert_eq!(hundredths(stat).unwrap(), Duration::from_millis(430));
    }

    #[test]
    fn work_of_this_process_shows() {
        let process = std::process::id();
        let before = ProcessorTime::of(process).unwrap();
        let mut after = ProcessorTime::of(process).unwrap();
        while after.since(&before) < Duration::from_millis(1) {
            after = ProcessorTime::of(process).unwrap();
        }
    }
}
