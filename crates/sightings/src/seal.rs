//! The frame around a record: length, checksum, and the seal, which only the key opens.
//!
//! A frame is: length of the rest without the checksum (4 bytes, little-endian), checksum (8 bytes of SHA-256 over
//! length and rest), key id (4), nonce (24), ciphertext, tag (16). XChaCha20-Poly1305 with a nonce drawn for each. The
//! checksum separates a frame that was cut off from a whole frame whose key is gone.

use std::fmt;

use chacha20poly1305::aead::{AeadInOut, inout::InOutBuf};
use chacha20poly1305::{KeyInit as _, Tag, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::report::digest;

const CONTEXT: &[u8] = b"cratos/sightings/v1";
const KEY_ID: usize = 4;
const NONCE: usize = 24;
const TAG: usize = 16;
const SUM: usize = 8;
/// What stands before the part that is sealed.
const HEAD: usize = 4 + SUM;
const OVERHEAD: usize = KEY_ID + NONCE + TAG;
/// The longest frame that is read, in bytes.
pub(crate) const MAX_FRAME: usize = 16 << 20;
/// How far is looked for a whole frame behind one that is not: disks spoil sectors and pages.
const REACH: usize = 1 << 20;

/// The keys of a journal: the first seals, all of them open. `Debug` shows how many.
#[derive(Clone)]
pub struct JournalKeys {
    first: Key,
    others: Vec<Key>,
}

#[derive(Clone)]
struct Key {
    id: [u8; KEY_ID],
    bytes: Zeroizing<[u8; 32]>,
}

impl JournalKeys {
    /// Returns the keys, or nothing if there is none. Each must be secret, random, and used for nothing else.
    #[must_use]
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k [u8; 32]>) -> Option<Self> {
        let mut keys = keys.into_iter().map(|bytes| {
            let [a, b, c, d, ..] = digest(&[CONTEXT, bytes]);
            Key {
                id: [a, b, c, d],
                bytes: Zeroizing::new(*bytes),
            }
        });
        Some(Self {
            first: keys.next()?,
            others: keys.collect(),
        })
    }

    /// Appends the frame of a record. Nothing if the system gives no random bytes, or the record is too long.
    pub(crate) fn seal(&self, record: &[u8], out: &mut Vec<u8>) -> Option<()> {
        if record.len() + OVERHEAD > MAX_FRAME {
            return None;
        }
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let mut body = Vec::with_capacity(record.len() + OVERHEAD);
        body.extend_from_slice(&self.first.id);
        body.extend_from_slice(&nonce);
        // Sealed where it lies: of the text nothing is left.
        body.extend_from_slice(record);
        let (_, text) = body.split_at_mut_checked(KEY_ID + NONCE)?;
        let tag = self
            .first
            .cipher()
            .encrypt_inout_detached(&XNonce::from(nonce), CONTEXT, InOutBuf::from(text))
            .ok()?;
        body.extend_from_slice(&tag);
        let length = u32::try_from(body.len()).ok()?.to_le_bytes();
        out.extend_from_slice(&length);
        out.extend_from_slice(&checksum(length, &body));
        out.extend_from_slice(&body);
        Some(())
    }

    /// Reads the first frame of these bytes.
    pub(crate) fn open(&self, bytes: &[u8]) -> Frame {
        let Some((length, rest)) = bytes.split_first_chunk::<4>() else {
            return Frame::Torn;
        };
        let Ok(size) = usize::try_from(u32::from_le_bytes(*length)) else {
            return Frame::Torn;
        };
        let Some((sum, rest)) = rest.split_first_chunk::<SUM>() else {
            return Frame::Torn;
        };
        if size > MAX_FRAME {
            return Frame::Torn;
        }
        let Some((body, _)) = rest.split_at_checked(size) else {
            return Frame::Torn;
        };
        if *sum != checksum(*length, body) {
            return Frame::Torn;
        }
        let length = HEAD + size;
        match self.open_body(body) {
            Some(record) => Frame::Record { record, length },
            None => Frame::Foreign { length },
        }
    }

    /// Returns where the next whole frame of ours begins behind the first byte, if there is one within reach: what
    /// stands before it was changed by a disk and not cut off by an end.
    pub(crate) fn next_whole(&self, bytes: &[u8]) -> Option<usize> {
        let reach = bytes.len().min(REACH);
        (1..reach).find(|at| {
            let frame = bytes.get(*at..).unwrap_or_default();
            // Sums are looked at only where a key is named: rubbish must not cost a sum for each of its bytes.
            self.names_a_key(frame) && !matches!(self.open(frame), Frame::Torn)
        })
    }

    fn names_a_key(&self, frame: &[u8]) -> bool {
        let id = frame.get(HEAD..HEAD + KEY_ID);
        let mut keys = std::iter::once(&self.first).chain(&self.others);
        id.is_some_and(|id| keys.any(|key| key.id == *id))
    }

    fn open_body(&self, body: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (id, rest) = body.split_first_chunk::<KEY_ID>()?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE>()?;
        let (text, tag) = rest.split_last_chunk::<TAG>()?;
        let keys = std::iter::once(&self.first).chain(&self.others);
        let mut named = keys.filter(|key| key.id == *id);
        named.find_map(|key| {
            let mut record = Zeroizing::new(text.to_vec());
            key.cipher()
                .decrypt_inout_detached(
                    &XNonce::from(*nonce),
                    CONTEXT,
                    InOutBuf::from(record.as_mut_slice()),
                    &Tag::from(*tag),
                )
                .ok()?;
            Some(record)
        })
    }
}

