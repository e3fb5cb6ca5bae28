//! Single values of a file: each is returned, or what is wrong with it goes to the report.

use std::path::{Path, PathBuf};
use std::time::Duration;

use url::Url;

use crate::word::shown;
use crate::{Place, Report, SecretFile, Spanned, place};

/// Returns what a key must have, or says that it is missing in the map at `at`. `told` are the keys of this map that something was said
/// about already: then nothing more is said.
pub fn required<'v, T>(
    report: &mut Report,
    at: Place,
    told: &[String],
    key: &str,
    value: Option<&'v T>,
) -> Option<&'v T> {
    if value.is_none() && !told.iter().any(|told| told == key) {
        report.wrong(at, key, "the key is missing", "add it");
    }
    value
}

/// Returns where a server answers: `https`, and `http` to this host or where `plain` allows it. No user, query or fragment, which may hold
/// secrets.
pub fn server(report: &mut Report, key: &str, text: &Spanned<String>, plain: bool) -> Option<Url> {
    let at = place(text);
    let parsed = Url::parse(&text.value).ok();
    let Some(url) = parsed.filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https")) else {
        let instead = format!("write where it answers, such as https://{key}.example.net");
        report.wrong(
            at,
            key,
            format!("{} is not the URL of a web server", without_secret(&text.value)),
            instead,
        );
        return None;
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        let instead = "keys and tokens have files of their own";
        report.wrong(
            at,
            key,
            "the URL holds a user, a password, a query or a fragment",
            instead,
        );
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

/// Returns where a secret is: in the file that is named, else in the credential that systemd put into the folder `credentials`.
pub fn secret(
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
            report.wrong(Place::START, key, "the key is missing", instead);
            None
        }
    }
}

/// Returns a duration of at least a second, written as a whole number with its unit: `90s`, `5m`, `2h`, `1d`.
pub fn duration(report: &mut Report, key: &str, text: &Spanned<String>, longest: Duration) -> Option<Duration> {
    let parsed = seconds(&text.value).map(Duration::from_secs);
    match parsed {
        Some(duration) if (Duration::from_secs(1)..=longest).contains(&duration) => Some(duration),
        Some(_) => {
            let instead = format!("write one from 1s to {}h", longest.as_secs() / 3600);
            report.wrong(
                place(text),
                key,
                format!("{} is too short or too long", shown(&text.value)),
                instead,
            );
            None
        }
        None => {
            let instead = "write a whole number with s, m, h or d behind it, such as 90s";
            report.wrong(
                place(text),
                key,
                format!("{} is not a duration", shown(&text.value)),
                instead,
            );
            None
        }
    }
}

/// Returns a URL as a message may show it: what may hold a password or a token is not shown.
fn without_secret(url: &str) -> String {
    if url.contains(['@', '?', '#']) {
        return "the value".to_owned();
    }
    shown(url)
}

fn seconds(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let factor = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3600,
        'd' => 86_400,
        _ => return None,
    };
    let number: u64 = text.strip_suffix(unit)?.parse().ok()?;
    number.checked_mul(factor)
}

/// Returns a path that means the same wherever the program is started.
pub fn absolute(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<PathBuf> {
    let path = PathBuf::from(&text.value);
    let has_name = path.file_name().is_some();
    if path.is_absolute() && has_name && !text.value.contains('\0') {
        return Some(path);
    }
    report.wrong(
        place(text),
        key,
        format!("{} is not an absolute path", shown(&text.value)),
        "write it from / on",
    );
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        let read = ["90s", "70m", "2h", "1d"].map(seconds);
        assert_eq!(read, [Some(90), Some(4200), Some(7200), Some(86_400)]);
        for wrong in ["", "s", "60", "1.5h", "-1m", "99999999999999999999d", "5 m", "5ü"] {
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
