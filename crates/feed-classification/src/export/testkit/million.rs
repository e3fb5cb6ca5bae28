//! A million indicators: an exporter takes them all, in pieces, in the same way each time.

use std::hash::{DefaultHasher, Hasher as _};
use std::io::{self, Write};

use crate::export::Exporter;
use crate::{FeedInfo, IndicatorSet, IndicatorSetBuilder, IndicatorType};

const MILLION: u32 = 1_000_000;

/// The most bytes that an exporter may pass to its writer at once: a value of the largest size, escaped, fits.
const LARGEST_PIECE_BYTES: usize = 1 << 20;

/// The types in which a feed of a million values is likely. The first one that the exporter accepts is checked.
const USUAL: [IndicatorType; 4] = [
    IndicatorType::Domain,
    IndicatorType::Ipv4,
    IndicatorType::FileSha256,
    IndicatorType::Url,
];

/// Returns a set of a million values of a type. No two addresses or networks touch, so nothing merges.
///
/// Rules are not valid in their language; an exporter that parses them leaves them out.
#[must_use]
pub fn million(kind: IndicatorType) -> IndicatorSet {
    let mut values = IndicatorSetBuilder::new(kind);
    for number in 0..MILLION {
        values.push(&value(kind, number));
    }
    values.finish()
}

/// Asserts that the exporter writes a feed of a million values:
///
/// - it writes each one or leaves it out, and counts it;
/// - it streams: it never passes more than a MiB to the writer at once;
/// - the same indicators give the same bytes;
/// - it ends with the error of a writer that fails in the middle.
///
/// It takes a few seconds without optimisation, so [`check`](super::check) does not include it.
pub fn check_million(exporter: &dyn Exporter) {
    let accepts = exporter.about().accepts;
    let usual = USUAL.into_iter().filter(|kind| accepts.contains(*kind));
    let Some(kind) = usual.chain(accepts.iter()).next() else {
        return;
    };
    let values = million(kind);
    let info = FeedInfo::new(kind, "testkit").limited_to(exporter.about());
    let write = |out: &mut Meter| exporter.export(&info, &mut values.indicators(), out);

    let mut whole = Meter::new(usize::MAX);
    let counts = write(&mut whole);
    assert!(counts.is_ok(), "{kind}: a million values cannot be written");
    let counts = counts.unwrap_or_default();
    assert_eq!(
        counts.written + counts.quarantined,
        u64::from(MILLION),
        "{kind}: of a million values some are neither written nor quarantined"
    );
    let largest = whole.largest_piece_bytes;
    assert!(
        largest <= LARGEST_PIECE_BYTES,
        "{kind}: {largest} bytes of a million values were written at once: it does not stream"
    );

    let mut part = Meter::new(whole.written_bytes / 4);
    let stopped = write(&mut part).is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
    assert!(
        stopped || whole.written_bytes == 0,
        "{kind}: the error of a writer that fails in the middle of a million values is lost"
    );
    assert!(
        whole.hashes.starts_with(&part.hashes),
        "{kind}: the same million values gave other bytes"
    );
}

/// Counts the written bytes, and keeps a hash of each block of them; full after some bytes.
struct Meter {
    room_bytes: usize,
    written_bytes: usize,
    largest_piece_bytes: usize,
    /// The bytes behind the last whole block.
    block: Vec<u8>,
    /// So two outputs of different length can be compared.
    hashes: Vec<u64>,
}

impl Meter {
    const BLOCK_BYTES: usize = 1 << 16;

    fn new(room_bytes: usize) -> Self {
        Self {
            room_bytes,
            written_bytes: 0,
            largest_piece_bytes: 0,
            block: Vec::with_capacity(Self::BLOCK_BYTES),
            hashes: Vec::new(),
        }
    }
}

impl Write for Meter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.largest_piece_bytes = self.largest_piece_bytes.max(bytes.len());
        let to_block = Self::BLOCK_BYTES - self.block.len();
        let taken = bytes.len().min(self.room_bytes - self.written_bytes).min(to_block);
        if taken == 0 && !bytes.is_empty() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.block.extend_from_slice(bytes.get(..taken).unwrap_or_default());
        self.written_bytes += taken;
        if taken == to_block {
            let mut hasher = DefaultHasher::new();
            hasher.write(&self.block);
            self.hashes.push(hasher.finish());
            self.block.clear();
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the value with this number, below a million; a larger number gives a text that is later in order.
fn value(kind: IndicatorType, number: u32) -> String {
    use IndicatorType as Kind;
    // Three digits each from 100 to 199, and four of hexadecimal from 1000 to 13e7: the order of text is that of
    // numbers.
    let [a, b, c] = [number / 10_000, number / 100 % 100, number % 100].map(|part| part + 100);
    let [high, low] = [number / 1000, number % 1000].map(|part| part + 0x1000);
    let hash = |digits: usize| format!("{number:08x}{}", "5".repeat(digits - 8));
    match kind {
        Kind::Ipv4 | Kind::Ipv4Ext | Kind::Ip => format!("{a}.{b}.{c}.107"),
        Kind::Cidr4 => format!("{a}.{b}.{c}.0/25"),
        Kind::Ipv6 | Kind::Ipv6Ext => format!("2001:db8:{high:x}:{low:x}::5"),
        Kind::Cidr6 => format!("2001:db8:{high:x}:{low:x}::/65"),
        Kind::Domain | Kind::Hostname => format!("host-{number:07}.example.net"),
        Kind::Url => format!("http://host-{number:07}.example.net/gate.php?id={number:07}"),
        Kind::FileMd5
        | Kind::X509FingerprintMd5
        | Kind::Ja3
        | Kind::HasshMd5
        | Kind::HasshServerMd5
        | Kind::Imphash => hash(32),
        Kind::FileSha1 | Kind::X509FingerprintSha1 => hash(40),
        Kind::FileSha256 | Kind::X509FingerprintSha256 => hash(64),
        Kind::EmailAddress => format!("user-{number:07}@example.net"),
        Kind::Vulnerability => format!("CVE-2024-{number:07}"),
        Kind::CryptoCurrency => format!("1{}{}", letters(number), "2".repeat(25)),
        Kind::ChromeExtensionId | Kind::EdgeExtensionId => format!("{}{}", letters(number), "a".repeat(26)),
        Kind::Ja4 => format!("t13d1516h2_{number:012x}_b186095e22b6"),
        Kind::Snort | Kind::Yara | Kind::Sigma => format!("rule {number:07}"),
        Kind::Mutex | Kind::EmailSubject | Kind::EmailAttachment | Kind::Filename | Kind::UserAgent => {
            format!("name {number:07}")
        }
    }
}

/// Writes a number below a million with six letters from `a` to `j`, which are digits of base 58 too.
fn letters(number: u32) -> String {
    let digits = format!("{number:06}");
    digits.bytes().map(|digit| char::from(digit - b'0' + b'a')).collect()
}

#[cfg(test)]
mod tests {
    use super::{MILLION, value};
    use crate::{Extractor, IndicatorType};

    #[test]
    fn values_are_in_normal_form_and_in_order() {
        let numbers = [0, 1, 99, 100, 9_999, 10_000, 123_456, MILLION - 2, MILLION - 1];
        for kind in IndicatorType::ALL {
            let values = numbers.map(|number| value(*kind, number));
            assert!(values.is_sorted_by(|left, right| left < right), "{kind}: {values:?}");
            for value in &values {
                Extractor::new(*kind)
                    .extract("", value, &mut |found| assert_eq!(found, value))
                    .unwrap();
            }
        }
    }
}
