//! Attributes of MISP that hold two values: which half is which.

use std::net::Ipv6Addr;

use crate::grammar::{text, url};
use crate::{DropReason, IndicatorType, TypeSet};

/// The kind of one half of a composite attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Address,
    FileName,
    Hash,
    Name,
    Port,
}

/// Returns the part of an attribute's value that may be an indicator of `kind`: the whole value of an ordinary
/// attribute type.
///
/// The halves are divided at the last `|`, since a file name before it can hold one, and an address, a port or a hash
/// behind it cannot. Where the second half is a port, a colon divides too, and brackets around an IPv6 address go:
/// `192.0.2.1:8080`, `a.example:443`, `[2001:db8::1]:443`, `[2001:db8::1]|443`. MISP turns such values into
/// `192.0.2.1|8080` when it stores them, older ones it has kept. `2001:db8::1:443` may be an address without a port and
/// does not count as a composite.
///
/// A half that is not a valid port spoils its attribute, since then the value is not of its type. Apart from that, the
/// other half is not checked: an odd name must not hide the address beside it.
pub(crate) fn part<'v>(kind: IndicatorType, attribute_type: &str, value: &'v str) -> Result<&'v str, DropReason> {
    let Some((first, second)) = halves(attribute_type) else {
        return Ok(value);
    };
    let Some(wanted) = wanted(kind) else {
        return Err(DropReason::NoSuchPart);
    };
    let divided = match value.rsplit_once('|') {
        None if second == Half::Port => at_the_colon(value),
        divided => divided,
    };
    let (left, right) = divided.ok_or(DropReason::NotComposite)?;
    let (mut left, right) = (text::trimmed(left), text::trimmed(right));
    if second == Half::Port {
        if !url::is_port(right) {
            return Err(DropReason::BadPort);
        }
        left = bracketed(left).unwrap_or(left);
    }
    if wanted == first {
        Ok(left)
    } else if wanted == second {
        Ok(right)
    } else {
        Err(DropReason::NoSuchPart)
    }
}

/// Divides at the one colon of the value, or at the one behind brackets.
fn at_the_colon(value: &str) -> Option<(&str, &str)> {
    let (left, right) = value.rsplit_once(':')?;
    let is_unambiguous = !left.contains(':') || bracketed(left).is_some();
    is_unambiguous.then_some((left, right))
}

/// Returns the IPv6 address in brackets.
fn bracketed(text: &str) -> Option<&str> {
    let inside = text.strip_prefix('[')?.strip_suffix(']')?;
    inside.parse::<Ipv6Addr>().ok().map(|_| inside)
}

fn halves(attribute_type: &str) -> Option<(Half, Half)> {
    match attribute_type {
        "domain|ip" => Some((Half::Name, Half::Address)),
        "hostname|port" => Some((Half::Name, Half::Port)),
        "ip-dst|port" | "ip-src|port" => Some((Half::Address, Half::Port)),
        "malware-sample" => Some((Half::FileName, Half::Hash)),
        other => other.starts_with("filename|").then_some((Half::FileName, Half::Hash)),
    }
}

fn wanted(kind: IndicatorType) -> Option<Half> {
    const HASHES: TypeSet = TypeSet::of(&[
        IndicatorType::FileMd5,
        IndicatorType::FileSha1,
        IndicatorType::FileSha256,
        IndicatorType::Imphash,
    ]);
    match kind {
        IndicatorType::Filename | IndicatorType::EmailAttachment => Some(Half::FileName),
        kind if TypeSet::ADDRESSES.contains(kind) => Some(Half::Address),
        kind if TypeSet::NAMES.contains(kind) => Some(Half::Name),
        kind if HASHES.contains(kind) => Some(Half::Hash),
        _ => None,
    }
}
