//! From the bytes of an answer to values, each parsed anew: what an agent enforces it has understood itself.

use std::io;

use feed_classification::{Dropped, Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType, TypeSet};

use super::SourceError;
use crate::refusals::Refusals;

/// What an answer holds.
#[derive(Debug)]
pub(super) struct Parsed {
    pub(super) set: IndicatorSet,
    /// All values, those that are left out included.
    pub(super) found: u64,
    pub(super) refused: Refusals,
}

/// Returns the output that is asked for: plain text, but for rules, which have lines of their own.
pub(super) fn output(kind: IndicatorType) -> &'static str {
    if TypeSet::RULES.contains(kind) { "json" } else { "txt" }
}

/// Reads the body of a feed in [`output`]'s form.
///
/// # Errors
/// If it is not in that form, or if more than half of it is of another type: a page of something else is no feed.
pub(super) fn values(kind: IndicatorType, body: &[u8]) -> Result<Parsed, SourceError> {
    let mut parsed = Collected::new(kind);
    if TypeSet::RULES.contains(kind) {
        let rules: Vec<String> = serde_json::from_slice(body).map_err(|error| SourceError::Unreadable(error.into()))?;
        rules.iter().for_each(|rule| parsed.add(rule));
    } else {
        let text = std::str::from_utf8(body)
            .map_err(|error| SourceError::Unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        text.lines().for_each(|line| parsed.add(line));
    }
    parsed.finish()
}

/// Judges whether a value is of the extractor's type and in normal form.
///
/// # Errors
/// Why it is not.
pub(super) fn judged(extractor: &Extractor, value: &str) -> Result<(), Foreign> {
    let mut is_normal = false;
    extractor.extract("", value, &mut |found| is_normal = found == value)?;
    if is_normal { Ok(()) } else { Err(Foreign::OtherSpelling) }
}

/// Why a value of an answer is left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Foreign {
    /// It is not of the feed's type.
    #[error(transparent)]
    OtherType(#[from] Dropped),
    /// It is of the type, and cratosd would write it otherwise.
    #[error("not in the spelling that cratosd gives values of this type")]
    OtherSpelling,
}

struct Collected {
    extractor: Extractor,
    builder: IndicatorSetBuilder,
    found: u64,
    refused: Refusals,
}

impl Collected {
    fn new(kind: IndicatorType) -> Self {
        Self {
            extractor: Extractor::new(kind),
            builder: IndicatorSetBuilder::new(kind),
            found: 0,
            refused: Refusals::default(),
        }
    }

    /// Takes a value that is in normal form already; one bad value does not stop the rest.
    fn add(&mut self, value: &str) {
        self.found += 1;
        match judged(&self.extractor, value) {
            Ok(()) => self.builder.push(value),
            Err(why) => self.refused.push(value, why),
        }
    }

    fn finish(self) -> Result<Parsed, SourceError> {
        let (found, refused) = (self.found, self.refused.count());
        if refused > found / 2 {
            return Err(SourceError::Nonsense { refused, found });
        }
        Ok(Parsed {
            set: self.builder.finish(),
            found,
            refused: self.refused,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(kind: IndicatorType, body: &str) -> (Vec<String>, u64) {
        let parsed = values(kind, body.as_bytes()).unwrap();
        (parsed.set.iter().map(str::to_owned).collect(), parsed.refused.count())
    }

    #[test]
    fn one_bad_value_does_not_stop_the_rest() {
        let body = "192.0.2.1\r\n192.0.2.2; reboot\r\n192.0.2.3\r\n2001:db8::1";
        let (found, refused) = read(IndicatorType::Ipv4, body);
        assert_eq!(
            (found, refused),
            (vec!["192.0.2.1".to_owned(), "192.0.2.3".to_owned()], 2)
        );
        let (both, refused) = read(IndicatorType::Ip, "192.0.2.1\r\n2001:db8::/32");
        assert_eq!((both.len(), refused), (2, 0), "IPv6 stays");
    }

    #[test]
    fn a_page_of_something_else_is_no_feed() {
        let page = "<html>\n<title>Log in</title>\n</html>\n";
        let refused = values(IndicatorType::Domain, page.as_bytes()).unwrap_err();
        assert!(
            matches!(refused, SourceError::Nonsense { refused: 3, found: 3 }),
            "{refused:?}"
        );
        assert!(matches!(
            values(IndicatorType::Url, b"\xff\xfe"),
            Err(SourceError::Unreadable(_))
        ));
    }

    #[test]
    fn values_in_another_spelling_are_refused() {
        let (found, refused) = read(IndicatorType::Domain, "a.example\nb.example\nEvil.example\n a.example");
        assert_eq!((found.len(), refused), (2, 2));
    }

    #[test]
    fn refused_values_are_named_with_the_reason() {
        let parsed = values(
            IndicatorType::Domain,
            b"a.example\nb.example\nc.example\ncom\n.\nA.example",
        )
        .unwrap();
        let refused: Vec<String> = parsed.refused.named().iter().map(ToString::to_string).collect();
        assert_eq!(refused.len(), 3);
        assert!(refused[0].starts_with("`com`: "), "{refused:?}");
        assert_eq!(
            refused[2],
            "`A.example`: not in the spelling that cratosd gives values of this type"
        );
    }

    #[test]
    fn rules_keep_their_lines() {
        let body = r#"["rule a\n{ condition: true }"]"#;
        assert_eq!(read(IndicatorType::Yara, body).0, ["rule a\n{ condition: true }"]);
        assert!(values(IndicatorType::Yara, b"rule a\n{ }").is_err());
    }

    #[test]
    fn nothing_is_an_empty_feed() {
        assert_eq!(read(IndicatorType::Domain, ""), (vec![], 0));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..IndicatorType::ALL.len()) {
            let _ = values(IndicatorType::ALL[kind], &body);
        }

        #[test]
        fn what_is_taken_has_no_line_end(body in "[ -~\r\n\u{85}\u{2028}]{0,60}", kind in 0..IndicatorType::ALL.len()) {
            let kind = IndicatorType::ALL[kind];
            if let Ok(parsed) = values(kind, body.as_bytes()) && !TypeSet::RULES.contains(kind) {
                prop_assert!(parsed.set.iter().all(|value| !value.contains(['\n', '\r'])));
            }
        }
    }
}
