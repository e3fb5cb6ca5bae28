//! `suricata-dataset`: a list that a rule of Suricata loads with `dataset`.

use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};

use base64::display::Base64Display;
use base64::engine::general_purpose::STANDARD;

use crate::export::{About, Exporter, Multiline, QuarantineReason};
use crate::{Indicator, IndicatorType, TypeSet};

/// Types that Suricata compares with a buffer as text: names, fingerprints, user agents.
///
/// Not `url`: no buffer holds a whole URL, so it would never match. Hashes of other lengths than MD5 and SHA-256 have
/// no type of set.
const STRINGS: TypeSet = TypeSet::of(&[
    IndicatorType::Domain,
    IndicatorType::Hostname,
    IndicatorType::Ja3,
    IndicatorType::Ja4,
    IndicatorType::HasshMd5,
    IndicatorType::HasshServerMd5,
    IndicatorType::UserAgent,
    IndicatorType::Filename,
]);

const ACCEPTS: TypeSet = STRINGS.union(TypeSet::of(&[
    IndicatorType::FileMd5,
    IndicatorType::FileSha256,
    IndicatorType::Ipv4,
    IndicatorType::Ipv4Ext,
    IndicatorType::Ipv6,
    IndicatorType::Ipv6Ext,
    IndicatorType::Ip,
]));

/// One value per line, LF, in the form of the set's type: `string` in base64 with padding, `md5` and `sha256` in
/// hexadecimal, `ipv4` and `ip` as an address.
///
/// Suricata's parser is strict: a line that is not base64 stops it at start, it knows no comments, and a blank line
/// adds the empty string. It does not look at the length of a hash but takes 16 or 32 bytes from it, so a hash of
/// another length is left out here. A set of addresses takes no networks; they are left out, and `suricata-iprep` takes
/// them.
///
/// Source: the chapter "Datasets" of Suricata's user guide, and `datasets.c` (7.0, 8.0).
#[derive(Debug, Clone, Copy)]
pub(crate) struct SuricataDataset;

impl SuricataDataset {
    /// A set of addresses takes single ones only.
    pub(crate) const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

impl Exporter for SuricataDataset {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "suricata-dataset",
            "A list that a rule of Suricata loads: dataset:isset,NAME,type TYPE,load FILE.",
        )
        .consumer("Suricata")
        .limits("A dataset takes no networks, which are left out. Suricata matches names exactly.")
        .pull(
            "A timer runs `curl -fsS -H \"token: $TOKEN\" -o cratos.lst URL && suricatasc -c reload-rules`. The \
             rules that load the file are your own.",
        )
        .extension("lst")
        .accepts(ACCEPTS)
        .multiline(Multiline::Escaped);
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let fits = match item.kind {
            IndicatorType::FileMd5 => is_hex(item.value, 32),
            IndicatorType::FileSha256 => is_hex(item.value, 64),
            IndicatorType::Ipv4 | IndicatorType::Ipv4Ext => item.value.parse::<Ipv4Addr>().is_ok(),
            IndicatorType::Ipv6 | IndicatorType::Ipv6Ext | IndicatorType::Ip => {
                if item.value.contains('/') {
                    return Some(Self::NETWORK);
                }
                item.value.parse::<IpAddr>().is_ok()
            }
            // Nothing is left of an empty text in base64, and the line would be blank.
            _ => !item.value.is_empty(),
        };
        (!fits).then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        if STRINGS.contains(item.kind) {
            writeln!(out, "{}", Base64Display::new(item.value.as_bytes(), &STANDARD))
        } else {
            writeln!(out, "{}", item.value)
        }
    }
}

fn is_hex(value: &str, digits: usize) -> bool {
    value.len() == digits && value.bytes().all(|byte| byte.is_ascii_hexdigit())
}
