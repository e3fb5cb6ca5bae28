//! The seal of tokens of version 1: version, key id, nonce, ciphertext, tag.

use std::fmt;

use chacha20poly1305::{
    KeyInit, Tag, XChaCha20Poly1305, XNonce,
    aead::{AeadInOut, inout::InOutBuf},
};
use secrecy::SecretString;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::derivation::derived;
use crate::{RandomSource, SealError};

/// The first byte of every token of version 1. A legacy token begins with 0x80.
pub(crate) const VERSION: u8 = 1;
/// Version and key id: in clear, authenticated.
const HEAD_LEN: usize = 5;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// The length of a token around an empty plaintext.
pub(crate) const MIN_LEN: usize = HEAD_LEN + NONCE_LEN + TAG_LEN;

const KEY_INFO: &[u8] = b"cratos/token/v1";
const KEY_ID_INFO: &[u8] = b"cratos/token/v1/key-id";
const DUMMY_INFO: &[u8] = b"cratos/token/v1/dummy";

/// One derived key and the id by which a token names it.
pub(crate) struct SealingKey {
    id: [u8; 4],
    key: Zeroizing<[u8; 32]>,
}

impl SealingKey {
    /// Derives id and key from the texts of encryption key and salt.
    pub(crate) fn derive(encryption_key: &SecretString, salt: &SecretString) -> Self {
        Self {
            id: *derived(KEY_ID_INFO, encryption_key, salt),
            key: derived(KEY_INFO, encryption_key, salt),
        }
    }

    /// Returns a key that seals nothing, to open with when the token names no key of the ring.
    ///
    /// It is derived, so that a ring that only opens needs no random bytes.
    pub(crate) fn dummy(encryption_key: &SecretString, salt: &SecretString) -> Self {
        Self {
            id: [0; 4],
            key: derived(DUMMY_INFO, encryption_key, salt),
        }
    }

    #[cfg(test)]
    pub(crate) fn key_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Returns the bytes of a token around this plaintext.
    pub(crate) fn seal(&self, plaintext: &[u8], random: RandomSource) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random(&mut nonce)?;
        let [k1, k2, k3, k4] = self.id;
        let head = [VERSION, k1, k2, k3, k4];
        let mut body = Zeroizing::new(plaintext.to_vec());
        let cipher = XChaCha20Poly1305::new((&*self.key).into());
        let nonce = XNonce::from(nonce);
        let sealing = cipher.encrypt_inout_detached(&nonce, &head, InOutBuf::from(body.as_mut_slice()));
        let tag = sealing.map_err(|_| SealError::Cipher)?;
        Ok([&head[..], &nonce, &body, &tag].concat())
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({:08x})", u32::from_be_bytes(self.id))
    }
}

/// The outcome of an attempt to open a token.
pub(crate) enum Trial {
    /// The head names no key of the ring.
    UnknownKey,
    /// The named key does not open it.
    Broken,
    /// The plaintext.
    Opened(Zeroizing<Vec<u8>>),
}

/// Opens with the key that the token names. Any bytes cost one key search and one whole decryption.
///
/// A token with an unknown key id is tried with the `dummy` key, and bytes too short for a token are filled up with
/// zeros. So the time reveals only the length of the token, which its sender knows.
pub(crate) fn open(keys: &[SealingKey], dummy: &SealingKey, token: &[u8]) -> Trial {
    let mut token = Zeroizing::new(token.to_vec());
    if token.len() < MIN_LEN {
        token.resize(MIN_LEN, 0);
    }
    let Some((head, rest)) = token.split_first_chunk_mut::<HEAD_LEN>() else {
        return Trial::Broken;
    };
    let Some((nonce, rest)) = rest.split_first_chunk_mut::<NONCE_LEN>() else {
        return Trial::Broken;
    };
    let Some((body, tag)) = rest.split_last_chunk_mut::<TAG_LEN>() else {
        return Trial::Broken;
    };

    let [_, id @ ..] = &*head;
    let (known, key) = choose(keys, dummy, *id);
    let cipher = XChaCha20Poly1305::new((&*key).into());
    let (nonce, tag) = (XNonce::from(*nonce), Tag::from(*tag));
    let opening = cipher.decrypt_inout_detached(&nonce, &*head, InOutBuf::from(&mut *body), &tag);
    match (bool::from(known), opening) {
        (false, _) => Trial::UnknownKey,
        (true, Err(_)) => Trial::Broken,
        (true, Ok(())) => Trial::Opened(Zeroizing::new(body.to_vec())),
    }
}

/// Looks at every key, in the same time for any id.
fn choose(keys: &[SealingKey], dummy: &SealingKey, id: [u8; 4]) -> (Choice, Zeroizing<[u8; 32]>) {
    let mut known = Choice::from(0);
    let mut chosen = dummy.key.clone();
    for key in keys {
        let fits = key.id.ct_eq(&id);
        known |= fits;
        for (byte, candidate) in chosen.iter_mut().zip(key.key.iter()) {
            byte.conditional_assign(candidate, fits);
        }
    }
    (known, chosen)
}
