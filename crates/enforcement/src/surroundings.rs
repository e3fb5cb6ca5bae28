//! Addresses that this host needs to stay reachable, for example its gateway. They are read from the system, not
//! configured.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

mod proc_net;
mod sessions;

/// The most bytes that are read of a file. Real ones are smaller.
const MAX_BYTES: u64 = 16 << 20;

/// The most addresses of each kind.
const MAX_ADDRESSES: usize = 4096;

/// Addresses that must stay reachable.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Surroundings {
    /// The default gateways.
    pub gateways: BTreeSet<IpAddr>,
    /// The servers of the DNS that this host asks.
    pub dns_servers: BTreeSet<IpAddr>,
    /// The host's own addresses.
    pub own: BTreeSet<IpAddr>,
    /// The addresses from which administrators are logged in by SSH.
    pub administrators: BTreeSet<IpAddr>,
}

impl Surroundings {
    /// Reads them from the system below `root`, which is `/` except in tests. A file that cannot be read counts as
    /// empty.
    ///
    /// `ssh_ports` are the ports of this host on which `sshd` listens.
    #[must_use]
    pub fn read(root: &Path, ssh_ports: &[u16]) -> Self {
        let file = |path: &str| text(&root.join(path));
        let mut found = Self::default();
        found
            .gateways
            .extend(proc_net::gateways_v4(&file("proc/self/net/route")));
        found
            .gateways
            .extend(proc_net::gateways_v6(&file("proc/self/net/ipv6_route")));
        found
            .own
            .extend(proc_net::own_v4(&file("proc/self/net/fib_trie")).take(MAX_ADDRESSES));
        found
            .own
            .extend(proc_net::own_v6(&file("proc/self/net/if_inet6")).take(MAX_ADDRESSES));
        // The second file has the servers behind the local stub of systemd-resolved.
        for path in ["etc/resolv.conf", "run/systemd/resolve/resolv.conf"] {
            found.dns_servers.extend(name_servers(&file(path)));
        }
        let tables = [file("proc/self/net/tcp"), file("proc/self/net/tcp6")];
        let peers = tables.iter().flat_map(|table| proc_net::peers(table, ssh_ports));
        let peers: BTreeSet<IpAddr> = peers.take(MAX_ADDRESSES).collect();
        found.administrators = sessions::logged_in(&root.join("run/systemd/sessions"), peers);
        found
    }

    /// Returns all addresses.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        let sets = [&self.gateways, &self.dns_servers, &self.own, &self.administrators];
        sets.into_iter().flatten().copied()
    }
}

fn name_servers(resolv_conf: &str) -> impl Iterator<Item = IpAddr> {
    resolv_conf.lines().filter_map(|line| {
        let mut words = line.split_whitespace();
        let server = words.next().filter(|word| *word == "nameserver").and(words.next())?;
        // The zone of `fe80::1%eth0` does not belong to the address.
        server.split('%').next()?.parse().ok()
    })
}

fn text(path: &PathBuf) -> String {
    let mut bytes = Vec::new();
    if let Ok(file) = File::open(path) {
        // The part before a fault is true, too.
        let _ = file.take(MAX_BYTES).read_to_end(&mut bytes);
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_host_knows_its_gateway_its_servers_and_its_administrators() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "proc/self/net/route",
            "Iface\tDestination\tGateway\tFlags\neth0\t00000000\t010200C0\t0003\n",
        );
        write(
            "etc/resolv.conf",
            "# by hand\nnameserver 192.0.2.53\nnameserver fe80::53%eth0\nsearch nameserver\n",
        );
        write("run/systemd/resolve/resolv.conf", "nameserver 198.51.100.53\n");
        let row = "   1: 020200C0:0016 {}:D431 01 00000000:00000000 00:00000000 00000000 0 0 1\n";
        let peers = [row.replace("{}", "0A0200C0"), row.replace("{}", "0B0200C0")].concat();
        write(
            "proc/self/net/tcp",
            &format!("  sl  local_address rem_address   st\n{peers}"),
        );
        let read = Surroundings::read(root.path(), &[22]);
        let shown = |set: &BTreeSet<IpAddr>| set.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        assert_eq!(shown(&read.gateways), "192.0.2.1");
        assert_eq!(shown(&read.dns_servers), "192.0.2.53 198.51.100.53 fe80::53");
        assert_eq!(
            shown(&read.administrators),
            "192.0.2.10 192.0.2.11",
            "without logind every peer counts"
        );
        let all: BTreeSet<IpAddr> = read.addresses().collect();
        let expected = "192.0.2.1 192.0.2.10 192.0.2.11 192.0.2.53 198.51.100.53 fe80::53";
        assert_eq!(shown(&all), expected);
        write(
            "run/systemd/sessions/7",
            "# private\nREMOTE=1\nREMOTE_HOST=192.0.2.11\n",
        );
        assert_eq!(
            shown(&Surroundings::read(root.path(), &[22]).administrators),
            "192.0.2.11"
        );
        assert!(Surroundings::read(root.path(), &[2222]).administrators.is_empty());
    }

    #[test]
    fn this_host_can_be_read() {
        let read = Surroundings::read(Path::new("/"), &[22]);
        assert!(read.own.contains(&IpAddr::from([127, 0, 0, 1])), "{read:?}");
    }
}
