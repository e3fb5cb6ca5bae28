//! Attributes of MISP that hold two values: which half is which.

use crate::{Dropped, IndicatorType, TypeSet};

/// What one half of a composite attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Address,
    FileName,
    Hash,
    Name,
    Port,
}

/// Returns the part of an attribute's value that may be an indicator of `kind`: the whole value of an ordinary attribute type.
///
/// The halves are divided at the last `|`: what follows it (an address, a port, a hash) cannot have one, a file name can.
/// A port that is none spoils its attribute, since then the value is not what its type says; beyond that the other half is not
/// looked at: an odd name must not hide the address beside it.
pub(crate) fn part<'v>(kind: IndicatorType, attribute_type: &str, value: &'v str) -> Result<&'v str, Dropped> {
    let Some((first, second)) = halves(attribute_type) else {
        return Ok(value);
    };
    let Some(wanted) = wanted(kind) else {
        return Err(Dropped::NoSuchPart);
    };
    let (left, right) = value.rsplit_once('|').ok_or(Dropped::NotComposite)?;
    let (left, right) = (left.trim(), right.trim());
    if second == Half::Port && !crate::grammar::url::is_port(right) {
        return Err(Dropped::BadPort);
    }
    if wanted == first {
        Ok(left)
    } else if wanted == second {
        Ok(right)
    } else {
        Err(Dropped::NoSuchPart)
    }
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
