//! Values that only our own files have.

use std::net::IpAddr;

use config_file::value::{number, shown, some_text};
use config_file::{Item, Scalar, Wrong};
use feed_classification::{Age, Tlp};

use crate::name::SiteName;

/// A port of TCP.
pub(crate) fn port(scalar: &Scalar) -> Result<Item<u16>, Wrong> {
    let port = number(scalar, 1, 65_535)?;
    Ok(u16::try_from(port).unwrap_or(u16::MAX).into())
}

/// A host name without scheme, port and path. It becomes lower case.
pub(crate) fn host_name(scalar: &Scalar) -> Result<Item<String>, Wrong> {
    let text = some_text(scalar)?;
    match text.parse::<SiteName>() {
        Ok(name) if name.as_str().parse::<IpAddr>().is_err() => Ok(name.to_string().into()),
        _ => Err(Wrong::new(
            format!("{} is not a host name", shown(scalar)),
            "write a name like cratos.example.net, without scheme, port and path",
        )),
    }
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
