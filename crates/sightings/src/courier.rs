//! Delivers waiting reports: one parcel at a time for each site, with pauses, and longer ones after failures.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use service_kit::{Backoff, Jitter};
use tokio::task::{Id, JoinError, JoinSet};
use tokio::time::Instant;

use crate::counts;
use crate::options::Options;
use crate::pending::{Parcel, Ripeness};
use crate::shared::Shared;
use crate::writer::Command;

/// The time between two searches for reports that have waited too long.
const SWEEP: Duration = Duration::from_secs(60);

/// The receiver of parcels, for example MISP.
pub trait Recipient: Send + Sync + 'static {
    /// Hands a parcel over, and returns the outcome.
    ///
    /// It must end in bounded time: the next parcel of the site waits for it. Check here whether the reporter's
    /// credential is still valid: the parcel may have waited for days.
    fn deliver(&self, parcel: &Parcel) -> impl Future<Output = Outcome> + Send;
}

/// The outcome of a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The recipient has the parcel.
    Sent,
    /// The recipient answered that it knows no value of the parcel.
    Unknown,
    /// The recipient will never take it, from any reporter.
    Rejected,
    /// The reporter may not report any more: the queue drops all its reports.
    Void,
    /// The recipient does not take it from this reporter at present. All reports of this reporter wait.
    Refused,
    /// The delivery may have failed; the queue leaves the site alone for a while.
    Failed {
        /// Whether the recipient may have begun with it: then some of it may come twice, and the parcel itself may be
        /// at fault.
        was_begun: bool,
        /// How long the recipient asked to wait.
        retry_after: Option<Duration>,
    },
}

/// A recipient that panicked may have begun.
const BAD_END: Outcome = Outcome::Failed {
    was_begun: true,
    retry_after: None,
};

/// The state of a site.
#[derive(Default)]
struct Site {
    is_busy: bool,
    not_before: Option<Instant>,
    failures: u32,
}

pub(crate) struct Courier<R> {
    shared: Arc<Shared>,
    commands: tokio::sync::mpsc::Sender<Command>,
    recipient: Arc<R>,
    sites: HashMap<String, Site>,
    under_way: HashMap<Id, Parcel>,
}

impl<R: Recipient> Courier<R> {
    pub(crate) fn new(shared: Arc<Shared>, commands: tokio::sync::mpsc::Sender<Command>, recipient: Arc<R>) -> Self {
        Self {
            shared,
            commands,
            recipient,
            sites: HashMap::new(),
            under_way: HashMap::new(),
        }
    }

