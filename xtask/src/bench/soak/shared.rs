//! What the devices of a soak share.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::bail;

use super::site::{FEED, Site};
use super::tally::Tally;

/// The daemon, the sums, and whether the time is over.
pub(super) struct Shared<'a> {
    pub(super) site: &'a Site,
    pub(super) tally: &'a Tally,
    pub(super) is_over: &'a AtomicBool,
}

impl Shared<'_> {
    pub(super) fn is_over(&self) -> bool {
        self.is_over.load(Ordering::Relaxed)
    }

    /// Fails unless these are the values of the feed now.
    pub(super) fn assert_current(&self, what: &str, values: &BTreeSet<String>) -> anyhow::Result<()> {
        let token = self.site.token();
        let answer = self.site.open()?.ask("GET", FEED, &[("token", token.as_str())], "")?;
        let body = String::from_utf8(answer.body)?;
        let feed: BTreeSet<&str> = body.lines().collect();
        let own: BTreeSet<&str> = values.iter().map(String::as_str).collect();
        if answer.status != 200 || feed != own {
            bail!(
                "{what} has {} values that the feed has not, and lacks {} of its {}",
                own.difference(&feed).count(),
                feed.difference(&own).count(),
                feed.len()
            );
        }
        Ok(())
    }
}
