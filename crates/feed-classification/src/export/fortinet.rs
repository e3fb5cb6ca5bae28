//! `fortinet`: external threat feeds of FortiGate, FortiMail and FortiProxy.

use std::borrow::Cow;

use crate::export::plain_list::PlainList;
use crate::export::{About, QuarantineReason, addresses, web_request};
use crate::{Indicator, IndicatorType, TypeSet};

/// The hashes of files that a "Malware Hash" feed takes.
const HASHES: TypeSet = TypeSet::of(&[
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
]);

/// The most lines of a feed before FortiOS 7.4.4, and on FortiMail. Devices leave out those behind it.
const MOST: u32 = 131_072;

/// One entry per line, LF; an empty feed has no bytes.
///
/// The types are those of the device: "IP Address" takes addresses and networks of both families, "Domain Name" takes
/// names, "FortiGuard Category" takes URLs with scheme and port, and "Malware Hash" takes hashes of one kind per feed.
/// In URLs `*` is a wildcard, so those with one are left out, and so are URLs that no web request shows.
///
/// FortiGate enforces nothing while a list is empty, which is right for a feed without indicators.
///
/// Source: "Types and file formats of threat feeds" of FortiMail, "External feeds" of FortiGate 7.0 to 7.6, and
/// Fortinet's technical tip 421802 about empty lists; all read in November 2026.
pub(crate) const FORTINET: PlainList = PlainList::new(
    About::new(
        "fortinet",
        "One entry per line, for external threat feeds of FortiGate, FortiMail and FortiProxy.",
    )
    .consumer("FortiGate, FortiMail and FortiProxy (external threat feeds)")
    .limits(
        "Below FortiOS 7.4.4 a feed has at most 131 072 entries and 10 MB; later versions count all feeds \
         together, by model. Entries above are cut off.",
    )
    .pull(
        "`config system external-resource`: the URL, the user `cratos` and the token as the password (Basic), \
         and `server-identity-check full`. Steps: `docs/recipes/fortigate.md`.",
    )
    .accepts(
        TypeSet::ADDRESSES
            .union(TypeSet::NAMES)
            .union(TypeSet::of(&[IndicatorType::Url]))
            .union(HASHES),
    )
    .version(2)
    .rewrites(TypeSet::of(&[IndicatorType::Url]))
    .most(MOST),
)
.refusing(refuses)
.rewriting(rewrite);

fn refuses(item: &Indicator<'_>) -> Option<QuarantineReason> {
    match item.kind {
        IndicatorType::Url => web_request::refuses(item.value, &web_request::entry(item.value), &['*']),
        kind if TypeSet::ADDRESSES.contains(kind) => addresses::refuses(item),
        _ => None,
    }
}

fn rewrite<'v>(item: &Indicator<'v>) -> Cow<'v, str> {
    web_request::entry(item.value)
}
