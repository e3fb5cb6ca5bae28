//! From the bytes of an answer to values. Each value is parsed again: the client does not trust the server's spelling.

use std::io;

use feed_classification::{DropReason, Extractor, IndicatorSet, IndicatorSetBuilder, IndicatorType, TypeSet};

use crate::error::Error;
use crate::refusals::Refusals;

/// The values of an answer.
#[derive(Debug)]
pub(crate) struct Parsed {
    pub(crate) set: IndicatorSet,
    /// The number of all values, also of those that are refused.
    pub(crate) found: u64,
    pub(crate) refused: Refusals,
}

/// Returns the output to ask for: plain text, but JSON for rules, since a rule has several lines.
pub(crate) fn output(kind: IndicatorType) -> &'static str {
    if TypeSet::RULES.contains(kind) { "json" } else { "txt" }
}

/// Reads the body of a feed in [`output`]'s form.
///
/// # Errors
/// If it is not in that form, or if more than half of it is of another type, for example an HTML page.
pub(crate) fn parse(kind: IndicatorType, body: &[u8]) -> Result<Parsed, Error> {
    let mut parsed = Collection::new(kind);
    if TypeSet::RULES.contains(kind) {
        let rules: Vec<String> = serde_json::from_slice(body).map_err(|error| Error::Unreadable(error.into()))?;
        rules.iter().for_each(|rule| parsed.add(rule));
    } else {
        let text = std::str::from_utf8(body)
            .map_err(|error| Error::Unreadable(io::Error::new(io::ErrorKind::InvalidData, error)))?;
        text.lines().for_each(|line| parsed.add(line));
    }
    parsed.finish()
}

/// Checks that a value is of the extractor's type and in normal form.
///
/// # Errors
/// The reason why it is not.
pub(crate) fn check(extractor: &Extractor, value: &str) -> Result<(), Foreign> {
    let mut is_normal = false;
    extractor.extract("", value, &mut |found| is_normal = found == value)?;
    if is_normal { Ok(()) } else { Err(Foreign::OtherSpelling) }
}

/// Why a value of an answer is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    /// It is not of the feed's type.
    #[error(transparent)]
    OtherType(#[from] DropReason),
    /// It is of the type, but cratosd writes it in another way.
    #[error("not in the spelling that cratosd gives values of this type")]
    OtherSpelling,
}

struct Collection {
    extractor: Extractor,
    builder: IndicatorSetBuilder,
    found: u64,
    refused: Refusals,
}

impl Collection {
    fn new(kind: IndicatorType) -> Self {
        Self {
            extractor: Extractor::new(kind),
            builder: IndicatorSetBuilder::new(kind),
            found: 0,
            refused: Refusals::default(),
        }
    }

    /// Adds a value. One bad value does not stop the rest.
    fn add(&mut self, value: &str) {
        self.found += 1;
        match check(&self.extractor, value) {
            Ok(()) => self.builder.push(value),
            Err(why) => self.refused.push(value, why),
        }
    }

    fn finish(self) -> Result<Parsed, Error> {
        let (found, refused) = (self.found, self.refused.count());
        if refused > found / 2 {
            return Err(Error::Nonsense { refused, found });
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
        let parsed = parse(kind, body.as_bytes()).unwrap();
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
    fn a_web_page_is_no_feed() {
        let page = "<html>\n<title>Log in</title>\n</html>\n";
        let refused = parse(IndicatorType::Domain, page.as_bytes()).unwrap_err();
        assert!(
            matches!(refused, Error::Nonsense { refused: 3, found: 3 }),
            "{refused:?}"
        );
        assert!(matches!(
            parse(IndicatorType::Url, b"\xff\xfe"),
            Err(Error::Unreadable(_))
        ));
    }

    #[test]
    fn values_in_another_spelling_are_refused() {
        let (found, refused) = read(IndicatorType::Domain, "a.example\nb.example\nEvil.example\n a.example");
        assert_eq!((found.len(), refused), (2, 2));
    }

    #[test]
    fn refused_values_are_named_with_the_reason() {
        let parsed = parse(
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
        assert!(parse(IndicatorType::Yara, b"rule a\n{ }").is_err());
    }

    #[test]
    fn an_empty_body_is_an_empty_feed() {
        assert_eq!(read(IndicatorType::Domain, ""), (vec![], 0));
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in proptest::collection::vec(any::<u8>(), 0..400), kind in 0..IndicatorType::ALL.len()) {
            let _ = parse(IndicatorType::ALL[kind], &body);
        }

        #[test]
        fn accepted_values_have_no_line_end(body in "[ -~\r\n\u{85}\u{2028}]{0,60}", kind in 0..IndicatorType::ALL.len()) {
            let kind = IndicatorType::ALL[kind];
            if let Ok(parsed) = parse(kind, body.as_bytes()) && !TypeSet::RULES.contains(kind) {
                prop_assert!(parsed.set.iter().all(|value| !value.contains(['\n', '\r'])));
            }
        }
    }
}
