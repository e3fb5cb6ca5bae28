//! `graylog-dsv`: keys and values for Graylog's data adapter "DSV File from HTTP".

use std::io::{self, Write};

use crate::export::{About, Exporter, QuarantineReason};
use crate::{Indicator, IndicatorType, TypeSet};

const ACCEPTS: TypeSet = TypeSet::ALL
    .without(TypeSet::RULES)
    .without(TypeSet::of(&[IndicatorType::Cidr4, IndicatorType::Cidr6]));

/// One `"value",type` per line, LF, for the adapter's defaults: separator `,`, quote `"`, comment `#`, key in column 0,
/// value in column 1.
///
/// The quotes keep commas and white space, and keep `#` from beginning a comment. Graylog's parser knows no escape for
/// a quote, so a value with one is left out. Graylog compares keys as text, so networks are left out: no log has one.
/// Two equal keys make it refuse the whole file, and with "case-insensitive" ticked `A` and `a` are equal; that option
/// fits only types whose values are in lower case.
///
/// Source: `DSVParser.java` of Graylog (2026-08).
#[derive(Debug, Clone, Copy)]
pub(crate) struct GraylogDsv;

impl GraylogDsv {
    /// A key is compared as text, and no log line holds a network.
    const NETWORK: QuarantineReason = QuarantineReason::because("network");
}

impl Exporter for GraylogDsv {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "graylog-dsv",
            "Value and type in two columns, for the data adapter \"DSV File from HTTP\" of Graylog.",
        )
        .extension("dsv")
        .accepts(ACCEPTS)
        .consumer("Graylog (data adapter DSV File from HTTP)")
        .limits("Two equal keys make Graylog refuse the whole file.")
        .pull("The adapter gets the URL with the token in the path, `/t/TOKEN/v1/…`: it sends no header.");
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind == IndicatorType::Ip && item.value.contains('/') {
            return Some(Self::NETWORK);
        }
        item.value.contains('"').then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"\"")?;
        out.write_all(item.value.as_bytes())?;
        out.write_all(b"\",")?;
        out.write_all(item.kind.as_str().as_bytes())?;
        out.write_all(b"\n")
    }
}
