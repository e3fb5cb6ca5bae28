//! Records come back unchanged, now and after the file was closed.

use std::collections::BTreeMap;

use misp_client::Tag;
use misp_mirror::{EventRecord, EventState, RecordError, Store, StoreError, StoreKey, Update};
use proptest::prelude::*;

use crate::records::{BINDING, MAX_BYTES, any_record, record};

fn key() -> StoreKey {
    StoreKey::new([7; 32])
}

fn all(store: &Store) -> BTreeMap<u64, EventRecord> {
    let mut records = BTreeMap::new();
    store
        .read_all(2, |record| {
            let before = records.insert(record.current.event.id, record);
            assert!(before.is_none());
        })
        .unwrap();
    records
}

#[test]
fn a_file_gives_back_what_was_put_after_it_was_closed() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror");
    let records: Vec<_> = (1..200).map(|id| record(id, id % 30, 0)).collect();
    {
        let (store, opened) = Store::open(&path, &key(), BINDING, MAX_BYTES).unwrap();
        assert!(opened.is_whole && opened.damaged.is_empty() && store.is_empty() && store.is_durable());
        store.put(&records).unwrap();
        store.remove(&[3, 4711]).unwrap();
        store.put_meta("as_of", b"now").unwrap();
    }
    let (store, opened) = Store::open(&path, &key(), BINDING, MAX_BYTES).unwrap();
    assert!(opened.is_whole && opened.damaged.is_empty());
    assert_eq!(store.len(), 198);
    assert_eq!(
        store.rows(),
        (1..200).filter(|id| *id != 3).map(|id| id % 30).sum::<u64>()
    );
    assert_eq!(store.get(3).unwrap(), None);
    assert_eq!(store.get(4).unwrap().as_ref(), records.get(3));
    assert_eq!(store.meta("as_of").unwrap().as_deref(), Some(b"now".as_slice()));
    assert_eq!(store.meta("other").unwrap(), None);
    let wanted: BTreeMap<_, _> = records
        .into_iter()
        .map(|record| (record.current.event.id, record))
        .filter(|(id, _)| *id != 3)
        .collect();
    assert_eq!(all(&store), wanted);
    let states: Vec<_> = wanted.values().map(|record| EventState::of(record).unwrap()).collect();
    assert_eq!(store.states(), states);
    assert!(store.bytes_on_disk() > 0);
}

#[test]
fn an_update_is_one_step() {
    let store = Store::in_memory(&key(), BINDING, MAX_BYTES).unwrap();
    assert!(!store.is_durable());
    let (old, new) = (record(1, 5, 0), record(1, 6, 1));
    store.put(&[old]).unwrap();
    store
        .write(
            Update::new()
                .remove([1])
                .put([&new])
                .meta("a", b"1")
                .meta("b", b"2")
                .remove_meta("a"),
        )
        .unwrap();
    assert_eq!(store.get(1).unwrap(), Some(new));
    assert_eq!(store.meta("a").unwrap(), None);
    assert_eq!(store.meta("b").unwrap().as_deref(), Some(b"2".as_slice()));
    store.clear().unwrap();
    assert!(store.is_empty() && store.is_whole());
    assert_eq!(store.meta("b").unwrap(), None);
    assert_eq!(store.get(1).unwrap(), None);
}

#[test]
fn states_differ_when_anything_of_the_current_block_does() {
    let before = record(1, 5, 0);
    let mut after = before.clone();
    assert_eq!(EventState::of(&before), EventState::of(&after));
    after.current.rows[3].to_ids ^= true;
    assert_ne!(EventState::of(&before), EventState::of(&after));
}

#[test]
fn a_store_does_not_grow_beyond_its_limit() {
    let store = Store::in_memory(&key(), BINDING, 2000).unwrap();
    store.put(&[record(1, 5, 0)]).unwrap();
    let many: Vec<_> = (2..50).map(|id| record(id, 20, 0)).collect();
    let refused = store.put(&many).unwrap_err();
    assert!(matches!(refused, StoreError::Full { max_bytes: 2000 }), "{refused}");
    assert_eq!(store.len(), 1);
    store.remove(&[1]).unwrap();
    store.put(&[record(2, 5, 0)]).unwrap();
    assert_eq!(store.len(), 1);
}

