//! Keys for one use each, derived from the encryption key and the salt.

use hkdf::Hkdf;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Returns the HKDF-SHA256 of this encryption key and salt, both as text, for the use that `info` names.
pub(crate) fn derived<const LEN: usize>(
    info: &[u8],
    encryption_key: &SecretString,
    salt: &SecretString,
) -> Zeroizing<[u8; LEN]> {
    const { assert!(LEN <= 32, "one hash is enough for every key") };
    let (key, salt) = (encryption_key.expose_secret(), salt.expose_secret());
    let mut derived = Zeroizing::new([0; LEN]);
    expand(&Hkdf::new(Some(salt.as_bytes()), key.as_bytes()), info, &mut *derived);
    derived
}

#[expect(
    clippy::expect_used,
    reason = "HKDF refuses only outputs over 255 hashes long; ours have one"
)]
fn expand(hkdf: &Hkdf<Sha256>, info: &[u8], out: &mut [u8]) {
    hkdf.expand(info, out).expect("32 bytes are less than 255 hashes");
}
