//! Single values of the configuration.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde_yaml::Spanned;

use super::{Report, place};
use crate::never_block::Own;

/// Reads a whole number with its unit: `90s`, `5m`, `2h`, `1d`.
pub(crate) fn duration(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<Duration> {
    let parsed = seconds(&text.value);
    if parsed.is_none() {
        report.wrong(
            place(text),
            key,
            "is no duration",
            "write a whole number with s, m, h or d behind it, such as 70m",
        );
    }
    parsed.map(Duration::from_secs)
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
    // A year is longer than anything here may take, and far from where sums run over.
    number
        .checked_mul(factor)
        .filter(|seconds| (1..=366 * 86_400).contains(seconds))
}

/// Reads a path that means the same wherever the agent is started.
pub(crate) fn absolute(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<PathBuf> {
    let path = PathBuf::from(&text.value);
    let has_name = path.file_name().is_some();
    if path.is_absolute() && has_name && !text.value.contains('\0') {
        return Some(path);
    }
    report.wrong(place(text), key, "is no absolute path", "write it from / on");
    None
}

/// Reads what names things in file names, metrics and messages.
pub(crate) fn name(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<String> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let name = &text.value;
    if (1..=64).contains(&name.len()) && name.bytes().all(fits) && !name.starts_with('-') {
        return Some(name.clone());
    }
    report.wrong(
        place(text),
        key,
        "is no name",
        "write up to 64 lower-case letters, digits and hyphens",
    );
    None
}

/// Reads one of the words of `feed-classification`; `known` are all of them.
pub(crate) fn word<T: FromStr<Err = feed_classification::UnknownName>>(
    report: &mut Report,
    key: &str,
    text: &Spanned<String>,
    known: &[&str],
) -> Option<T> {
    match text.value.parse() {
        Ok(value) => Some(value),
        Err(error) => {
            report.wrong(
                place(text),
                key,
                error.to_string(),
                format!("write one of {}", known.join(", ")),
            );
            None
        }
    }
}

/// Reads an address or network.
pub(crate) fn network(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<Own> {
    let network = feed_classification::network_of(&text.value);
    if network.is_none() {
        report.wrong(
            place(text),
            key,
            "is no address or network",
            "write one such as 192.0.2.0/24",
        );
    }
    network.map(Own::Network)
}

/// Reads the mode of a file, in octal.
pub(crate) fn mode(report: &mut Report, key: &str, text: &Spanned<String>) -> Option<u32> {
    let mode = u32::from_str_radix(&text.value, 8).ok().filter(|mode| *mode <= 0o777);
    if mode.is_none() {
        report.wrong(
            place(text),
            key,
            "is no mode of a file",
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
            "is no command",
            "write a list of words such as [systemctl, reload, squid]",
        );
        return None;
    }
    Some(Some(words.value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_have_units() {
        assert_eq!(
            (seconds("90s"), seconds("70m"), seconds("1d")),
            (Some(90), Some(4200), Some(86_400))
        );
        for wrong in [
            "",
            "s",
            "60",
            "1.5h",
            "-1m",
            "0s",
            "99999999999999999999d",
            "400d",
            "5 m",
            "5ü",
        ] {
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
