//! The reports that wait, in lots: one lot can be sent in one parcel.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::record::Accepted;
use crate::report::{Kind, Report, Reporter, ReporterId};

/// The bytes of a report in the journal, without its value.
const REPORT_BYTES: u64 = 29;

/// A lot that MISP took in part keeps at most so many of its failures.
const REMEMBERED_FAILURES: u32 = 4;

/// The bytes of a lot in the journal, without its source.
const LOT_BYTES: u64 = 4;

/// A rewrite of the journal joins reports that came within so many seconds into one record, since each record holds the
/// reporter's secret.
const RECORD_SECONDS: i64 = 60;

/// Values that travel together: of one reporter, kind, source and time.
#[derive(Clone)]
pub struct Parcel {
    /// Who reports them, and where to.
    pub reporter: Reporter,
    /// The values, at least one.
    pub values: Vec<String>,
    /// Hit or false positive.
    pub kind: Kind,
    /// What saw them.
    pub source: Arc<str>,
    /// When, in unix seconds; the beginning of the minute.
    pub seen_at: i64,
    pub(crate) numbers: Vec<u64>,
}

/// What sensors saw stays out of logs.
impl fmt::Debug for Parcel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parcel")
            .field("site", &self.reporter.site())
            .field("values", &self.values.len())
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl Parcel {
    fn key(&self) -> LotKey {
        LotKey {
            kind: self.kind,
            source: Arc::clone(&self.source),
            seen_at: self.seen_at,
        }
    }
}

/// When a lot is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ripeness {
    /// With so many values at the latest.
    pub(crate) values: usize,
    /// After so long at the latest.
    pub(crate) linger: Duration,
}

/// Everything that waits.
#[derive(Default)]
pub(crate) struct Pending {
    reporters: BTreeMap<ReporterId, Waiting>,
    /// Counts parcels, so that reporters take turns.
    turn: u64,
}

struct Waiting {
    reporter: Reporter,
    lots: HashMap<LotKey, Lot>,
    bytes: u64,
    held_until: Option<Instant>,
    last_turn: u64,
}

#[derive(Clone, PartialEq, Eq, Hash)]
struct LotKey {
    kind: Kind,
    source: Arc<str>,
    seen_at: i64,
}

impl LotKey {
    fn of(report: &Report) -> Self {
        Self {
            kind: report.kind,
            source: Arc::clone(&report.source),
            // Decides what travels together, and a minute is exact enough for MISP, which counts sightings by the day.
            seen_at: report.seen_at.div_euclid(60).saturating_mul(60),
        }
    }

    fn bytes(&self) -> u64 {
        self.source.len() as u64 + LOT_BYTES
    }

    fn report(&self, entry: &Entry) -> Report {
        Report {
            value: entry.value.clone(),
            kind: self.kind,
            source: Arc::clone(&self.source),
            seen_at: self.seen_at,
        }
    }
}

#[derive(Default)]
struct Lot {
    entries: VecDeque<Entry>,
    /// Times that it came back from a recipient that had begun with it.
    attempts: u32,
    /// The first ones are under way.
    under_way: bool,
}

struct Entry {
    number: u64,
    value: String,
    accepted: Instant,
    accepted_at: i64,
}

impl Pending {
    /// Adds reports that were accepted at this moment.
    pub(crate) fn add(&mut self, accepted: Accepted, at: Instant) {
        let id = accepted.reporter.id();
        let waiting = self.reporters.entry(id).or_insert_with(|| Waiting {
            reporter: accepted.reporter.clone(),
            lots: HashMap::new(),
            bytes: 0,
            held_until: None,
            last_turn: 0,
        });
        for (number, report) in accepted.reports {
            waiting.bytes += bytes_of(&report.value);
            let key = LotKey::of(&report);
            let of_lot = key.bytes();
            let lot = waiting.lots.entry(key).or_insert_with(|| {
                waiting.bytes += of_lot;
                Lot::default()
            });
            lot.entries.push_back(Entry {
                number,
                value: report.value,
                accepted: at,
                accepted_at: accepted.accepted_at,
            });
        }
    }

