//! Single values of the configuration.

use std::str::FromStr;
use std::time::Duration;

pub(crate) use config_file::value::absolute;
use config_file::word::{self, shown};
use config_file::{Spanned, value};
use ipnet::IpNet;

use super::{Report, place};

/// Longer than anything here may take, and far from where sums run over.
const YEAR: Duration = Duration::from_secs(366 * 86_400);

/// Reads a whole number with its unit: `90s`, `5m`, `2h`, `1d`.
pub(crate) fn duration(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<Duration> {
    value::duration(report, key, text, YEAR)
}

/// Reads what names things in file names, metrics and messages.
pub(crate) fn name(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<String> {
    if is_name(&text.value) {
        return Some(text.value.clone());
    }
    report.wrong(
        place(text),
        key,
        format!("{} is not a name", shown(&text.value)),
        "write up to 64 lower-case letters, digits and hyphens",
    );
    None
}

/// Tells whether a text names things in file names, metrics and messages.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-')
}

/// Reads one of the words of `feed-classification`; `known` are all of them, and `noun` is what they are.
pub(crate) fn word<T: FromStr<Err = feed_classification::UnknownName>>(
    report: &mut Report,
    key: &str,
    text: &Spanned<String>,
    noun: &str,
    known: &[&str],
) -> Option<T> {
    let parsed = text.value.parse().ok();
    if parsed.is_none() {
        word::unknown(report, key, text, noun, known.iter().copied());
    }
    parsed
}

/// Reads an address or network.
pub(crate) fn network(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<IpNet> {
    let network = feed_classification::network_of(&text.value);
    if network.is_none() {
        report.wrong(
            place(text),
            key,
            format!("{} is not an address or network", shown(&text.value)),
            "write one such as 192.0.2.0/24",
        );
    }
    network
}

/// Reads the mode of a file, in octal.
pub(crate) fn mode(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<u32> {
    let mode = u32::from_str_radix(&text.value, 8).ok().filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        report.wrong(
            place(text),
            key,
            format!("{} is not the mode of a file", shown(&text.value)),
            "write one in quotes such as \"0640\"",
        );
    }
    mode
}

/// Reads a command: the program and its arguments. The outer `None` means that it is wrong.
#[expect(clippy::option_option, reason = "wrong, absent and there are three things")]
pub(crate) fn command(
    report: &mut Report,
    key: &str,
    words: Option<Spanned<Vec<String>>>,
) -> Option<Option<Vec<String>>> {
    let Some(words) = words else { return Some(None) };
    let runs = words.value.first().is_some_and(|program| !program.is_empty());
    if !runs || words.value.iter().any(|word| word.contains('\0')) {
        report.wrong(
            place(&words),
            key,
            "this is not a command",
            "write a list of words such as [systemctl, reload, squid]",
        );
        return None;
    }
    Some(Some(words.value))
}
