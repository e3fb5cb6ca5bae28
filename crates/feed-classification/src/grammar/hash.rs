//! Hashes: a fixed number of hexadecimal digits.

use std::borrow::Cow;

use crate::DropReason;

/// Returns a hash of exactly `digits` hexadecimal digits in lower case.
pub(crate) fn plain(value: &str, digits: usize) -> Result<Cow<'_, str>, DropReason> {
    // Looks at all bytes: that is faster than to stop at the first other one.
    if !value
        .bytes()
        .fold(true, |is_hexadecimal, byte| is_hexadecimal & byte.is_ascii_hexdigit())
    {
        return Err(DropReason::NotHexadecimal);
    }
    if value.len() != digits {
        return Err(DropReason::WrongLength);
    }
    Ok(lower(value))
}

/// Returns the fingerprint of a certificate: as [`plain`], and the spelling of other tools with a colon between every
/// two digits.
pub(crate) fn fingerprint(value: &str, digits: usize) -> Result<Cow<'_, str>, DropReason> {
    if !value.contains(':') {
        return plain(value, digits);
    }
    if !value.split(':').all(|pair| pair.len() == 2) {
        return Err(DropReason::NotHexadecimal);
    }
    let joined = value.replace(':', "");
    Ok(Cow::Owned(plain(&joined, digits)?.into_owned()))
}

fn lower(value: &str) -> Cow<'_, str> {
    if value
        .bytes()
        .fold(false, |has_upper, byte| has_upper | byte.is_ascii_uppercase())
    {
        Cow::Owned(value.to_ascii_lowercase())
    } else {
        Cow::Borrowed(value)
    }
}
