//! `juniper`: dynamic addresses of Juniper SRX firewalls.

use std::io::{self, Write};

use crate::export::{About, Exporter, QuarantineReason, addresses};
use crate::{Indicator, TypeSet, network_of};

/// One prefix per line, LF; an empty feed has no bytes.
///
/// The firewall reads prefixes, so a single address has its length too: `/32`, or `/128` for IPv6. Both families may
/// stand in one file. The firewall asks with `HEAD` whether the file has changed before it fetches it, and needs a URL
/// that ends in `.txt`.
///
/// Source: "SRX Dynamic IP Objects aka Feed-server", Juniper community, November 2025. How the firewall takes a file
/// without a byte is not documented there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Juniper;

impl Exporter for Juniper {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "juniper",
            "One prefix per line, for a feed server in the dynamic addresses of Juniper SRX.",
        )
        .consumer("Juniper SRX (dynamic addresses)")
        .limits("The number of addresses depends on the model. A line is a prefix, also for a single address.")
        .pull(
            "`set security dynamic-address feed-server`: the token stands in the URL of the server \
             (`https://cratos:TOKEN@…`) or in the path; the path ends in `.txt`. Steps: \
             `docs/recipes/juniper-srx.md`.",
        )
        .accepts(TypeSet::ADDRESSES);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match network_of(item.value) {
            Some(network) => writeln!(out, "{network}"),
            None => Ok(()),
        }
    }
}
