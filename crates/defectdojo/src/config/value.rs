//! Values that only this configuration has.

use config_file::{Report, Spanned, place};
use feed_classification::Age;

use super::{Severity, Tag};

/// Reads one of DefectDojo's severities.
pub(super) fn severity(report: &mut Report, text: &Spanned<String>) -> Option<Severity> {
    let found = Severity::ALL
        .into_iter()
        .find(|severity| severity.as_str() == text.value);
    if found.is_none() {
        let all = Severity::ALL.map(Severity::as_str).join(", ");
        let what = "is no severity of DefectDojo";
        report.wrong(place(text), "severity", what, format!("write some of {all}"));
    }
    found
}

/// Reads an age, as in the URLs of feeds.
pub(super) fn age(report: &mut Report, text: &Spanned<String>) -> Option<Age> {
    let parsed: Result<Age, _> = text.value.parse();
    if parsed.is_err() {
        let instead = format!("write one of {}", Age::NAMES.join(", "));
        report.wrong(place(text), "age", "is no age", instead);
    }
    parsed.ok()
}

/// Reads the tag.
pub(super) fn tag(report: &mut Report, text: &Spanned<String>) -> Option<Tag> {
    let tag = Tag::new(&text.value);
    if tag.is_none() {
        let what = "DefectDojo would not keep this tag as it is";
        let instead = "write up to 100 lower-case letters, digits and any of : . _ - = /";
        report.wrong(place(text), "tag", what, instead);
    }
    tag
}
