//! The bytes of `nftables` and `ipset`, loaded by the real programs in a separate network namespace.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::process::{Command, Output};

use feed_classification::IndicatorType as Kind;
use feed_classification::export::testkit::{self, body};

/// A shell in a fresh network namespace; its programs change nothing outside.
struct Namespace {
    program: PathBuf,
}

impl Namespace {
    /// Returns `None` and prints the reason if the program is missing or namespaces are not allowed.
    fn with(name: &str) -> Option<Self> {
        let program = test_peers::program(name)?;
        let works = Command::new("unshare").args(["-n", "true"]).output();
        if !works.is_ok_and(|output| output.status.success()) {
            eprintln!("skipped: only root can make a network namespace for {name}");
            return None;
        }
        Some(Self { program })
    }

    /// Runs `script`, in which `"$0"` is the program and `$1`, `$2`, … are files with the given contents.
    fn run(&self, script: &str, files: &[&str]) -> Output {
        let files: Vec<_> = files
            .iter()
            .map(|content| {
                let mut file = tempfile::NamedTempFile::new().unwrap();
                file.write_all(content.as_bytes()).unwrap();
                file
            })
            .collect();
        let mut shell = Command::new("unshare");
        shell.args(["-n", "sh", "-ec", script]).arg(&self.program);
        shell
            .args(files.iter().map(tempfile::NamedTempFile::path))
            .output()
            .unwrap()
    }

    /// Returns what becomes of a packet to each address of [`DROPPED_AND_PASSED`] after `load` has loaded the files.
    fn packets(&self, load: &str, files: &[&str]) -> String {
        let addresses: Vec<&str> = DROPPED_AND_PASSED
            .lines()
            .filter_map(|line| line.split(' ').nth(1))
            .collect();
        let add: String = addresses
            .iter()
            .map(|address| {
                let nodad = if address.contains(':') { " nodad" } else { "" };
                format!("ip address add {address} dev lo{nodad}\n")
            })
            .collect();
        let script = format!(
            "ADDRESSES='{}'\nip link set lo up\n{add}{load}\n{SEND}",
            addresses.join(" ")
        );
        self.output(&script, files)
    }

    fn output(&self, script: &str, files: &[&str]) -> String {
        let output = self.run(script, files);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        assert_eq!(said, "");
        String::from_utf8(output.stdout).unwrap()
    }
}

/// `bash` sends a packet to each address of the loopback interface; a dropped one is an error of its system call.
const SEND: &str = "for address in $ADDRESSES; do\n\
    if bash -c \"echo > /dev/udp/$address/9\" 2> /dev/null; then echo passed $address; else echo dropped $address; fi\n\
    done";

/// The body with these options.
fn chosen(output: &str, options: &[(&str, &str)], kind: Kind, values: &[&str]) -> String {
    testkit::chosen(output, options, kind, values).0
}

/// An empty feed.
const NONE: [&str; 0] = [];

/// Every other address, so that nothing merges.
fn many(count: u32) -> Vec<String> {
    (0..count)
        .map(|number| Ipv4Addr::from_bits(0x0a00_0000 + 2 * number).to_string())
        .collect()
}

const BOTH: [&str; 8] = [
    "10.0.0.0/24",
    "10.0.1.77/24",
    "10.0.0.9",
    "192.0.2.7",
    "192.0.2.8",
    "2001:db8::/32",
    "2001:db8::1",
    "::ffff:192.0.2.1",
];

/// The addresses that [`Namespace::packets`] sends to, and what becomes of them with a list of [`BOTH`].
const DROPPED_AND_PASSED: &str = "dropped 10.0.1.200\ndropped 192.0.2.8\npassed 192.0.2.9\ndropped 2001:db8:ffff::1\n\
    passed 2001:db9::1\n";

mod nftables {
    use super::*;

    const LIST: &str = "\"$0\" -f \"$1\"; \"$0\" -f \"$2\"; \"$0\" list table inet cratos";