    /// Returns a parcel of a lot that is ripe at this moment, of a site that is free; it stays here until it is
    /// settled.
    pub(crate) fn take(&mut self, now: Instant, ripe: Ripeness, is_free: impl Fn(&str) -> bool) -> Option<Parcel> {
        let free = self
            .reporters
            .values_mut()
            .filter(|waiting| waiting.held_until.is_none_or(|until| until <= now) && is_free(waiting.reporter.site()));
        let mut by_turn: Vec<&mut Waiting> = free.collect();
        by_turn.sort_by_key(|waiting| waiting.last_turn);
        for waiting in by_turn {
            let ready = |(_, lot): &(&LotKey, &mut Lot)| lot.ripe_at(ripe).is_some_and(|at| at <= now);
            let lots = waiting.lots.iter_mut().filter(ready);
            let next = lots.min_by_key(|(_, lot)| (lot.attempts, lot.entries.front().map(|entry| entry.number)));
            let Some((key, lot)) = next else { continue };
            self.turn += 1;
            waiting.last_turn = self.turn;
            lot.under_way = true;
            let (numbers, values) = lot.first(ripe.values).unzip();
            return Some(Parcel {
                reporter: waiting.reporter.clone(),
                values,
                kind: key.kind,
                source: Arc::clone(&key.source),
                seen_at: key.seen_at,
                numbers,
            });
        }
        None
    }

    /// Returns when a lot of a free site will be ripe, or a reporter be free again: nothing changes by itself before.
    ///
    /// It runs for every report, so it skips the lots of reporters that cannot send: there may be hundreds of thousands
    /// of them.
    pub(crate) fn next_change(&self, now: Instant, ripe: Ripeness, is_free: impl Fn(&str) -> bool) -> Option<Instant> {
        let free = self
            .reporters
            .values()
            .filter(|waiting| is_free(waiting.reporter.site()));
        let changes = free.filter_map(|waiting| match waiting.held_until {
            Some(until) if until > now => Some(until),
            _ => waiting.lots.values().filter_map(|lot| lot.ripe_at(ripe)).min(),
        });
        changes.min()
    }

    /// Removes the reports of a parcel.
    pub(crate) fn settle(&mut self, parcel: &Parcel) {
        self.change_lot(parcel, |lot| {
            let before = lot.entries.len();
            lot.entries.retain(|entry| !parcel.numbers.contains(&entry.number));
            debug_assert_eq!(before, lot.entries.len() + parcel.numbers.len());
            // However often it failed while the recipient was away: with each piece that is taken the next one is
            // larger.
            lot.attempts = lot.attempts.min(REMEMBERED_FAILURES).saturating_sub(1);
        });
    }

    /// Leaves a parcel where it is. One that the recipient had begun with is tried later than others, and in smaller
    /// pieces: its values go to the end of their lot, so that a value that is never taken keeps none back that came
    /// with it.
    pub(crate) fn put_back(&mut self, parcel: &Parcel, was_begun: bool) {
        self.change_lot(parcel, |lot| {
            if was_begun {
                lot.attempts += 1;
                let tried = parcel.numbers.len().min(lot.entries.len());
                lot.entries.rotate_left(tried);
            }
        });
    }

    /// Leaves all of a reporter alone until then.
    pub(crate) fn hold(&mut self, reporter: &Reporter, until: Instant) {
        if let Some(waiting) = self.reporters.get_mut(&reporter.id()) {
            waiting.held_until = Some(until);
        }
    }

    /// Takes everything of a reporter away, and returns the numbers.
    pub(crate) fn drop_reporter(&mut self, reporter: &Reporter) -> Vec<u64> {
        let waiting = self.reporters.remove(&reporter.id());
        let lots = waiting.into_iter().flat_map(|waiting| waiting.lots.into_values());
        lots.flat_map(|lot| lot.entries).map(|entry| entry.number).collect()
    }

    /// Removes reports that are older, unless they are under way, and returns their numbers.
    pub(crate) fn expire(&mut self, now: Instant, max_age: Duration) -> Vec<u64> {
        let mut expired = Vec::new();
        for waiting in self.reporters.values_mut() {
            for lot in waiting.lots.values_mut().filter(|lot| !lot.under_way) {
                lot.entries.retain(|entry| {
                    let is_young = now.saturating_duration_since(entry.accepted) < max_age;
                    if !is_young {
                        expired.push(entry.number);
                        waiting.bytes -= bytes_of(&entry.value);
                    }
                    is_young
                });
            }
            waiting.lots.retain(|key, lot| {
                let is_over = lot.entries.is_empty();
                waiting.bytes -= if is_over { key.bytes() } else { 0 };
                !is_over
            });
        }
        self.reporters.retain(|_, waiting| !waiting.lots.is_empty());
        expired
    }

