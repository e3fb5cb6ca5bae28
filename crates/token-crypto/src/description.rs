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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ExpiryDay, KeyRing, Permission, Protocol, TokenId};

    fn opened(scope: Scope, label: Option<&str>) -> OpenedToken {
        let ring = KeyRing::builder(&"a salt".into()).key("0123456789ABCDEF".into());
        let ring = ring.legacy(false).build().unwrap();
        let day = ExpiryDay::parse("2027-12-31").unwrap();
        let claims = Claims::new("misp.example.net", Protocol::Https, 443, "k".repeat(40).into(), day);
        let mut claims = claims.with_scope(scope).with_id(TokenId::from_bytes([7; 8]));
        claims.label = label.map(str::to_owned);
        ring.open(ring.seal(&claims).unwrap().expose()).unwrap()
    }

    #[test]
    fn a_narrow_token_is_described_with_each_of_its_limits() {
        let scope = Scope::new()
            .with_feeds(["block", "alert"])
            .with_types(Vec::<String>::new())
            .with_max_tlp(Tlp::Amber)
            .with_networks(["10.1.0.0/16".parse().unwrap(), "2001:db8::/32".parse().unwrap()])
            .with_permissions([Permission::Stream, Permission::Lookup]);
        let opened = opened(scope, Some("fw1"));
        let digest = opened.fingerprint();
        assert_eq!(
            of(&opened),
            format!(
                "site         misp.example.net (https, port 443)\n\
                 expires      2027-12-31, 00:00 UTC; on that day it does not work any more\n\
                 feeds        alert, block\n\
                 types        none\n\
                 outputs      all\n\
                 tlp          amber and more open\n\
                 addresses    10.1.0.0/16, 2001:db8::/32, as far as the site allows them\n\
                 permissions  lookup, stream\n\
                 label        fw1\n\
                 id           0707070707070707\n\
                 format       v1\n\
                 sha256       {digest} (revokes it, in blacklisted_api_tokens)\n"
            )
        );
    }

    #[test]
    fn what_a_token_without_limits_does_not_have_is_named_too() {
        let opened = opened(Scope::new(), None);
        let parts = parts(&opened);
        let part = |name: &str| parts.iter().find(|part| part.0 == name).map(|part| part.1.as_str());
        assert_eq!((part("feeds"), part("tlp")), (Some("all"), Some("all")));
        assert_eq!(part("addresses"), Some("all that the site allows"));
        assert_eq!((part("permissions"), part("label")), (Some("none"), Some("none")));
    }

    #[test]
    fn a_token_that_reads_no_feeds_says_so() {
        let of_scope = |scope: Scope| permissions(&scope);
        assert_eq!(
            of_scope(Scope::new().only([Permission::Lookup])),
            "only lookup; no feeds"
        );
        assert_eq!(of_scope(Scope::new().only([])), "none, and no feeds");
    }

    #[test]
    fn the_level_of_the_site_decides_about_indicators_without_a_tag() {
        let amber = opened(Scope::new().with_max_tlp(Tlp::Amber), None);
        for (level, so) in [
            (Tlp::Green, "so it is included"),
            (Tlp::Amber, "so it is included"),
            (Tlp::Red, "so it is left out"),
        ] {
            let expected = format!(
                "untagged     an indicator without a TLP tag counts as {level} at this site (default_tlp), {so}\n"
            );
            assert_eq!(untagged(&amber, level), expected);
        }
        assert_eq!(untagged(&opened(Scope::new(), None), Tlp::Red), "");
    }

    #[test]
    fn a_line_stays_one_line() {
        assert_eq!(line("label", "a\nb\u{7f}"), "label        a?b?\n");
    }
}
