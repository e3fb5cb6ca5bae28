//! Mirrors of one stand-in in several processes, which share a place in memory; time moves by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use misp_client::{AuthKey, Client};
use misp_mirror::{
    Change, Clock, EventRecord, Lead, ManualClock, Mirror, PeerFuture, PeerItem, Peers, Standing, Store,
};
use misp_sim::{RunningSim, Sim};

use crate::site::{BLOCK, POLL, Picture, TYPES, empty_store, picture, sim_picture};

/// The life of the lease.
const LEASE: Duration = Duration::from_secs(5);
/// Longer than any look takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The place that the mirrors share.
#[derive(Debug)]
pub(crate) struct Board {
    clock: ManualClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) items: BTreeMap<String, Vec<u8>>,
    lease: Option<(usize, Timestamp)>,
    seats: usize,
    pub(crate) is_away: bool,
    /// Every mirror is told that it leads.
    pub(crate) all_lead: bool,
    /// Entries of other names than these are answered with these bytes.
    pub(crate) stale: Option<(BTreeSet<String>, Vec<u8>)>,
}

impl State {
    fn item(&self, name: &str) -> Option<Vec<u8>> {
        let bytes = self.items.get(name)?;
        match &self.stale {
            Some((known, stale)) if name.starts_with("entry") && !known.contains(name) => Some(stale.clone()),
            _ => Some(bytes.clone()),
        }
    }
}

/// One mirror's way to the place.
#[derive(Debug)]
struct Seat {
    number: usize,
    board: Arc<Board>,
    calls: AtomicU64,
    is_dead: AtomicBool,
}

impl Board {
    fn next_seat(&self) -> usize {
        let mut state = self.state();
        state.seats += 1;
        state.seats
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Seat {
    fn answer<'a, T: Send + 'a>(&self, unknown: T, work: impl FnOnce(&mut State) -> T) -> PeerFuture<'a, T> {
        let mut state = self.board.state();
        let answer = if state.is_away || self.is_dead.load(Ordering::SeqCst) {
            unknown
        } else {
            work(&mut state)
        };
        Box::pin(async move { answer })
    }
}

impl Peers for Seat {
    fn lead(&self) -> PeerFuture<'_, Lead> {
        let now = self.board.clock.now();
        let answer = self.answer(Lead::Unknown, |state| {
            let is_others = |(owner, until): (usize, Timestamp)| owner != self.number && until > now;
            if state.lease.is_some_and(is_others) && !state.all_lead {
                return Lead::Theirs;
            }
            state.lease = Some((self.number, now + LEASE));
            Lead::Ours
        });
        self.calls.fetch_add(1, Ordering::SeqCst);
        answer
    }

    fn resign(&self) -> PeerFuture<'_, ()> {
        self.answer((), |state| {
            state.lease = state.lease.take_if(|(owner, _)| *owner != self.number);
        })
    }

    fn get<'a>(&'a self, name: &'a str) -> PeerFuture<'a, PeerItem> {
        self.answer(PeerItem::Unknown, |state| {
            let item = state.item(name);
            item.map_or(PeerItem::Missing, PeerItem::Found)
        })
    }

    fn put<'a>(&'a self, name: &'a str, bytes: Vec<u8>, _: Duration) -> PeerFuture<'a, bool> {
        self.answer(false, |state| {
            state.items.insert(name.to_owned(), bytes);
            true
        })
    }

    fn remove<'a>(&'a self, name: &'a str) -> PeerFuture<'a, ()> {
        self.answer((), |state| {
            state.items.remove(name);
        })
    }
}

