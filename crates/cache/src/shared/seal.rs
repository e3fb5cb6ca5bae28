//! The seal around each item of a shared store, and the names of items.
//!
//! An item is: nonce (24 bytes), ciphertext, tag (16). XChaCha20-Poly1305; the nonce is the number of the put (16
//! random bytes), the part's number and how many there are (4 bytes each, big-endian). The item's key is authenticated
//! with it, and the key is a keyed hash of the name of the value: so an item opens only under its own key, as its own
//! part of its own put.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use chacha20poly1305::aead::{AeadInOut, inout::InOutBuf};
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::ItemKey;

const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const VALUE_INFO: &[u8] = b"cratos/cache/v1/values";
const NAME_INFO: &[u8] = b"cratos/cache/v1/names";
/// The prefix of all our items, for administrators and for rules of an ACL.
const PREFIX: &str = "cratos:";

/// The keys of a shared cache: the first one seals, all of them open. `Debug` shows their number only.
#[derive(Clone)]
pub struct CacheKeys {
    pub(super) seals: Vec<Seal>,
}

impl CacheKeys {
    /// Returns the keys, or nothing for an empty list. Each must be secret, random, and used for nothing else.
    #[must_use]
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k [u8; 32]>) -> Option<Self> {
        let seals: Vec<Seal> = keys.into_iter().map(Seal::derive).collect();
        (!seals.is_empty()).then_some(Self { seals })
    }
}

impl fmt::Debug for CacheKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CacheKeys({})", self.seals.len())
    }
}

/// The reason why an item is not one of ours.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum SealFault {
    #[error("it is too short to be one of ours")]
    TooShort,
    #[error("its seal does not open: it is foreign, altered, truncated or out of place")]
    Seal,
    #[error("it is of another version of ours")]
    Version,
    #[error("its lengths do not fit together")]
    Lengths,
    #[error("it does not decompress")]
    Compression,
}

/// The role of an item within its value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Head,
    Part(u32),
    Lease,
}

/// The random number of one put.
pub(super) type PutId = [u8; 16];

#[derive(Clone)]
pub(super) struct Seal {
    value_key: Zeroizing<[u8; 32]>,
    name_key: Zeroizing<[u8; 32]>,
}

impl Seal {
    fn derive(key: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, key);
        let mut derived = Self {
            value_key: Zeroizing::new([0; 32]),
            name_key: Zeroizing::new([0; 32]),
        };
        expand(&hkdf, VALUE_INFO, &mut derived.value_key);
        expand(&hkdf, NAME_INFO, &mut derived.name_key);
        derived
    }

    /// Returns the store's key of this item of the value `name`.
    pub(super) fn item_key(&self, name: &[u8], kind: Kind) -> ItemKey {
        let (kind, part) = match kind {
            Kind::Head => (0_u8, 0),
            Kind::Part(part) => (1, part),
            Kind::Lease => (2, 0),
        };
        let mut mac = mac(&self.name_key);
        mac.update(&[kind]);
        mac.update(&part.to_be_bytes());
        mac.update(name);
        ItemKey::made(format!(
            "{PREFIX}{}",
            URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
        ))
    }

    /// Returns the item that holds `plain`, as part `part` of `total` of this put.
    pub(super) fn seal(&self, key: &ItemKey, put: &PutId, part: u32, total: u32, plain: &[u8]) -> Option<Bytes> {
        let nonce = nonce(put, part, total);
        let mut item = Vec::with_capacity(NONCE_LEN + plain.len() + TAG_LEN);
        item.extend_from_slice(&nonce);
        item.extend_from_slice(plain);
        let (_, body) = item.split_first_chunk_mut::<NONCE_LEN>()?;
        let sealing =
            self.cipher()
                .encrypt_inout_detached(&XNonce::from(nonce), key.as_str().as_bytes(), InOutBuf::from(body));
        item.extend_from_slice(&sealing.ok()?);
        Some(Bytes::from(item))
    }

    /// Returns the opened text, with the put and the number of parts that the item names.
    pub(super) fn open_head(&self, key: &ItemKey, item: &[u8]) -> Result<(PutId, u32, Vec<u8>), SealFault> {
        let (nonce, _) = item.split_first_chunk::<NONCE_LEN>().ok_or(SealFault::TooShort)?;
        let (put, numbers) = nonce.split_first_chunk::<16>().ok_or(SealFault::TooShort)?;
        let (_, total) = numbers.split_last_chunk::<4>().ok_or(SealFault::TooShort)?;
        let total = u32::from_be_bytes(*total);
        Ok((*put, total, self.open(key, put, 0, total, item)?))
    }

    /// Returns the opened text of this part of this put.
    pub(super) fn open(
        &self,
        key: &ItemKey,
        put: &PutId,
        part: u32,
        total: u32,
        item: &[u8],
    ) -> Result<Vec<u8>, SealFault> {
        let (found, rest) = item.split_first_chunk::<NONCE_LEN>().ok_or(SealFault::TooShort)?;
        let (body, tag) = rest.split_last_chunk::<TAG_LEN>().ok_or(SealFault::TooShort)?;
        let wanted = nonce(put, part, total);
        if *found != wanted {
            return Err(SealFault::Seal);
        }
        let mut plain = body.to_vec();
        let opening = self.cipher().decrypt_inout_detached(
            &XNonce::from(wanted),
            key.as_str().as_bytes(),
            InOutBuf::from(plain.as_mut_slice()),
            &Tag::from(*tag),
        );
        opening.map_err(|_| SealFault::Seal)?;
        Ok(plain)
    }

    /// Returns whether the item names another put, most likely one that overwrites ours just now.
    pub(super) fn is_of_another_put(put: &PutId, item: &[u8]) -> bool {
        item.len() >= NONCE_LEN + TAG_LEN && !item.starts_with(put)
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.value_key).into())
    }
}

