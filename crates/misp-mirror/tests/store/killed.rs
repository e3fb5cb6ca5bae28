//! A process that is killed while it writes.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use misp_mirror::{EventRecord, Store, StoreKey, Update};

use crate::records::{BINDING, MAX_BYTES, record};

const FOLDER: &str = "MISP_MIRROR_TEST_FOLDER";
const EVENTS: u64 = 40;
const ROUNDS: u64 = 30;

fn open(path: &Path) -> Store {
    let (store, opened) = Store::open(path, &StoreKey::new([7; 32]), BINDING, MAX_BYTES).unwrap();
    assert!(opened.is_whole && opened.damaged.is_empty());
    store
}

fn version(id: u64, version: i64) -> EventRecord {
    record(id, 10 + id, version)
}

/// Runs in a process of its own, below: writes all events again and again, each time in another version.
#[test]
fn a_writer_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let store = open(&Path::new(&folder).join("mirror"));
    let newest = |store: &Store| {
        store
            .get(1)
            .unwrap()
            .map_or(0, |record| record.current.event.timestamp - 1_700_000_000)
    };
    for next in newest(&store) + 1.. {
        let records: Vec<_> = (1..=EVENTS).map(|id| version(id, next)).collect();
        store
            .write(Update::new().put(&records).meta("version", next.to_string().as_bytes()))
            .unwrap();
        writeln!(std::io::stdout(), "written {next}").unwrap();
    }
}

#[test]
fn after_a_kill_every_event_is_the_old_or_the_new_one_together_with_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let mut last_seen = 0;
    for round in 0..ROUNDS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::a_writer_until_it_is_killed", "--exact", "--nocapture"])
            .env(FOLDER, dir.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let written = lines
            .find(|line| line.as_ref().is_ok_and(|line| line.contains("written ")))
            .unwrap()
            .unwrap();
        // The kill falls anywhere in the next transactions.
        std::thread::sleep(Duration::from_micros(700 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        let (_, number) = written.split_once("written ").unwrap();
        let acknowledged: i64 = number.parse().unwrap();
        assert!(acknowledged > last_seen);

        let store = open(&dir.path().join("mirror"));
        let newest: i64 = String::from_utf8(store.meta("version").unwrap().unwrap())
            .unwrap()
            .parse()
            .unwrap();
        assert!(newest >= acknowledged, "{newest} after {acknowledged}");
        let mut count = 0;
        store
            .read_all(2, |record| {
                count += 1;
                assert_eq!(record, version(record.current.event.id, newest));
            })
            .unwrap();
        assert_eq!((count, store.damaged().len()), (EVENTS, 0));
        last_seen = newest;
    }
}
