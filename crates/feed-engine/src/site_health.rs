//! Whether the MISP of a site answers, as far as that is the site's matter.
//!
//! Port and key come with a token, so a failure may be the fault of one token. It counts for the site if the same
//! address and key have answered before, or at the address that a site file means without a token: `https` and port
//! 443. There a refused key does not count, since the key is the token's.

use std::time::Duration;

use cache::Moment;
use misp_client::{ErrorKind, Protocol};

use crate::upstream::UpstreamId;
use crate::{Fault, FeedError, Upstream};

/// The most upstreams of one site that are remembered; beyond it the one that was asked the longest ago is forgotten.
const MAX_UPSTREAMS: usize = 64;

/// An address that answered in this time shows that the site is served, whatever happens at another.
const LATELY: Duration = Duration::from_secs(60 * 60);

/// What a refresh says about MISP.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    Answered,
    Failed,
    /// MISP does not take the key, or not for this.
    KeyRefused,
    /// There is a copy of earlier answers, and no new ones.
    Unconfirmed,
    /// Nothing: the fault is one of the request, the feed or this program, or MISP was not asked.
    Nothing,
}

impl Outcome {
    /// Returns the outcome of a refresh with this error, or without one.
    pub(crate) fn of(error: Option<&FeedError>) -> Self {
        match error {
            None => Self::Answered,
            Some(FeedError::NoPlace { .. } | FeedError::DecayingModel { .. }) => Self::Nothing,
            Some(FeedError::Unconfirmed { .. }) => Self::Unconfirmed,
            Some(FeedError::Misp(error)) => match error.kind() {
                ErrorKind::KeyRefused | ErrorKind::NotPermitted | ErrorKind::RateLimited => Self::KeyRefused,
                ErrorKind::TooLarge => Self::Nothing,
                _ => Self::Failed,
            },
            Some(error) if error.fault() == Fault::Upstream => Self::Failed,
            Some(_) => Self::Nothing,
        }
    }
}

/// The last outcomes at each upstream of one site.
#[derive(Clone, Debug, Default)]
pub(crate) struct SiteHealth {
    upstreams: Vec<Outcomes>,
}

#[derive(Clone, Debug)]
struct Outcomes {
    id: UpstreamId,
    /// `protocol://site:port`
    address: String,
    /// Whether a site file means this address.
    is_usual: bool,
    /// Whether it has answered at least once.
    has_answered: bool,
    good_at: Option<Moment>,
    /// Nothing once it answers again.
    bad: Option<Failure>,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    at: Moment,
    is_of_key: bool,
}

impl SiteHealth {
    /// Notes how the refresh of a feed of this upstream ended.
    pub(crate) fn note(&mut self, upstream: &Upstream, outcome: Outcome, now: Moment) {
        if outcome == Outcome::Nothing {
            return;
        }
        let mut known = self.taken(upstream);
        known.has_answered |= matches!(outcome, Outcome::Answered | Outcome::Unconfirmed);
        if outcome == Outcome::Answered {
            (known.good_at, known.bad) = (Some(now), None);
        } else {
            let is_of_key = outcome == Outcome::KeyRefused;
            known.bad = Some(Failure { at: now, is_of_key });
        }
        self.put(known);
    }

    /// Returns whether the site cannot be refreshed: an address of it fails, and no other one answered lately.
    pub(crate) fn is_failing(&self, now: Moment) -> bool {
        let fails = self.upstreams.iter().any(|upstream| self.counts(upstream));
        let is_well = |upstream: &Outcomes| {
            upstream.good_at.is_some_and(|at| now.since(at) < LATELY) && !self.fails_at(&upstream.address)
        };
        fails && !self.upstreams.iter().any(is_well)
    }

    /// Returns the addresses that only a token names and that have never answered, in order.
    pub(crate) fn unknown_addresses(&self) -> Vec<String> {
        let unknown = |upstream: &&Outcomes| upstream.bad.is_some() && !upstream.has_answered && !upstream.is_usual;
        let unknown = self.upstreams.iter().filter(unknown);
        let mut addresses: Vec<String> = unknown.map(|upstream| upstream.address.clone()).collect();
        addresses.sort();
        addresses.dedup();
        addresses
    }

    /// Returns whether the newest outcome that counts at this address is a failure.
    fn fails_at(&self, address: &str) -> bool {
        let mut here = self.upstreams.iter().filter(|upstream| upstream.address == address);
        here.any(|upstream| self.counts(upstream))
    }

    /// Returns whether the failure of this upstream is one of the site: no upstream of its address answered since.
    fn counts(&self, failed: &Outcomes) -> bool {
        let Some(failure) = failed.bad else { return false };
        let may_count = failed.has_answered || (failed.is_usual && !failure.is_of_key);
        let mut others = self
            .upstreams
            .iter()
            .filter(|other| other.address == failed.address && other.id != failed.id);
        let is_contradicted = |other: &Outcomes| {
            let good = other.good_at.filter(|_| other.bad.is_none());
            good.is_some_and(|good| failure.is_of_key || good >= failure.at)
        };
        may_count && !others.any(is_contradicted)
    }

