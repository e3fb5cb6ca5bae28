//! A value as items of a store: compressed, split and sealed.

use bytes::Bytes;

use super::seal::{Kind, PutId, Seal, SealFault, random};
use super::{ItemKey, MAX_ITEM_BYTES};

/// Larger values are not shared.
pub(super) const MAX_VALUE_BYTES: usize = 512 << 20;
/// Longest label, in bytes.
pub(super) const MAX_LABEL_BYTES: usize = 1024;
/// Below half of memcached's largest chunk for one item, so that neither the limit of an item nor its slabs waste
/// anything.
const PART_BYTES: usize = 500 * 1024;
/// A compressed value up to this size is part of the head.
const INLINE_BYTES: usize = 32 * 1024;
const MAX_PARTS: u32 = 1024;
/// The fastest level: each replica reads a feed once, and waits for it.
const ZSTD_LEVEL: i32 = 1;
const VERSION: u8 = 1;

const _: () = assert!(PART_BYTES + 64 <= MAX_ITEM_BYTES);
const _: () = assert!(INLINE_BYTES + MAX_LABEL_BYTES + 128 <= MAX_ITEM_BYTES);

/// The items of one value. The head is put last, so that a reader of the head finds the parts.
pub(super) struct Parcel {
    pub(super) parts: Vec<(ItemKey, Bytes)>,
    pub(super) head: (ItemKey, Bytes),
}

/// The reason why a value cannot be put.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum Unpackable {
    #[error("it is larger than a shared cache takes")]
    TooLarge,
    #[error("compressing or sealing it failed")]
    Failed,
}

/// Returns the items of this value.
pub(super) fn pack(seal: &Seal, name: &[u8], label: &[u8], value: &[u8]) -> Result<Parcel, Unpackable> {
    if value.len() > MAX_VALUE_BYTES || label.len() > MAX_LABEL_BYTES {
        return Err(Unpackable::TooLarge);
    }
    let compressed = zstd::bulk::compress(value, ZSTD_LEVEL).map_err(|_| Unpackable::Failed)?;
    let put = random().ok_or(Unpackable::Failed)?;
    let (inline, split): (&[u8], &[u8]) = if compressed.len() <= INLINE_BYTES {
        (&compressed, &[])
    } else {
        (&[], &compressed)
    };
    let total = u32::try_from(split.len().div_ceil(PART_BYTES)).map_err(|_| Unpackable::TooLarge)?;
    if total > MAX_PARTS {
        return Err(Unpackable::TooLarge);
    }
    let mut parts = Vec::new();
    for (part, bytes) in (1..=total).zip(split.chunks(PART_BYTES)) {
        let key = seal.item_key(name, Kind::Part(part));
        let item = seal.seal(&key, &put, part, total, bytes).ok_or(Unpackable::Failed)?;
        parts.push((key, item));
    }
    let plain = head_text(label, compressed.len(), value.len(), inline).ok_or(Unpackable::TooLarge)?;
    let key = seal.item_key(name, Kind::Head);
    let item = seal.seal(&key, &put, 0, total, &plain).ok_or(Unpackable::Failed)?;
    Ok(Parcel {
        parts,
        head: (key, item),
    })
}

/// The contents of the head of a value.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) label: Vec<u8>,
    put: PutId,
    parts: u32,
    compressed_bytes: usize,
    value_bytes: usize,
    inline: Vec<u8>,
}

impl Head {
    pub(super) fn open(seal: &Seal, key: &ItemKey, item: &[u8]) -> Result<Self, SealFault> {
        let (put, parts, plain) = seal.open_head(key, item)?;
        Self::read(put, parts, &plain)
    }

    /// Reads the opened text of a head.
    pub(super) fn read(put: PutId, parts: u32, plain: &[u8]) -> Result<Self, SealFault> {
        let (version, rest) = plain.split_first().ok_or(SealFault::Lengths)?;
        if *version != VERSION {
            return Err(SealFault::Version);
        }
        let (label_len, rest) = rest.split_first_chunk::<2>().ok_or(SealFault::Lengths)?;
        let (compressed, rest) = rest.split_first_chunk::<8>().ok_or(SealFault::Lengths)?;
        let (value, rest) = rest.split_first_chunk::<8>().ok_or(SealFault::Lengths)?;
        let label_len = usize::from(u16::from_be_bytes(*label_len));
        let (label, inline) = rest.split_at_checked(label_len).ok_or(SealFault::Lengths)?;
        let length = |bytes: [u8; 8]| usize::try_from(u64::from_be_bytes(bytes)).map_err(|_| SealFault::Lengths);
        let head = Self {
            label: label.to_vec(),
            put,
            parts,
            compressed_bytes: length(*compressed)?,
            value_bytes: length(*value)?,
            inline: inline.to_vec(),
        };
        let split = head.compressed_bytes.div_ceil(PART_BYTES);
        let parts_fit = if parts == 0 {
            head.inline.len() == head.compressed_bytes
        } else {
            head.inline.is_empty() && usize::try_from(parts) == Ok(split)
        };
        let fits = parts <= MAX_PARTS && head.value_bytes <= MAX_VALUE_BYTES && label_len <= MAX_LABEL_BYTES;
        if parts_fit && fits {
            Ok(head)
        } else {
            Err(SealFault::Lengths)
        }
    }

    /// Returns the keys of the parts, in order.
    pub(super) fn part_keys(&self, seal: &Seal, name: &[u8]) -> Vec<ItemKey> {
        (1..=self.parts)
            .map(|part| seal.item_key(name, Kind::Part(part)))
            .collect()
    }