    #[test]
    fn both_families_load_merged_and_twice() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let file = body("nftables", Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&file, &file]);
        let flat: String = listed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains("elements = { 10.0.0.0/23, 192.0.2.1, 192.0.2.7-192.0.2.8 }"),
            "{flat}"
        );
        assert!(flat.contains("elements = { 2001:db8::/32 }"), "{flat}");
    }

    #[test]
    fn the_next_file_replaces_all_elements_and_an_empty_one_leaves_none() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let full = body("nftables", Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&full, &body("nftables", Kind::Ip, &["198.51.100.1"])]);
        assert!(listed.contains("elements = { 198.51.100.1 }"), "{listed}");
        assert!(!listed.contains("10.0.0.0") && !listed.contains("2001:db8"), "{listed}");
        let listed = namespace.output(LIST, &[&full, &body("nftables", Kind::Ip, &NONE)]);
        assert!(
            listed.contains("set blocked4") && listed.contains("set blocked6"),
            "{listed}"
        );
        assert!(!listed.contains("elements"), "{listed}");
    }

    #[test]
    fn a_feed_of_one_family_leaves_the_other_alone() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let v4 = body("nftables", Kind::Cidr4, &["10.0.0.0/8"]);
        let v6 = body("nftables", Kind::Ipv6, &["2001:db8::1"]);
        let listed = namespace.output(LIST, &[&v4, &v6]);
        assert!(
            listed.contains("10.0.0.0/8") && listed.contains("2001:db8::1"),
            "{listed}"
        );
        let listed = namespace.output(LIST, &[&v4, &body("nftables", Kind::Ipv6, &NONE)]);
        assert!(listed.contains("10.0.0.0/8"), "{listed}");
    }

    #[test]
    fn the_whole_of_both_families_loads() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let file = body("nftables", Kind::Ip, &["0.0.0.0/0", "::/0", "192.0.2.1"]);
        let listed = namespace.output(LIST, &[&file, &file]);
        assert!(listed.contains("0.0.0.0/0") && listed.contains("::/0"), "{listed}");
    }

    #[test]
    fn fifty_thousand_addresses_load_over_fifty_thousand_others() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let values = many(50_001);
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let (one, other) = (&values[1..], &values[..50_000]);
        let script = "\"$0\" -f \"$1\"; \"$0\" -f \"$2\"; \"$0\" -j list set inet cratos blocked4";
        let listed = namespace.output(
            script,
            &[&body("nftables", Kind::Ipv4, one), &body("nftables", Kind::Ipv4, other)],
        );
        let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
        let elements = listed["nftables"][1]["set"]["elem"].as_array().unwrap();
        assert!(
            elements
                .iter()
                .map(|element| element.as_str().unwrap())
                .eq(other.iter().copied())
        );
    }

    #[test]
    fn lists_of_different_names_stand_beside_each_other() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        // The longest name, one with every sign, and the shortest, which is a keyword of nft without its digit.
        for list in ["l".repeat(30), "a_b-c".to_owned(), "set".to_owned()] {
            let one = chosen("nftables", &[("list", &list)], Kind::Ip, &["192.0.2.1", "2001:db8::1"]);
            let listed = namespace.output(LIST, &[&one, &body("nftables", Kind::Ip, &["192.0.2.2"])]);
            for set in [
                format!("set {list}4 "),
                format!("set {list}6 "),
                "set blocked4 ".to_owned(),
            ] {
                assert!(listed.contains(&set), "{listed}");
            }
            assert!(
                listed.contains("{ 192.0.2.1 }") && listed.contains("{ 192.0.2.2 }"),
                "{listed}"
            );
        }
    }

    #[test]
    fn elements_with_a_time_out_are_renewed_by_the_next_file_also_with_another_one() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let file = |ttl| chosen("nftables", &[("ttl", ttl)], Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&file("60"), &file("2147483")]);
        let flat: String = listed.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(flat.matches(" timeout 24d20h31m23s ").count(), 4, "{flat}");
        assert!(
            flat.contains("10.0.0.0/23 timeout") && flat.contains("192.0.2.7-192.0.2.8 timeout"),
            "{flat}"
        );
        let listed = namespace.output(
            LIST,
            &[&file("60"), &chosen("nftables", &[("ttl", "60")], Kind::Ip, &[])],
        );
        assert!(!listed.contains("elements"), "{listed}");
    }

    #[test]
    fn a_file_with_a_time_out_for_a_set_without_fails_and_leaves_the_old_elements() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let (without, with) = (
            body("nftables", Kind::Ipv4, &["192.0.2.1"]),
            chosen("nftables", &[("ttl", "60")], Kind::Ipv4, &["192.0.2.2"]),
        );
        let script = "\"$0\" -f \"$1\"; ! \"$0\" -f \"$2\" 2> /dev/null; \"$0\" list table inet cratos";
        for [first, second] in [[&without, &with], [&with, &without]] {
            let listed = namespace.output(script, &[first, second]);
            let kept = if first == &without { "192.0.2.1" } else { "192.0.2.2" };
            assert_eq!(listed.matches("192.0.2.").count(), 1, "{listed}");
            assert!(listed.contains(kept), "{listed}");
        }
    }

    #[test]
    fn packets_to_listed_addresses_are_dropped_and_others_pass() {
        let (Some(namespace), Some(_)) = (Namespace::with("nft"), test_peers::program("ip")) else {
            return;
        };
        let rules = "add table inet cratos\nadd set inet cratos blocked4 { type ipv4_addr; flags interval; }\n\
            add set inet cratos blocked6 { type ipv6_addr; flags interval; }\n\
            add chain inet cratos output { type filter hook output priority 0; }\n\
            add rule inet cratos output ip daddr @blocked4 drop\nadd rule inet cratos output ip6 daddr @blocked6 drop\n";
        let load = "\"$0\" -f \"$1\"; \"$0\" -f \"$2\"";
        let said = |list: &str| namespace.packets(load, &[rules, list]);
        assert_eq!(said(&body("nftables", Kind::Ip, &BOTH)), DROPPED_AND_PASSED);
        assert!(!said(&body("nftables", Kind::Ip, &NONE)).contains("dropped"));
    }

    /// A rule that names a set holds before and after.
    #[test]
    fn a_rule_may_name_the_sets() {
        let Some(namespace) = Namespace::with("nft") else {
            return;
        };
        let mut rules = body("nftables", Kind::Ipv4, &NONE);
        writeln!(
            rules,
            "add chain inet cratos input {{ type filter hook input priority 0; }}"
        )
        .unwrap();
        writeln!(rules, "add rule inet cratos input ip saddr @blocked4 drop").unwrap();
        writeln!(rules, "add rule inet cratos input ip6 saddr @blocked6 drop").unwrap();
        let listed = namespace.output(LIST, &[&rules, &body("nftables", Kind::Ip, &BOTH)]);
        assert!(
            listed.contains("ip saddr @blocked4 drop") && listed.contains("10.0.0.0/23"),
            "{listed}"
        );
    }
}