#[test]
fn a_file_can_be_compacted() {
    let dir = tempfile::tempdir().unwrap();
    let (store, _) = Store::open(&dir.path().join("mirror"), &key(), BINDING, MAX_BYTES).unwrap();
    let records: Vec<_> = (1..2000).map(|id| record(id, 30, 0)).collect();
    store.put(&records).unwrap();
    store.remove(&(10..2000).collect::<Vec<_>>()).unwrap();
    let before = store.bytes_on_disk();
    store.compact().unwrap();
    assert!(store.bytes_on_disk() < before / 2, "{before} {}", store.bytes_on_disk());
    assert_eq!(all(&store).len(), 9);
}

#[test]
fn a_record_of_a_million_tags_is_refused_for_the_memory_that_it_takes() {
    let mut record = record(1, 1200, 0);
    let tags: Vec<_> = (0..1000).map(|at| Tag::own(format!("{at:01000}"))).collect();
    record.current.event.tags = tags.clone();
    assert!(EventRecord::from_bytes(&record.to_bytes().unwrap()).unwrap() == record);
    for row in &mut record.current.rows {
        row.tags = tags.clone().into();
    }
    assert_eq!(record.to_bytes(), Err(RecordError::TooLarge));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_record_survives_the_bytes(record in any_record()) {
        let bytes = record.to_bytes().unwrap();
        prop_assert_eq!(EventRecord::from_bytes(&bytes).unwrap(), record);
    }

    #[test]
    fn any_records_survive_the_store(steps in prop::collection::vec((prop::collection::vec(any_record(), 0..6), prop::collection::vec(0_u64..200, 0..20)), 1..6)) {
        let store = Store::in_memory(&key(), BINDING, MAX_BYTES).unwrap();
        let mut wanted = BTreeMap::new();
        for (puts, removals) in steps {
            for id in &removals {
                wanted.remove(id);
            }
            store.write(Update::new().put(&puts).remove(removals)).unwrap();
            wanted.extend(puts.into_iter().map(|record| (record.current.event.id, record)));
        }
        prop_assert_eq!(all(&store), wanted);
    }

    #[test]
    fn cut_or_altered_bytes_are_no_record_or_another_one(record in any_record(), at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let bytes = record.to_bytes().unwrap();
        let at = at.index(bytes.len());
        prop_assert!(EventRecord::from_bytes(&bytes[..at]).is_err());
        let mut altered = bytes;
        altered[at] ^= 1 << bit;
        let _ = EventRecord::from_bytes(&altered);
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = EventRecord::from_bytes(&bytes);
        let framed = zstd::bulk::compress(&bytes, 1).unwrap();
        let length = u32::try_from(bytes.len()).unwrap().to_le_bytes();
        let _ = EventRecord::from_bytes(&[length.as_slice(), &framed].concat());
    }
}

#[test]
fn a_copied_store_holds_the_same_and_nothing_of_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let from = Store::in_memory(&key(), BINDING, MAX_BYTES).unwrap();
    let records: Vec<_> = (1..1_200).map(|id| record(id, 2, 0)).collect();
    from.write(Update::new().put(&records).meta("as_of", b"now")).unwrap();
    let (to, _) = Store::open(&dir.path().join("mirror"), &StoreKey::new([8; 32]), BINDING, MAX_BYTES).unwrap();
    to.write(Update::new().put(&[record(9_999, 2, 0)]).meta("old", b"value"))
        .unwrap();
    from.copy_into(&to).unwrap();
    assert_eq!(to.states(), from.states());
    assert_eq!(to.get(700).unwrap(), Some(record(700, 2, 0)));
    assert_eq!(
        (to.meta("as_of").unwrap().as_deref(), to.meta("old").unwrap()),
        (Some(&b"now"[..]), None)
    );
}