/// One mirror, and what it has reported.
pub(crate) struct Replica {
    pub(crate) mirror: Mirror,
    store: Store,
    seat: Arc<Seat>,
    reported: Arc<Mutex<BTreeMap<u64, Arc<EventRecord>>>>,
    marks: Arc<Mutex<BTreeMap<u64, Vec<bool>>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Replica {
    pub(crate) fn standing(&self) -> Standing {
        self.mirror.status().standing
    }

    /// Lets the place that the mirrors share answer this one or not.
    pub(crate) fn connect(&self, is_connected: bool) {
        self.seat.is_dead.store(!is_connected, Ordering::SeqCst);
    }

    pub(crate) fn questions(&self) -> u64 {
        self.mirror.status().questions
    }

    /// What it has reported.
    pub(crate) fn here(&self) -> BTreeMap<u64, Picture> {
        let reported = self.reported.lock().unwrap();
        let pictures = reported.iter().map(|(id, record)| (*id, picture(&record.current)));
        pictures.collect()
    }

    /// The records that it has reported.
    pub(crate) fn records(&self) -> BTreeMap<u64, EventRecord> {
        let reported = self.reported.lock().unwrap();
        reported.iter().map(|(id, record)| (*id, (**record).clone())).collect()
    }

    /// How many rows a warninglist names.
    pub(crate) fn warned(&self) -> usize {
        let marks = self.marks.lock().unwrap();
        marks.values().flatten().filter(|is_warned| **is_warned).count()
    }

    fn stored(&self) -> BTreeMap<u64, Picture> {
        let ids = self.store.states().into_iter().map(|state| state.id);
        ids.map(|id| (id, picture(&self.mirror.record(id).unwrap().current)))
            .collect()
    }
}

/// A stand-in with mirrors.
pub(crate) struct Replicas {
    pub(crate) sim: RunningSim,
    pub(crate) clock: ManualClock,
    pub(crate) board: Arc<Board>,
    pub(crate) replicas: Vec<Replica>,
}

impl Replicas {
    /// Starts so many mirrors, and waits until one leads and the others follow it.
    pub(crate) async fn of(count: usize, sim: RunningSim) -> Self {
        let clock = ManualClock::at(Timestamp::from_second(sim.clock().now()).unwrap());
        let board = Arc::new(Board {
            clock: clock.clone(),
            state: Mutex::default(),
        });
        let mut all = Self {
            sim,
            clock,
            board,
            replicas: Vec::new(),
        };
        for _ in 0..count {
            all.add(empty_store());
        }
        all.until_settled().await;
        all
    }

    /// Starts one more with this store.
    pub(crate) fn add(&mut self, store: Store) {
        let seat = Arc::new(Seat {
            number: self.board.next_seat(),
            board: Arc::clone(&self.board),
            calls: AtomicU64::default(),
            is_dead: AtomicBool::default(),
        });
        let key = AuthKey::new(Sim::READER_KEY).unwrap();
        let client = Client::builder(self.sim.url().parse().unwrap(), key)
            .max_retries(0)
            .build()
            .unwrap();
        let (mirror, mut changes) = Mirror::builder(client, store.clone())
            .attribute_types(TYPES)
            .watched_tags([BLOCK])
            .poll(POLL)
            .clock(Arc::new(self.clock.clone()))
            .peers(Arc::clone(&seat) as _)
            .start()
            .unwrap();
        let (reported, marks): (Arc<Mutex<BTreeMap<_, _>>>, Arc<Mutex<BTreeMap<_, _>>>) = Default::default();
        let (taken, marked) = (Arc::clone(&reported), Arc::clone(&marks));
        let task = tokio::spawn(async move {
            while let Some(batch) = changes.next().await {
                for change in batch.changes {
                    match change {
                        Change::Replaced { record, warned, .. } => {
                            marked.lock().unwrap().insert(record.current.event.id, warned);
                            taken.lock().unwrap().insert(record.current.event.id, record);
                        }
                        Change::Removed { id } => {
                            marked.lock().unwrap().remove(&id);
                            taken.lock().unwrap().remove(&id);
                        }
                        Change::Missing { .. } => {}
                    }
                }
            }
        });
        self.replicas.push(Replica {
            mirror,
            store,
            seat,
            reported,
            marks,
            task,
        });
    }

