//! Tokens of Cratos FastAPI: Fernet around `proto;port;host;authkey;YYYY-MM-DD`. OpenedToken, never made.
//!
//! A Fernet token is 0x80, 8 bytes of time (ignored), 16 bytes of IV, AES-128-CBC with PKCS#7 padding, and HMAC-SHA256
//! over all before it. The seal is checked first.

use aes::Aes128;
use cbc::cipher::{BlockModeDecrypt, KeyIvInit, block_padding::Pkcs7};
use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::{Claims, ExpiryDay, OpenError, Protocol, TokenId, expiry, wire::is_site};

/// The first byte of every Fernet token.
pub(crate) const VERSION: u8 = 0x80;
const HEAD_LEN: usize = 1 + 8;
const IV_LEN: usize = 16;
const BLOCK_LEN: usize = 16;
const SEAL_LEN: usize = 32;
/// The length with one block of ciphertext, the least that Fernet has.
pub(crate) const MIN_LEN: usize = HEAD_LEN + IV_LEN + BLOCK_LEN + SEAL_LEN;
/// Fixed by the existing tokens; half a second of work, once per key when the ring is built.
const ROUNDS: u32 = 600_000;

/// The two halves of a Fernet key.
#[derive(Zeroize, ZeroizeOnDrop)]
pub(crate) struct FernetKey {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl FernetKey {
    /// Derives the key as Cratos FastAPI does: PBKDF2-HMAC-SHA256 over the texts.
    pub(crate) fn derive(encryption_key: &SecretString, salt: &SecretString) -> Self {
        let (password, salt) = (
            encryption_key.expose_secret().as_bytes(),
            salt.expose_secret().as_bytes(),
        );
        let mut derived = Zeroizing::new([0; 32]);
        pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, ROUNDS, &mut *derived);
        let mut key = Self {
            signing: [0; 16],
            encryption: [0; 16],
        };
        let (signing, encryption) = derived.split_at(16);
        key.signing.copy_from_slice(signing);
        key.encryption.copy_from_slice(encryption);
        key
    }

    fn sealed(&self, signed: &[u8], seal: &[u8]) -> bool {
        <Hmac<Sha256> as KeyInit>::new_from_slice(&self.signing)
            .is_ok_and(|hmac| hmac.chain_update(signed).verify_slice(seal).is_ok())
    }

    fn decrypt(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (iv, ciphertext) = sealed.get(HEAD_LEN..)?.split_first_chunk::<IV_LEN>()?;
        let mut buffer = Zeroizing::new(ciphertext.to_vec());
        let cipher = cbc::Decryptor::<Aes128>::new((&self.encryption).into(), iv.into());
        let len = cipher.decrypt_padded::<Pkcs7>(&mut buffer).ok()?.len();
        buffer.truncate(len);
        Some(buffer)
    }
}

/// Returns the plaintext if one of the keys made this token. Tries every key for any bytes.
///
/// Bytes too short for a token are filled up with zeros, so that they cost the same.
pub(crate) fn open(keys: &[FernetKey], token: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let mut token = Zeroizing::new(token.to_vec());
    if token.len() < MIN_LEN {
        token.resize(MIN_LEN, 0);
    }
    let (signed, seal) = token.split_last_chunk::<SEAL_LEN>()?;
    let mut maker = None;
    for key in keys {
        if key.sealed(signed, seal) {
            maker = Some(key);
        }
    }
    maker.filter(|_| signed.first() == Some(&VERSION))?.decrypt(signed)
}