    /// Works until the queue is closing and nothing is left that could be sent now.
    pub(crate) async fn run(mut self) {
        let mut errands: JoinSet<Outcome> = JoinSet::new();
        let mut next_sweep = Instant::now() + SWEEP;
        loop {
            let now = Instant::now();
            if now >= next_sweep {
                self.expire(now).await;
                next_sweep = now + SWEEP;
            }
            while let Some(parcel) = self.next_parcel(now) {
                let (recipient, carried) = (Arc::clone(&self.recipient), parcel.clone());
                let errand = errands.spawn(async move { recipient.deliver(&carried).await });
                self.under_way.insert(errand.id(), parcel);
            }
            let is_closing = self.shared.closing.load(Ordering::Acquire);
            if is_closing && errands.is_empty() {
                return;
            }
            let wake = self.next_change(now).map_or(next_sweep, |at| at.min(next_sweep));
            tokio::select! {
                // Parcels end before anything new is looked for.
                biased;
                Some(ended) = errands.join_next_with_id() => self.ended(ended).await,
                () = self.shared.work.notified() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn ripeness(&self) -> Ripeness {
        let Options { batch, linger, .. } = self.shared.options;
        let is_closing = self.shared.closing.load(Ordering::Acquire);
        Ripeness {
            values: batch,
            linger: if is_closing { Duration::ZERO } else { linger },
        }
    }

    fn next_parcel(&mut self, now: Instant) -> Option<Parcel> {
        let is_free = |site: &str| self.is_free(site, now);
        let parcel = self.shared.pending().take(now, self.ripeness(), is_free)?;
        let site = self.sites.entry(parcel.reporter.site().to_owned()).or_default();
        site.is_busy = true;
        Some(parcel)
    }

    /// Returns the next moment at which something can be sent that cannot be sent now. A busy site is not among them:
    /// it becomes free with the end of its delivery.
    fn next_change(&self, now: Instant) -> Option<Instant> {
        let is_free = |site: &str| self.is_free(site, now);
        let ripe = self.shared.pending().next_change(now, self.ripeness(), is_free);
        let free = self.sites.values().filter_map(|site| site.not_before);
        free.chain(ripe).filter(|at| *at > now).min()
    }

    fn is_free(&self, site: &str, now: Instant) -> bool {
        let Some(site) = self.sites.get(site) else {
            return true;
        };
        // A queue that closes skips the pauses between parcels, but not those after a failure.
        let is_hasty = site.failures == 0 && self.shared.closing.load(Ordering::Acquire);
        !site.is_busy && (is_hasty || site.not_before.is_none_or(|at| at <= now))
    }

    async fn ended(&mut self, ended: Result<(Id, Outcome), JoinError>) {
        let (errand, outcome) = ended.unwrap_or_else(|error| {
            tracing::error!("a recipient of sightings came to a bad end");
            (error.id(), BAD_END)
        });
        let Some(parcel) = self.under_way.remove(&errand) else {
            return;
        };
        let options = &self.shared.options;
        let now = Instant::now();
        let site = self.sites.entry(parcel.reporter.site().to_owned()).or_default();
        site.is_busy = false;
        let pause = match outcome {
            Outcome::Failed { retry_after, .. } => {
                site.failures = site.failures.saturating_add(1);
                backoff(options)
                    .wait(site.failures)
                    .max(retry_after.unwrap_or_default().min(options.longest_backoff))
            }
            _ => {
                site.failures = 0;
                options.pace
            }
        };
        site.not_before = Some(now + pause);
        let settled = self.settle(&parcel, outcome, now);
        if !settled.is_empty() {
            // An error means that the writer is gone: after a restart it is sent again.
            let _ = self.commands.send(Command::Settle(settled)).await;
        }
    }

    /// Returns the numbers of the reports that this outcome settles.
    fn settle(&self, parcel: &Parcel, outcome: Outcome, now: Instant) -> Vec<u64> {
        let counts = &self.shared.counts;
        let mut pending = self.shared.pending();
        let counted = match outcome {
            Outcome::Sent => &counts.sent,
            Outcome::Unknown => &counts.unknown,
            Outcome::Rejected => &counts.rejected,
            Outcome::Void => {
                let dropped = pending.drop_reporter(&parcel.reporter);
                counts::add(&counts.void, dropped.len());
                return dropped;
            }
            Outcome::Refused => {
                counts::add(&counts.refused_parcels, 1);
                pending.put_back(parcel, false);
                pending.hold(
                    &parcel.reporter,
                    now + Jitter::HALF_TO_WHOLE.draw(self.shared.options.hold),
                );
                return Vec::new();
            }
            Outcome::Failed { was_begun, .. } => {
                counts::add(&counts.failed_parcels, 1);
                pending.put_back(parcel, was_begun);
                return Vec::new();
            }
        };
        pending.settle(parcel);
        counts::add(counted, parcel.numbers.len());
        parcel.numbers.clone()
    }

    async fn expire(&self, now: Instant) {
        let expired = self.shared.pending().expire(now, self.shared.options.max_age);
        if expired.is_empty() {
            return;
        }
        counts::add(&self.shared.counts.expired, expired.len());
        tracing::warn!(reports = expired.len(), "sightings waited too long and were dropped");
        let _ = self.commands.send(Command::Settle(expired)).await;
    }
}

fn backoff(options: &Options) -> Backoff {
    Backoff::new(options.first_backoff, options.longest_backoff)
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;
    use tokio::sync::mpsc;

    use super::*;
    use crate::record::Accepted;
    use crate::{Kind, Report, Reporter};

    const SITE: &str = "misp.example.net";

    struct Nobody;

    impl Recipient for Nobody {
        async fn deliver(&self, _: &Parcel) -> Outcome {
            Outcome::Sent
        }
    }

    fn courier() -> (Courier<Nobody>, mpsc::Receiver<Command>) {
        let shared = Shared {
            options: Options::new("unused"),
            pending: Default::default(),
            counts: Default::default(),
            journal_bytes: Default::default(),
            work: Default::default(),
            closing: Default::default(),
            new_keys: Default::default(),
        };
        let (commands, received) = mpsc::channel(8);
        (Courier::new(Arc::new(shared), commands, Arc::new(Nobody)), received)
    }

    /// A parcel of one report, which waits.
    fn parcel(courier: &Courier<Nobody>) -> Parcel {
        let report = Report {
            value: "a.example.com".to_owned(),
            kind: Kind::Hit,
            source: "fw".into(),
            seen_at: 0,
        };
        let accepted = Accepted {
            reporter: Reporter::new(SITE, SecretString::from("secret")),
            accepted_at: 0,
            reports: vec![(7, report)],
        };
        let now = Instant::now();
        let mut pending = courier.shared.pending();
        pending.add(accepted, now);
        pending
            .take(now + Duration::from_secs(60), courier.ripeness(), |_| true)
            .unwrap()
    }

    #[test]
    fn a_site_is_free_after_its_pause_and_a_queue_that_closes_skips_the_pause_of_success() {
        let (mut courier, _received) = courier();
        let (now, later) = (Instant::now(), Instant::now() + Duration::from_secs(60));
        let site = |is_busy, failures| Site {
            is_busy,
            not_before: Some(later),
            failures,
        };
        let mut is_free = |site: Site, at| {
            courier.sites.insert(SITE.to_owned(), site);
            let before = courier.is_free(SITE, at);
            courier.shared.closing.store(true, Ordering::Release);
            let closing = courier.is_free(SITE, at);
            courier.shared.closing.store(false, Ordering::Release);
            (before, closing)
        };
        assert_eq!(is_free(site(false, 0), now), (false, true));
        assert_eq!(is_free(site(false, 1), now), (false, false));
        assert_eq!(is_free(site(false, 1), later), (true, true));
        assert_eq!(is_free(site(true, 0), later), (false, false));
        assert!(courier.is_free("other.example.net", now));
    }

    #[tokio::test]
    async fn a_delivery_is_followed_by_a_pause() {
        let failed = Outcome::Failed {
            was_begun: false,
            retry_after: None,
        };
        for outcome in [Outcome::Sent, failed] {
            let (mut courier, mut received) = courier();
            let mut errands = JoinSet::new();
            let errand = errands.spawn(async move { outcome });
            let parcel = parcel(&courier);
            courier.under_way.insert(errand.id(), parcel);
            let began = Instant::now();
            let ended = errands.join_next_with_id().await.unwrap();
            courier.ended(ended).await;
            let site = &courier.sites[SITE];
            let pause = site.not_before.unwrap().saturating_duration_since(began);
            let options = &courier.shared.options;
            let least = if outcome == failed {
                options.first_backoff / 2
            } else {
                options.pace
            };
            assert!(pause >= least, "{outcome:?} {pause:?}");
            assert_eq!(courier.shared.pending().is_empty(), outcome != failed);
            assert_eq!(
                received.try_recv().is_ok(),
                outcome != failed,
                "what is sent is settled"
            );
        }
    }

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let options = Options::new("unused");
        let (first, longest) = (options.first_backoff, options.longest_backoff);
        assert!((first / 2..=first).contains(&backoff(&options).wait(1)));
        assert!((first..=first * 2).contains(&backoff(&options).wait(2)));
        for failures in [10, 40, u32::MAX] {
            assert!(
                (longest / 2..=longest).contains(&backoff(&options).wait(failures)),
                "{failures}"
            );
        }
    }
}
