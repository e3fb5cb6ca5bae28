//! `f5`: feed lists for IP Intelligence of F5 BIG-IP.

use std::io::{self, Write};

use crate::export::{About, Exporter, QuarantineReason, addresses};
use crate::{Indicator, TypeSet, network_of};

/// The category of every entry: one that every BIG-IP has.
const CATEGORY: &str = "additional";

/// One `address,mask,bl,category` per line, LF; an empty feed has no bytes.
///
/// The mask is the length of the prefix: 32 for a single IPv4 address and 128 for an IPv6 address. `bl` denies the
/// address; the policy of the BIG-IP says what happens with those of the category. No line has an empty field.
///
/// Source: "AFM IP Intelligence" in the manuals of BIG-IP AFM 14.1 to 17.1. How the BIG-IP takes a file without a line
/// is not documented there.
#[derive(Debug, Clone, Copy)]
pub(crate) struct F5;

impl Exporter for F5 {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "f5",
            "A feed list for IP Intelligence of F5 BIG-IP: address,mask,bl,category.",
        )
        .consumer("F5 BIG-IP AFM (IP intelligence)")
        .pull("A feed list of IP intelligence: the URL, the user `cratos` and the token as the password (Basic). Steps: `docs/recipes/f5-afm.md`.")
        .accepts(TypeSet::ADDRESSES);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match network_of(item.value) {
            Some(network) => writeln!(out, "{},{},bl,{CATEGORY}", network.addr(), network.prefix_len()),
            None => Ok(()),
        }
    }
}
