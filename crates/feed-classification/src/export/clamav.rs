//! `clamav`: a signature database of hashes, for `clamscan` and `clamd`.

use std::io::{self, Write};

use crate::export::{About, Exporter, FeedInfo, QuarantineReason};
use crate::{Indicator, IndicatorType, TypeSet};

/// The version of ClamAV's engine that knows signatures of any file size. A signature with the size `*` needs it.
const LEVEL: u32 = 73;

/// How many digits of the hash are in the name of a signature.
const NAME_DIGITS: usize = 16;

/// One `hash:*:name:73` per line, LF, for files of any size.
///
/// ClamAV knows the kind of a hash by its length and the kind of a database by the end of its file name, and a `.hsb`
/// takes all three kinds. The name in a report is type and first digits, for example
/// `Cratos.file-sha256.e3b0c44298fc1c14.UNOFFICIAL`.
///
/// ClamAV refuses a database that is empty, has a blank line or a line that it does not understand, and then may not
/// start. So an empty feed is one comment, with which the database loads and finds nothing.
///
/// Source: the chapter "File hash signatures" of ClamAV's documentation; checked with ClamAV 1.4.6.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ClamAv;

impl Exporter for ClamAv {
    fn about(&self) -> &About {
        static ABOUT: About = About::new(
            "clamav",
            "A database of ClamAV with hashes of files, to be stored as NAME.hsb.",
        )
        .extension("hsb")
        .consumer("ClamAV")
        .limits("The name of the file has to end in `.hsb`.")
        .pull("`DatabaseCustomURL` in `freshclam.conf`, with the token in the path. End the path with `.hsb`.")
        .accepts(TypeSet::of(&[
            IndicatorType::FileMd5,
            IndicatorType::FileSha1,
            IndicatorType::FileSha256,
        ]));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        let is_hash = item.value.len() == digits(item.kind) && item.value.bytes().all(|byte| byte.is_ascii_hexdigit());
        (!is_hash).then_some(QuarantineReason::UNREPRESENTABLE)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        let name = item.value.get(..NAME_DIGITS).unwrap_or(item.value);
        writeln!(out, "{}:*:Cratos.{}.{name}:{LEVEL}", item.value, item.kind)
    }

    fn empty(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(b"# no indicator\n")
    }
}

const fn digits(kind: IndicatorType) -> usize {
    match kind {
        IndicatorType::FileMd5 => 32,
        IndicatorType::FileSha1 => 40,
        _ => 64,
    }
}
