//! Values that only this configuration has.

use config_file::{Report, Spanned, place, word};
use feed_classification::Age;

use super::{Severity, Tag};

/// Reads one of DefectDojo's severities.
pub(super) fn severity(report: &mut Report, text: &Spanned<String>) -> Option<Severity> {
    let found = Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == text.value);
    if found.is_none() {
        word::unknown(
            report,
            "severity",
            text,
            "a severity of DefectDojo",
            Severity::ALL.map(Severity::as_str),
        );
    }
    found
}

/// Reads an age, as in the URLs of feeds.
pub(super) fn age(report: &mut Report, text: &Spanned<String>) -> Option<Age> {
    let parsed: Result<Age, _> = text.value.parse();
    if parsed.is_err() {
        word::unknown(report, "age", text, "an age", Age::NAMES.iter().copied());
    }
    parsed.ok()
}

/// Reads the tag.
pub(super) fn tag(report: &mut Report, text: &Spanned<String>) -> Option<Tag> {
    let tag = Tag::new(&text.value);
    if tag.is_none() {
        let what = format!(
            "DefectDojo would not keep the tag {} as it is",
            word::shown(&text.value)
        );
        let instead = "write up to 100 lower-case letters, digits and any of : . _ - = /";
        report.wrong(place(text), "tag", what, instead);
    }
    tag
}
