//! The keys that seal what lies beside a copy on disk.

use std::fmt;

use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// The keys for mirrors on disk: the first seals, all of them open. `Debug` shows how many.
#[derive(Clone)]
pub struct MirrorKeys(Vec<Zeroizing<[u8; 32]>>);

/// What a seal held.
pub(super) struct Opened {
    pub(super) text: Zeroizing<Vec<u8>>,
    /// Whether the first key opened it; otherwise it should be sealed anew.
    pub(super) is_current: bool,
}

impl MirrorKeys {
    /// Returns the keys, or nothing if there is none. Each must be secret, random, and used for nothing else.
    #[must_use]
    pub fn new<'k>(keys: impl IntoIterator<Item = &'k [u8; 32]>) -> Option<Self> {
        let keys: Vec<_> = keys.into_iter().map(|key| Zeroizing::new(*key)).collect();
        (!keys.is_empty()).then_some(Self(keys))
    }

    /// Returns the sealed text: XChaCha20-Poly1305 under a drawn nonce, bound to `context`. Nothing if the system gives
    /// no random bytes.
    pub(super) fn seal(&self, text: &[u8], context: &[u8]) -> Option<Vec<u8>> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce).ok()?;
        let payload = Payload {
            msg: text,
            aad: context,
        };
        let sealed = cipher(self.0.first()?).encrypt(&XNonce::from(nonce), payload).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// Returns the text of a seal with this context; nothing if no key opens it.
    pub(super) fn open(&self, sealed: &[u8], context: &[u8]) -> Option<Opened> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        self.0.iter().enumerate().find_map(|(place, key)| {
            let payload = Payload {
                msg: sealed,
                aad: context,
            };
            let text = cipher(key).decrypt(&XNonce::from(*nonce), payload).ok()?;
            Some(Opened {
                text: Zeroizing::new(text),
                is_current: place == 0,
            })
        })
    }
}

fn cipher(key: &[u8; 32]) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.into())
}

impl fmt::Debug for MirrorKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MirrorKeys({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> MirrorKeys {
        let keys: Vec<[u8; 32]> = bytes.iter().map(|byte| [*byte; 32]).collect();
        MirrorKeys::new(&keys).unwrap()
    }

    #[test]
    fn the_first_key_seals_and_each_one_opens() {
        let sealed = keys(&[1]).seal(b"text", b"context").unwrap();
        assert!(!sealed.windows(4).any(|part| part == b"text"));
        let opened = keys(&[2, 1]).open(&sealed, b"context").unwrap();
        assert_eq!((&**opened.text, opened.is_current), (&b"text"[..], false));
        assert!(keys(&[1, 2]).open(&sealed, b"context").unwrap().is_current);
        assert!(keys(&[2]).open(&sealed, b"context").is_none());
        assert!(keys(&[1]).open(&sealed, b"another context").is_none());
    }

    #[test]
    fn changed_bytes_do_not_open() {
        let sealed = keys(&[1]).seal(b"text", b"").unwrap();
        for place in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[place] ^= 1;
            assert!(keys(&[1]).open(&changed, b"").is_none(), "{place}");
        }
        assert!(keys(&[1]).open(b"short", b"").is_none());
    }
}