    /// Kills one as `kill -9` does; returns its store.
    pub(crate) async fn kill(&mut self, place: usize) -> Store {
        let replica = self.replicas.remove(place);
        replica.seat.is_dead.store(true, Ordering::SeqCst);
        replica.task.abort();
        replica.mirror.stop();
        let mut status = replica.mirror.status_changes();
        let ended = async { while status.changed().await.is_ok() {} };
        tokio::time::timeout(PATIENCE, ended).await.unwrap();
        replica.store
    }

    pub(crate) fn leader(&self) -> usize {
        let leads = |replica: &Replica| replica.standing() == Standing::Leading;
        self.replicas.iter().position(leads).expect("none leads")
    }

    pub(crate) fn follower(&self) -> &Replica {
        let follows = |replica: &&Replica| replica.standing() == Standing::Following;
        self.replicas.iter().find(follows).expect("none follows")
    }

    pub(crate) async fn second(&self) {
        self.step(1).await;
    }

    /// Lets seconds pass, and waits until every mirror has noticed.
    pub(crate) async fn step(&self, seconds: u32) {
        let before: Vec<u64> = self.replicas.iter().map(calls).collect();
        self.sim.clock().advance(seconds.into());
        self.clock.advance(Duration::from_secs(seconds.into()));
        let noticed = async {
            while self
                .replicas
                .iter()
                .map(calls)
                .zip(&before)
                .any(|(now, before)| now == *before)
            {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        // A mirror that is alone, or that loses the lease to another one, does not ask the others each second. The rest
        // does, and a leader whose call is not waited for on a busy machine would lose its lease.
        let is_regular = !self.board.state().all_lead
            && self
                .replicas
                .iter()
                .all(|replica| replica.standing() != Standing::Alone);
        let patience = Duration::from_millis(if is_regular { 5_000 } else { 300 });
        let _ = tokio::time::timeout(patience, noticed).await;
        tokio::time::sleep(Duration::from_millis(5)).await;
    }

    pub(crate) async fn seconds(&self, count: usize) {
        for _ in 0..count {
            self.second().await;
        }
    }

    /// Lets seconds pass until this is so; returns how many.
    pub(crate) async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) -> usize {
        for passed in 0..300 {
            if is_so(self) {
                return passed;
            }
            self.second().await;
        }
        assert!(is_so(self), "{what}: not after 300 seconds");
        300
    }

    /// Waits until one leads, the others follow it, and all have what MISP has.
    pub(crate) async fn until_settled(&self) -> usize {
        let passed = self
            .until("one leads and all have the same", |all| {
                let leading = |replica: &&Replica| replica.standing() == Standing::Leading;
                let following = |replica: &&Replica| replica.standing() == Standing::Following;
                let leaders = all.replicas.iter().filter(leading).count();
                let followers = all.replicas.iter().filter(following).count();
                leaders == 1 && leaders + followers == all.replicas.len() && all.is_same()
            })
            .await;
        for replica in &self.replicas {
            assert_eq!(replica.stored(), self.there(), "what lies in the store");
        }
        passed
    }

    /// Waits, while the clock stands still, until the leader has what MISP has.
    pub(crate) async fn look_of_leader(&self) {
        let there = self.there();
        let looking = async {
            while self.replicas[self.leader()].here() != there {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking)
            .await
            .expect("the leader has the change");
    }

    /// Waits, while the clock stands still, until the last look of the leader is no older than a poll and one step.
    pub(crate) async fn due_look_of_leader(&self, step: Duration) {
        let age = || {
            let as_of = self.replicas[self.leader()].mirror.status().as_of.unwrap();
            self.clock.now().duration_since(as_of).unsigned_abs()
        };
        let looking = async {
            while age() > POLL + step {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, looking).await.expect("the leader looks");
    }

    pub(crate) fn is_same(&self) -> bool {
        let there = self.there();
        self.replicas.iter().all(|replica| replica.here() == there)
    }

    /// What the stand-in has.
    pub(crate) fn there(&self) -> BTreeMap<u64, Picture> {
        self.sim
            .with_store(|store| store.events().map(|event| (event.id(), sim_picture(event))).collect())
    }
}

fn calls(replica: &Replica) -> u64 {
    replica.seat.calls.load(Ordering::SeqCst)
}