mod ipset {
    use super::*;

    const LIST: &str = "\"$0\" restore < \"$1\"; \"$0\" restore < \"$2\"; \"$0\" list -o save";

    /// Returns `None` and prints the reason if the kernel has no ipset.
    fn namespace() -> Option<Namespace> {
        let namespace = Namespace::with("ipset")?;
        let created = namespace.run("\"$0\" create probe hash:net", &[]);
        if !created.status.success() {
            eprintln!(
                "skipped: this kernel has no ipset: {}",
                String::from_utf8_lossy(&created.stderr)
            );
            return None;
        }
        Some(namespace)
    }

    fn entries(listed: &str) -> Vec<&str> {
        listed.lines().filter(|line| line.starts_with("add ")).collect()
    }

    #[test]
    fn both_families_load_merged_and_twice() {
        let Some(namespace) = namespace() else { return };
        let file = body("ipset", Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&file, &file]);
        let mut entries = entries(&listed);
        entries.sort_unstable();
        assert_eq!(
            entries,
            [
                "add cratos4 10.0.0.0/23",
                "add cratos4 192.0.2.1",
                "add cratos4 192.0.2.7",
                "add cratos4 192.0.2.8",
                "add cratos6 2001:db8::/32",
            ]
        );
        assert_eq!(
            listed.matches("create ").count(),
            2,
            "the sets of the change are gone: {listed}"
        );
    }

    /// A script of an operator that puts `add` before every line, without `-exist`.
    #[test]
    fn the_lines_of_a_feed_with_many_spellings_can_be_restored_one_by_one() {
        let Some(namespace) = namespace() else { return };
        let spellings = [
            "198.51.100.77/24",
            "198.51.100.78/24",
            "198.51.100.0/24",
            "192.0.2.6",
            "192.0.2.6/32",
            "::ffff:192.0.2.6",
        ];
        let lines = body("generic", Kind::Ip, &spellings);
        let adds: String = lines.lines().map(|line| format!("add cratos4 {line}\n")).collect();
        let listed = namespace.output(LIST, &[&body("ipset", Kind::Ip, &NONE), &adds]);
        let mut entries = entries(&listed);
        entries.sort_unstable();
        assert_eq!(entries, ["add cratos4 192.0.2.6", "add cratos4 198.51.100.0/24"]);
    }

    #[test]
    fn an_empty_feed_empties_its_own_set_only() {
        let Some(namespace) = namespace() else { return };
        let full = body("ipset", Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&full, &body("ipset", Kind::Ipv4, &NONE)]);
        let entries = entries(&listed);
        assert!(
            !entries.is_empty() && entries.iter().all(|entry| entry.starts_with("add cratos6")),
            "{listed}"
        );
        let listed = namespace.output(LIST, &[&full, &body("ipset", Kind::Ip, &NONE)]);
        assert!(
            listed.contains("create cratos4") && !listed.contains("add "),
            "{listed}"
        );
    }

    #[test]
    fn the_whole_of_both_families_loads() {
        let Some(namespace) = namespace() else { return };
        let file = body("ipset", Kind::Ip, &["0.0.0.0/0", "::/0"]);
        assert_eq!(entries(&namespace.output(LIST, &[&file, &file])).len(), 4);
    }

    #[test]
    fn a_run_that_was_cut_off_does_not_spoil_the_next() {
        let Some(namespace) = namespace() else { return };
        let full = body("ipset", Kind::Ip, &BOTH);
        let cut = full.split_once("swap").unwrap().0;
        let listed = namespace.output(LIST, &[cut, &body("ipset", Kind::Ip, &["192.0.2.99"])]);
        assert_eq!(entries(&listed), ["add cratos4 192.0.2.99"]);
    }

    #[test]
    fn seventy_thousand_addresses_are_not_too_many() {
        let Some(namespace) = namespace() else { return };
        let values = many(70_000);
        let values: Vec<_> = values.iter().map(String::as_str).collect();
        let few = body("ipset", Kind::Ipv4, &values[..10]);
        let listed = namespace.output(LIST, &[&few, &body("ipset", Kind::Ipv4, &values)]);
        assert_eq!(entries(&listed).len(), 70_000);
    }

    #[test]
    fn packets_to_listed_addresses_are_dropped_and_others_pass() {
        let (Some(namespace), Some(_), Some(_)) =
            (namespace(), test_peers::program("iptables"), test_peers::program("ip"))
        else {
            return;
        };
        // A rule names a set that exists.
        let load = "\"$0\" restore < \"$1\"\n\
            iptables -I OUTPUT -m set --match-set cratos4 dst -j DROP\n\
            ip6tables -I OUTPUT -m set --match-set cratos6 dst -j DROP\n\
            \"$0\" restore < \"$2\"";
        let empty = body("ipset", Kind::Ip, &NONE);
        let said = |list: &str| namespace.packets(load, &[&empty, list]);
        assert_eq!(said(&body("ipset", Kind::Ip, &BOTH)), DROPPED_AND_PASSED);
        assert!(!said(&empty).contains("dropped"));
    }

    #[test]
    fn lists_of_different_names_stand_beside_each_other() {
        let Some(namespace) = namespace() else { return };
        for list in ["l".repeat(26), "a_b-c".to_owned(), "x".to_owned()] {
            let one = chosen("ipset", &[("list", &list)], Kind::Ip, &["192.0.2.1", "2001:db8::1"]);
            let listed = namespace.output(LIST, &[&one, &body("ipset", Kind::Ip, &["192.0.2.2"])]);
            let mut entries = entries(&listed);
            entries.sort_unstable();
            let mut expected = [
                format!("add {list}4 192.0.2.1"),
                format!("add {list}6 2001:db8::1"),
                "add cratos4 192.0.2.2".to_owned(),
            ];
            expected.sort_unstable();
            assert_eq!(entries, expected);
        }
    }

    #[test]
    fn entries_with_a_time_out_are_renewed_by_the_next_file_also_with_another_one() {
        let Some(namespace) = namespace() else { return };
        let file = |ttl| chosen("ipset", &[("ttl", ttl)], Kind::Ip, &BOTH);
        let listed = namespace.output(LIST, &[&file("60"), &file("2147483")]);
        let entries = entries(&listed);
        assert_eq!(entries.len(), 5, "{listed}");
        assert!(entries.iter().all(|entry| entry.contains(" timeout 21474")), "{listed}");
    }

    #[test]
    fn a_file_with_a_time_out_for_a_set_without_fails_and_leaves_the_old_entries() {
        let Some(namespace) = namespace() else { return };
        let (without, with) = (
            body("ipset", Kind::Ipv4, &["192.0.2.1"]),
            chosen("ipset", &[("ttl", "60")], Kind::Ipv4, &["192.0.2.2"]),
        );
        let script = "\"$0\" restore < \"$1\"; ! \"$0\" restore < \"$2\" 2> /dev/null; \"$0\" list -o save";
        for [first, second] in [[&without, &with], [&with, &without]] {
            let listed = namespace.output(script, &[first, second]);
            let kept = if first == &without { "192.0.2.1" } else { "192.0.2.2" };
            let entries = entries(&listed);
            assert!(entries.len() == 1 && entries[0].contains(kept), "{listed}");
        }
    }
}
