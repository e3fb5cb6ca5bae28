//! `checkpoint`: custom intelligence feeds of Check Point gateways.

use std::borrow::Cow;
use std::io::{self, Write};

use ipnet::IpNet;
use sha2::{Digest as _, Sha256};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason, addresses, escape, web_request};
use crate::{Indicator, IndicatorType, TypeSet, network_of};

const ACCEPTS: TypeSet = TypeSet::NAMES.union(TypeSet::of(&[
    IndicatorType::Ipv4,
    IndicatorType::Ipv4Ext,
    IndicatorType::Cidr4,
    IndicatorType::Ip,
    IndicatorType::Url,
    IndicatorType::FileMd5,
    IndicatorType::FileSha1,
    IndicatorType::FileSha256,
    IndicatorType::EmailAddress,
    IndicatorType::EmailSubject,
]));

/// Confidence, severity, product and comment of every row. `AV` is the product that takes every type.
const LAST_COLUMNS: &str = "high,high,AV,Cratos";

/// CSV with a line of column names, LF.
///
/// A row without a mandatory field, or with another number of fields than the others, keeps the gateway from loading
/// the whole file, so no column is ever empty. The name of a row is a digest of its type and value: unique in the file,
/// and the same each time. `IP` and `IP Range` are IPv4 only; IPv6 addresses of an `ip` feed are left out.
///
/// An empty feed has the line of column names only. How the gateway takes that is not documented.
///
/// Source: sk132193 "What is the Custom Intelligence Feeds feature" and "Supported Indicator Files" in the Threat
/// Prevention guide of R81.10.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CheckPoint;

impl CheckPoint {
    const IPV6: QuarantineReason = QuarantineReason::because("ipv6");
}

impl Exporter for CheckPoint {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "checkpoint",
            "CSV of observables, for custom intelligence feeds of Check Point gateways.",
        )
        .content_type("text/csv; charset=utf-8")
        .extension("csv")
        .consumer("Check Point gateways (custom intelligence feeds)")
        .limits("Addresses and ranges are IPv4 only.")
        .pull(
            "A new IoC feed in SmartConsole: the format Check Point, the URL, the user `cratos` and the token as \
             the password (Basic). Steps: `docs/recipes/check-point.md`.",
        )
        .accepts(ACCEPTS)
        .version(2)
        .rewrites(TypeSet::of(&[IndicatorType::Url]));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        match item.kind {
            IndicatorType::Url => web_request::refuses(item.value, &web_request::entry(item.value), &[]),
            kind if TypeSet::ADDRESSES.contains(kind) => match network_of(item.value) {
                Some(IpNet::V6(_)) => Some(Self::IPV6),
                _ => addresses::refuses(item),
            },
            _ => item.value.is_empty().then_some(QuarantineReason::UNREPRESENTABLE),
        }
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        web_request::entry(item.value)
    }

    fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"# UNIQ-NAME,VALUE,TYPE,CONFIDENCE,SEVERITY,PRODUCT,COMMENT\n")
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let (observable, value) = observable_of(item);
        write!(out, "cratos-{:016x},", digest(observable, &value))?;
        escape::csv_field(&value, out)?;
        writeln!(out, ",{observable},{LAST_COLUMNS}")
    }
}

/// Returns the type in Check Point's words, and the value in the form of that type.
fn observable_of<'v>(item: &Indicator<'v>) -> (&'static str, Cow<'v, str>) {
    let observable = match item.kind {
        IndicatorType::Domain | IndicatorType::Hostname => "Domain",
        IndicatorType::Url => "URL",
        IndicatorType::FileMd5 => "MD5",
        IndicatorType::FileSha1 => "SHA1",
        IndicatorType::FileSha256 => "SHA256",
        IndicatorType::EmailAddress => "Mail-from",
        IndicatorType::EmailSubject => "Mail-subject",
        _ => match network_of(item.value) {
            Some(IpNet::V4(network)) if network.prefix_len() < 32 => {
                let range = format!("{}-{}", network.network(), network.broadcast());
                return ("IP Range", Cow::Owned(range));
            }
            _ => "IP",
        },
    };
    (observable, Cow::Borrowed(item.value))
}

/// Returns the first eight bytes of the digest of a type and a value.
fn digest(observable: &str, value: &str) -> u64 {
    let mut digest = Sha256::new();
    digest.update(observable);
    digest.update([0]);
    digest.update(value);
    digest
        .finalize()
        .iter()
        .take(8)
        .fold(0, |number, byte| (number << 8) | u64::from(*byte))
}
