//! Addresses of crypto-currencies: their shape only. Checksums are not computed, so a mistyped address passes. A
//! consumer that looks for it finds nothing, and computing checksums would need three hash functions.

use std::borrow::Cow;

use crate::DropReason;

/// Returns a Bitcoin (base58 `1…` and `3…`, bech32 and bech32m `bc1…`), Monero (`4…`, `8…`) or Dash (`X…`, `7…`)
/// address.
///
/// Base58 counts case. A bech32 address may be all lower or all upper case (BIP 173) and comes out lower.
pub(crate) fn wallet(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if is_base58_bitcoin(value) || is_monero(value) || is_dash(value) || is_bech32(value) {
        return Ok(Cow::Borrowed(value));
    }
    if value.starts_with("BC1") && !value.bytes().any(|byte| byte.is_ascii_lowercase()) {
        let lower = value.to_ascii_lowercase();
        if is_bech32(&lower) {
            return Ok(Cow::Owned(lower));
        }
    }
    Err(DropReason::NotAWallet)
}

fn is_base58_bitcoin(value: &str) -> bool {
    (26..=35).contains(&value.len()) && value.starts_with(['1', '3']) && value.bytes().all(is_base58)
}

fn is_monero(value: &str) -> bool {
    matches!(value.len(), 95 | 106) && value.starts_with(['4', '8']) && value.bytes().all(is_base58)
}

/// 21 bytes of payload whose first is 76 or 16, and a checksum: always 34 characters.
/// Source: `base58Prefixes` in `chainparams.cpp` of Dash Core.
fn is_dash(value: &str) -> bool {
    value.len() == 34 && value.starts_with(['X', '7']) && value.bytes().all(is_base58)
}

/// BIP 173 allows 14 to 74 characters, for witness programs of 2 to 40 bytes.
fn is_bech32(value: &str) -> bool {
    (14..=74).contains(&value.len())
        && value.strip_prefix("bc1").is_some_and(|data| {
            data.bytes()
                .all(|byte| b"qpzry9x8gf2tvdw0s3jn54khce6mua7l".contains(&byte))
        })
}

/// Letters and digits without `0`, `O`, `I` and `l`.
fn is_base58(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() && !matches!(byte, b'0' | b'O' | b'I' | b'l')
}
