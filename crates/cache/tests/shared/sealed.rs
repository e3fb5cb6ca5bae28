//! What lies in the store is ours or is not used.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cache::{CacheKeys, InProcessStore, ItemKey, SharedCache, Turn, testkit};

use crate::servers::{PATIENT, keys};

const LIFE: Duration = Duration::from_secs(3_600);

fn on(store: &Arc<InProcessStore>, keys: CacheKeys) -> SharedCache {
    SharedCache::with_patience(Arc::clone(store) as _, keys, PATIENT)
}

async fn found(cache: &SharedCache, name: &str) -> Option<Vec<u8>> {
    match cache.find_or_lease(name.as_bytes(), LIFE, &|_| true).await {
        Turn::Found(found) => Some(found.value),
        Turn::Yours(lease) => {
            lease.release().await;
            None
        }
        other => panic!("{other:?}"),
    }
}

/// A value that needs several parts: it does not compress well.
fn large() -> Vec<u8> {
    (0_u64..160_000)
        .flat_map(|number| number.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29).to_le_bytes())
        .collect()
}

#[tokio::test]
async fn a_store_inside_the_process_is_a_shared_store() {
    testkit::check(&InProcessStore::new(), "process").await;
}

#[tokio::test]
async fn another_process_with_the_same_key_finds_the_value() {
    let store = Arc::new(InProcessStore::new());
    let (one, other) = (on(&store, keys(1)), on(&store, keys(1)));
    for value in [b"small".to_vec(), large(), Vec::new()] {
        assert!(one.put(b"feed", b"label", value.clone(), LIFE).await);
        assert!(found(&other, "feed").await == Some(value));
    }
    assert_eq!(found(&other, "food").await, None);
    assert_eq!(
        (other.counts().hits, other.counts().misses, one.counts().puts),
        (3, 1, 3)
    );
    other.forget(b"feed").await;
    assert_eq!(found(&one, "feed").await, None);
}

#[tokio::test]
async fn nothing_readable_lies_in_the_store() {
    let store = Arc::new(InProcessStore::new());
    let secret = b"misp.example.net".repeat(10_000);
    assert!(
        on(&store, keys(1))
            .put(&secret, &secret[..100], secret.clone(), LIFE)
            .await
    );
    for (key, item) in store.items() {
        assert!(!key.as_str().contains("misp"));
        assert!(!item.windows(4).any(|window| window == b"misp"));
    }
}

#[tokio::test]
async fn a_value_of_another_key_is_not_found() {
    let store = Arc::new(InProcessStore::new());
    assert!(on(&store, keys(1)).put(b"feed", b"", b"value".to_vec(), LIFE).await);
    assert_eq!(found(&on(&store, keys(2)), "feed").await, None);
}

/// While a key is replaced, some processes have the new one already.
#[tokio::test]
async fn every_key_of_the_ring_opens_and_the_first_one_seals() {
    let store = Arc::new(InProcessStore::new());
    let both = CacheKeys::new([&[2; 32], &[1; 32]]).unwrap();
    assert!(on(&store, keys(1)).put(b"old", b"", b"value".to_vec(), LIFE).await);
    let rotated = on(&store, both);
    assert!(found(&rotated, "old").await.is_some());
    assert!(rotated.put(b"new", b"", b"value".to_vec(), LIFE).await);
    assert!(found(&on(&store, keys(2)), "new").await.is_some());
    assert_eq!(found(&on(&store, keys(1)), "new").await, None);
}

type Tampering = fn(&[(ItemKey, Bytes)], usize) -> Bytes;

/// For each item of a large value in turn: foreign bytes, a truncated one, one bit, the item of another place, of
/// another name.
#[tokio::test]
async fn every_change_of_an_item_makes_a_miss_and_is_counted() {
    let tamperings: &[(&str, Tampering)] = &[
        ("foreign", |_, _| {
            Bytes::from_static(b"\x80\x04\x95pickled by somebody else, long enough for all")
        }),
        ("empty", |_, _| Bytes::new()),
        ("truncated", |items, at| items[at].1.slice(..items[at].1.len() - 1)),
        ("longer", |items, at| Bytes::from([&items[at].1[..], b"x"].concat())),
        ("altered", |items, at| {
            let mut bytes = items[at].1.to_vec();
            *bytes.last_mut().unwrap() ^= 1;
            bytes.into()
        }),
        ("its neighbour", |items, at| items[(at + 1) % items.len()].1.clone()),
    ];
    let store = Arc::new(InProcessStore::new());
    let cache = on(&store, keys(1));
    let value = large();
    assert!(cache.put(b"feed", b"", value.clone(), LIFE).await);
    let items = store.items();
    assert!(items.len() > 3, "a head and several parts");
    for (what, tampering) in tamperings {
        for at in 0..items.len() {
            let before = cache.counts();
            store.tamper(|key, item| {
                if *key == items[at].0 {
                    tampering(&items, at)
                } else {
                    item.clone()
                }
            });
            assert!(found(&cache, "feed").await.is_none(), "{what}");
            assert_eq!(cache.counts().misses, before.misses + 1);
            store.tamper(|key, item| {
                items
                    .iter()
                    .find(|(own, _)| own == key)
                    .map_or(item.clone(), |(_, own)| own.clone())
            });
        }
    }
    assert!(cache.counts().rejected > 10);
    assert!(found(&cache, "feed").await == Some(value));
}

