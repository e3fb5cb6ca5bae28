//! Bodies of the built-in outputs, for tests with the programs that read them.

use std::sync::Arc;

use super::values;
use crate::export::{Exporter, Options, Registry, configured};
use crate::{ExportCounts, FeedInfo, Indicator, IndicatorSet, IndicatorType};

/// Returns the body of a built-in output with these options for a feed of these values, and the counts. The feed has
/// the title `block-any-1w`.
///
/// ```
/// use feed_classification::IndicatorType;
/// use feed_classification::export::testkit::chosen;
///
/// let (body, counts) = chosen("hosts", &[("address", "::1")], IndicatorType::Domain, &["evil.example"]);
/// assert!(body.ends_with("::1 evil.example\n"));
/// assert_eq!(counts.written, 1);
/// ```
///
/// # Panics
/// If the output or the option does not exist, or if the body is not UTF-8.
#[must_use]
pub fn chosen(
    output: &str,
    options: &[(&str, &str)],
    kind: IndicatorType,
    values: &[impl AsRef<str>],
) -> (String, ExportCounts) {
    let set = IndicatorSet::of(kind, values.iter().map(AsRef::as_ref));
    let Some(exporter) = named(output) else {
        return Default::default();
    };
    let options = Options::of(exporter.about().options, options);
    assert!(options.is_ok(), "{output}: {options:?}");
    let exporter = configured(&exporter, &options.unwrap_or_default());
    let feed = FeedInfo::new(kind, "block-any-1w").limited_to(exporter.about());
    let mut body = Vec::new();
    let exported = exporter.export(&feed, &mut set.indicators(), &mut body);
    let body = String::from_utf8(body);
    assert!(exported.is_ok() && body.is_ok(), "{output}: {exported:?}, {body:?}");
    (body.unwrap_or_default(), exported.unwrap_or_default())
}

/// Returns the body of a built-in output for a feed of these values; see [`chosen`].
///
/// # Panics
/// As [`chosen`].
#[must_use]
pub fn body(output: &str, kind: IndicatorType, values: &[impl AsRef<str>]) -> String {
    chosen(output, &[], kind, values).0
}

/// Returns those of [`values()`] and of `more` that a built-in output does not leave out.
///
/// # Panics
/// If the output does not exist.
#[must_use]
pub fn writable(output: &str, kind: IndicatorType, more: &[&str]) -> Vec<String> {
    let exporter = named(output);
    let mut all = values(kind);
    all.extend(more.iter().map(|value| (*value).to_owned()));
    all.retain(|value| {
        let item = Indicator::new(kind, value);
        exporter
            .as_ref()
            .is_some_and(|exporter| exporter.leaves_out(&item).is_none())
    });
    all
}

fn named(output: &str) -> Option<Arc<dyn Exporter>> {
    let registry = Registry::builtin();
    let found = registry.by_name(output);
    assert!(found.is_some(), "there is no output {output}");
    found.cloned()
}
