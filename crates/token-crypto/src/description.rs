//! The limits of a token in words, for example for `cratosd token inspect`.

use tlp::Tlp;

use crate::claims::Claims;
use crate::ring::OpenedToken;
use crate::scope::{Allowed, Scope};

/// Returns one line for each part of a token, without its MISP key.
#[must_use]
pub fn of(opened: &OpenedToken) -> String {
    let mut text: String = parts(opened).iter().map(|(name, value)| line(name, value)).collect();
    let digest = format!("{} (revokes it, in blacklisted_api_tokens)", opened.fingerprint());
    text.push_str(&line("sha256", &digest));
    text
}

/// Returns the names and values of these lines, all but the last.
#[must_use]
pub fn parts(opened: &OpenedToken) -> [(&'static str, String); 11] {
    let claims = &opened.claims;
    let scope = &claims.scope;
    [
        ("site", reached(claims)),
        (
            "expires",
            format!("{}, 00:00 UTC; on that day it does not work any more", claims.expires),
        ),
        ("feeds", list(&scope.feeds)),
        ("types", list(&scope.types)),
        ("outputs", list(&scope.outputs)),
        ("tlp", levels(scope.max_tlp)),
        ("addresses", networks(claims)),
        ("permissions", permissions(scope)),
        ("label", claims.label.clone().unwrap_or_else(|| "none".to_owned())),
        ("id", claims.id.to_string()),
        ("format", opened.format.to_string()),
    ]
}

/// Returns a line that says whether the TLP limit of a token admits indicators without a TLP tag, which count as
/// `default_tlp` at its site; empty without a limit.
#[must_use]
pub fn untagged(opened: &OpenedToken, default_tlp: Tlp) -> String {
    let limit = opened.claims.scope.max_tlp;
    if limit == Tlp::Red {
        return String::new();
    }
    let so = if default_tlp <= limit {
        "so it is included"
    } else {
        "so it is left out"
    };
    line(
        "untagged",
        &format!("an indicator without a TLP tag counts as {default_tlp} at this site (default_tlp), {so}"),
    )
}

/// Returns one line of the list.
#[must_use]
pub fn line(name: &str, value: &str) -> String {
    // A legacy token may contain any text; a line must stay one line.
    let value: String = value.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("{name:<12} {value}\n")
}

fn reached(claims: &Claims) -> String {
    format!("{} ({}, port {})", claims.site, claims.protocol, claims.port)
}

fn list(allowed: &Allowed) -> String {
    match allowed {
        Allowed::All => "all".to_owned(),
        Allowed::Only(names) if names.is_empty() => "none".to_owned(),
        Allowed::Only(names) => names.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
    }
}

/// The permissions beside reading feeds, or that the token reads no feed.
fn permissions(scope: &Scope) -> String {
    let names: Vec<_> = scope.permissions.iter().map(|permission| permission.as_str()).collect();
    match (scope.reads_feeds, names.as_slice()) {
        (true, []) => "none".to_owned(),
        (true, names) => names.join(", "),
        (false, []) => "none, and no feeds".to_owned(),
        (false, names) => format!("only {}; no feeds", names.join(", ")),
    }
}

fn levels(max_tlp: Tlp) -> String {
    match max_tlp {
        Tlp::Red => "all".to_owned(),
        level => format!("{level} and more open"),
    }
}

fn networks(claims: &Claims) -> String {
    let networks: Vec<_> = claims.scope.networks.iter().map(ToString::to_string).collect();
    if networks.is_empty() {
        "all that the site allows".to_owned()
    } else {
        format!("{}, as far as the site allows them", networks.join(", "))
    }
}