/// A writer of the store passes the value of one feed off as that of another.
#[tokio::test]
async fn a_value_that_is_replayed_under_another_name_is_a_miss() {
    let store = Arc::new(InProcessStore::new());
    let cache = on(&store, keys(1));
    assert!(cache.put(b"allow", b"", b"harmless.example".to_vec(), LIFE).await);
    let harmless = store.items();
    assert!(cache.put(b"block", b"", b"bad.example".to_vec(), LIFE).await);
    store.tamper(|_, _| harmless[0].1.clone());
    assert_eq!(found(&cache, "block").await, None);
    assert_eq!(found(&cache, "allow").await.unwrap(), b"harmless.example");
    assert_eq!(cache.counts().rejected, 2, "before the lease, and after it");
}

#[tokio::test]
async fn a_missing_part_is_a_miss() {
    let store = Arc::new(InProcessStore::new());
    let cache = on(&store, keys(1));
    assert!(cache.put(b"feed", b"", large(), LIFE).await);
    for (key, _) in store.items() {
        let all = store.items();
        cache::SharedStore::delete(&*store, &[key]).await.unwrap();
        assert_eq!(found(&cache, "feed").await, None);
        cache::SharedStore::put(&*store, &all, LIFE).await.unwrap();
    }
    assert_eq!(cache.counts().rejected, 0);
    assert!(found(&cache, "feed").await.is_some());
}

#[tokio::test]
async fn a_value_that_is_not_wanted_leaves_its_label_to_the_next_maker() {
    let store = Arc::new(InProcessStore::new());
    let cache = on(&store, keys(1));
    assert!(cache.put(b"feed", b"yesterday", b"value".to_vec(), LIFE).await);
    let turn = cache.find_or_lease(b"feed", LIFE, &|label| label == b"today").await;
    let Turn::Yours(lease) = turn else { panic!("{turn:?}") };
    assert_eq!(lease.label_before(), Some(&b"yesterday"[..]));
    let other = on(&store, keys(1));
    assert!(matches!(
        other.find_or_lease(b"feed", LIFE, &|_| false).await,
        Turn::Busy
    ));
    lease.release().await;
    assert!(matches!(
        other.find_or_lease(b"feed", LIFE, &|_| false).await,
        Turn::Yours(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn a_lease_lives_while_it_is_held_and_ends_after_that() {
    let store = Arc::new(InProcessStore::new());
    let cache = on(&store, keys(1));
    let Turn::Yours(lease) = cache.find_or_lease(b"feed", Duration::from_secs(10), &|_| true).await else {
        panic!()
    };
    let other = cache.clone();
    lease
        .hold_while(async {
            for _ in 0..10 {
                tokio::time::sleep(Duration::from_secs(9)).await;
                assert!(matches!(
                    other.find_or_lease(b"feed", LIFE, &|_| true).await,
                    Turn::Busy
                ));
            }
        })
        .await;
    // Its process is gone without a word.
    drop(lease);
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(matches!(
        other.find_or_lease(b"feed", LIFE, &|_| true).await,
        Turn::Yours(_)
    ));
}

#[tokio::test(start_paused = true)]
async fn lease_without_a_value_is_renewed_by_its_owner_only_and_its_loss_is_noticed() {
    let store = Arc::new(InProcessStore::new());
    let (one, other) = (on(&store, keys(1)), on(&store, keys(1)));
    let life = Duration::from_secs(5);
    let lease = one.lease(b"work", life).await.unwrap().unwrap();
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(lease.renew().await, Some(true));
        assert!(other.lease(b"work", life).await.unwrap().is_none());
    }
    tokio::time::sleep(Duration::from_secs(6)).await;
    let theirs = other.lease(b"work", life).await.unwrap().unwrap();
    assert_eq!(lease.renew().await, Some(false), "the other one has it meanwhile");
    lease.release().await;
    assert_eq!(theirs.renew().await, Some(true));
    store.hang(true);
    assert_eq!(theirs.renew().await, None);
    assert!(one.lease(b"work", life).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn message_comes_back_is_not_counted_and_is_told_from_a_store_that_does_not_answer() {
    let store = Arc::new(InProcessStore::new());
    let (one, other) = (on(&store, keys(1)), on(&store, keys(1)));
    assert_eq!(other.message(b"note").await, Ok(None));
    for message in [b"small".to_vec(), large()] {
        assert!(one.put_message(b"note", message.clone(), LIFE).await);
        assert!(other.message(b"note").await == Ok(Some(message)));
    }
    assert_eq!(on(&store, keys(2)).message(b"note").await, Ok(None));
    let counts = other.counts();
    assert_eq!((counts.hits, counts.misses, one.counts().puts), (0, 0, 0));
    store.hang(true);
    assert!(other.message(b"note").await.is_err());
}
