//! The page size that suits each site's MISP, and the time that pages took.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use misp_client::{PagePace, PageTimes};

/// The number of pages of one site's MISP since the source was made, and their time.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SitePages {
    /// The site's name.
    pub site: String,
    /// Whether MISP removed values of its warning lists, which costs most of the time of a page.
    pub warninglists: bool,
    /// Pages that came whole.
    pub pages: u64,
    /// Time that all of these took together.
    pub spent: Duration,
    /// Pages that did not come in time.
    pub timed_out: u64,
    /// Rows that the next page should have; none while nothing speaks against the site's `page_size`.
    pub rows: Option<u32>,
}

/// By the name of the site; at most one entry for each site file that was ever loaded.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<BTreeMap<String, PagePace>>);

impl Paces {
    /// Returns the pace of this site, the same for all keys: the time of a page depends on the MISP.
    pub(crate) fn of(&self, site: &str) -> PagePace {
        let mut sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sites.entry(site.to_owned()).or_default().clone()
    }

    /// Returns the figures of all sites that were asked for at least one page.
    pub(crate) fn all(&self) -> Vec<SitePages> {
        let sites = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let both = sites
            .iter()
            .flat_map(|(site, pace)| [false, true].map(|lists| described(site, lists, pace.times(lists))));
        both.filter(|seen| seen.pages > 0 || seen.timed_out > 0).collect()
    }
}

fn described(site: &str, warninglists: bool, times: PageTimes) -> SitePages {
    SitePages {
        site: site.to_owned(),
        warninglists,
        pages: times.pages,
        spent: times.spent,
        timed_out: times.timed_out,
        rows: times.rows,
    }
}
