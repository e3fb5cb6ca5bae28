//! The books about open connections: what each one costs, and which ones must go when places or bytes run short.
//!
//! Connections of strangers and of known peers are apart. A stranger is a peer that has shown no good token on this
//! connection. Strangers share a small budget, so that nobody without a token decides how much memory this process
//! takes. When a budget is used up, connections are closed until a sixteenth of it is free: first the one on which no
//! answer has moved for the longest time. So a client that has just connected, and one that takes its answer, stay.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::sync::Notify;
use tokio::time::Instant;

/// The most bytes that all connections of strangers may cost.
const STRANGERS_BYTES: usize = 80 * 1024 * 1024;

/// The most bytes that all connections of known peers may cost, for example those of 12 288 listeners behind TLS.
const KNOWN_BYTES: usize = 768 * 1024 * 1024;

/// The part of a budget that is made free when it is used up. One connection at a time would cost more time.
const PART: usize = 16;

/// The books. Each change is short, so one lock is enough for all.
#[derive(Debug)]
pub(crate) struct Books {
    places: usize,
    began: Instant,
    next_number: u64,
    strangers: Budget,
    known: Budget,
    /// Connections that must end. Their bytes are free a moment later.
    leaving: Budget,
    /// How many connections each address has.
    connections: HashMap<IpAddr, usize>,
}

/// One open connection. It is shared between its task, its requests and the books.
#[derive(Debug)]
pub(crate) struct Entry {
    number: u64,
    /// The address that is counted; nothing for a proxy, which stands for many clients.
    holder: Option<IpAddr>,
    began: Instant,
    /// Milliseconds since `began` at which an answer last moved.
    moved_at: AtomicU64,
    must_go: Notify,
    /// Set before `must_go` is notified.
    is_leaving: AtomicBool,
}

/// The connections of one kind of peers.
#[derive(Debug)]
struct Budget {
    most: usize,
    used: usize,
    lines: HashMap<u64, Line>,
    /// The bytes of each address.
    holders: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Line {
    entry: Arc<Entry>,
    bytes: usize,
}

/// A new line in the books, and how many connections were closed for it.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) entry: Arc<Entry>,
    pub(crate) closed: usize,
}

/// The address has its share of the places, and none of its connections can be closed for a new one.
#[derive(Debug)]
pub(crate) struct ShareIsUsedUp;

impl Entry {
    /// Notes that a request came or an answer moved.
    fn moved(&self) {
        self.moved_at(Instant::now());
    }

    /// Notes that a request came or an answer moved at that moment.
    pub(crate) fn moved_at(&self, now: Instant) {
        let after = now.saturating_duration_since(self.began);
        let milliseconds = after.as_secs() * 1_000 + u64::from(after.subsec_millis());
        self.moved_at.store(milliseconds, Ordering::Relaxed);
    }

    /// Returns whether [`must_go`](Self::must_go) ends.
    pub(crate) fn is_leaving(&self) -> bool {
        self.is_leaving.load(Ordering::Acquire)
    }

    /// Waits until this connection must be closed to make room for others.
    pub(crate) async fn must_go(&self) {
        self.must_go.notified().await;
    }

    fn last_moved(&self) -> u64 {
        self.moved_at.load(Ordering::Relaxed)
    }
}

impl Books {
    /// Returns empty books for so many places.
    pub(crate) fn of(places: usize) -> Self {
        Self {
            places,
            began: Instant::now(),
            next_number: 0,
            strangers: Budget::of(STRANGERS_BYTES),
            known: Budget::of(KNOWN_BYTES),
            leaving: Budget::of(usize::MAX),
            connections: HashMap::new(),
        }
    }

    /// Opens a line for the connection of a stranger.
    ///
    /// One address gets half of all places, and not less, since many hosts may share the address of a router. With
    /// more, its strangers are closed.
    ///
    /// # Errors
    /// When the address has its share with known peers alone.
    pub(crate) fn open(&mut self, address: Option<IpAddr>) -> Result<Opened, ShareIsUsedUp> {
        let (holder, mut closed) = (address.map(holder), 0);
        if let Some(holder) = holder {
            if self.connections_of(holder) >= self.share() {
                closed = self.make_places(self.share().div_ceil(PART * 4), Some(holder));
            }
            if self.connections_of(holder) >= self.share() {
                return Err(ShareIsUsedUp);
            }
            *self.connections.entry(holder).or_default() += 1;
        }
        let entry = Arc::new(Entry {
            number: self.next_number,
            holder,
            began: self.began,
            moved_at: AtomicU64::new(0),
            must_go: Notify::new(),
            is_leaving: AtomicBool::new(false),
        });
        entry.moved();
        self.next_number += 1;
        let line = Line {
            entry: Arc::clone(&entry),
            bytes: 0,
        };
        self.strangers.insert(line);
        Ok(Opened { entry, closed })
    }

    /// Returns how many connections one address may have.
    pub(crate) fn share(&self) -> usize {
        self.places.div_ceil(2)
    }

    /// Adds bytes to the costs of a connection, and makes room where they are too many. Returns how many connections
    /// that closed.
    pub(crate) fn charge(&mut self, entry: &Entry, bytes: usize) -> usize {
        let budget = self.budget_of(entry);
        budget.change(entry, |used| used.saturating_add(bytes));
        let victims = budget.victims(entry.holder);
        self.evict(&victims)
    }

    /// Takes bytes from the costs of a connection.
    pub(crate) fn release(&mut self, entry: &Entry, bytes: usize) {
        self.budget_of(entry).change(entry, |used| used.saturating_sub(bytes));
    }

