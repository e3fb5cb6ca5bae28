//! What one written value means. Plain words are read as PyYAML (YAML 1.1) reads them, since that is what wrote these files.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use feed_classification::{Age, Tlp};
use ipnet::{IpNet, Ipv4Net};

use crate::problem::Wrong;
use crate::section::Item;
use crate::yaml::Scalar;

/// Longest text that a key takes, in bytes.
const MAX_TEXT: usize = 4096;

/// Whether nothing, `~` or `null` is written.
pub(crate) fn is_null(scalar: &Scalar) -> bool {
    scalar.plain && matches!(scalar.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
}

fn as_bool(scalar: &Scalar) -> Option<bool> {
    if !scalar.plain {
        return None;
    }
    match scalar.text.as_str() {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

pub(crate) fn yes_no(scalar: &Scalar) -> Result<bool, Wrong> {
    as_bool(scalar).ok_or_else(|| {
        let text = if scalar.plain { "" } else { "the text " };
        Wrong::new(
            format!("{text}{} is neither yes nor no", shown(scalar)),
            "write True or False, without quotes",
        )
    })
}

/// A whole number; `10_000` is as good as `10000`, and quotes do not matter.
pub(crate) fn number(scalar: &Scalar, low: u64, high: u64) -> Result<u64, Wrong> {
    let instead = || format!("write a number from {low} to {high}");
    let text = scalar.text.trim().replace('_', "");
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("{} is not a whole number", shown(scalar));
        return Err(Wrong::new(what, instead()));
    }
    if text.len() > 1 && text.starts_with('0') {
        // YAML 1.1 reads it as octal, YAML 1.2 as decimal.
        return Err(Wrong::new(
            format!("{} begins with 0, which may mean an octal number", shown(scalar)),
            "write it without the leading 0",
        ));
    }
    match text.parse() {
        Ok(number) if (low..=high).contains(&number) => Ok(number),
        _ => {
            let what = format!("{} is out of range", shown(scalar));
            Err(Wrong::new(what, instead()))
        }
    }
}

/// A line of text, which may be empty.
pub(crate) fn text(scalar: &Scalar) -> Result<String, Wrong> {
    if as_bool(scalar).is_some() {
        return Err(Wrong::new(
            format!("{} means yes or no in YAML, not text", shown(scalar)),
            "put it in quotes",
        ));
    }
    let text = scalar.text.as_str();
    if text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "has a line break or another control character",
            "write it in one line",
        ));
    }
    if text.len() > MAX_TEXT {
        let what = format!("is longer than {MAX_TEXT} bytes");
        return Err(Wrong::new(what, "write something shorter"));
    }
    Ok(text.to_owned())
}

/// As [`text`], but not empty.
pub(crate) fn some_text(scalar: &Scalar) -> Result<String, Wrong> {
    let text = text(scalar)?;
    if text.trim().is_empty() {
        return Err(Wrong::new("is empty", "write a value, or remove the line"));
    }
    Ok(text)
}

/// A part of a MISP tag: characters that would change what MISP is asked for are refused.
pub(crate) fn tag_text(scalar: &Scalar) -> Result<String, Wrong> {
    let tag = some_text(scalar)?;
    let instead = "write the tag as it stands in MISP";
    if tag.len() > 200 {
        return Err(Wrong::new("is longer than 200 bytes", instead));
    }
    if tag.trim() != tag {
        return Err(Wrong::new("begins or ends with a space", instead));
    }
    if let Some(c) = tag.chars().find(|c| ['%', '|', '&'].contains(c)) {
        return Err(Wrong::new(
            format!("has a `{c}`, which MISP reads as an operator"),
            format!("{instead}, or rename it there"),
        ));
    }
    Ok(tag)
}

/// The text of a secret; only its length and its characters are ever judged.
pub(crate) fn secret_text(scalar: &Scalar) -> Result<&str, Wrong> {
    if as_bool(scalar).is_some() {
        return Err(Wrong::new("means yes or no in YAML, not text", "put it in quotes"));
    }
    if scalar.text.chars().any(char::is_control) {
        return Err(Wrong::new(
            "has a line break or another control character",
            "write it in one line",
        ));
    }
    Ok(&scalar.text)
}

pub(crate) fn age(scalar: &Scalar) -> Result<Age, Wrong> {
    scalar.text.parse().map_err(|_| {
        let ages: Vec<&str> = Age::ALL.iter().map(|age| age.as_str()).collect();
        Wrong::new(
            format!("{} is not an age", shown(scalar)),
            format!("write one of {}", ages.join(" ")),
        )
    })
}

pub(crate) fn tlp(scalar: &Scalar) -> Result<Tlp, Wrong> {
    scalar.text.parse().map_err(|_| {
        let levels: Vec<&str> = Tlp::ALL.iter().map(|level| level.as_str()).collect();
        Wrong::new(
            format!("{} is not a TLP level", shown(scalar)),
            format!("write one of {}", levels.join(" ")),
        )
    })
}

