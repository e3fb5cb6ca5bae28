//! Names that every machine resolves by itself, and names of the reverse lookup of such addresses.

use std::sync::LazyLock;

use super::name_set::NameSet;

/// The *IANA Special-Use Domain Names Registry* (RFC 6761), without the names that do no harm: those for texts and
/// tests (`example`, `test`, `invalid` and those below `example.com`, …), and those that no resolver serves (`onion`,
/// `alt`), which are real indicators.
const NAMES: &[&str] = &[
    "localhost",
    "local",
    "home.arpa",
    "ipv4only.arpa",
    "resolver.arpa",
    "service.arpa",
    "eap.arpa",
    "eap-noob.arpa",
    "6tisch.arpa",
    "10.in-addr.arpa",
    "254.169.in-addr.arpa",
    "16.172.in-addr.arpa",
    "17.172.in-addr.arpa",
    "18.172.in-addr.arpa",
    "19.172.in-addr.arpa",
    "20.172.in-addr.arpa",
    "21.172.in-addr.arpa",
    "22.172.in-addr.arpa",
    "23.172.in-addr.arpa",
    "24.172.in-addr.arpa",
    "25.172.in-addr.arpa",
    "26.172.in-addr.arpa",
    "27.172.in-addr.arpa",
    "28.172.in-addr.arpa",
    "29.172.in-addr.arpa",
    "30.172.in-addr.arpa",
    "31.172.in-addr.arpa",
    "168.192.in-addr.arpa",
    "170.0.0.192.in-addr.arpa",
    "171.0.0.192.in-addr.arpa",
    "8.e.f.ip6.arpa",
    "9.e.f.ip6.arpa",
    "a.e.f.ip6.arpa",
    "b.e.f.ip6.arpa",
];

/// Returns the special-use names.
pub(super) fn names() -> &'static NameSet {
    static SET: LazyLock<NameSet> = LazyLock::new(|| NAMES.iter().copied().collect());
    &SET
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn local_names_are_special_and_names_of_texts_and_hidden_services_are_not() {
        for name in ["printer.local", "a.localhost", "7.10.in-addr.arpa", "x.home.arpa"] {
            assert!(names().holds(name), "{name}");
        }
        for name in [
            "evil.example",
            "www.example.com",
            "a.test",
            "x.onion",
            "local.example",
            "8.8.8.8.in-addr.arpa",
        ] {
            assert!(!names().holds(name), "{name}");
        }
    }
}
