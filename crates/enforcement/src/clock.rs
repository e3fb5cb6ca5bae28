//! Moments whose age is right after a change of the wall clock, too.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// A moment on this host, kept over restarts of the agent and of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    /// Seconds since 1970 as the wall clock had it.
    unix_s: u64,
    /// Seconds since the boot, sleep included.
    since_boot_s: u64,
    /// The id of the boot; empty if the system does not have one.
    boot: String,
}

impl Moment {
    /// Returns this moment.
    #[must_use]
    pub fn now() -> Self {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        Self {
            unix_s: unix.as_secs(),
            since_boot_s: u64::try_from(clock_gettime(ClockId::Boottime).tv_sec).unwrap_or(0),
            boot: boot.trim().to_owned(),
        }
    }

    /// Returns the seconds since 1970, as the wall clock had it then.
    #[must_use]
    pub fn unix_seconds(&self) -> u64 {
        self.unix_s
    }

    /// Returns how long before `now` this was; `None` if that is unknown.
    ///
    /// Within one boot the wall clock plays no part. From another boot there is only the wall clock; a moment that lies
    /// in the future then has no age.
    #[must_use]
    pub fn age_at(&self, now: &Self) -> Option<Duration> {
        let seconds = if !self.boot.is_empty() && self.boot == now.boot {
            now.since_boot_s.saturating_sub(self.since_boot_s)
        } else {
            now.unix_s.checked_sub(self.unix_s)?
        };
        Some(Duration::from_secs(seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(unix_s: u64, since_boot_s: u64, boot: &str) -> Moment {
        let boot = boot.to_owned();
        Moment {
            unix_s,
            since_boot_s,
            boot,
        }
    }

    #[test]
    fn a_clock_that_jumps_changes_no_age() {
        let then = moment(1_000_000, 500, "a");
        for jumped in [0, 1_000_060, u64::MAX] {
            let age = then.age_at(&moment(jumped, 560, "a"));
            assert_eq!(age, Some(Duration::from_secs(60)), "{jumped}");
        }
    }

    #[test]
    fn over_a_reboot_the_wall_clock_counts_unless_it_went_back() {
        let then = moment(1_000_000, 500, "a");
        assert_eq!(then.age_at(&moment(1_000_090, 3, "b")), Some(Duration::from_secs(90)));
        assert_eq!(then.age_at(&moment(999_999, 3, "b")), None);
    }

    #[test]
    fn now_is_in_this_boot() {
        let now = Moment::now();
        assert!(now.age_at(&Moment::now()).is_some_and(|age| age.as_secs() < 600));
        assert!(now.unix_seconds() > 1_700_000_000);
    }
}
