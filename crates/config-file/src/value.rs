//! Readers of single values. They read plain words as PyYAML (YAML 1.1) does, since the files of Cratos FastAPI were
//! written for it: `yes` and `on` mean true.
//!
//! Every reader returns the value, or its problem and the cure.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use ipnet::{IpNet, Ipv4Net};
use url::Url;

use crate::{Item, Scalar, Wrong, word};

/// Longest text that a key takes, in bytes.
const MAX_TEXT: usize = 4096;

/// Returns whether the value is empty, `~` or `null`.
#[must_use]
pub fn is_null(scalar: &Scalar) -> bool {
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

/// Reads `True`, `False` and the other words that YAML 1.1 has for them.
///
/// # Errors
/// If it is another word, or stands in quotes.
pub fn yes_no(scalar: &Scalar) -> Result<bool, Wrong> {
    as_bool(scalar).ok_or_else(|| {
        let text = if scalar.plain { "" } else { "the text " };
        Wrong::new(
            format!("{text}{} is neither yes nor no", shown(scalar)),
            "write True or False, without quotes",
        )
    })
}

/// Reads a whole number; `10_000` is as good as `10000`, and quotes do not matter.
///
/// # Errors
/// If it is not a number from `low` to `high`.
pub fn number(scalar: &Scalar, low: u64, high: u64) -> Result<u64, Wrong> {
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

/// Reads a line of text, which may be empty.
///
/// # Errors
/// If it is a boolean, has control characters, or is longer than 4096 bytes.
pub fn text(scalar: &Scalar) -> Result<String, Wrong> {
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

/// Reads a line of text that is not empty.
///
/// # Errors
/// As for [`text`], and if it is empty.
pub fn some_text(scalar: &Scalar) -> Result<String, Wrong> {
    let text = text(scalar)?;
    if text.trim().is_empty() {
        return Err(Wrong::new("is empty", "write a value, or remove the line"));
    }
    Ok(text)
}

/// Returns the text of a secret; its problems never show it.
///
/// # Errors
/// If it is a boolean or has control characters.
pub fn secret_text(scalar: &Scalar) -> Result<&str, Wrong> {
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

/// Reads a whole number and its unit: `90s`, `15m`, `24h`, `7d`, `2w`.
///
/// # Errors
/// If it is not a duration from `shortest` to `longest`.
pub fn duration(scalar: &Scalar, shortest: Duration, longest: Duration) -> Result<Duration, Wrong> {
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
        Some(duration) if duration < shortest => {
            let what = format!("{} is too short", shown(scalar));
            Err(Wrong::new(what, format!("write at least {}s", shortest.as_secs())))
        }
        Some(duration) if duration <= longest => Ok(duration),
        _ => {
            let hours = longest.as_secs() / (60 * 60);
            let most = if hours < 24 {
                format!("{hours}h")
            } else {
                format!("{}d", hours / 24)
            };
            let what = format!("{} is too long", shown(scalar));
            Err(Wrong::new(what, format!("write at most {most}")))
        }
    }
}

/// Reads a number of bytes, also with `KiB`, `MiB` or `GiB`.
///
/// # Errors
/// If it is not a size from `low` to `high`.
pub fn size(scalar: &Scalar, low: u64, high: u64) -> Result<u64, Wrong> {
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

/// Returns a size in the largest unit that expresses it whole: `256MiB`.
#[must_use]
pub fn in_units(bytes: u64) -> String {
    for (factor, unit) in [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")] {
        if bytes >= factor && bytes.is_multiple_of(factor) {
            return format!("{}{unit}", bytes / factor);
        }
    }
    bytes.to_string()
}

/// Reads an address with a port.
///
/// # Errors
/// If it is none, for example a host name.
pub fn socket_address(scalar: &Scalar) -> Result<SocketAddr, Wrong> {
    scalar.text.parse().map_err(|_| {
        Wrong::new(
            format!("{} is not an address with a port", shown(scalar)),
            "write it as 127.0.0.1:8080 or [::1]:8080",
        )
    })
}

/// Reads an address or a network. Host bits are masked away with a note; Cratos FastAPI does so without one.
///
/// # Errors
/// If it is neither.
pub fn network(scalar: &Scalar) -> Result<Item<IpNet>, Wrong> {
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

/// Returns the value as a message may show it: quoted, on one line, and never a text as long as a secret.
#[must_use]
pub fn shown(scalar: &Scalar) -> String {
    word::shown(&scalar.text)
}

/// Reads one of some words. `noun` is their name in messages, for example `a TLP level`; the problem suggests the
/// closest word.
///
/// # Errors
/// If `find` knows no such word.
pub fn word<T>(scalar: &Scalar, noun: &str, known: &[&str], find: impl FnOnce(&str) -> Option<T>) -> Result<T, Wrong> {
    find(&scalar.text).ok_or_else(|| {
        let what = format!("{} is not {noun}", shown(scalar));
        Wrong::new(what, word::suggestion(&scalar.text, known.iter().copied()))
    })
}

/// Reads an absolute path with a file name: it means the same file wherever the program is started.
///
/// # Errors
/// If the path is relative.
pub fn absolute_path(scalar: &Scalar) -> Result<PathBuf, Wrong> {
    let path = PathBuf::from(some_text(scalar)?);
    if path.is_absolute() && path.file_name().is_some() {
        return Ok(path);
    }
    let what = format!("{} is not an absolute path", shown(scalar));
    Err(Wrong::new(what, "write the whole path, beginning with /"))
}

/// Reads the URL of a web server that gets a secret: `https`, and `http` only to a loopback address or where `plain`
/// allows it. It must hold no user, query or fragment, which may be secrets. `example` is a host for the cure.
///
/// # Errors
/// If it is another text.
pub fn server_url(scalar: &Scalar, example: &str, plain: bool) -> Result<Url, Wrong> {
    let parsed = Url::parse(&scalar.text).ok();
    let Some(url) = parsed.filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https")) else {
        // The text may hold a password or a token.
        let is_plain = !scalar.text.contains(['@', '?', '#']);
        let shown = if is_plain {
            shown(scalar)
        } else {
            "the value".to_owned()
        };
        let instead = format!("write its address, such as https://{example}.example.net");
        return Err(Wrong::new(format!("{shown} is not the URL of a web server"), instead));
    };
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        let instead = "remove it; keys and tokens have files of their own";
        return Err(Wrong::new(
            "the URL holds a user, a password, a query or a fragment",
            instead,
        ));
    }
    let is_this_host = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        _ => false,
    };
    if url.scheme() == "http" && !is_this_host && !plain {
        let what = "the secret would go over the network unprotected";
        let instead = "write https://, or `insecure_http: true` if that is intended";
        return Err(Wrong::new(what, instead));
    }
    Ok(url)
}
