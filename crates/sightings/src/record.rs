//! The records of the journal as bytes, before they are sealed: accepted reports, and numbers of settled ones.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::report::{Kind, Report, Reporter};

/// Reports of one record, and ranges of one.
const MAX_ITEMS: usize = 10_000;
/// The most bytes of values in one record, unless a single value is larger.
const MAX_VALUES_BYTES: usize = 1 << 20;

const ACCEPTED: u8 = 1;
const SETTLED: u8 = 2;

/// One record.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    /// Reports that were promised to be sent.
    Accepted(Accepted),
    /// Numbers of reports that need not be sent any more.
    Settled(Vec<RangeInclusive<u64>>),
}

/// Reports of one reporter, each with its number in the journal.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) reporter: Reporter,
    /// When, in unix seconds.
    pub(crate) accepted_at: i64,
    pub(crate) reports: Vec<(u64, Report)>,
}

impl Accepted {
    /// Returns the reports in pieces of which each fits into a record; no piece without reports.
    pub(crate) fn pieces(self) -> Vec<Self> {
        let mut pieces: Vec<Self> = Vec::new();
        let mut room = 0;
        for (number, report) in self.reports {
            let bytes = report.value.len();
            match pieces.last_mut() {
                Some(last) if last.reports.len() < MAX_ITEMS && bytes <= room => last.reports.push((number, report)),
                _ => {
                    room = MAX_VALUES_BYTES;
                    pieces.push(Self {
                        reporter: self.reporter.clone(),
                        accepted_at: self.accepted_at,
                        reports: vec![(number, report)],
                    });
                }
            }
            room = room.saturating_sub(bytes);
        }
        pieces
    }

    pub(crate) fn written(&self) -> Zeroizing<Vec<u8>> {
        let mut sources: Vec<&Arc<str>> = Vec::new();
        let mut numbers: HashMap<&str, u64> = HashMap::new();
        for (_, report) in &self.reports {
            numbers.entry(&report.source).or_insert_with(|| {
                sources.push(&report.source);
                sources.len() as u64 - 1
            });
        }
        let secret = self.reporter.credential().expose_secret();
        let values: usize = self.reports.iter().map(|(_, report)| report.value.len() + 29).sum();
        // Room for all of it: growing would leave copies of the secret behind.
        let texts: usize = sources.iter().map(|source| source.len() + 4).sum();
        let room = 64 + self.reporter.site().len() + secret.len() + values + texts;
        let mut out = Zeroizing::new(Vec::with_capacity(room));
        out.push(ACCEPTED);
        put_text(&mut out, self.reporter.site());
        put_text(&mut out, secret);
        out.extend_from_slice(&self.accepted_at.to_le_bytes());
        put_count(&mut out, sources.len());
        for source in sources {
            put_text(&mut out, source);
        }
        put_count(&mut out, self.reports.len());
        for (number, report) in &self.reports {
            out.extend_from_slice(&number.to_le_bytes());
            out.push(report.kind.code());
            let source = numbers.get(&*report.source).copied().unwrap_or_default();
            out.extend_from_slice(&source.to_le_bytes());
            out.extend_from_slice(&report.seen_at.to_le_bytes());
            put_text(&mut out, &report.value);
        }
        out
    }
}

/// Writes which reports are settled, in as many records as that takes.
pub(crate) fn marks(ranges: &[RangeInclusive<u64>]) -> impl Iterator<Item = Zeroizing<Vec<u8>>> {
    ranges.chunks(MAX_ITEMS).map(settled)
}

fn settled(ranges: &[RangeInclusive<u64>]) -> Zeroizing<Vec<u8>> {
    let mut out = Zeroizing::new(Vec::with_capacity(5 + ranges.len() * 16));
    out.push(SETTLED);
    put_count(&mut out, ranges.len());
    for range in ranges {
        out.extend_from_slice(&range.start().to_le_bytes());
        out.extend_from_slice(&range.end().to_le_bytes());
    }
    out
}

/// Reads a record; nothing for bytes that are none.
pub(crate) fn read(bytes: &[u8]) -> Option<Record> {
    let mut rest = Bytes(bytes);
    let record = match rest.byte()? {
        ACCEPTED => Record::Accepted(read_accepted(&mut rest)?),
        SETTLED => {
            let count = rest.count()?;
            let mut ranges = Vec::with_capacity(count.min(1_024));
            for _ in 0..count {
                ranges.push(rest.number()?..=rest.number()?);
            }
            Record::Settled(ranges)
        }
        _ => return None,
    };
    rest.0.is_empty().then_some(record)
}

fn read_accepted(rest: &mut Bytes<'_>) -> Option<Accepted> {
    let site = rest.text()?.to_owned();
    let credential = SecretString::from(rest.text()?);
    let accepted_at = rest.time()?;
    let mut sources: Vec<Arc<str>> = Vec::new();
    for _ in 0..rest.count()? {
        sources.push(rest.text()?.into());
    }
    let count = rest.count()?;
    let mut reports = Vec::with_capacity(count.min(1_024));
    for _ in 0..count {
        let number = rest.number()?;
        let kind = Kind::of_code(rest.byte()?)?;
        let source = sources.get(usize::try_from(rest.number()?).ok()?)?;
        let report = Report {
            kind,
            source: Arc::clone(source),
            seen_at: rest.time()?,
            value: rest.text()?.to_owned(),
        };
        reports.push((number, report));
    }
    Some(Accepted {
        reporter: Reporter::new(site, credential),
        accepted_at,
        reports,
    })
}

