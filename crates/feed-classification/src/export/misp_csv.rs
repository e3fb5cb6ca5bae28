//! `misp-csv`: attributes for MISP's import of CSV.

use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, Multiline, escape};
use crate::{Indicator, IndicatorType, TypeSet};

/// Every type that has an attribute type in MISP 2.5. JA4 has none, and cratosd does not know the currency of a wallet.
const ACCEPTS: TypeSet = TypeSet::ALL.without(TypeSet::of(&[IndicatorType::Ja4, IndicatorType::CryptoCurrency]));

/// A header line `category,type,value,comment,to_ids` with MISP's names of columns, then one record per value, LF.
///
/// The category is the default of MISP for the type, and `to_ids` is 1, because the value was in a feed for detection.
/// Addresses are `ip-dst`: an exporter does not know the direction. The columns of MISP's own export that describe an
/// event (`uuid`, `event_id`, `date`, …) are left away; MISP gives new ones at import.
///
/// Source: `describeTypes` of MISP 2.5.1 and the module `csvimport` of misp-modules 3.0.2.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MispCsv;

/// Returns `category,type,` of an indicator type.
const fn columns(kind: IndicatorType) -> &'static str {
    match kind {
        IndicatorType::Ipv4
        | IndicatorType::Ipv4Ext
        | IndicatorType::Ipv6
        | IndicatorType::Ipv6Ext
        | IndicatorType::Cidr4
        | IndicatorType::Cidr6
        | IndicatorType::Ip => "Network activity,ip-dst,",
        IndicatorType::Domain => "Network activity,domain,",
        IndicatorType::Hostname => "Network activity,hostname,",
        IndicatorType::Url => "Network activity,url,",
        IndicatorType::UserAgent => "Network activity,user-agent,",
        IndicatorType::Ja3 => "Network activity,ja3-fingerprint-md5,",
        IndicatorType::HasshMd5 => "Network activity,hassh-md5,",
        IndicatorType::HasshServerMd5 => "Network activity,hasshserver-md5,",
        IndicatorType::X509FingerprintMd5 => "Network activity,x509-fingerprint-md5,",
        IndicatorType::X509FingerprintSha1 => "Network activity,x509-fingerprint-sha1,",
        IndicatorType::X509FingerprintSha256 => "Network activity,x509-fingerprint-sha256,",
        IndicatorType::Snort => "Network activity,snort,",
        IndicatorType::FileMd5 => "Payload delivery,md5,",
        IndicatorType::FileSha1 => "Payload delivery,sha1,",
        IndicatorType::FileSha256 => "Payload delivery,sha256,",
        IndicatorType::Imphash => "Payload delivery,imphash,",
        IndicatorType::Filename => "Payload delivery,filename,",
        IndicatorType::EmailAddress => "Payload delivery,email,",
        IndicatorType::EmailSubject => "Payload delivery,email-subject,",
        IndicatorType::EmailAttachment => "Payload delivery,email-attachment,",
        IndicatorType::ChromeExtensionId => "Payload delivery,chrome-extension-id,",
        IndicatorType::EdgeExtensionId => "Payload delivery,edge-extension-id,",
        IndicatorType::Yara => "Payload installation,yara,",
        IndicatorType::Sigma => "Payload installation,sigma,",
        IndicatorType::Mutex => "Artifacts dropped,mutex,",
        IndicatorType::Vulnerability => "External analysis,vulnerability,",
        // Not accepted.
        IndicatorType::CryptoCurrency | IndicatorType::Ja4 => "Other,text,",
    }
}

impl Exporter for MispCsv {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "misp-csv",
            "Attributes in CSV with MISP's columns, for the CSV import of another MISP.",
        )
        .consumer("The import module csvimport of another MISP")
        .limits("MISP gives new UUIDs and dates at each import, and takes nothing away.")
        .pull(
            "A person uploads the file, or a script fetches it with the token in a header and sends it to MISP's \
             API. Steps: `docs/recipes/files.md`.",
        )
        .content_type("text/csv; charset=utf-8")
        .extension("csv")
        .accepts(ACCEPTS)
        .multiline(Multiline::Escaped)
        .consumer("MISP (import module csvimport)");
        &ABOUT
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"category,type,value,comment,to_ids\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(columns(item.kind).as_bytes())?;
        escape::csv_field(item.value, out)?;
        out.write_all(b",,1\n")
    }
}
