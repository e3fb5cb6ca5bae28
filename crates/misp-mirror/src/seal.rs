//! The seal around each item of the store, which only the key opens.
//!
//! An item is: format version (1 byte), nonce (24), ciphertext, tag (16). XChaCha20-Poly1305 with a random nonce for
//! each item. The version, the binding and the place of the item are authenticated with it: an item opens only in the
//! store of its own MISP key, and there only in its own place.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, inout::InOutBuf};
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

const INFO: &[u8] = b"cratos/mirror/v1";
/// 2: the list of events has a summary of each.
const VERSION: u8 = 2;
const NONCE: usize = 24;
const TAG: usize = 16;
/// The bytes of an item beside its text.
pub(crate) const OVERHEAD: usize = 1 + NONCE + TAG;

/// The key of a store: 32 secret, random bytes. They are zeroed when the value is dropped, and `Debug` does not show
/// them.
#[derive(Clone)]
pub struct StoreKey(Zeroizing<[u8; 32]>);

impl StoreKey {
    /// Wraps the key. The store derives a key of its own from it (HKDF-SHA256 with the info `cratos/mirror/v1`).
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey")
    }
}

/// The place of an item in the store.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place<'a> {
    /// The list of pages and of further values.
    Root,
    /// A page of the list of events.
    Page(u64),
    /// The record of an event.
    Record(u64),
    /// A further value.
    Meta(&'a str),
}

/// A number that distinguishes each sealing of an item from all others: the first bytes of its nonce.
pub(crate) type Stamp = [u8; 16];

/// Seals and opens the items of one store.
pub(crate) struct Seal {
    key: Zeroizing<[u8; 32]>,
    binding: [u8; 32],
}

impl Seal {
    /// Derives the seal of the store that belongs to `binding`.
    pub(crate) fn new(key: &StoreKey, binding: &[u8]) -> Self {
        let mut derived = Zeroizing::new([0; 32]);
        expand(&Hkdf::<Sha256>::new(None, &*key.0), &mut derived);
        Self {
            key: derived,
            binding: Sha256::digest(binding).into(),
        }
    }

    /// Returns the item with its stamp. Nothing if the system gives no random bytes.
    pub(crate) fn seal(&self, place: Place<'_>, text: &[u8]) -> Option<(Stamp, Vec<u8>)> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let mut item = Vec::with_capacity(text.len() + OVERHEAD);
        item.push(VERSION);
        item.extend_from_slice(&nonce);
        item.extend_from_slice(text);
        let (_, body) = item.split_at_mut_checked(1 + NONCE)?;
        let tag = self
            .cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), &self.context(place), InOutBuf::from(body))
            .ok()?;
        item.extend_from_slice(&tag);
        Some((stamp(&nonce)?, item))
    }

    /// Writes the text of the item into `text`, and returns its stamp. Nothing if the item was not sealed for this
    /// store and this place.
    pub(crate) fn open(&self, place: Place<'_>, item: &[u8], text: &mut Vec<u8>) -> Option<Stamp> {
        let (version, rest) = item.split_first()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (body, tag) = rest.split_last_chunk::<TAG>()?;
        if *version != VERSION {
            return None;
        }
        text.clear();
        text.extend_from_slice(body);
        let opened = self.cipher().decrypt_inout_detached(
            &XNonce::from(*nonce),
            &self.context(place),
            InOutBuf::from(text.as_mut_slice()),
            &Tag::from(*tag),
        );
        opened.ok()?;
        stamp(nonce)
    }

    /// Returns the bytes that are authenticated with an item: lengths are fixed up to the name of a further value.
    fn context(&self, place: Place<'_>) -> Vec<u8> {
        let mut context = Vec::with_capacity(64);
        context.extend_from_slice(INFO);
        context.push(VERSION);
        context.extend_from_slice(&self.binding);
        match place {
            Place::Root => context.push(0),
            Place::Page(number) => {
                context.push(1);
                context.extend_from_slice(&number.to_be_bytes());
            }
            Place::Record(id) => {
                context.push(2);
                context.extend_from_slice(&id.to_be_bytes());
            }
            Place::Meta(name) => {
                context.push(3);
                context.extend_from_slice(name.as_bytes());
            }
        }
        context
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.key).into())
    }
}

fn stamp(nonce: &[u8; NONCE]) -> Option<Stamp> {
    nonce.first_chunk().copied()
}

#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only outputs over 255 hashes long; ours is one"
)]
fn expand(hkdf: &Hkdf<Sha256>, out: &mut [u8; 32]) {
    hkdf.expand(INFO, out).expect("32 bytes are less than 255 hashes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal_of(byte: u8, binding: &[u8]) -> Seal {
        Seal::new(&StoreKey::new([byte; 32]), binding)
    }

    #[test]
    fn an_item_opens_only_in_its_own_place_of_its_own_store() {
        let seal = seal_of(1, b"site");
        let (stamp, item) = seal.seal(Place::Record(7), b"text").unwrap();
        let mut text = Vec::new();
        assert_eq!(seal.open(Place::Record(7), &item, &mut text), Some(stamp));
        assert_eq!(text, b"text");
        for place in [
            Place::Record(8),
            Place::Page(7),
            Place::Root,
            Place::Meta("\0\0\0\0\0\0\0\x07"),
        ] {
            assert_eq!(seal.open(place, &item, &mut text), None, "{place:?}");
        }
        assert_eq!(seal_of(2, b"site").open(Place::Record(7), &item, &mut text), None);
        assert_eq!(seal_of(1, b"etis").open(Place::Record(7), &item, &mut text), None);
        for cut in 0..item.len() {
            assert_eq!(seal.open(Place::Record(7), &item[..cut], &mut text), None, "{cut}");
        }
    }

    #[test]
    fn the_same_text_is_another_item_each_time() {
        let seal = seal_of(1, b"site");
        let (first, second) = (
            seal.seal(Place::Root, b"text").unwrap(),
            seal.seal(Place::Root, b"text").unwrap(),
        );
        assert_ne!(first.0, second.0);
        assert_ne!(first.1, second.1);
    }

    #[test]
    fn debug_shows_no_key() {
        assert_eq!(format!("{:?}", StoreKey::new([1; 32])), "StoreKey");
    }

    proptest! {
        #[test]
        fn any_bytes_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(seal_of(1, b"").open(Place::Root, &bytes, &mut Vec::new()), None);
        }

        #[test]
        fn one_altered_bit_closes_an_item(at in 0_usize..45, bit in 0_u8..8) {
            let seal = seal_of(1, b"");
            let (_, mut item) = seal.seal(Place::Root, b"text").unwrap();
            prop_assert_eq!(item.len(), 45);
            item[at] ^= 1 << bit;
            prop_assert_eq!(seal.open(Place::Root, &item, &mut Vec::new()), None);
        }
    }
}