/// A number and its unit: `90s`, `15m`, `24h`, `7d`, `2w`.
pub(crate) fn duration(scalar: &Scalar, longest: Duration) -> Result<Duration, Wrong> {
    let text = scalar.text.as_str();
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let unit = text.get(digits.len()..).unwrap_or_default();
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        "w" => 7 * 24 * 60 * 60,
        _ => 0,
    };
    let instead = "write a number and its unit (s m h d w), as in 24h or 7d";
    if seconds == 0 || digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        let what = format!("{} is not a duration", shown(scalar));
        return Err(Wrong::new(what, instead));
    }
    let number: Option<u64> = digits.parse().ok();
    match number.and_then(|n| n.checked_mul(seconds)).map(Duration::from_secs) {
        Some(duration) if duration <= longest => Ok(duration),
        _ => {
            let days = longest.as_secs() / (24 * 60 * 60);
            let what = format!("{} is too long", shown(scalar));
            Err(Wrong::new(what, format!("write at most {days}d")))
        }
    }
}

/// A number of bytes, or one with `KiB`, `MiB` or `GiB`.
pub(crate) fn size(scalar: &Scalar, low: u64, high: u64) -> Result<u64, Wrong> {
    let text = scalar.text.replace('_', "");
    let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
    let factor: Option<u64> = match text.get(digits.len()..).unwrap_or_default().trim() {
        "" => Some(1),
        "KiB" => Some(1 << 10),
        "MiB" => Some(1 << 20),
        "GiB" => Some(1 << 30),
        _ => None,
    };
    let number: Option<u64> = digits.parse().ok();
    let (Some(factor), Some(number)) = (factor, number) else {
        let what = format!("{} is not a size", shown(scalar));
        return Err(Wrong::new(what, "write a number of bytes, or as in 256MiB"));
    };
    match number.checked_mul(factor) {
        Some(bytes) if (low..=high).contains(&bytes) => Ok(bytes),
        _ => Err(Wrong::new(
            format!("{} is out of range", shown(scalar)),
            format!("write a size from {} to {}", in_units(low), in_units(high)),
        )),
    }
}

/// The size in the largest unit that expresses it whole.
pub(crate) fn in_units(bytes: u64) -> String {
    for (factor, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

pub(crate) fn socket_address(scalar: &Scalar) -> Result<SocketAddr, Wrong> {
    scalar.text.parse().map_err(|_| {
        Wrong::new(
            format!("{} is not an address with a port", shown(scalar)),
            "write it as 127.0.0.1:8080 or [::1]:8080",
        )
    })
}

/// The name of a decaying model, as it stands in MISP.
pub(crate) fn model_name(scalar: &Scalar) -> Result<String, Wrong> {
    let text = scalar.text.trim();
    let is_name = !text.is_empty() && text.chars().count() <= 255 && !text.chars().any(char::is_control);
    if is_name {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not the name of a decaying model", shown(scalar)),
        "write it as it stands in MISP, as in `NIDS Simple Decaying Model`",
    ))
}

/// `tcp://host:port`, the only transport that MISP's publisher is reached by from another machine.
pub(crate) fn zmq_url(scalar: &Scalar) -> Result<String, Wrong> {
    let text = scalar.text.trim();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_:[]%".contains(&byte);
    let is_right = text
        .strip_prefix("tcp://")
        .and_then(|rest| rest.rsplit_once(':'))
        .is_some_and(|(host, port)| {
            !host.is_empty() && host.bytes().all(is_plain) && port.parse::<u16>().is_ok_and(|port| port > 0)
        });
    if is_right {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(
        format!("{} is not an address of a ZeroMQ publisher", shown(scalar)),
        "write it as tcp://misp.example.net:50000",
    ))
}

/// An address or a network. Host bits are masked away with a note, as Cratos FastAPI does without one.
pub(crate) fn network(scalar: &Scalar) -> Result<Item<IpNet>, Wrong> {
    let text = scalar.text.trim();
    if let Ok(address) = text.parse::<IpAddr>() {
        return Ok(IpNet::from(address).into());
    }
    let Some(written) = text.parse::<IpNet>().ok().or_else(|| with_netmask(text)) else {
        return Err(Wrong::new(
            format!("{} is neither an address nor a network", shown(scalar)),
            "write it as 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32",
        ));
    };
    let network = written.trunc();
    let note = if network != written {
        let address = IpNet::from(written.addr());
        Some(format!(
            "{written} is read as the whole network {network}; write {address} if one address is meant"
        ))
    } else if network.prefix_len() == 0 {
        Some(format!("{network} lets everybody in"))
    } else {
        None
    };
    Ok(Item {
        value: Some(network),
        note,
    })
}

/// `192.0.2.0/255.255.255.0`, which Python's `ipaddress` takes too.
fn with_netmask(text: &str) -> Option<IpNet> {
    let (address, mask) = text.split_once('/')?;
    let (address, mask): (Ipv4Addr, Ipv4Addr) = (address.parse().ok()?, mask.parse().ok()?);
    Ipv4Net::with_netmask(address, mask).ok().map(IpNet::from)
}

/// The value as a message may show it: quoted, on one line; nothing that is as long as a secret.
pub(crate) fn shown(scalar: &Scalar) -> String {
    let text = scalar.text.as_str();
    let length = text.chars().count();
    if length >= 32 {
        return format!("the value of {length} characters");
    }
    format!("`{}`", text.escape_debug())
}

/// The known name that is spelt most like `name`, if any is.
pub(crate) fn closest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > 64 {
        return None;
    }
    let folded = |text: &str| text.to_lowercase().replace('-', "_");
    let wanted = folded(name);
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&wanted, &folded(k)), k))
        .filter(|(distance, k)| *distance <= 1 + k.len() / 4)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, k)| k)
}
