//! The seal of our own tokens: version, key id, nonce, ciphertext, tag.

use std::fmt;

use chacha20poly1305::{
    KeyInit, Tag, XChaCha20Poly1305, XNonce,
    aead::{AeadInOut, inout::InOutBuf},
};
use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

use crate::{RandomError, SealError};

/// The first byte of every token of ours. A legacy token begins with 0x80.
pub(crate) const VERSION: u8 = 1;
/// Version and key id: in clear, authenticated.
const HEAD_LEN: usize = 5;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
/// A token around nothing.
pub(crate) const MIN_LEN: usize = HEAD_LEN + NONCE_LEN + TAG_LEN;

const KEY_INFO: &[u8] = b"cratos/token/v1";
const KEY_ID_INFO: &[u8] = b"cratos/token/v1/key-id";

/// One derived key and the id by which a token names it.
pub(crate) struct SealingKey {
    id: [u8; 4],
    key: Zeroizing<[u8; 32]>,
}

impl SealingKey {
    /// HKDF-SHA256 of the encryption key's text and the salt's text; id and key by different infos.
    pub(crate) fn derive(encryption_key: &SecretString, salt: &SecretString) -> Self {
        let hkdf = Hkdf::<Sha256>::new(
            Some(salt.expose_secret().as_bytes()),
            encryption_key.expose_secret().as_bytes(),
        );
        let mut derived = Self {
            id: [0; 4],
            key: Zeroizing::new([0; 32]),
        };
        expand(&hkdf, KEY_INFO, &mut *derived.key);
        expand(&hkdf, KEY_ID_INFO, &mut derived.id);
        derived
    }

    /// A key that nobody knows, to open with when the token names none of ours.
    pub(crate) fn dummy() -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *key)?;
        Ok(Self { id: [0; 4], key })
    }

    #[cfg(test)]
    pub(crate) fn key_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    pub(crate) fn id(&self) -> [u8; 4] {
        self.id
    }

    /// Returns the bytes of a token around this plaintext.
    pub(crate) fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        getrandom::fill(&mut nonce).map_err(RandomError::from)?;
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

#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only outputs over 255 hashes long; ours have one"
)]
fn expand(hkdf: &Hkdf<Sha256>, info: &[u8], out: &mut [u8]) {
    hkdf.expand(info, out).expect("32 bytes are less than 255 hashes");
}

/// What opening found.
pub(crate) enum Trial {
    /// The head names no key of the ring.
    UnknownKey,
    /// The named key does not open it.
    Broken,
    /// The plaintext.
    Opened(Zeroizing<Vec<u8>>),
}

/// Opens with the key that the token names; always one key search and one whole decryption, whatever the bytes are.
///
/// With an unknown id the `dummy` key is used, and bytes too short for a token are filled up with zeros: time tells
/// only how long the token is, which its sender knows.
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

/// Looks at every key, whichever fits.
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
