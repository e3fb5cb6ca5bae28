//! Tests with a store that fails, or turns out to be damaged, while the mirror runs.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use misp_client::{AuthKey, Client};
use misp_sim::{Attribute, Clock, Event, Fault, RunningSim, Sim, Warninglist, WarninglistKind};
use redb::StorageBackend;
use redb::backends::InMemoryBackend;

use crate::{Batch, Change, Changes, ManualClock, Mirror, Status, Store, StoreKey};

const POLL: Duration = Duration::from_secs(15);

/// A mirror of two events that were published long ago.
struct Site {
    sim: RunningSim,
    clock: ManualClock,
    store: Store,
    mirror: Mirror,
    changes: Changes,
    /// The first event.
    one: u64,
}

impl Site {
    async fn load(store: Store) -> Self {
        let event = |name: &str| {
            let changed = misp_sim::Moment::At(1_790_000_000 - 86_400);
            let domain = Attribute::new("domain", format!("{name}.example.com"));
            Event::new(name).changed(changed).attribute(domain)
        };
        let sim = Sim::builder().clock(Clock::fixed(1_790_000_000));
        let (kind, names) = (WarninglistKind::Hostname, ["one.example.com"]);
        let sim = sim.warninglist(Warninglist::new("shared names", kind, &["domain"], &names));
        // The mirror cannot judge by it.
        let only_php = Warninglist::new("only PHP", WarninglistKind::Regex, &["domain"], &["/^(?=one)/"]);
        let sim = sim.warninglist(only_php);
        let sim = sim.event(event("one")).event(event("two")).start_now().unwrap();
        sim.edit(|store| {
            store.enable_warninglist(1, false);
            store.enable_warninglist(2, false);
        });
        let key = AuthKey::new(Sim::READER_KEY).unwrap();
        let client = Client::builder(sim.url().parse().unwrap(), key).max_retries(0);
        let clock = ManualClock::at(Timestamp::from_second(sim.clock().now()).unwrap());
        let (mirror, changes) = Mirror::builder(client.build().unwrap(), store.clone())
            .attribute_types(["domain"])
            .poll(POLL)
            .trace_interval(POLL)
            .clock(Arc::new(clock.clone()))
            .start()
            .unwrap();
        let one = sim.with_store(|store| store.find_event("one")).unwrap();
        let mut site = Self {
            sim,
            clock,
            store,
            mirror,
            changes,
            one,
        };
        while !site.changes.next().await.unwrap().is_complete {}
        site
    }

    /// Lets a poll pass, and returns what its look brings.
    async fn look(&mut self) -> Batch {
        self.pass_a_poll();
        self.changes.next().await.unwrap()
    }

    fn pass_a_poll(&self) {
        self.sim.clock().advance(15);
        self.clock.advance(POLL);
    }

    async fn until(&self, is_so: impl FnMut(&Status) -> bool) {
        self.mirror.status_changes().wait_for(is_so).await.unwrap();
    }
}

#[tokio::test]
async fn record_that_is_damaged_meanwhile_is_named_and_read_again_with_the_next_look() {
    let store = Store::in_memory(&StoreKey::new([7; 32]), b"a site and a key", 1 << 30).unwrap();
    let mut site = Site::load(store).await;
    let one = site.one;
    let record = site.mirror.record(one).unwrap();
    site.store.damage(one);
    assert_eq!(site.mirror.record(one), None, "it is not served");
    site.sim.set_fault(Fault::Status(500));
    site.pass_a_poll();
    site.until(|status| status.failing.is_some()).await;
    let status = site.mirror.status();
    assert_eq!((status.missing_events, status.missing), (1, vec![one]));

    site.sim.clear_fault();
    let batch = site.look().await;
    let is_read = |change: &Change| matches!(change, Change::Replaced { record: read, .. } if **read == record);
    assert!(batch.changes.iter().any(is_read), "{:?}", batch.changes);
    assert_eq!(site.mirror.record(one), Some(record));
    let status = site.mirror.status();
    assert_eq!((status.missing_events, status.missing), (0, vec![]));
}

/// A disk on which one flush and one read fail, after so many others; 0 for never. Everything that was written is there
/// all the same.
#[derive(Debug, Default)]
struct Disk {
    memory: InMemoryBackend,
    flushes_left: AtomicI64,
    reads_left: AtomicI64,
}

