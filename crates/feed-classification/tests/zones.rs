//! Response policy zones: read back, checked by BIND's tool, and enforced by a real Unbound.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::collections::HashSet;
use std::io::Write as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::process::Command;

use feed_classification::export::testkit::chosen;
use feed_classification::{AddressSet, IndicatorType as Kind};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use proptest::prelude::*;
use tempfile::TempDir;
use test_peers::dns::{Answer, NXDOMAIN, ask_over_tcp, upstream};
use test_peers::{Peer, free_port, program};

/// What a server does with a match, by the words of the option.
const ACTIONS: [&str; 4] = ["nxdomain", "nodata", "passthru", "drop"];

fn zone_of(action: &str, kind: Kind, values: &[&str]) -> String {
    chosen("rpz", &[("action", action)], kind, values).0
}

fn zone(kind: Kind, values: &[&str]) -> String {
    zone_of(ACTIONS[0], kind, values)
}

/// The owners of the policies.
fn owners(zone: &str) -> Vec<&str> {
    zone.lines().filter_map(|line| line.strip_suffix(" CNAME .")).collect()
}

/// Whether a server blocks a name: it is an owner, or the closest name that exists above it has a wildcard (RFC 4592).
fn blocks(owners: &HashSet<&str>, name: &str) -> bool {
    if owners.contains(name) {
        return true;
    }
    let exists = |name: &str| {
        let below = format!(".{name}");
        owners.iter().any(|owner| *owner == name || owner.ends_with(&below))
    };
    // A name above others exists too, so the wildcard does not apply.
    if exists(name) {
        return false;
    }
    let mut rest = name;
    while let Some((_, parent)) = rest.split_once('.') {
        if exists(parent) {
            return owners.contains(format!("*.{parent}").as_str());
        }
        rest = parent;
    }
    false
}

fn read_trigger(owner: &str) -> IpNet {
    let labels: Vec<&str> = owner.strip_suffix(".rpz-ip").unwrap().split('.').collect();
    let prefix: u8 = labels[0].parse().unwrap();
    let groups: Vec<&str> = labels[1..].iter().rev().copied().collect();
    if groups.len() == 4 && !groups.contains(&"zz") {
        let address: Ipv4Addr = groups.join(".").parse().unwrap();
        return Ipv4Net::new(address, prefix).unwrap().into();
    }
    let text: Vec<&str> = groups
        .iter()
        .map(|group| if *group == "zz" { "" } else { group })
        .collect();
    let mut text = text.join(":");
    if groups.first() == Some(&"zz") {
        text.insert(0, ':');
    }
    if groups.last() == Some(&"zz") {
        text.push(':');
    }
    let address: Ipv6Addr = text.parse().unwrap();
    Ipv6Net::new(address, prefix).unwrap().into()
}

fn names() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("([abc]\\.){0,3}(evil|good)\\.example", 0..8)
}

proptest! {
    /// In any list a listed name and all names below it are blocked, and nothing else.
    #[test]
    fn exactly_listed_names_and_names_below_are_blocked(listed in names(), asked in names()) {
        let refs: Vec<_> = listed.iter().map(String::as_str).collect();
        let zone = zone(Kind::Domain, &refs);
        let owners: HashSet<_> = owners(&zone).into_iter().collect();
        for name in listed.iter().chain(&asked) {
            let expected = listed.iter().any(|parent| name == parent || name.ends_with(&format!(".{parent}")));
            prop_assert_eq!(blocks(&owners, name), expected, "{} in {}", name, zone);
        }
    }

    #[test]
    fn triggers_read_back_as_the_same_addresses(
        v4 in proptest::collection::vec((any::<u32>(), 0_u8..=32), 0..6),
        v6 in proptest::collection::vec((any::<u128>(), any::<u128>(), 0_u8..=128), 0..6),
    ) {
        let v4 = v4.into_iter().map(|(bits, prefix)| IpNet::from(Ipv4Net::new_assert(Ipv4Addr::from_bits(bits), prefix)));
        // Half of the bits are zero, so that there are runs of zeros.
        let v6 = v6.into_iter().map(|(bits, mask, prefix)| {
            let mask = mask & (mask << 1) & (mask << 2) & (mask << 3);
            IpNet::from(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits & mask), prefix))
        });
        let networks: Vec<IpNet> = v4.chain(v6).filter(|network| !is_around_ipv4(*network)).collect();
        let values: Vec<String> = networks.iter().map(ToString::to_string).collect();
        let refs: Vec<_> = values.iter().map(String::as_str).collect();
        let zone = zone(Kind::Ip, &refs);
        let read: AddressSet = owners(&zone).into_iter().map(read_trigger).collect();
        prop_assert_eq!(read, networks.into_iter().collect::<AddressSet>());
    }
}

/// Whether BIND would take an IPv6 network for every IPv4 address too. Such a network is left out.
fn is_around_ipv4(network: IpNet) -> bool {
    matches!(network, IpNet::V6(network) if network.contains(&Ipv4Addr::UNSPECIFIED.to_ipv6_mapped()))
}

/// Names of all awkward kinds, and the longest that pass.
fn awkward() -> Vec<String> {
    let label = "a".repeat(63);
    vec![
        "evil.example".into(),
        "_dmarc.evil.test".into(),
        "xn--bcher-kva.example".into(),
        "x.y.evil.example".into(),
        "32.1.2.0.192.rpz-ip".into(),
        "ns.evil.rpz-nsdname".into(),
        format!("{label}.{label}.{}.example", "b".repeat(52)),
        format!("{label}.{label}.{label}.example"),
    ]
}

