//! Damaged, moved, truncated and foreign files.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use misp_mirror::{EventRecord, Store, StoreError, StoreKey, Update};
use proptest::prelude::*;
use redb::{Database, ReadableDatabase as _, TableDefinition};

use crate::records::{BINDING, MAX_BYTES, record};

const RECORDS: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("records");
const PAGES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("pages");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const ROOT: TableDefinition<'_, (), &[u8]> = TableDefinition::new("root");

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn open(path: &Path) -> Result<(Store, misp_mirror::Opened), StoreError> {
    Store::open(path, &key(), BINDING, MAX_BYTES)
}

fn records() -> Vec<EventRecord> {
    (1..100).map(|id| record(id, 20, 0)).collect()
}

fn filled(path: &Path) {
    let (store, _) = open(path).unwrap();
    store
        .write(Update::new().put(&records()).meta("as_of", b"now"))
        .unwrap();
}

/// Changes the tables of a closed store, as an attacker can who has the file and not the key.
fn tampered(path: &Path, change: impl FnOnce(&redb::WriteTransaction)) {
    let database = Database::open(path).unwrap();
    let writing = database.begin_write().unwrap();
    change(&writing);
    writing.commit().unwrap();
}

fn item(path: &Path, id: u64) -> Vec<u8> {
    let database = Database::open(path).unwrap();
    let table = database.begin_read().unwrap().open_table(RECORDS).unwrap();
    table.get(id).unwrap().unwrap().value().to_vec()
}

/// Returns the records that still open, and asserts that they are right and that the others are listed as damaged.
fn read(store: &Store) -> BTreeMap<u64, EventRecord> {
    let mut read = BTreeMap::new();
    store
        .read_all(2, |record| {
            read.insert(record.current.event.id, record);
        })
        .unwrap();
    let wanted = records();
    assert!(
        read.values().all(|record| wanted.contains(record)),
        "a record that was never written"
    );
    read
}

#[test]
fn a_record_moved_to_another_event_does_not_open() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    let other = item(&path, 5);
    tampered(&path, |writing| {
        let mut table = writing.open_table(RECORDS).unwrap();
        table.insert(6, other.as_slice()).unwrap();
        table.remove(7).unwrap();
    });
    let (store, opened) = open(&path).unwrap();
    assert!(opened.is_whole && opened.damaged.is_empty(), "records are not read yet");
    assert!(matches!(store.get(6), Err(StoreError::Damaged { id: 6 })));
    assert_eq!(store.damaged(), [6]);
    assert_eq!(read(&store).len(), 97);
    assert_eq!(store.damaged(), [6, 7]);
    assert_eq!((store.len(), store.states().len(), store.state(6)), (97, 97, None));
    store.put(&[record(6, 20, 0)]).unwrap();
    store.remove(&[7]).unwrap();
    assert_eq!(store.damaged(), [] as [u64; 0]);
    assert_eq!(read(&store).len(), 98);
}

#[test]
fn damage_is_found_again_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    tampered(&path, |writing| {
        drop(writing.open_table(RECORDS).unwrap().remove(7).unwrap())
    });
    for _ in 0..2 {
        let (store, _) = open(&path).unwrap();
        read(&store);
        store.put_meta("as_of", b"later").unwrap();
        assert_eq!(store.damaged(), [7]);
    }
}

#[test]
fn an_older_record_of_the_same_event_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    let older = item(&path, 5);
    open(&path).unwrap().0.put(&[record(5, 3, 1)]).unwrap();
    tampered(&path, |writing| {
        writing
            .open_table(RECORDS)
            .unwrap()
            .insert(5, older.as_slice())
            .unwrap();
    });
    let (store, _) = open(&path).unwrap();
    assert!(matches!(store.get(5), Err(StoreError::Damaged { id: 5 })));
}

#[test]
fn a_damaged_list_is_said_and_its_records_are_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    tampered(&path, |writing| {
        let mut pages = writing.open_table(PAGES).unwrap();
        pages.remove(1).unwrap();
    });
    let (store, opened) = open(&path).unwrap();
    assert!(!opened.is_whole);
    assert_eq!(opened.damaged, (32..64).collect::<Vec<_>>());
    assert_eq!(read(&store).len(), 67);
    // It stays said until the store was compared with MISP.
    store.put(&records()).unwrap();
    drop(store);
    let (store, opened) = open(&path).unwrap();
    assert!(!opened.is_whole && opened.damaged.is_empty());
    store.write(Update::new().whole()).unwrap();
    drop(store);
    assert!(open(&path).unwrap().1.is_whole);
}

#[test]
fn a_damaged_root_costs_no_record() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    tampered(&path, |writing| {
        writing.open_table(ROOT).unwrap().insert((), b"x".as_slice()).unwrap();
    });
    let (store, opened) = open(&path).unwrap();
    assert!(!opened.is_whole && opened.damaged.is_empty());
    assert_eq!(read(&store).len(), 99);
    assert_eq!(
        store.meta("as_of").unwrap(),
        None,
        "nothing says that it is the last one"
    );
}

