//! The names that a site may have.

use std::net::IpAddr;

/// Returns whether this is a host name, an IPv4 or a bare IPv6 address.
///
/// Host names: labels of 1 to 63 out of `A-Z a-z 0-9 - _`, dots between, at most 253 in all, no dot at either end.
/// So the name of a site never holds a path, a port, brackets or `..`.
pub(crate) fn is_site(name: &str) -> bool {
    is_host_name(name) || name.parse::<IpAddr>().is_ok()
}

fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        let of_letters = label
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
        (1..=63).contains(&label.len()) && of_letters
    };
    name.len() <= 253 && name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::is_site;

    #[test]
    fn hosts_and_addresses_are_sites_and_nothing_else_is() {
        for site in [
            "misp.example.net",
            "misp",
            "misp-prod.example.net",
            "127.0.0.1",
            "2001:db8::10",
            "::1",
            "M_1.x",
        ] {
            assert!(is_site(site), "{site}");
        }
        let long = format!("{}.example", "a".repeat(64));
        for other in [
            "",
            ".",
            "..",
            "a..b",
            ".a",
            "a.",
            "a/b",
            "../a",
            "[::1]",
            "a:443",
            "fe80::1%eth0",
            "a b",
            "é.x",
            &long,
        ] {
            assert!(!is_site(other), "{other}");
        }
    }
}