impl Key {
    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.bytes).into())
    }
}

impl fmt::Debug for JournalKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JournalKeys({})", 1 + self.others.len())
    }
}

/// What stands at a place of the journal.
pub(crate) enum Frame {
    Record {
        record: Zeroizing<Vec<u8>>,
        /// All bytes of the frame.
        length: usize,
    },
    /// Whole, and sealed with a key that is not there.
    Foreign { length: usize },
    /// Not whole: the write was interrupted.
    Torn,
}

fn checksum(length: [u8; 4], body: &[u8]) -> [u8; SUM] {
    let [a, b, c, d, e, f, g, h, ..] = digest(&[&length, body]);
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn keys(bytes: &[u8]) -> JournalKeys {
        let keys: Vec<[u8; 32]> = bytes.iter().map(|byte| [*byte; 32]).collect();
        JournalKeys::new(&keys).unwrap()
    }

    fn sealed(keys: &JournalKeys, record: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        keys.seal(record, &mut out).unwrap();
        out
    }

    #[test]
    fn every_key_opens_and_the_first_one_seals() {
        let frame = sealed(&keys(&[1]), b"record");
        assert!(matches!(keys(&[2, 1]).open(&frame), Frame::Record { record, .. } if *record == *b"record"));
        assert!(matches!(keys(&[2]).open(&frame), Frame::Foreign { length } if length == frame.len()));
        let newer = sealed(&keys(&[2, 1]), b"record");
        assert!(matches!(keys(&[1]).open(&newer), Frame::Foreign { .. }));
        assert!(JournalKeys::new([]).is_none());
    }

    #[test]
    fn nothing_of_the_record_stands_in_the_frame() {
        let frame = sealed(&keys(&[1]), b"verysecrettoken");
        assert!(!frame.windows(6).any(|part| part == b"secret"));
        assert_eq!(format!("{:?}", keys(&[1, 2])), "JournalKeys(2)");
    }

    #[test]
    fn a_record_that_is_too_long_to_be_read_again_is_not_sealed() {
        let whole = sealed(&keys(&[1]), b"record");
        let around = whole.len() - HEAD - b"record".len();
        assert_eq!((around, whole.len()), (OVERHEAD, 12 + 44 + 6));
        let mut out = Vec::new();
        assert!(keys(&[1]).seal(&vec![0; MAX_FRAME - around + 1], &mut out).is_none());
        assert!(out.is_empty());
        sealed(&keys(&[1]), &vec![0; 1 << 20]);
    }

    #[test]
    fn the_longest_frame_is_read_and_a_longer_one_is_torn() {
        let frame = |size: usize| {
            let length = u32::try_from(size).unwrap().to_le_bytes();
            let body = vec![0; size];
            [&length[..], &checksum(length, &body), &body].concat()
        };
        let longest = keys(&[1]).open(&frame(MAX_FRAME));
        assert!(matches!(longest, Frame::Foreign { length } if length == HEAD + MAX_FRAME));
        assert!(matches!(keys(&[1]).open(&frame(MAX_FRAME + 1)), Frame::Torn));
    }

    proptest! {
        #[test]
        fn a_frame_that_is_cut_or_changed_is_torn(record in prop::collection::vec(any::<u8>(), 0..64), at in any::<prop::sample::Index>()) {
            let keys = keys(&[1]);
            let frame = sealed(&keys, &record);
            let at = at.index(frame.len());
            prop_assert!(matches!(keys.open(&frame[..at]), Frame::Torn));
            let mut changed = frame.clone();
            changed[at] ^= 0x10;
            prop_assert!(matches!(keys.open(&changed), Frame::Torn));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = keys(&[1]).open(&bytes);
        }
    }
}
