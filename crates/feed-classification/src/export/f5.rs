//! `f5`: feed lists for IP Intelligence of F5 BIG-IP.

use std::io::{self, Write};
use std::sync::Arc;

use crate::export::{About, ExportOption, Exporter, Options, QuarantineReason, TextForm, addresses};
use crate::{Indicator, TypeSet, network_of};

const CATEGORY: &str = "category";

/// Every BIG-IP has the category of the default.
const OPTIONS: &[ExportOption] = &[ExportOption::text(
    CATEGORY,
    "The category of every entry, as the BIG-IP names it.",
    "additional",
    TextForm::up_to(64).also("_-").letter_first(),
)];

/// One `address,mask,bl,category` per line, LF; an empty feed has no bytes.
///
/// The mask is the length of the prefix: 32 for a single IPv4 address and 128 for an IPv6 address. `bl` denies the
/// address; the policy of the BIG-IP says what happens with those of the category. No line has an empty field.
///
/// Source: "AFM IP Intelligence" in the manuals of BIG-IP AFM 14.1 to 17.1. How the BIG-IP takes a file without a line
/// is not documented there.
#[derive(Debug, Clone)]
pub(crate) struct F5 {
    category: String,
}

impl Default for F5 {
    fn default() -> Self {
        Self::of(&Options::defaults(OPTIONS))
    }
}

impl F5 {
    fn of(options: &Options) -> Self {
        Self {
            category: options.text(CATEGORY).to_owned(),
        }
    }
}

impl Exporter for F5 {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "f5",
            "A feed list for IP Intelligence of F5 BIG-IP: address,mask,bl,category.",
        )
        .consumer("F5 BIG-IP AFM (IP intelligence)")
        .limits("The documentation names no size and does not say how the BIG-IP takes an empty file.")
        .pull(
            "A feed list of IP intelligence: the URL, the user `cratos` and the token as the password (Basic). \
             Steps: `docs/recipes/f5-afm.md`.",
        )
        .accepts(TypeSet::ADDRESSES)
        .options(OPTIONS);
        &ABOUT
    }

    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        Some(Arc::new(Self::of(options)))
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match network_of(item.value) {
            Some(network) => {
                let (address, mask) = (network.addr(), network.prefix_len());
                writeln!(out, "{address},{mask},bl,{}", self.category)
            }
            None => Ok(()),
        }
    }
}
