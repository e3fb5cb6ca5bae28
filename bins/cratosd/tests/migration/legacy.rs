//! Makes tokens as Cratos FastAPI makes them. The daemon opens such tokens and never makes one, so this is written here
//! alone, and held against tokens that the original made.

use aes::Aes128;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeEncrypt as _, KeyIvInit as _};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::Value;
use sha2::Sha256;

/// Secrets and tokens of an installation of the original.
const VECTORS: &str = include_str!("../../../../crates/token-crypto/tests/data/legacy-tokens.json");

/// What stands in front of the initialisation vector: a version and the time of making.
const HEAD_LEN: usize = 9;
const IV_LEN: usize = 16;

/// The two halves of the key that the original derives from its secrets.
pub(crate) struct LegacyKey {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl LegacyKey {
    /// Derives the key from `encryption_key` and `salt` as texts.
    pub(crate) fn derive(encryption_key: &str, salt: &str) -> Self {
        let mut derived = [0; 32];
        pbkdf2::pbkdf2_hmac::<Sha256>(encryption_key.as_bytes(), salt.as_bytes(), 600_000, &mut derived);
        let (signing, encryption) = derived.split_at(16);
        Self {
            signing: signing.try_into().unwrap(),
            encryption: encryption.try_into().unwrap(),
        }
    }

    /// Seals a text, with one vector for all: nothing here is secret.
    pub(crate) fn seal(&self, plaintext: &str) -> String {
        self.seal_with(&[0x80, 0, 0, 0, 0, 0x6B, 0x02, 0x36, 0xDA], &[7; IV_LEN], plaintext)
    }

    fn seal_with(&self, head: &[u8], iv: &[u8; IV_LEN], plaintext: &str) -> String {
        let cipher = cbc::Encryptor::<Aes128>::new((&self.encryption).into(), iv.into());
        let mut token = [head, iv].concat();
        token.extend(cipher.encrypt_padded_vec::<Pkcs7>(plaintext.as_bytes()));
        let hmac = <Hmac<Sha256>>::new_from_slice(&self.signing).unwrap();
        let seal = hmac.chain_update(&token).finalize().into_bytes();
        token.extend_from_slice(&seal);
        URL_SAFE.encode(token)
    }
}

/// Returns the text of this name in the vectors.
pub(crate) fn vector(name: &str) -> String {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    vectors[name].as_str().unwrap().to_owned()
}

/// Returns a token of the original by its name.
pub(crate) fn original(list: &str, name: &str) -> String {
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let tokens = vectors[list].as_array().unwrap();
    let found = tokens.iter().find(|token| token["name"] == name).unwrap();
    found["token"].as_str().unwrap().to_owned()
}

#[test]
fn the_tokens_made_here_are_those_of_the_original_byte_for_byte() {
    let key = LegacyKey::derive(&vector("encryption_key"), &vector("salt"));
    assert_eq!(
        URL_SAFE.encode([key.signing, key.encryption].concat()),
        vector("fernet_key")
    );
    let vectors: Value = serde_json::from_str(VECTORS).unwrap();
    let tokens = vectors["tokens"].as_array().unwrap();
    assert!(tokens.len() > 10);
    for token in tokens {
        let (text, plaintext) = (token["token"].as_str().unwrap(), token["plaintext"].as_str().unwrap());
        let bytes = URL_SAFE.decode(text).unwrap();
        let (head, rest) = bytes.split_at(HEAD_LEN);
        let iv = rest.first_chunk::<IV_LEN>().unwrap();
        assert_eq!(key.seal_with(head, iv, plaintext), text, "{plaintext}");
    }
}
