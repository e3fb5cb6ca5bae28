//! A check that every [`SharedStore`] must pass, and our parsers of foreign bytes for fuzzing.

use std::time::Duration;

use bytes::Bytes;

use super::parcel::Head;
use super::{ItemKey, MAX_ITEM_BYTES, SharedStore};

const LONG: Duration = Duration::from_secs(600);

/// Checks the promises of a store. `run` is different for each run on the same server.
///
/// # Panics
/// If the store does something else.
#[expect(clippy::expect_used, clippy::panic, reason = "a check for tests")]
pub async fn check(store: &dyn SharedStore, run: &str) {
    let key = |name: &str| ItemKey::new(format!("check:{run}:{name}")).expect("a key");
    let (a, b, lease) = (key("a"), key("b"), key("lease"));
    let ask = |keys: Vec<ItemKey>| async move { store.get(&keys).await.unwrap_or_else(|error| panic!("{error:?}")) };

    assert_eq!(
        ask(vec![a.clone(), b.clone()]).await,
        [None, None],
        "nothing is there yet"
    );
    let odd = Bytes::from_static(b"\r\nEND\r\n\0VALUE x 0 1\r\n$-1\r\n");
    let items = [(a.clone(), odd.clone()), (b.clone(), Bytes::new())];
    store.put(&items, LONG).await.expect("put");
    let three = ask(vec![b.clone(), key("never"), a.clone()]).await;
    assert_eq!(three, [Some(Bytes::new()), None, Some(odd)], "in the order of the keys");

    store
        .put(&[(a.clone(), Bytes::from_static(b"new"))], LONG)
        .await
        .expect("put");
    assert_eq!(
        ask(vec![a.clone()]).await,
        [Some(Bytes::from_static(b"new"))],
        "the newer one counts"
    );
    store.delete(&[a.clone(), key("never")]).await.expect("delete");
    assert_eq!(
        ask(vec![a.clone(), b.clone()]).await,
        [None, Some(Bytes::new())],
        "one is gone"
    );

    large_values(store, run).await;

    let add = |value: &'static [u8], life| store.add(&lease, value, life);
    assert!(add(b"first", LONG).await.expect("add"), "nobody has it");
    assert!(!add(b"second", LONG).await.expect("add"), "the first one has it");
    assert!(!store.delete_if(&lease, b"second").await.expect("delete_if"), "not his");
    assert!(!add(b"second", LONG).await.expect("add"), "the first one has it still");
    assert!(store.delete_if(&lease, b"first").await.expect("delete_if"), "his");
    assert!(!store.delete_if(&lease, b"first").await.expect("delete_if"), "gone");
    assert!(add(b"third", Duration::from_secs(1)).await.expect("add"), "free again");
    let mut polls = 0;
    while !add(b"fourth", LONG).await.expect("add") {
        polls += 1;
        assert!(polls < 600, "a life of a second does not end");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(store.delete_if(&lease, b"fourth").await.expect("delete_if"), "his");
    store.disconnect();
    assert_eq!(
        ask(vec![b.clone()]).await,
        [Some(Bytes::new())],
        "over a new connection"
    );
}

#[expect(clippy::expect_used, reason = "a check for tests")]
async fn large_values(store: &dyn SharedStore, run: &str) {
    let large: Vec<(ItemKey, Bytes)> = (0_u8..8)
        .map(|number| {
            let key = ItemKey::new(format!("check:{run}:large{number}")).expect("a key");
            (key, Bytes::from(vec![number; MAX_ITEM_BYTES]))
        })
        .collect();
    store.put(&large, LONG).await.expect("put");
    let keys: Vec<ItemKey> = large.iter().map(|(key, _)| key.clone()).collect();
    let found = store.get(&keys).await.expect("get");
    for ((_, put), found) in large.iter().zip(found) {
        assert!(found.as_ref() == Some(put), "the largest values come back");
    }
    store.delete(&keys).await.expect("delete");
}

/// Reads an opened head of a value, as an attacker with our keys could write it. For fuzzing: must not panic.
pub fn read_head(parts: u32, plain: &[u8]) -> bool {
    Head::read([0; 16], parts, plain).is_ok()
}

/// Reads bytes as the answers of a memcached, in both protocols. For fuzzing: must not panic.
#[cfg(feature = "memcached")]
pub fn read_memcached(bytes: &[u8]) {
    crate::memcached::read_foreign(bytes);
}

#[cfg(all(test, feature = "memcached"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_answer_of_a_server_panics(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read_memcached(&bytes);
            read_memcached(&[b"VALUE a 0 ", bytes.as_slice()].concat());
            read_memcached(&[b"\x81\x09", bytes.as_slice()].concat());
        }
    }
}
