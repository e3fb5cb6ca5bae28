//! Single values of the configuration.

use std::path::{Path, PathBuf};
use std::time::Duration;

use feed_classification::Age;
use serde_yaml::Spanned;
use url::Url;

use super::problem::{Place, Report, place};
use super::{Severity, Tag};
use crate::secret::SecretFile;

/// Reads where a server answers.
pub(super) fn server(report: &mut Report, key: &str, text: &Spanned<String>, plain: bool) -> Option<Url> {
    let at = place(text);
    let parsed = Url::parse(&text.value).ok();
    let Some(url) = parsed.filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https")) else {
        let instead = format!("write where it answers, such as https://{key}.example.net");
        report.wrong(at, key, "is no URL of a web server", instead);
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        let instead = "secrets have files of their own";
        report.wrong(at, key, "holds more than a server and a path", instead);
        return None;
    }
    let is_this_host = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if url.scheme() == "http" && !is_this_host && !plain {
        let what = "the secret would go over the network unprotected";
        let instead = "write https://, or `insecure_http: true` if that is what you want";
        report.wrong(at, key, what, instead);
        return None;
    }
    Some(url)
}

/// Reads where a secret is: the file, or the credential that systemd gives.
pub(super) fn secret(
    report: &mut Report,
    key: &str,
    text: Option<&Spanned<String>>,
    credentials: Option<&Path>,
    credential: &str,
) -> Option<SecretFile> {
    match (text, credentials) {
        (Some(text), _) => absolute(report, key, text).map(SecretFile::new),
        (None, Some(folder)) => Some(SecretFile::new(folder.join(credential))),
        (None, None) => {
            let instead = format!("name the file that holds it, or give systemd the credential `{credential}`");
            report.wrong(Place::START, key, "is missing", instead);
            None
        }
    }
}

/// Reads a whole number with its unit: `90s`, `5m`, `2h`.
pub(super) fn duration(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<Duration> {
    let parsed = seconds(&text.value);
    if parsed.is_none() {
        let instead = "write a whole number with s, m or h behind it, such as 90s, up to a day";
        report.wrong(place(text), key, "is no duration", instead);
    }
    parsed.map(Duration::from_secs)
}

fn seconds(text: &str) -> Option<u64> {
    let factor = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        _ => return None,
    };
    let number: u64 = text.get(..text.len() - 1)?.parse().ok()?;
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=86_400).contains(seconds))
}

/// Reads a path that means the same wherever the program is started.
pub(super) fn absolute(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<PathBuf> {
    let path = PathBuf::from(&text.value);
    let has_name = path.file_name().is_some();
    if path.is_absolute() && has_name && !text.value.contains('\0') {
        return Some(path);
    }
    report.wrong(place(text), key, "is no absolute path", "write it from / on");
    None
}

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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(
            (seconds("90s"), seconds("70m"), seconds("2h")),
            (Some(90), Some(4200), Some(7200))
        );
        for wrong in ["", "s", "60", "1.5h", "-1m", "0s", "25h", "99999999999999999999h", "5ü"] {
            assert_eq!(seconds(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,20}") {
            let _ = seconds(&text);
        }
    }
}
