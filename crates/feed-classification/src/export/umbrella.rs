//! `umbrella`: files for the destination lists of Cisco Umbrella.

use std::borrow::Cow;
use std::net::IpAddr;

use crate::export::plain_list::PlainList;
use crate::export::{About, QuarantineReason, web_request};
use crate::grammar::url;
use crate::{Indicator, IndicatorType, TypeSet};

/// The host of the URL is an address, and a block list takes none.
const ADDRESS: QuarantineReason = QuarantineReason::because("address");

/// The most destinations in one file.
const MOST: u32 = 5_000;

/// One domain or URL per line, LF; an empty feed has no bytes.
///
/// An administrator uploads the file to a block list; Umbrella does not fetch it. One file has at most 5 000
/// destinations, and uploading adds to those that are there. A domain covers its subdomains. Block lists take no
/// addresses. URLs have no scheme, since Umbrella compares both. Without a path Umbrella would read the entry as the
/// domain with all its subdomains, so such a URL is left out, and so are those with another port.
///
/// Source: "Add a DNS Destination List" and "Control Access to Custom URLs" in the Umbrella user guide, and
/// "Destination Lists" of its API. The guide does not say whether a query of a URL is compared.
pub(crate) const UMBRELLA: PlainList = PlainList::new(
    About::new(
        "umbrella",
        "One domain or URL per line, to upload to a block list of Cisco Umbrella.",
    )
    .consumer("Cisco Umbrella (destination lists)")
    .limits("A request to its API takes 500 destinations. A block list takes no addresses.")
    .pull(
        "Umbrella fetches nothing: a script of your own sends the list to its API. Steps: `docs/recipes/umbrella.md`.",
    )
    .accepts(TypeSet::NAMES.union(TypeSet::of(&[IndicatorType::Url])))
    .most(MOST)
    .version(2)
    .rewrites(TypeSet::of(&[IndicatorType::Url])),
)
.refusing(refuses)
.rewriting(rewrite);

fn refuses(item: &Indicator<'_>) -> Option<QuarantineReason> {
    if item.kind != IndicatorType::Url {
        return None;
    }
    web_request::refuses(item.value, &rewrite(item), &['*'])
        .or_else(|| web_request::refuses_port(item.value))
        .or_else(|| web_request::refuses_bare_host(item.value))
        .or_else(|| refuses_address(item.value))
}

fn rewrite<'v>(item: &Indicator<'v>) -> Cow<'v, str> {
    web_request::entry_without_scheme(item.value)
}

fn refuses_address(value: &str) -> Option<QuarantineReason> {
    url::host(value)
        .is_some_and(|host| host.parse::<IpAddr>().is_ok())
        .then_some(ADDRESS)
}