    /// Takes the outcomes of this upstream out of the list, or begins them.
    fn taken(&mut self, upstream: &Upstream) -> Outcomes {
        let id = upstream.id();
        match self.upstreams.iter().position(|known| known.id == id) {
            Some(place) => self.upstreams.remove(place),
            None => Outcomes {
                id,
                address: upstream.address(),
                is_usual: is_usual(upstream),
                has_answered: false,
                good_at: None,
                bad: None,
            },
        }
    }

    /// Puts outcomes at the end of the list, and forgets the oldest ones if there are too many: first of those that
    /// have never answered.
    fn put(&mut self, outcomes: Outcomes) {
        if self.upstreams.len() >= MAX_UPSTREAMS {
            let unknown = self.upstreams.iter().position(|known| !known.has_answered);
            self.upstreams.remove(unknown.unwrap_or_default());
        }
        self.upstreams.push(outcomes);
    }
}

/// Returns whether the site file means this address. A list without a MISP has no other one.
fn is_usual(upstream: &Upstream) -> bool {
    upstream
        .misp_address()
        .is_none_or(|(protocol, port, _)| (protocol, port) == (Protocol::Https, 443))
}

#[cfg(test)]
mod tests {
    use cache::{Clock as _, ManualClock};

    use super::Outcome::{Answered, Failed, KeyRefused, Nothing};
    use super::*;

    /// The health of one site, and a clock.
    struct Bench {
        health: SiteHealth,
        clock: ManualClock,
    }

    impl Bench {
        fn new() -> Self {
            Self {
                health: SiteHealth::default(),
                clock: ManualClock::new(),
            }
        }

        /// Notes an outcome a second after the one before; returns whether the site is failing then.
        fn note(&mut self, port: u16, key: &str, outcome: Outcome) -> bool {
            self.clock.advance(Duration::from_secs(1));
            let site = Upstream::named("misp.example.net").unwrap();
            let key = key.repeat(40).into();
            let upstream = Upstream::new(site.site.clone(), site.mappings.clone(), Protocol::Https, port, key);
            self.health.note(&upstream, outcome, self.clock.now());
            self.health.is_failing(self.clock.now())
        }
    }

    #[test]
    fn a_port_that_only_a_token_names_does_not_make_a_site_fail() {
        let mut bench = Bench::new();
        assert!(!bench.note(8443, "a", Failed));
        assert_eq!(bench.health.unknown_addresses(), ["https://misp.example.net:8443"]);
        assert!(!bench.note(443, "b", Answered));
        assert!(!bench.note(8443, "a", Failed));
        assert!(bench.note(443, "b", Failed), "the MISP of the site");
        assert!(!bench.note(443, "b", Answered));
    }

    #[test]
    fn a_port_that_has_answered_is_one_of_the_site() {
        let mut bench = Bench::new();
        assert!(!bench.note(8443, "a", Answered));
        assert!(bench.note(8443, "a", Failed));
        assert!(bench.health.unknown_addresses().is_empty());
        // Another address shows that the site is served, for an hour.
        assert!(!bench.note(443, "b", Answered));
        assert!(!bench.note(8443, "a", Failed));
        bench.clock.advance(LATELY);
        assert!(bench.note(8443, "a", Failed));
    }

    #[test]
    fn a_refused_key_is_the_fault_of_its_token_unless_there_is_no_other() {
        let mut bench = Bench::new();
        assert!(!bench.note(443, "a", KeyRefused));
        assert!(!bench.note(443, "b", Answered));
        assert!(!bench.note(443, "a", KeyRefused));
        assert!(bench.note(443, "b", KeyRefused), "it was good, and no other one is");
        assert!(!bench.note(443, "c", Answered));
        assert!(!bench.note(443, "b", KeyRefused));
    }

    #[test]
    fn full_places_and_faults_of_the_request_say_nothing_about_misp() {
        for error in [
            FeedError::NoPlace { seconds: 50 },
            FeedError::NoDecayingModel,
            FeedError::TooManyValues { limit: 1 },
        ] {
            assert_eq!(Outcome::of(Some(&error)), Nothing, "{error}");
        }
        assert_eq!(Outcome::of(Some(&FeedError::TimedOut { seconds: 3 })), Failed);
        let mut bench = Bench::new();
        assert!(!bench.note(443, "a", Nothing));
        assert!(bench.note(443, "a", Failed));
        assert!(bench.note(443, "a", Nothing), "it failed before");
    }

    #[test]
    fn tokens_with_many_ports_do_not_push_out_the_misp_of_the_site() {
        let mut bench = Bench::new();
        bench.note(443, "a", Answered);
        for port in 1_000..3_000 {
            assert!(!bench.note(port, "b", Failed), "{port}");
        }
        assert!(bench.health.upstreams.len() <= MAX_UPSTREAMS);
        assert!(bench.note(443, "a", Failed), "it is still known to have answered");
    }
}
