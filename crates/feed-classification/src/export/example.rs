//! The beginning of an exporter's output, for the catalogue of outputs and the documentation.

use crate::export::samples::samples;
use crate::export::{Exporter, FeedInfo};
use crate::{Indicator, IndicatorType, TypeSet};

/// The types whose values say most to a reader, if a format takes them.
const TELLING: [IndicatorType; 3] = [IndicatorType::Domain, IndicatorType::Ip, IndicatorType::FileSha256];

/// The most lines and bytes of an example.
const MOST_LINES: usize = 12;
const MOST_BYTES: usize = 2048;

/// The moment of the last change in examples.
const CHANGED_AT: jiff::Timestamp = jiff::Timestamp::constant(1_767_225_600, 0);

/// The first lines that an exporter writes for a feed of three values.
///
/// ```
/// use feed_classification::Registry;
/// use feed_classification::export::Example;
///
/// let registry = Registry::builtin();
/// let example = Example::of(registry.by_name("generic").unwrap().as_ref());
/// assert_eq!(example.kind.as_str(), "domain");
/// assert_eq!(example.body, "a.example\nb.example.net\nc.example.org\n");
/// assert!(example.is_whole);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Example {
    /// The type of the feed.
    pub kind: IndicatorType,
    /// At most 12 lines and 2048 bytes.
    pub body: String,
    /// Whether the output ends with them.
    pub is_whole: bool,
}

impl Example {
    /// Renders the example of an exporter, with the defaults of its options, for a type of which it writes a value.
    #[must_use]
    pub fn of(exporter: &dyn Exporter) -> Self {
        let accepts = exporter.about().accepts;
        let telling = TELLING.into_iter().filter(|kind| accepts.contains(*kind));
        let mut kinds = telling.chain(accepts.without(TypeSet::of(&TELLING)).iter());
        let first = kinds.next().unwrap_or(TELLING[0]);
        let kinds = std::iter::once(first).chain(kinds);
        let mut bodies = kinds.filter_map(|kind| Some((kind, body(exporter, kind)?)));
        let (kind, body) = bodies.next().unwrap_or_else(|| (first, String::new()));
        let end = beginning(&body);
        let is_whole = end == body.len();
        let body = body.get(..end).unwrap_or_default().to_owned();
        Self { kind, body, is_whole }
    }
}

/// Returns the output for the samples of a type; `None` if the exporter leaves all of them out.
fn body(exporter: &dyn Exporter, kind: IndicatorType) -> Option<String> {
    let values = samples(kind);
    let mut items = values.iter().map(|value| Indicator::new(kind, value));
    let info = FeedInfo::new(kind, "block").changed_at(CHANGED_AT);
    let mut bytes = Vec::new();
    let exported = exporter.export(&info.limited_to(exporter.about()), &mut items, &mut bytes);
    exported.ok().filter(|exported| exported.written > 0)?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Returns where the beginning ends: after a line, or inside of one that is longer than an example.
fn beginning(body: &str) -> usize {
    let lines = body.split_inclusive('\n').take(MOST_LINES);
    let mut end = 0;
    for line in lines {
        if end + line.len() > MOST_BYTES {
            return if end == 0 { char_boundary(body) } else { end };
        }
        end += line.len();
    }
    end
}

fn char_boundary(body: &str) -> usize {
    let mut ends = (0..=MOST_BYTES).rev();
    ends.find(|end| body.is_char_boundary(*end)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{self, Write};

    use crate::Registry;
    use crate::export::{About, QuarantineReason};

    /// Leaves all names out.
    #[derive(Debug)]
    struct Addresses;

    impl Exporter for Addresses {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("addresses", "Addresses.");
            &ABOUT
        }

        fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
            let is_name = TypeSet::NAMES.contains(item.kind);
            is_name.then_some(QuarantineReason::UNREPRESENTABLE)
        }

        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            writeln!(out, "{}", item.value)
        }
    }

    #[test]
    fn an_example_is_of_the_first_type_that_the_exporter_writes() {
        let registry = Registry::builtin();
        let names = Example::of(registry.by_name("generic").unwrap().as_ref());
        assert_eq!(names.body, "a.example\nb.example.net\nc.example.org\n");
        let addresses = Example::of(&Addresses);
        assert_eq!(addresses.kind, IndicatorType::Ip);
        assert!(
            addresses.is_whole && addresses.body.lines().count() > 1,
            "{}",
            addresses.body
        );
    }

    #[test]
    fn every_builtin_exporter_has_an_example_that_is_not_empty() {
        for exporter in Registry::builtin().iter() {
            let example = Example::of(exporter.as_ref());
            assert!(!example.body.is_empty(), "{exporter:?}");
            assert!(exporter.about().accepts.contains(example.kind), "{exporter:?}");
        }
    }

    #[test]
    fn a_long_output_is_cut_after_a_line_and_a_long_line_inside() {
        let many = "line\n".repeat(20);
        assert_eq!(beginning(&many), 5 * MOST_LINES);
        let long = format!("x{}", "é".repeat(MOST_BYTES));
        assert_eq!(beginning(&long), MOST_BYTES - 1);
        assert_eq!(beginning(&format!("{}\n{long}", "x".repeat(10))), 11);
        assert_eq!(beginning("a\nb"), 3);
    }
}
