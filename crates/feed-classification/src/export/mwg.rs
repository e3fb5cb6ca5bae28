//! `mwg`: subscribed lists of Skyhigh Secure Web Gateway, formerly McAfee Web Gateway.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason, addresses, web_request};
use crate::{Indicator, IndicatorType, TypeSet, network_of};

/// The types that may hold networks.
const RANGES: TypeSet = TypeSet::of(&[IndicatorType::Cidr4, IndicatorType::Cidr6, IndicatorType::Ip]);

/// The types whose values a rule compares as text.
const STRINGS: TypeSet = TypeSet::NAMES.union(TypeSet::of(&[
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::Filename,
    IndicatorType::UserAgent,
]));

/// The first line names the type of the list, and each further line is `"value" "comment"`; LF.
///
/// Single addresses make a list of the type `ip`. Networks, and feeds that may hold both, make one of `iprange`, where
/// a single address has its length too. All else is `string`, which the gateway compares as a whole.
///
/// A quote is written with a backslash before it. The format has no way to write a backslash, so values with one are
/// left out, and so are those with a control character. An empty feed has the first line only: without it the gateway
/// would not know the type. How it takes a list without entries is not documented.
///
/// Source: "Subscribed Lists and External Lists Format Examples" of McAfee (DOC-5208), and "Customer Maintained
/// Subscribed Lists and External Lists" of Skyhigh.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mwg;

impl Exporter for Mwg {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "mwg",
            "A subscribed list of Skyhigh (McAfee) Web Gateway, of the type ip, iprange or string.",
        )
        .consumer("Skyhigh (McAfee) Web Gateway (subscribed lists)")
        .limits("Values with a backslash or a control character are left out. A string is compared as a whole.")
        .pull(
            "A subscribed list with the URL of the feed and, where the gateway asks for credentials, the user \
             `cratos` and the token as the password (Basic) *(unverified)*.",
        )
        .accepts(TypeSet::ADDRESSES.union(STRINGS))
        .version(2)
        .rewrites(TypeSet::of(&[IndicatorType::Url]));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let cannot_be_written = |char: char| char == '\\' || char.is_control();
        if TypeSet::ADDRESSES.contains(item.kind) {
            addresses::refuses(item)
        } else if item.value.is_empty() || item.value.contains(cannot_be_written) {
            Some(QuarantineReason::UNREPRESENTABLE)
        } else if item.kind == IndicatorType::Url {
            web_request::refuses(item.value, &web_request::entry(item.value), &[])
        } else {
            None
        }
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        web_request::entry(item.value)
    }

    fn header(&self, feed: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        let list_type = if RANGES.contains(feed.kind) {
            "iprange"
        } else if TypeSet::ADDRESSES.contains(feed.kind) {
            "ip"
        } else {
            "string"
        };
        writeln!(out, "type={list_type}")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\"")?;
        match network_of(item.value) {
            Some(network) if RANGES.contains(item.kind) => write!(out, "{network}")?,
            _ => out.write_all(item.value.replace('"', "\\\"").as_bytes())?,
        }
        out.write_all(b"\" \"Cratos\"\n")
    }
}
