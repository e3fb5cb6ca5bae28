//! A MISP whose feed has 10 or 100 000 values, and the moment at which a fault strikes it.

use std::sync::Arc;

use feed_engine::ManualClock;
use misp_sim::{Attribute, Bulk, Event, Fault, FaultRule, Moment, Sim};

use super::table::Row;
use crate::support::{Setup, event};

/// The feed that is asked for.
pub(super) const PATH: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

/// The same for a caller who insists on a new answer.
pub(super) const FORCED: &str = "/v1/feed/block/type/domain/age/1w/output/txt?cache=1";

const SEARCH: &str = "/attributes/restSearch";

/// Pages of the large feed that are read before the fault strikes; it has ten or more.
const WHOLE_PAGES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Size {
    Ten,
    HundredThousand,
}

impl Size {
    /// Returns the values of the feed as the output `txt` has them.
    pub(super) fn body(self) -> String {
        let mut values: Vec<String> = (0..self.values()).map(value).collect();
        values.sort_unstable();
        values.join("\r\n")
    }

    /// Returns a place in the body of an answer of MISP at which some rows were sent and others not.
    pub(super) fn middle(self) -> usize {
        match self {
            Self::Ten => 1_500,
            Self::HundredThousand => 1_000_000,
        }
    }

    /// Returns the fault with the moment at which it strikes: the first question, or one in the middle of the feed.
    ///
    /// Not for a MISP that finds no rows: in the middle that is a feed which ends there.
    pub(super) fn rule(self, row: &Row) -> FaultRule {
        let fault = row.fault(self.middle());
        match self {
            Self::HundredThousand if fault != Fault::NoRows => fault.on(SEARCH).after(WHOLE_PAGES),
            _ => fault.into(),
        }
    }

    /// Returns a setup whose feeds are fresh for a second of this clock. A fault that hangs ends by the time-out.
    pub(super) fn setup(self, hangs: bool, clock: &Arc<ManualClock>) -> Setup {
        let timeout = match (self, hangs) {
            (_, true) => 2,
            (Self::Ten, false) => 10,
            (Self::HundredThousand, false) => 100,
        };
        let site = format!(
            "tag: example\nallowed_ips: [\"127.0.0.0/8\"]\nmemcached_all_timeout: 1\nmispTimeoutSeconds: {timeout}\n"
        );
        let setup = Setup {
            sim: self.sim(),
            site,
            ..Setup::default()
        };
        setup.clock(clock)
    }

    /// Returns a MISP with more unrelated values than an answer may contain, and before the others, so that an
    /// unfiltered answer is recognised.
    fn sim(self) -> misp_sim::SimBuilder {
        let unrelated: Vec<String> = (0..100).map(|last| format!("203.0.113.{last}")).collect();
        let unrelated: Vec<&str> = unrelated.iter().map(String::as_str).collect();
        let sim = Sim::builder().event(event("sinkhole", &unrelated));
        match self {
            Self::Ten => {
                let block = Event::new("block").tag("example:incident-classification=block");
                let values = (0..self.values()).map(|number| Attribute::new("domain", value(number)));
                sim.event(values.fold(block, Event::attribute))
            }
            Self::HundredThousand => sim.bulk(
                Bulk::new(self.values(), "domain")
                    .event_tag("example:incident-classification=block")
                    .age(Moment::Ago(60)),
            ),
        }
    }

    fn values(self) -> usize {
        match self {
            Self::Ten => 10,
            Self::HundredThousand => 100_000,
        }
    }
}

/// Returns a value as [`Bulk`] makes it.
fn value(number: usize) -> String {
    format!("bulk{number}.example.com")
}