#[test]
fn binds_checker_loads_the_zone_under_a_long_name() {
    let Some(checker) = program("named-checkzone") else {
        return;
    };
    let values = awkward();
    let refs: Vec<_> = values.iter().map(String::as_str).collect();
    let addresses = ["10.0.0.77/8", "192.0.2.1", "2001:db8::/32", "::/0"];
    // The documented maximum: 64 octets.
    let origin = format!("{}.invalid", "z".repeat(54));
    let zones = ACTIONS.map(|action| {
        [
            zone_of(action, Kind::Domain, &refs),
            zone_of(action, Kind::Ip, &addresses),
            zone_of(action, Kind::Domain, &[]),
        ]
    });
    for zone in zones.concat() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(zone.as_bytes()).unwrap();
        let output = Command::new(&checker).arg(&origin).arg(file.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}");
        assert_eq!(said.trim(), format!("zone {origin}/IN: loaded serial 1\nOK"));
    }
}

/// The policies of names and of addresses in one zone.
fn both(action: &str, names: &[&str], addresses: &[&str]) -> String {
    let mut text = zone_of(action, Kind::Domain, names);
    let triggers = zone_of(action, Kind::Ip, addresses);
    let triggers = triggers.lines().filter(|line| line.contains("rpz-ip"));
    text.extend(triggers.map(|line| format!("{line}\n")));
    text
}

/// An Unbound with a policy zone, before an upstream server.
struct Resolver {
    _server: Peer,
    directory: TempDir,
    port: u16,
}

impl Resolver {
    /// Returns `None` if Unbound is not installed.
    fn with(zone: &str) -> Option<Self> {
        let unbound = program("unbound")?;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("zone"), zone).unwrap();
        let (port, upstream) = (free_port(), upstream());
        let here = directory.path().display();
        let config = format!(
            "server:\n interface: 127.0.0.1\n port: {port}\n do-daemonize: no\n username: \"\"\n chroot: \"\"\n directory: \"{here}\"\n \
             pidfile: \"\"\n use-syslog: no\n module-config: \"respip iterator\"\n do-not-query-localhost: no\nremote-control:\n \
             control-enable: no\nforward-zone:\n name: \".\"\n forward-addr: 127.0.0.1@{upstream}\n\
             rpz:\n name: \"rpz.invalid\"\n zonefile: \"{here}/zone\"\n"
        );
        let config_file = directory.path().join("unbound.conf");
        std::fs::write(&config_file, config).unwrap();
        let log = std::fs::File::create(directory.path().join("log")).unwrap();
        let mut command = Command::new(unbound);
        command.arg("-d").arg("-c").arg(config_file).stderr(log);
        let _server = Peer::listening(&mut command, port);
        Some(Self {
            _server,
            directory,
            port,
        })
    }

    fn assert_has_no_complaint(&self) {
        let said = std::fs::read_to_string(self.directory.path().join("log")).unwrap();
        assert!(!said.contains("error") && !said.contains("unable"), "{said}");
    }
}

#[test]
fn unbound_blocks_exactly_the_listed_names_and_addresses() {
    let names = [
        "evil.example",
        "x.y.evil.example",
        "a.b.example",
        "32.77.2.0.192.rpz-ip",
    ];
    let zone = both("nxdomain", &names, &["10.0.0.77/8", "192.0.2.1", "2001:db8::1", "::/0"]);
    let Some(resolver) = Resolver::with(&zone) else { return };
    for (name, expected) in [
        ("evil.example", NXDOMAIN),
        ("www.evil.example", NXDOMAIN),
        ("y.evil.example", NXDOMAIN),
        ("a.b.example", NXDOMAIN),
        ("c.a.b.example", NXDOMAIN),
        ("b.example", 0),
        ("notevil.example", 0),
        ("example", 0),
        // Its address is in a listed network.
        ("ten.example", NXDOMAIN),
    ] {
        let code = ask_over_tcp(resolver.port, name).map(|answer| answer.code);
        assert_eq!(code, Some(expected), "{name}");
    }
    resolver.assert_has_no_complaint();
}

#[test]
fn unbound_does_with_a_match_what_the_action_says() {
    let upstream = Ipv4Addr::new(192, 0, 2, 77);
    let listed = [
        ("evil.example", upstream),
        ("www.evil.example", upstream),
        ("ten.example", Ipv4Addr::new(10, 9, 9, 9)),
    ];
    for (action, has_address) in [("nodata", Some(false)), ("passthru", Some(true)), ("drop", None)] {
        let zone = both(action, &["evil.example"], &["10.0.0.0/8"]);
        let Some(resolver) = Resolver::with(&zone) else { return };
        let answer = |has_address: bool, address| Answer {
            code: 0,
            address: has_address.then_some(address),
        };
        for (name, address) in listed {
            let expected = has_address.map(|has_address| answer(has_address, address));
            assert_eq!(ask_over_tcp(resolver.port, name), expected, "{action} {name}");
        }
        let other = ask_over_tcp(resolver.port, "good.example");
        assert_eq!(other, Some(answer(true, upstream)), "{action}");
        resolver.assert_has_no_complaint();
    }
}
