//! Values that several parts of `agent.yaml` have.

use std::str::FromStr;
use std::time::Duration;

use config_file::{Item, Scalar, Section, Wrong, value};
use ipnet::IpNet;

/// A year bounds every duration: sums of them stay far from an overflow.
pub(crate) const YEAR: Duration = Duration::from_secs(366 * 86_400);

pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Reads a name that state files, metrics and messages have.
pub(crate) fn name(scalar: &Scalar) -> Result<String, Wrong> {
    if is_name(&scalar.text) {
        return Ok(scalar.text.to_string());
    }
    let what = format!("{} is not a name", value::shown(scalar));
    Err(Wrong::new(
        what,
        "write up to 64 lower-case letters, digits and hyphens",
    ))
}

/// Returns whether a text can be a name in state files, metrics and messages.
pub(crate) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(fits) && !text.starts_with('-')
}

/// Reads one of the words of `feed-classification`; `known` are all of them, and `noun` names what they are.
pub(crate) fn word<T: FromStr>(scalar: &Scalar, noun: &str, known: &[&str]) -> Result<T, Wrong> {
    value::word(scalar, noun, known, |text| text.parse().ok())
}

/// Reads an address or network.
pub(crate) fn network(scalar: &Scalar) -> Result<Item<IpNet>, Wrong> {
    feed_classification::network_of(&scalar.text)
        .map(Item::from)
        .ok_or_else(|| {
            let what = format!("{} is not an address or network", value::shown(scalar));
            Wrong::new(what, "write one such as 192.0.2.0/24")
        })
}

/// Reads the mode of a file, in octal.
pub(crate) fn mode(scalar: &Scalar) -> Result<u32, Wrong> {
    let mode = u32::from_str_radix(&scalar.text, 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| {
        let what = format!("{} is not the mode of a file", value::shown(scalar));
        Wrong::new(what, "write one in quotes such as \"0640\"")
    })
}

/// Reads a command: the program and its arguments. Without it there is the command of the key's default, or none.
pub(crate) fn command(section: &mut Section<'_>, name: &'static str) -> Option<Vec<String>> {
    let place = section.place_of(name);
    if !section.has(name) && section.default_text(name).is_empty() {
        return None;
    }
    let words = section.list_or_default(name, |scalar| Ok(Item::from(scalar.text.to_string())));
    let runs = words.first().is_some_and(|program| !program.is_empty());
    if !runs || words.iter().any(|word| word.contains('\0')) {
        let instead = "write a list of words such as [systemctl, reload, squid]";
        section.wrong(place, name, Wrong::new("this is not a command", instead));
        return None;
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_and_no_option_of_a_command() {
        let longest = "a".repeat(64);
        for name in ["squid", "a-b", "7", "a-", &longest] {
            assert!(is_name(name), "{name}");
        }
        let longer = "a".repeat(65);
        for text in ["", "-", "-a", "Squid", "a b", "a_b", "a/b", "é", &longer] {
            assert!(!is_name(text), "{text}");
        }
    }
}