/// Reads `proto;port;host;authkey;YYYY-MM-DD` as Cratos FastAPI does.
///
/// Protocol in any case, port 0 to 1023 without leading zeros, key of 40 to 72 alphanumerics, years 1900 to 2099.
/// Unlike there, a line end after a part is refused: such a token never reached a MISP.
pub(crate) fn read(plaintext: &[u8], id: TokenId) -> Result<Claims, OpenError> {
    let text = std::str::from_utf8(plaintext).map_err(|_| OpenError::BadContents)?;
    let mut parts = text.split(';');
    let mut part = || parts.next().ok_or(OpenError::BadContents);
    let [protocol, port, site, auth_key, expires] = [part()?, part()?, part()?, part()?, part()?];
    if parts.next().is_some() || !is_site(site) || !is_auth_key(auth_key) {
        return Err(OpenError::BadContents);
    }
    let protocol: Protocol = protocol.parse().map_err(|_| OpenError::BadContents)?;
    let port = read_port(port).ok_or(OpenError::BadContents)?;
    let expires = read_expiry(expires)?;
    Ok(Claims::new(site, protocol, port, SecretString::from(auth_key), expires).with_id(id))
}

fn is_auth_key(key: &str) -> bool {
    (40..=72).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn read_port(text: &str) -> Option<u16> {
    let spelled_plainly = text == "0" || (!text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit()));
    text.parse().ok().filter(|port| spelled_plainly && *port <= 1023)
}

/// A date that does not exist has its own error: people type 31 February.
fn read_expiry(text: &str) -> Result<ExpiryDay, OpenError> {
    let (year, month, day) = expiry::fields(text).ok_or(OpenError::BadContents)?;
    if !(1900..=2099).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return Err(OpenError::BadContents);
    }
    ExpiryDay::new(i32::from(year), month, day).map_err(|_| OpenError::ImpossibleDate)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD";

    fn contents(protocol: &str, port: &str, site: &str, key: &str, expires: &str) -> Result<Claims, OpenError> {
        let text = [protocol, port, site, key, expires].join(";");
        read(text.as_bytes(), TokenId::default())
    }

    #[test]
    fn contents_are_read_as_cratos_fastapi_reads_them() {
        let claims = contents("HttpS", "0", "2001:db8::10", KEY, "2099-12-31").unwrap();
        assert_eq!(
            (claims.protocol, claims.port, &*claims.site),
            (Protocol::Https, 0, "2001:db8::10")
        );
        assert_eq!(claims.expires.to_string(), "2099-12-31");
        assert!(claims.scope.is_unrestricted());
    }

    #[test]
    fn contents_that_cratos_fastapi_refuses_are_refused() {
        let host = "misp.example.net";
        let day = "2099-12-31";
        let short_key = KEY.strip_prefix('a').unwrap();
        let long_key = "a".repeat(73);
        for (protocol, port, site, key, expires) in [
            ("http", "1024", host, KEY, day),
            ("https", "0443", host, KEY, day),
            ("https", "+443", host, KEY, day),
            ("https", "", host, KEY, day),
            ("ftp", "443", host, KEY, day),
            ("https", "443", "[2001:db8::1]", KEY, day),
            ("https", "443", "../etc", KEY, day),
            ("https", "443", host, short_key, day),
            ("https", "443", host, &long_key, day),
            ("https", "443", host, KEY, "2199-12-31"),
            ("https", "443", host, KEY, "2099-13-31"),
            ("https", "443", host, KEY, "2099-12-31;x"),
            ("https", "443", host, KEY, "2099-12-31\n"),
            ("https\n", "443", host, KEY, day),
        ] {
            let refused = contents(protocol, port, site, key, expires);
            assert_eq!(
                refused,
                Err(OpenError::BadContents),
                "{protocol};{port};{site};{expires}"
            );
        }
        assert_eq!(
            read(b"https;443;misp.example.net", TokenId::default()),
            Err(OpenError::BadContents)
        );
        assert_eq!(read(b"\xFF\xFE", TokenId::default()), Err(OpenError::BadContents));
    }

    #[test]
    fn a_day_that_does_not_exist_has_its_own_error() {
        let refused = contents("http", "880", "127.0.0.1", KEY, "2098-02-31");
        assert_eq!(refused, Err(OpenError::ImpossibleDate));
    }
}