    /// Returns the value of this head and these items, all parts in order.
    pub(super) fn unpack(&self, seal: &Seal, keys: &[ItemKey], items: &[Bytes]) -> Result<Vec<u8>, PartFault> {
        if self.parts == 0 {
            return decompressed(&self.inline, self.value_bytes);
        }
        let mut compressed = Vec::with_capacity(items.iter().map(Bytes::len).sum());
        for ((part, key), item) in (1..).zip(keys).zip(items) {
            match seal.open(key, &self.put, part, self.parts, item) {
                Ok(plain) => compressed.extend_from_slice(&plain),
                Err(_) if Seal::is_of_another_put(&self.put, item) => return Err(PartFault::Overwritten),
                Err(rejected) => return Err(PartFault::Rejected(rejected)),
            }
        }
        if compressed.len() != self.compressed_bytes {
            return Err(PartFault::Rejected(SealFault::Lengths));
        }
        decompressed(&compressed, self.value_bytes)
    }
}

/// The reason why the parts of a head make no value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum PartFault {
    /// A part belongs to another put; that happens while another process puts a newer value.
    Overwritten,
    Rejected(SealFault),
}

fn decompressed(bytes: &[u8], value_bytes: usize) -> Result<Vec<u8>, PartFault> {
    // zstd never writes more than the given capacity, for any input.
    let value = zstd::bulk::decompress(bytes, value_bytes).map_err(|_| PartFault::Rejected(SealFault::Compression))?;
    if value.len() == value_bytes {
        Ok(value)
    } else {
        Err(PartFault::Rejected(SealFault::Lengths))
    }
}

fn head_text(label: &[u8], compressed: usize, value: usize, inline: &[u8]) -> Option<Vec<u8>> {
    let mut text = vec![VERSION];
    text.extend_from_slice(&u16::try_from(label.len()).ok()?.to_be_bytes());
    text.extend_from_slice(&u64::try_from(compressed).ok()?.to_be_bytes());
    text.extend_from_slice(&u64::try_from(value).ok()?.to_be_bytes());
    text.extend_from_slice(label);
    text.extend_from_slice(inline);
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CacheKeys;
    use proptest::prelude::*;

    fn seal() -> Seal {
        CacheKeys::new([&[1; 32]]).unwrap().seals.remove(0)
    }

    fn noise(bytes: usize) -> Vec<u8> {
        let mut state = 1_u64;
        let mut next = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        (0..bytes).map(|_| next()).collect()
    }

    fn opened(seal: &Seal, name: &[u8], packed: &Parcel) -> Result<Vec<u8>, PartFault> {
        let (key, item) = &packed.head;
        let head = Head::open(seal, key, item).unwrap();
        let keys = head.part_keys(seal, name);
        let items: Vec<Bytes> = packed.parts.iter().map(|(_, item)| item.clone()).collect();
        head.unpack(seal, &keys, &items)
    }

    #[test]
    fn values_of_every_size_come_back() {
        let seal = seal();
        for bytes in [0, 1, INLINE_BYTES, INLINE_BYTES + 1, PART_BYTES, PART_BYTES * 2 + 17] {
            let value = noise(bytes);
            let packed = pack(&seal, b"feed", b"label", &value).unwrap();
            let largest = packed.parts.iter().map(|(_, item)| item.len()).max();
            assert!(largest.unwrap_or_default() <= MAX_ITEM_BYTES);
            assert!(opened(&seal, b"feed", &packed) == Ok(value), "{bytes}");
        }
    }

    #[test]
    fn parts_that_are_out_of_order_missing_or_of_another_put_make_no_value() {
        let seal = seal();
        let value = noise(PART_BYTES * 3);
        let packed = pack(&seal, b"feed", b"", &value).unwrap();
        let again = pack(&seal, b"feed", b"", &value).unwrap();
        type Parts = Vec<(ItemKey, Bytes)>;
        let with = |change: &dyn Fn(&mut Parts)| {
            let mut parts = packed.parts.clone();
            change(&mut parts);
            let head = packed.head.clone();
            opened(&seal, b"feed", &Parcel { parts, head })
        };
        let seal_broken = Err(PartFault::Rejected(SealFault::Seal));
        assert_eq!(with(&|parts| parts.swap(0, 1)), seal_broken);
        assert_eq!(with(&|parts| parts[1].1.truncate(1_000)), seal_broken);
        let short = Err(PartFault::Rejected(SealFault::Lengths));
        assert_eq!(with(&|parts| parts.truncate(2)), short);
        assert_eq!(
            with(&|parts| parts[2] = again.parts[2].clone()),
            Err(PartFault::Overwritten)
        );
        assert!(with(&|_| {}) == Ok(value));
    }

    #[test]
    fn a_value_that_would_not_fit_is_said_so() {
        let long_label = vec![0; MAX_LABEL_BYTES + 1];
        assert_eq!(
            pack(&seal(), b"feed", &long_label, b"").err(),
            Some(Unpackable::TooLarge)
        );
    }

    #[test]
    fn decompression_stops_at_the_length_that_was_promised() {
        let bomb = zstd::bulk::compress(&vec![0; 64 << 20], 1).unwrap();
        assert_eq!(
            decompressed(&bomb, 1_000),
            Err(PartFault::Rejected(SealFault::Compression))
        );
    }

    proptest! {
        #[test]
        fn no_opened_head_panics(parts in any::<u32>(), plain in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Head::read([0; 16], parts, &plain);
        }
    }
}