fn put_count(out: &mut Vec<u8>, count: usize) {
    out.extend_from_slice(&u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_count(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// The bytes that are not read yet.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn chunk<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (chunk, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*chunk)
    }

    fn number(&mut self) -> Option<u64> {
        self.chunk().map(u64::from_le_bytes)
    }

    fn time(&mut self) -> Option<i64> {
        self.chunk().map(i64::from_le_bytes)
    }

    fn length(&mut self) -> Option<usize> {
        usize::try_from(u32::from_le_bytes(self.chunk()?)).ok()
    }

    fn count(&mut self) -> Option<usize> {
        self.length().filter(|count| *count <= MAX_ITEMS)
    }

    fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn report() -> impl Strategy<Value = (u64, Report)> {
        (any::<u64>(), ".{0,40}", any::<bool>(), "(fw1|fw2|.{0,9})", any::<i64>()).prop_map(
            |(number, value, harmless, source, seen_at)| {
                let kind = if harmless { Kind::FalsePositive } else { Kind::Hit };
                let source = source.as_str().into();
                (
                    number,
                    Report {
                        value,
                        kind,
                        source,
                        seen_at,
                    },
                )
            },
        )
    }

    #[test]
    fn many_reports_and_many_marks_become_several_records() {
        let report = |number: u64, length: usize| {
            let value = "a".repeat(length);
            let (kind, source, seen_at) = (Kind::Hit, "fw".into(), 0);
            (
                number,
                Report {
                    value,
                    kind,
                    source,
                    seen_at,
                },
            )
        };
        let of = |reports: Vec<(u64, Report)>| Accepted {
            reporter: Reporter::new("misp.example.net", SecretString::from("secret")),
            accepted_at: 0,
            reports,
        };
        let sizes = |reports: Vec<(u64, Report)>| -> Vec<usize> {
            let pieces = of(reports.clone()).pieces();
            let joined: Vec<_> = pieces.iter().flat_map(|piece| piece.reports.clone()).collect();
            assert_eq!(joined, reports);
            pieces.iter().map(|piece| piece.reports.len()).collect()
        };
        assert_eq!(
            sizes((0..25_000).map(|number| report(number, 3)).collect()),
            [10_000, 10_000, 5_000]
        );
        assert_eq!(
            sizes((0..5).map(|number| report(number, 400 << 10)).collect()),
            [2, 2, 1]
        );
        assert_eq!(sizes(vec![report(0, 3), report(1, 2 << 20), report(2, 3)]), [1, 1, 1]);
        assert!(sizes(Vec::new()).is_empty());
        let ranges: Vec<_> = (0..25_000_u64).map(|number| number * 2..=number * 2).collect();
        let read_back: Vec<_> = marks(&ranges)
            .flat_map(|record| match read(&record) {
                Some(Record::Settled(ranges)) => ranges,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(read_back, ranges);
    }

    /// A vector that grows leaves what it held, with the secret, in the memory that it gives back.
    #[test]
    fn a_record_does_not_grow_while_it_is_written() {
        let accepted = Accepted {
            reporter: Reporter::new("s".repeat(255), SecretString::from("k".repeat(200))),
            accepted_at: 0,
            reports: Vec::new(),
        };
        let report = |length: usize| Report {
            value: "v".repeat(length),
            kind: Kind::Hit,
            source: "w".repeat(length).into(),
            seen_at: 0,
        };
        for count in [0, 1, 2, 100] {
            let reports = (0..count).map(|number| (number, report(usize::try_from(number).unwrap())));
            let accepted = Accepted {
                reports: reports.collect(),
                ..accepted.clone()
            };
            let written = accepted.written();
            assert!(written.capacity() < written.len() + 64, "{count} reports");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(
            site in ".{0,20}", secret in ".{0,200}", accepted_at in any::<i64>(),
            reports in prop::collection::vec(report(), 0..20),
        ) {
            let accepted = Accepted { reporter: Reporter::new(site, SecretString::from(secret)), accepted_at, reports };
            let Some(Record::Accepted(read)) = read(&accepted.written()) else { panic!("not read") };
            prop_assert_eq!(read.reporter.site(), accepted.reporter.site());
            prop_assert!(read.reporter.id() == accepted.reporter.id());
            prop_assert_eq!((read.accepted_at, read.reports), (accepted.accepted_at, accepted.reports));
        }

        #[test]
        fn settled_ranges_are_read(ranges in prop::collection::vec((any::<u64>(), any::<u64>()), 0..20)) {
            let ranges: Vec<_> = ranges.into_iter().map(|(a, b)| a..=b).collect();
            let Some(Record::Settled(read)) = read(&settled(&ranges)) else { panic!("not read") };
            prop_assert_eq!(read, ranges);
        }

        #[test]
        fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200), tag in 0_u8..4) {
            bytes.insert(0, tag);
            let _ = read(&bytes);
        }
    }
}
