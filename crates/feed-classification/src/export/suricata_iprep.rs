//! `suricata-iprep`: a reputation list of Suricata.

use std::io::{self, Write};

use crate::export::{About, ExportCounts, Exporter, FeedInfo, QuarantineReason, addresses};
use crate::{Indicator, TypeSet, network_of};

/// The category of every entry, as the file of categories has to name it: `1,cratos,Indicators from MISP`.
const CATEGORY: u8 = 1;
/// The highest score: an analyst listed the address, and MISP has no lower degree of that.
const SCORE: u8 = 127;

/// One `network,category,score` per line, LF; category 1, score 127.
///
/// Networks are merged, and a single address is written as `/32` or `/128`: Suricata keeps plain addresses in its table
/// of hosts, whose memory is bounded (`host.memcap`), and stops reading the list when it is full; networks go into a
/// tree that is not. `/0` is written as its halves.
///
/// Source: the chapter "IP Reputation Config" of Suricata's user guide, and `reputation.c` (7.0).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SuricataIprep;

impl Exporter for SuricataIprep {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "suricata-iprep",
            "A reputation list of Suricata: network,category,score with category 1 and score 127.",
        )
        .consumer("Suricata")
        .limits("An address has one entry for each category; overlapping networks are merged.")
        .pull(
            "A timer runs `curl -fsS -H \"token: $TOKEN\" -o cratos.list URL && suricatasc -c reload-rules`, \
             which reads the files in `reputation-files` again.",
        )
        .extension("list")
        .accepts(TypeSet::ADDRESSES)
        .merging();
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        addresses::refuses(item)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match network_of(item.value) {
            Some(network) => writeln!(out, "{network},{CATEGORY},{SCORE}"),
            None => Ok(()),
        }
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let (addresses, exported) = addresses::collect(self, items);
        addresses
            .networks_of_length(1)
            .try_for_each(|network| writeln!(out, "{network},{CATEGORY},{SCORE}"))?;
        Ok(exported)
    }
}