    /// Returns all of it, to be written anew.
    pub(crate) fn records(&self) -> impl Iterator<Item = Accepted> {
        self.reporters.values().flat_map(|waiting| {
            let mut by_time: BTreeMap<i64, Accepted> = BTreeMap::new();
            for (key, lot) in &waiting.lots {
                for entry in &lot.entries {
                    let record = by_time
                        .entry(entry.accepted_at.div_euclid(RECORD_SECONDS))
                        .or_insert_with(|| Accepted {
                            reporter: waiting.reporter.clone(),
                            accepted_at: entry.accepted_at,
                            reports: Vec::new(),
                        });
                    // Nothing ends sooner for being written anew.
                    record.accepted_at = record.accepted_at.max(entry.accepted_at);
                    record.reports.push((entry.number, key.report(entry)));
                }
            }
            by_time.into_values().flat_map(Accepted::pieces)
        })
    }

    /// Returns the bytes that the reports of this reporter take.
    pub(crate) fn bytes_of(&self, reporter: ReporterId) -> u64 {
        self.reporters.get(&reporter).map_or(0, |waiting| waiting.bytes)
    }

    /// Returns what all reports take, in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        self.reporters.values().map(|waiting| waiting.bytes).sum()
    }

    pub(crate) fn count(&self) -> usize {
        self.entries().count()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.reporters.is_empty()
    }

    /// Returns when the oldest one was accepted.
    pub(crate) fn oldest(&self) -> Option<Instant> {
        self.entries().map(|entry| entry.accepted).min()
    }

    /// Returns how many reporters MISP refuses at this moment.
    pub(crate) fn held(&self, now: Instant) -> usize {
        let held = |waiting: &&Waiting| waiting.held_until.is_some_and(|until| until > now);
        self.reporters.values().filter(held).count()
    }

    fn entries(&self) -> impl Iterator<Item = &Entry> {
        let lots = self.reporters.values().flat_map(|waiting| waiting.lots.values());
        lots.flat_map(|lot| &lot.entries)
    }

    fn change_lot(&mut self, parcel: &Parcel, change: impl FnOnce(&mut Lot)) {
        let id = parcel.reporter.id();
        let Some(waiting) = self.reporters.get_mut(&id) else {
            return;
        };
        let key = parcel.key();
        let Some(lot) = waiting.lots.get_mut(&key) else {
            return;
        };
        lot.under_way = false;
        let before: u64 = lot.entries.iter().map(|entry| bytes_of(&entry.value)).sum();
        change(lot);
        let after: u64 = lot.entries.iter().map(|entry| bytes_of(&entry.value)).sum();
        waiting.bytes -= before - after;
        if lot.entries.is_empty() {
            waiting.lots.remove(&key);
            waiting.bytes -= key.bytes();
        }
        if waiting.lots.is_empty() {
            self.reporters.remove(&id);
        }
    }
}

impl Lot {
    /// When it is to be sent; nothing while some of it is under way.
    fn ripe_at(&self, ripe: Ripeness) -> Option<Instant> {
        let oldest = self.entries.front().filter(|_| !self.under_way)?.accepted;
        let is_full = self.entries.len() >= ripe.values;
        Some(if is_full { oldest } else { oldest + ripe.linger })
    }

    /// After each failure a quarter, down to single values: so one that MISP stumbles over keeps no other one back for
    /// long.
    fn first(&self, most: usize) -> impl Iterator<Item = (u64, String)> {
        let limit = (most >> (self.attempts.saturating_mul(2)).min(16)).max(1);
        let first = self.entries.iter().take(limit);
        first.map(|entry| (entry.number, entry.value.clone()))
    }
}

/// Returns what these reports take at most, in bytes.
pub(crate) fn bytes_of_all(reports: &[(u64, Report)]) -> u64 {
    let lots: HashSet<LotKey> = reports.iter().map(|(_, report)| LotKey::of(report)).collect();
    let values: u64 = reports.iter().map(|(_, report)| bytes_of(&report.value)).sum();
    values + lots.iter().map(LotKey::bytes).sum::<u64>()
}

fn bytes_of(value: &str) -> u64 {
    value.len() as u64 + REPORT_BYTES
}

#[cfg(test)]
mod tests;
