//! The page size that suits each MISP, and the time that pages took.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use misp_client::{PagePace, PageTimes};

use crate::upstream::MispAddress;

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
    /// Rows that the next page should have, at the slowest address; none while nothing speaks against the site's
    /// `page_size`.
    pub rows: Option<u32>,
}

/// The most addresses whose pace is remembered: tokens can name many ports. Further ones begin anew with each client.
const MAX_ADDRESSES: usize = 1_024;

/// By address, since one port of a site may be slow, or not the MISP at all.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<MispAddress, PagePace>>);

impl Paces {
    /// Returns the pace of this address, the same for all keys: the time of a page depends on the MISP.
    pub(crate) fn of(&self, address: MispAddress) -> PagePace {
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if paces.len() >= MAX_ADDRESSES && !paces.contains_key(&address) {
            return PagePace::new();
        }
        paces.entry(address).or_default().clone()
    }

    /// Returns the figures of all sites that were asked for at least one page, in order.
    pub(crate) fn all(&self) -> Vec<SitePages> {
        let paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut sites: BTreeMap<(&str, bool), SitePages> = BTreeMap::new();
        for (address, pace) in &*paces {
            for warninglists in [false, true] {
                let times = pace.times(warninglists);
                if times.pages > 0 || times.timed_out > 0 {
                    let site = sites.entry((address.site(), warninglists));
                    site.or_insert_with(|| SitePages::none(address.site(), warninglists))
                        .add(times);
                }
            }
        }
        sites.into_values().collect()
    }
}

impl SitePages {
    fn none(site: &str, warninglists: bool) -> Self {
        Self {
            site: site.to_owned(),
            warninglists,
            pages: 0,
            spent: Duration::ZERO,
            timed_out: 0,
            rows: None,
        }
    }

    fn add(&mut self, times: PageTimes) {
        self.pages += times.pages;
        self.spent += times.spent;
        self.timed_out += times.timed_out;
        self.rows = self.rows.into_iter().chain(times.rows).min();
    }
}