#[test]
fn a_damaged_value_is_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    tampered(&path, |writing| {
        writing
            .open_table(META)
            .unwrap()
            .insert("as_of", b"x".as_slice())
            .unwrap();
    });
    let (store, _) = open(&path).unwrap();
    assert!(matches!(store.meta("as_of"), Err(StoreError::DamagedMeta { .. })));
    store.put_meta("as_of", b"now").unwrap();
    assert!(store.meta("as_of").unwrap().is_some());
}

#[test]
fn another_key_or_binding_opens_nothing_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    drop(open(&path).unwrap());
    for is_filled in [false, true] {
        let other_key = Store::open(&path, &StoreKey::new([8; 32]), BINDING, MAX_BYTES);
        let other_binding = Store::open(&path, &key(), b"misp.example.org", MAX_BYTES);
        for outcome in [other_key, other_binding] {
            let error = outcome.map(drop).unwrap_err();
            assert!(matches!(error, StoreError::OtherKey { .. }), "{error}");
            let text = error.to_string();
            assert!(
                text.ends_with("with another encryption key, for another MISP key, or by another version"),
                "{text}"
            );
        }
        if is_filled {
            assert_eq!(read(&open(&path).unwrap().0).len(), 99);
        } else {
            filled(&path);
        }
    }
}

#[test]
fn a_second_opener_is_refused_until_the_first_lets_go() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    let (first, _) = open(&path).unwrap();
    let refused = open(&path).map(drop).unwrap_err();
    assert_eq!(
        refused.to_string(),
        format!("the mirror {} is in use by another process", path.display())
    );
    let refused = Store::recreate(&path, &key(), BINDING, MAX_BYTES)
        .map(drop)
        .unwrap_err();
    assert!(matches!(refused, StoreError::InUse { .. }), "{refused}");
    drop(first);
    drop(open(&path).unwrap());
}

#[test]
fn a_file_that_is_not_a_store_is_moved_aside_on_request_only() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    for text in ["first", "second"] {
        fs::write(&path, text.repeat(1000)).unwrap();
        let refused = open(&path).map(drop).unwrap_err();
        assert!(matches!(refused, StoreError::Broken { .. }), "{refused:?}");
        assert_eq!(fs::read(&path).unwrap(), text.repeat(1000).as_bytes());
        drop(Store::recreate(&path, &key(), BINDING, MAX_BYTES).unwrap());
        assert_eq!(
            fs::read(dir.path().join("mirror.broken")).unwrap(),
            text.repeat(1000).as_bytes()
        );
        assert!(open(&path).unwrap().1.is_whole);
    }
    let mut names: Vec<_> = fs::read_dir(dir.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    names.sort();
    assert_eq!(names, ["mirror", "mirror.broken"]);
}

/// Opens a file that was changed somewhere, and says what became of its records: all there, some damaged, or broken.
fn survey(path: &Path) -> &'static str {
    let (store, opened) = match open(path) {
        Ok(opened) => opened,
        Err(StoreError::Broken { .. } | StoreError::OtherKey { .. }) => return "broken",
        Err(error) => panic!("{error:?}"),
    };
    let wanted = records();
    let mut read = BTreeMap::new();
    let outcome = store.read_all(2, |record| {
        read.insert(record.current.event.id, record);
    });
    if let Err(error) = outcome {
        assert!(matches!(error, StoreError::Broken { .. }), "{error:?}");
        return "broken";
    }
    assert!(
        read.values().all(|record| wanted.contains(record)),
        "a record that was never written"
    );
    let damaged = store.damaged();
    let is_listed = |record: &EventRecord| {
        let id = record.current.event.id;
        read.contains_key(&id) != damaged.contains(&id)
    };
    assert!(
        !opened.is_whole || wanted.iter().all(is_listed),
        "a record is skipped silently"
    );
    let as_of = store.meta("as_of");
    let is_lost = as_of.is_err() || (as_of.unwrap().is_none() && !opened.is_whole);
    if read.len() == wanted.len() && opened.is_whole && !is_lost {
        "sound"
    } else {
        "damaged"
    }
}

#[test]
fn flipped_bits_cost_the_records_they_lie_in() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    filled(&path);
    let sound = fs::read(&path).unwrap();
    let mut counts = BTreeMap::new();
    // Among the bytes in use, and those of pages that were given up and not written again.
    let used: Vec<usize> = (0..sound.len()).filter(|at| sound[*at] != 0).collect();
    let mut drawn = 1_usize;
    for _ in 0..200 {
        drawn = drawn
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut altered = sound.clone();
        altered[used[(drawn >> 20) % used.len()]] ^= 1 << (drawn >> 60 & 7);
        fs::write(&path, altered).unwrap();
        *counts.entry(survey(&path)).or_insert(0) += 1;
    }
    assert!(counts.get("damaged").is_some_and(|count| *count > 30), "{counts:?}");
    assert!(counts.get("broken").is_none_or(|count| *count < 20), "{counts:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_truncated_file_is_noticed(at in any::<prop::sample::Index>()) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror");
        filled(&path);
        let sound = fs::read(&path).unwrap();
        // An empty file is a new store.
        let length = 1 + at.index(sound.len() - 1);
        fs::write(&path, &sound[..length]).unwrap();
        prop_assert_ne!(survey(&path), "sound");
        drop(Store::recreate(&path, &key(), BINDING, MAX_BYTES).unwrap());
    }
}
