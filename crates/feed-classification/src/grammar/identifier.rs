//! Identifiers with a fixed shape: CVE numbers, JA4 fingerprints, extensions of browsers.

use std::borrow::Cow;

use crate::DropReason;

/// Returns a CVE identifier in upper case: `CVE-`, a year, `-`, and 4 to 19 ASCII digits (the limit of the CVE record
/// format).
pub(crate) fn cve(value: &str) -> Result<Cow<'_, str>, DropReason> {
    let mut parts = value.splitn(3, '-');
    let (Some(cve), Some(year), Some(number)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(DropReason::NotACve);
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if !cve.eq_ignore_ascii_case("CVE")
        || year.len() != 4
        || !(4..=19).contains(&number.len())
        || !digits(year)
        || !digits(number)
    {
        return Err(DropReason::NotACve);
    }
    Ok(if cve == "CVE" {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(value.to_ascii_uppercase())
    })
}

/// Returns the identifier of an extension of Chrome or Edge in lower case: 32 letters from `a` to `p`, the first half
/// of a SHA-256 with one letter for each hexadecimal digit.
pub(crate) fn extension_id(value: &str) -> Result<Cow<'_, str>, DropReason> {
    if value.len() != 32 || !value.bytes().all(|byte| matches!(byte, b'a'..=b'p' | b'A'..=b'P')) {
        return Err(DropReason::NotAnExtensionId);
    }
    Ok(if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(value.to_ascii_lowercase())
    } else {
        Cow::Borrowed(value)
    })
}

/// Returns a JA4 fingerprint, `t13d1516h2_8daaf6152771_b186095e22b6`, with its two hashes in lower case.
///
/// The first part: transport (`t`, `q`, `d`), two characters for the version of TLS, `d` or `i` for a server name or
/// none, the numbers of ciphers and of extensions, and the first and last character of the first ALPN value, where case
/// counts. The other methods of the JA4+ family (`JA4S`, `JA4H`, …) are other fingerprints and are refused. Source:
/// <https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md>
pub(crate) fn ja4(value: &str) -> Result<Cow<'_, str>, DropReason> {
    let mut parts = value.split('_');
    let (Some(hello), Some(ciphers), Some(extensions), None) = (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return Err(DropReason::NotJa4);
    };
    if !is_ja4_hello(hello.as_bytes()) || !is_ja4_hash(ciphers) || !is_ja4_hash(extensions) {
        return Err(DropReason::NotJa4);
    }
    if ciphers
        .bytes()
        .chain(extensions.bytes())
        .any(|byte| byte.is_ascii_uppercase())
    {
        return Ok(Cow::Owned(format!(
            "{hello}_{}_{}",
            ciphers.to_ascii_lowercase(),
            extensions.to_ascii_lowercase()
        )));
    }
    Ok(Cow::Borrowed(value))
}

fn is_ja4_hello(hello: &[u8]) -> bool {
    let [transport, major, minor, server_name, counts @ .., alpn_first, alpn_last] = hello else {
        return false;
    };
    matches!(transport, b't' | b'q' | b'd')
        && matches!(major, b'0'..=b'9' | b's' | b'd')
        && minor.is_ascii_digit()
        && matches!(server_name, b'd' | b'i')
        && counts.len() == 4
        && counts.iter().all(u8::is_ascii_digit)
        && alpn_first.is_ascii_alphanumeric()
        && alpn_last.is_ascii_alphanumeric()
}

fn is_ja4_hash(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