    /// Counts a connection among those of known peers from now on. Returns how many of those were closed for it.
    pub(crate) fn vouch(&mut self, entry: &Entry) -> usize {
        let Some(line) = self.strangers.remove(entry.number) else {
            return 0;
        };
        self.known.insert(line);
        let victims = self.known.victims(entry.holder);
        self.evict(&victims)
    }

    /// Closes connections of strangers so that some places become free. Returns how many.
    pub(crate) fn make_some_places(&mut self) -> usize {
        self.make_places(self.places.div_ceil(PART * 4), None)
    }

    /// Returns whether strangers, with those that are leaving, hold more than their budget at this moment.
    pub(crate) fn is_full(&self) -> bool {
        self.strangers.used.saturating_add(self.leaving.used) > self.strangers.most
    }

    /// Closes the line of a connection that has ended.
    pub(crate) fn close(&mut self, entry: &Entry) {
        if self.leaving.remove(entry.number).is_none() {
            self.take_out(entry);
        }
    }

    /// Takes a connection out of the budgets and out of the share of its address.
    fn take_out(&mut self, entry: &Entry) -> Option<Line> {
        let line = self.strangers.remove(entry.number);
        let line = line.or_else(|| self.known.remove(entry.number))?;
        self.leave(entry.holder);
        Some(line)
    }

    fn make_places(&mut self, count: usize, holder: Option<IpAddr>) -> usize {
        let mut victims = self.strangers.by_age(holder);
        victims.truncate(count);
        self.evict(&victims)
    }

    /// Ends these connections. They count in no budget any more, although their bytes are freed a moment later:
    /// otherwise more would be closed than necessary.
    fn evict(&mut self, victims: &[Arc<Entry>]) -> usize {
        for victim in victims {
            if let Some(line) = self.take_out(victim) {
                self.leaving.insert(line);
            }
            victim.is_leaving.store(true, Ordering::Release);
            victim.must_go.notify_one();
        }
        victims.len()
    }

    fn leave(&mut self, holder: Option<IpAddr>) {
        let Some(holder) = holder else { return };
        if let Some(count) = self.connections.get_mut(&holder) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.connections.remove(&holder);
            }
        }
    }

    fn connections_of(&self, holder: IpAddr) -> usize {
        self.connections.get(&holder).copied().unwrap_or(0)
    }

    fn budget_of(&mut self, entry: &Entry) -> &mut Budget {
        if self.known.lines.contains_key(&entry.number) {
            &mut self.known
        } else if self.leaving.lines.contains_key(&entry.number) {
            &mut self.leaving
        } else {
            &mut self.strangers
        }
    }
}

impl Budget {
    fn of(most: usize) -> Self {
        Self {
            most,
            used: 0,
            lines: HashMap::new(),
            holders: HashMap::new(),
        }
    }

    fn insert(&mut self, line: Line) {
        self.count(line.entry.holder, 0, line.bytes);
        self.lines.insert(line.entry.number, line);
    }

    fn remove(&mut self, number: u64) -> Option<Line> {
        let line = self.lines.remove(&number)?;
        self.count(line.entry.holder, line.bytes, 0);
        Some(line)
    }

    /// Changes the costs of a connection; one that has ended has none.
    fn change(&mut self, entry: &Entry, change: impl FnOnce(usize) -> usize) {
        if let Some(line) = self.lines.get_mut(&entry.number) {
            let before = line.bytes;
            line.bytes = change(before);
            let after = line.bytes;
            self.count(entry.holder, before, after);
        }
    }

    fn count(&mut self, holder: Option<IpAddr>, before: usize, after: usize) {
        self.used = (self.used + after).saturating_sub(before);
        let Some(holder) = holder else { return };
        let of_holder = self.holders.entry(holder).or_default();
        *of_holder = (*of_holder + after).saturating_sub(before);
        if *of_holder == 0 {
            self.holders.remove(&holder);
        }
    }

    /// Returns the connections that must go: those of this address if it has more than half of the bytes, else any if
    /// all together have too many.
    fn victims(&self, holder: Option<IpAddr>) -> Vec<Arc<Entry>> {
        let share = self.most / 2;
        let of_holder = holder.and_then(|holder| self.holders.get(&holder));
        let (used, most, holder) = match of_holder {
            Some(used) if *used > share => (*used, share, holder),
            _ => (self.used, self.most, None),
        };
        if used <= most {
            return Vec::new();
        }
        let mut excess = used - most / PART * (PART - 1);
        let mut victims = self.by_age(holder);
        victims.retain(|entry| {
            let is_needed = excess > 0;
            let bytes = self.lines.get(&entry.number).map_or(0, |line| line.bytes);
            excess = excess.saturating_sub(bytes);
            is_needed && bytes > 0
        });
        victims
    }

    /// Returns the connections of this address, or all, the one that has not moved for the longest time first.
    fn by_age(&self, holder: Option<IpAddr>) -> Vec<Arc<Entry>> {
        let of_holder = |line: &&Line| holder.is_none() || line.entry.holder == holder;
        let mut aged: Vec<(u64, u64, &Line)> = self
            .lines
            .values()
            .filter(of_holder)
            .map(|line| (line.entry.last_moved(), line.entry.number, line))
            .collect();
        aged.sort_unstable_by_key(|(moved_at, number, _)| (*moved_at, *number));
        aged.into_iter().map(|(_, _, line)| Arc::clone(&line.entry)).collect()
    }
}

/// Returns the address that is counted: a host with IPv6 has a whole `/64` of addresses (RFC 4291, 2.5.4).
fn holder(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & (u128::MAX << 64))),
    }
}

#[cfg(test)]
mod tests;