impl Disk {
    fn fails(left: &AtomicI64) -> io::Result<()> {
        if left.fetch_sub(1, Ordering::SeqCst) == 1 {
            return Err(io::Error::other("the disk fails"));
        }
        Ok(())
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        self.memory.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        Self::fails(&self.reads_left)?;
        self.memory.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.memory.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        Self::fails(&self.flushes_left)
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.memory.write(offset, data)
    }
}

async fn on_disk() -> (Arc<Disk>, Site) {
    let disk = Arc::<Disk>::default();
    let mut site = Site::load(Store::within(Arc::<Disk>::clone(&disk), &StoreKey::new([7; 32]))).await;
    site.look().await;
    (disk, site)
}

/// A commit that failed at its last step is on the disk: read again, the event looks as if it had been delivered.
#[tokio::test]
async fn change_is_delivered_also_if_the_disk_failed_after_it_was_written() {
    let mut was_stored = false;
    for flushes in 1..=4 {
        let (disk, mut site) = on_disk().await;
        let (one, before) = (site.one, site.store.state(site.one));
        site.sim.edit(|store| store.set_info(one, "one, edited").unwrap());
        disk.flushes_left.store(flushes, Ordering::SeqCst);
        site.pass_a_poll();
        let mut delivered = Vec::new();
        for _ in 0..40 {
            tokio::select! {
                batch = site.changes.next() => delivered.extend(batch.unwrap().changes),
                () = tokio::time::sleep(Duration::from_millis(50)) => {
                    let is_read = site.mirror.record(one).is_some();
                    was_stored |= delivered.is_empty() && is_read && site.store.state(one) != before;
                    site.pass_a_poll();
                }
            }
            if !delivered.is_empty() {
                break;
            }
        }
        let is_of_one =
            |change: &Change| matches!(change, Change::Replaced { record, .. } if record.current.event.id == one);
        assert!(delivered.iter().any(is_of_one), "{flushes}: {delivered:?}");
    }
    assert!(was_stored, "no commit reached the disk and failed");
}

fn is_marked(change: &Change) -> bool {
    matches!(change, Change::Replaced { warned, .. } if warned == &[true])
}

/// Lets polls pass until a marked row is delivered, counts how often the mirror was seen failing, and returns all
/// changes.
async fn until_marked(site: &mut Site, failures: &mut u32) -> Vec<Change> {
    let mut delivered = Vec::new();
    for _ in 0..40 {
        if delivered.iter().any(is_marked) {
            break;
        }
        tokio::select! {
            batch = site.changes.next() => delivered.extend(batch.unwrap().changes),
            () = tokio::time::sleep(Duration::from_millis(20)) => {
                *failures += u32::from(site.mirror.status().failing.is_some());
                site.pass_a_poll();
            }
        }
    }
    delivered
}

#[tokio::test]
async fn what_misp_says_of_a_list_is_delivered_also_if_the_disk_failed_after_it_was_written() {
    let mut failures = 0;
    for flushes in 1..=6 {
        let (disk, mut site) = on_disk().await;
        site.sim.edit(|store| store.enable_warninglist(2, true));
        disk.flushes_left.store(flushes, Ordering::SeqCst);
        site.pass_a_poll();
        let delivered = until_marked(&mut site, &mut failures).await;
        assert!(delivered.iter().any(is_marked), "flush {flushes} fails: {delivered:?}");
    }
    assert!(failures > 0, "no flush failed");
}

#[tokio::test]
async fn marks_of_a_warninglist_are_delivered_also_if_the_disk_failed_in_the_middle() {
    let mut failures = 0;
    for reads in 1..=24 {
        let (disk, mut site) = on_disk().await;
        // After a failed flush the file is opened again, and nothing of it is in memory.
        disk.flushes_left.store(1, Ordering::SeqCst);
        site.sim.edit(|store| store.set_info(site.one, "one, edited").unwrap());
        site.pass_a_poll();
        site.until(|status| status.failing.is_some()).await;
        site.sim.edit(|store| store.enable_warninglist(1, true));
        disk.reads_left.store(reads, Ordering::SeqCst);
        let delivered = until_marked(&mut site, &mut failures).await;
        assert!(delivered.iter().any(is_marked), "read {reads} fails: {delivered:?}");
    }
    assert!(failures > 0, "no read failed");
}
