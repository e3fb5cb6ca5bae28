//! `mikrotik`: a script of RouterOS that replaces an address list.

use std::io::{self, Write};

use ipnet::IpNet;

use crate::export::address_file::AddressFile;
use crate::export::{About, ExportOption, Options, TextForm, addresses};
use crate::{AddressSet, IndicatorType, TypeSet};

const LIST: &str = "list";

const OPTIONS: &[ExportOption] = &[ExportOption::text(
    LIST,
    "The name of the address list. Entries are first added to one with -new behind this name.",
    "cratos",
    TextForm::up_to(32).also("_-").letter_first(),
)];

/// Replaces the address list `cratos`, of IPv4 below `/ip firewall` and of IPv6 below `/ipv6 firewall`; the router has
/// its own rules, which name the lists `cratos` and `cratos-new`.
///
/// RouterOS has no transaction. So the new entries are added to `cratos-new`, the old ones are removed, and the new
/// ones move to `cratos`. An address that is in the old and the new feed is in one of the two lists at any moment. If
/// the script stops on the way, the next run first moves what it left behind, so it neither fails nor leaves a gap. An
/// error while entries are added ends the script, and the old entries stay.
///
/// Only the lists of the feed's families are touched. Networks are merged, which makes them unique (a second one would
/// end the script). The script holds no text of MISP, only addresses, so there is nothing to escape. Entries have no
/// timeout: one with a timeout cannot be renewed without a gap.
///
/// Source: "Scripting language manual" and "address-list" in the RouterOS manual (6 and 7), August 2026.
#[derive(Debug, Clone)]
pub(crate) struct MikroTik {
    list: String,
}

impl AddressFile for MikroTik {
    const ABOUT: &'static About = &About::new(
        "mikrotik",
        "A script of RouterOS that replaces the address list cratos, to fetch and import.",
    )
    .extension("rsc")
    .consumer("MikroTik RouterOS 6 and 7")
    .limits("Memory and flash of the device.")
    .pull(
        "A scheduled script: `/tool/fetch` with `http-header-field=\"token: TOKEN\"` and `check-certificate=yes`, then \
         `/import`. Steps: `docs/recipes/mikrotik.md`.",
    )
    .accepts(TypeSet::ADDRESSES)
    .merging()
    .options(OPTIONS);

    fn of(options: &Options) -> Self {
        Self {
            list: options.text(LIST).to_owned(),
        }
    }

    fn entry(&self, network: IpNet, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "add list=\"{}-new\" address={network}", self.list)
    }

    fn file(&self, kind: IndicatorType, addresses: &AddressSet, out: &mut dyn Write) -> io::Result<()> {
        let is_v4 = |network: &IpNet| network.addr().is_ipv4();
        if addresses::can_be_v4(kind) {
            self.replace("/ip firewall address-list", addresses, is_v4, out)?;
        }
        if addresses::can_be_v6(kind) {
            self.replace("/ipv6 firewall address-list", addresses, |network| !is_v4(network), out)?;
        }
        Ok(())
    }
}

impl MikroTik {
    /// Replaces the list in one menu by the networks of its family.
    fn replace(
        &self,
        menu: &str,
        addresses: &AddressSet,
        is_of_family: impl Fn(&IpNet) -> bool,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let list = &self.list;
        writeln!(out, "{menu}")?;
        writeln!(
            out,
            ":foreach entry in=[find where list=\"{list}-new\"] do={{ :do {{ {menu} set $entry list=\"{list}\" }} \
             on-error={{ {menu} remove $entry }} }}"
        )?;
        addresses
            .networks_of_length(1)
            .filter(|network| is_of_family(network))
            .try_for_each(|network| self.entry(network, out))?;
        writeln!(out, "remove [find where list=\"{list}\"]")?;
        writeln!(out, "set [find where list=\"{list}-new\"] list=\"{list}\"")
    }
}