/// Returns 16 unpredictable bytes.
pub(super) fn random() -> Option<PutId> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).ok()?;
    Some(bytes)
}

fn nonce(put: &PutId, part: u32, total: u32) -> [u8; NONCE_LEN] {
    let mut nonce = [0; NONCE_LEN];
    let bytes = put
        .iter()
        .chain(&part.to_be_bytes())
        .chain(&total.to_be_bytes())
        .copied()
        .collect::<Vec<u8>>();
    nonce.iter_mut().zip(bytes).for_each(|(to, from)| *to = from);
    nonce
}

#[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
fn mac(key: &[u8; 32]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("32 bytes are a key")
}

#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only outputs over 255 hashes long; ours have one"
)]
fn expand(hkdf: &Hkdf<Sha256>, info: &[u8], out: &mut [u8; 32]) {
    hkdf.expand(info, out).expect("32 bytes are less than 255 hashes");
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PUT: PutId = [7; 16];

    fn seal_of(byte: u8) -> Seal {
        Seal::derive(&[byte; 32])
    }

    #[test]
    fn an_item_opens_only_in_the_role_in_which_it_was_sealed() {
        let seal = seal_of(1);
        let key = seal.item_key(b"feed", Kind::Part(2));
        let item = seal.seal(&key, &PUT, 2, 3, b"values").unwrap();
        assert_eq!(seal.open(&key, &PUT, 2, 3, &item).unwrap(), b"values");
        let other_part = seal.item_key(b"feed", Kind::Part(1));
        let other_name = seal.item_key(b"food", Kind::Part(2));
        assert!(seal.open(&other_part, &PUT, 1, 3, &item).is_err());
        assert!(seal.open(&other_part, &PUT, 2, 3, &item).is_err());
        assert!(seal.open(&other_name, &PUT, 2, 3, &item).is_err());
        assert!(seal.open(&key, &[8; 16], 2, 3, &item).is_err());
        assert!(seal.open(&key, &PUT, 2, 4, &item).is_err());
        assert!(seal_of(2).open(&key, &PUT, 2, 3, &item).is_err());
        for cut in 0..item.len() {
            assert!(seal.open(&key, &PUT, 2, 3, item.get(..cut).unwrap()).is_err(), "{cut}");
        }
    }

    #[test]
    fn names_in_the_store_reveal_nothing_and_differ_for_every_item_and_key() {
        let kinds = [Kind::Head, Kind::Part(0), Kind::Part(1), Kind::Lease];
        let mut names: Vec<String> = [1, 2]
            .iter()
            .flat_map(|key| kinds.map(|kind| seal_of(*key).item_key(b"misp.example.net", kind).as_str().to_owned()))
            .collect();
        assert!(names.iter().all(|name| name.len() == 50 && !name.contains("misp")));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 8);
    }

    #[test]
    fn debug_shows_no_key() {
        let keys = CacheKeys::new([&[1; 32], &[2; 32]]).unwrap();
        assert_eq!(format!("{keys:?}"), "CacheKeys(2)");
        assert!(CacheKeys::new([]).is_none());
    }

    proptest! {
        #[test]
        fn any_bytes_in_the_store_are_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let seal = seal_of(1);
            let key = seal.item_key(b"feed", Kind::Head);
            prop_assert!(seal.open_head(&key, &bytes).is_err());
        }

        #[test]
        fn one_altered_bit_closes_an_item(at in 0_usize..46, bit in 0_u8..8) {
            let seal = seal_of(1);
            let key = seal.item_key(b"feed", Kind::Head);
            let mut item = seal.seal(&key, &PUT, 0, 3, b"values").unwrap().to_vec();
            item[at] ^= 1 << bit;
            prop_assert_eq!(seal.open_head(&key, &item), Err(SealFault::Seal));
        }
    }
}
