//! The values that the store keeps, and those that it evicts.

use std::sync::Arc;

use cache::{ENTRY_OVERHEAD, MemoryStore};

type Store = MemoryStore<String, Arc<Vec<u8>>>;

const OVERHEAD: u64 = ENTRY_OVERHEAD as u64;

fn value(bytes: usize) -> Arc<Vec<u8>> {
    Arc::new(vec![0; bytes])
}

fn key(name: impl ToString) -> String {
    name.to_string()
}

#[test]
fn a_value_is_there_until_it_is_removed() {
    let store = Store::new(1 << 20);
    assert!(store.is_empty());
    store.insert(key("a"), value(10));
    assert_eq!(store.get(&key("a")).unwrap().len(), 10);
    assert_eq!(store.weighted_size(), 10 + OVERHEAD);
    assert_eq!(store.remove(&key("a")).unwrap().len(), 10);
    assert!(store.get(&key("a")).is_none());
    assert_eq!((store.len(), store.weighted_size()), (0, 0));
}

#[test]
fn the_bound_holds_after_every_insert() {
    let bound = 10 * (1000 + OVERHEAD);
    let store = Store::new(bound);
    for n in 0..200 {
        store.insert(key(n), value(1000));
        assert!(store.weighted_size() <= bound, "{n}");
        assert!(store.get(&key(n)).is_some(), "the newest is always let in: {n}");
    }
    assert_eq!(store.len(), 10);
}

#[test]
fn the_least_recently_used_leaves_first() {
    let store = Store::new(3 * (100 + OVERHEAD));
    for name in ["a", "b", "c"] {
        store.insert(key(name), value(100));
    }
    assert!(store.get(&key("a")).is_some());
    store.insert(key("d"), value(100));
    assert!(store.get(&key("b")).is_none());
    assert!(["a", "c", "d"].iter().all(|name| store.get(&key(name)).is_some()));
}

#[test]
fn a_value_heavier_than_the_bound_is_not_kept() {
    let store = Store::new(1000);
    store.insert(key("a"), value(2000));
    assert!(store.get(&key("a")).is_none());
    assert_eq!(store.weighted_size(), 0);
}

#[test]
fn a_value_too_heavy_takes_the_place_of_an_older_one_and_goes() {
    let store = Store::new(1000);
    store.insert(key("a"), value(10));
    store.insert(key("other"), value(10));
    store.insert(key("a"), value(2000));
    assert!(store.get(&key("a")).is_none());
    assert!(
        store.get(&key("other")).is_some(),
        "what has nothing to do with it stays"
    );
}

#[test]
fn a_bound_of_zero_keeps_nothing() {
    let store = Store::new(0);
    store.insert(key("a"), value(0));
    assert!(store.is_empty());
}

#[test]
fn empty_values_are_bounded_too() {
    let store = Store::new(5 * OVERHEAD);
    for n in 0..50 {
        store.insert(key(n), value(0));
    }
    assert_eq!(store.len(), 5);
}

#[test]
fn remove_if_removes_the_values_that_the_predicate_names() {
    let store = Store::new(1 << 20);
    for n in 0..10 {
        store.insert(key(n), value(n));
    }
    assert_eq!(store.remove_if(|_, value| value.len() % 2 == 0), 5);
    assert_eq!(store.remove_if(|key, _| key == "3"), 1);
    assert_eq!(store.remove_if(|_, _| false), 0);
    assert_eq!(store.len(), 4);
    assert!(store.get(&key(4)).is_none() && store.get(&key(5)).is_some());
}

#[test]
fn clones_share_their_values() {
    let store = Store::new(1 << 20);
    store.clone().insert(key("a"), value(1));
    assert!(store.get(&key("a")).is_some());
}

#[test]
fn debug_shows_neither_keys_nor_values() {
    let store = MemoryStore::<String, String>::new(4096);
    store.insert("a token".into(), "a secret".into());
    assert_eq!(format!("{store:?}"), "MemoryStore { max_bytes: 4096, .. }");
}
