//! nftables: addresses and networks of both families, in a table beside the rules of the host.
//!
//! New sets under new names are filled first, while no rule uses them. Then one transaction of `nft -f -` rewrites the
//! chains that look values up to the new sets and removes the old ones. The kernel switches all rules of both families
//! at once, and each looks into a set that does not change: a value in both lists is dropped at every moment, and a
//! value in neither list never.
//!
//! Simpler ways lose packets. A transaction switches the rules first and shows what it put into sets a little later: on
//! Linux 6.18, with sets of 50 000 addresses that were filled in the same transaction, 66 of 166 000 listed packets
//! passed in that little.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use config_file::{Key, Scalar, Section, Wrong, absent, default, value};
use feed_classification::{AddressSet, TypeSet, network_of};
use serde_json::Value;

use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command::{CommandError, Run};
use crate::entry::{self, SECOND, YEAR};
use crate::error::TargetError;

/// The table with its hooks; an operator may load a changed one before the agent starts, which then stays.
const BASE_TABLE: &str = include_str!("../../nftables/cratos.nft");

/// The name of the shipped table.
const TABLE: &str = "cratos";

const FAMILIES: [Family; 2] = [
    Family {
        name: "v4",
        type_name: "ipv4_addr",
        protocol: "ip",
    },
    Family {
        name: "v6",
        type_name: "ipv6_addr",
        protocol: "ip6",
    },
];

/// The beginning of the comment of our rules.
const MARK: &str = "cratos-agent ";

/// The chains that the agent fills, and which side of a packet each looks at.
const CHAINS: [(&str, &str); 2] = [("listed_source", "saddr"), ("listed_destination", "daddr")];

/// Loading some hundred thousand intervals takes seconds, on a busy host more.
const TIMEOUT: Duration = Duration::from_secs(300);

struct Family {
    name: &'static str,
    type_name: &'static str,
    protocol: &'static str,
}

/// The kind `nftables`.
pub(super) const KIND: Kind = Kind {
    row: Key::ours(
        "nftables",
        "map",
        absent("none"),
        "a table of nftables that drops packets from and to listed addresses",
    ),
    tables: &[&[
        Key::ours(
            "table",
            "letters, digits and underscores",
            default(TABLE),
            "name of the table of the family `inet`",
        ),
        Key::ours(
            "command",
            "command",
            default("[nft]"),
            "command that is `nft`, for example `[sudo, nft]`",
        ),
        Key::ours(
            "element_timeout",
            "duration",
            absent("none"),
            "time after which the kernel drops values that the agent does not renew",
        ),
    ]],
    make,
};

/// A table of nftables that drops packets from and to listed addresses.
#[derive(Debug)]
pub struct NftablesTarget {
    table: String,
    nft: Vec<String>,
    element_timeout: Option<Duration>,
}

impl Default for NftablesTarget {
    fn default() -> Self {
        Self::new()
    }
}

impl NftablesTarget {
    /// Makes a target that fills the table `inet cratos`.
    #[must_use]
    pub fn new() -> Self {
        Self {
            table: TABLE.to_owned(),
            nft: vec!["nft".to_owned()],
            element_timeout: None,
        }
    }

    /// Sets the command for `nft`, for example `[sudo, nft]`; its arguments follow these words.
    #[must_use]
    pub fn nft(mut self, words: Vec<String>) -> Self {
        self.nft = words;
        self
    }

    /// Makes elements expire if no agent renews them within this time: a dead agent then leaves an open firewall, not
    /// an old list.
    #[must_use]
    pub const fn element_timeout(mut self, timeout: Duration) -> Self {
        self.element_timeout = Some(timeout);
        self
    }

    fn nft_run(&self) -> Run<'_> {
        Run::new(&self.nft, TIMEOUT)
    }

    /// Asks the kernel for the table, without the elements of sets.
    fn standing(&self) -> Result<Standing, CommandError> {
        // All tables are listed, since the error for a missing table looks like any other error.
        let tables = self.nft_run().args(["-j", "list", "tables", "inet"]).output()?;
        let is_there = objects(&tables)
            .iter()
            .any(|object| object["table"]["name"] == self.table.as_str());
        if !is_there {
            return Ok(Standing::default());
        }
        let table = self
            .nft_run()
            .args(["-t", "-j", "list", "table", "inet", &self.table])
            .output()?;
        Ok(Standing::of(&objects(&table)))
    }

    /// Returns the script that creates and fills sets that no rule uses yet, and the table with its chains if it is
    /// missing.
    fn filling(&self, standing: &Standing, rendered: &Rendered) -> String {
        let table = &self.table;
        let mut script = String::new();
        let mut line = |text: String| script.extend([text.as_str(), "\n"]);
        if !standing.has_table {
            line(BASE_TABLE.replace(&format!("table inet {TABLE}"), &format!("table inet {table}")));
        }
        for (chain, _) in CHAINS {
            line(format!("add chain inet {table} {chain}"));
        }
        line(format!("add counter inet {table} dropped"));
        for family in &FAMILIES {
            let set = standing.next(family);
            let timeout = self
                .element_timeout
                .map(|timeout| format!(" timeout {}s;", timeout.as_secs()));
            let flags = if timeout.is_some() {
                "interval, timeout"
            } else {
                "interval"
            };
            let timeout = timeout.unwrap_or_default();
            line(format!(
                "add set inet {table} {set} {{ type {}; flags {flags};{timeout} }}",
                family.type_name
            ));
            let elements = String::from_utf8_lossy(rendered.part(family.name));
            // Empty braces are an error. All elements go into one command, since `nft` reads the whole set for each
            // command.
            if !elements.is_empty() {
                let elements = elements.trim_end().replace('\n', ",\n");
                line(format!("add element inet {table} {set} {{\n{elements}\n}}"));
            }
        }
        script
    }

    /// Returns the script that makes all rules use the filled sets, and removes the old sets.
    fn switching(&self, standing: &Standing, rendered: &Rendered) -> String {
        let table = &self.table;
        let mark = mark(rendered);
        let mut script = String::new();
        let mut line = |text: String| script.extend([text.as_str(), "\n"]);
        for (chain, side) in CHAINS {
            line(format!("flush chain inet {table} {chain}"));
            for family in &FAMILIES {
                let (protocol, set) = (family.protocol, standing.next(family));
                let verdict = format!("counter name \"dropped\" drop comment \"{mark}\"");
                line(format!(
                    "add rule inet {table} {chain} {protocol} {side} @{set} {verdict}"
                ));
            }
        }
        for set in &standing.sets {
            line(format!("delete set inet {table} {set}"));
        }
        script
    }
}

/// Writes an interval a line.
fn elements<A: Display + PartialEq>(ranges: impl Iterator<Item = RangeInclusive<A>>) -> Vec<u8> {
    let mut text = String::new();
    for range in ranges {
        let (first, last) = range.into_inner();
        if first == last {
            text.push_str(&format!("{first}\n"));
        } else {
            text.push_str(&format!("{first}-{last}\n"));
        }
    }
    text.into_bytes()
}

/// The comment of the rules. It identifies the values in force, and it is gone when an operator empties the chain.
fn mark(rendered: &Rendered) -> String {
    let digest: String = rendered.digest().chars().take(32).collect();
    format!("{MARK}{digest}")
}

/// Our part of a table.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    has_table: bool,
    /// The number of the newest sets.
    newest: u64,
    sets: Vec<String>,
    /// The comments of our rules, each with its chain.
    marks: Vec<(String, String)>,
}

impl Standing {
    fn of(objects: &[Value]) -> Self {
        let mut standing = Self {
            has_table: true,
            ..Self::default()
        };
        for object in objects {
            if let Some(name) = object["set"]["name"].as_str()
                && let Some(number) = number_of(name)
            {
                standing.newest = standing.newest.max(number);
                standing.sets.push(name.to_owned());
            }
            let rule = &object["rule"];
            if let (Some(chain), Some(comment)) = (rule["chain"].as_str(), rule["comment"].as_str())
                && comment.starts_with(MARK)
            {
                standing.marks.push((chain.to_owned(), comment.to_owned()));
            }
        }
        standing
    }

    /// Returns the name of the next set.
    fn next(&self, family: &Family) -> String {
        format!("{}_{}", family.name, self.newest.wrapping_add(1))
    }

    /// Returns whether every chain has a rule of each family for these values, and both sets exist.
    fn enforces(&self, rendered: &Rendered) -> bool {
        let mark = mark(rendered);
        let rules = |chain: &str| self.marks.iter().filter(|(of, is)| of == chain && *is == mark).count();
        CHAINS.iter().all(|(chain, _)| rules(chain) == FAMILIES.len()) && self.sets.len() == FAMILIES.len()
    }
}

fn number_of(set: &str) -> Option<u64> {
    let (family, number) = set.split_once('_')?;
    FAMILIES
        .iter()
        .any(|known| known.name == family)
        .then(|| number.parse().ok())
        .flatten()
}

/// Returns the list of `nft -j`. Output that is not JSON is an empty list, as of a table without rules.
fn objects(json: &[u8]) -> Vec<Value> {
    let parsed: Value = serde_json::from_slice(json).unwrap_or_default();
    parsed["nftables"].as_array().cloned().unwrap_or_default()
}

impl Target for NftablesTarget {
    fn kind(&self) -> &'static str {
        "nftables"
    }

    fn resources(&self) -> Vec<String> {
        vec![format!("the table inet {}", self.table)]
    }

    /// A piece for each family, an interval a line, the fewest that hold all values.
    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let mut left_out = 0;
        let networks = values.sets().flatten().filter_map(|value| {
            let network = network_of(value);
            left_out += u64::from(network.is_none());
            network
        });
        let addresses: AddressSet = networks.collect();
        let mut rendered = Rendered {
            entries: u64::try_from(addresses.range_count()).unwrap_or(u64::MAX),
            left_out,
            ..Rendered::default()
        };
        let [v4, v6] = FAMILIES;
        rendered.push(v4.name, elements(addresses.v4_ranges()));
        rendered.push(v6.name, elements(addresses.v6_ranges()));
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        let standing = self.standing().map_err(TargetError::Ask)?;
        for script in [self.filling(&standing, rendered), self.switching(&standing, rendered)] {
            let run = self.nft_run().args(["-f", "-"]).input(script.as_bytes()).output();
            run.map_err(TargetError::Apply)?;
        }
        Ok(())
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        Ok(self.standing().map_err(TargetError::Ask)?.enforces(rendered))
    }

    fn renewal(&self) -> Option<Duration> {
        self.element_timeout.map(|timeout| timeout / 4)
    }
}

fn make(section: &mut Section<'_>, making: &Making<'_>) -> Option<Box<dyn Target>> {
    // Every key is read before anything is given up, so that all problems are reported at once.
    let takes = making.takes(section.report, "nftables", TypeSet::ADDRESSES);
    let command = entry::command(section, "command");
    let element_timeout = section.value("element_timeout", |scalar| value::duration(scalar, SECOND, YEAR));
    let table = section.value_or_default("table", table_name);
    takes.then_some(())?;
    Some(Box::new(NftablesTarget {
        table,
        nft: command?,
        element_timeout,
    }))
}

fn table_name(scalar: &Scalar) -> Result<String, Wrong> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let name = scalar.text.as_bytes();
    let is_name =
        name.len() <= 64 && name.first().is_some_and(u8::is_ascii_alphabetic) && name.iter().all(|byte| fits(*byte));
    if is_name {
        return Ok(scalar.text.to_string());
    }
    let what = format!("{} is not the name of a table", value::shown(scalar));
    Err(Wrong::new(what, "write letters, digits and underscores"))
}

#[cfg(test)]
mod tests {
    use feed_classification::{IndicatorSet, IndicatorType};

    use super::*;

    fn rendered(values: &[&str]) -> Rendered {
        let set = IndicatorSet::of(IndicatorType::Ip, values.iter().copied());
        NftablesTarget::new().render(&[set].into_iter().collect()).unwrap()
    }

    #[test]
    fn both_families_are_rendered_as_the_fewest_intervals() {
        let rendered = rendered(&[
            "192.0.2.7",
            "192.0.2.0/31",
            "192.0.2.1",
            "192.0.2.2",
            "2001:db8::1",
            "2001:db8::/127",
            "198.51.100.9/24",
        ]);
        assert_eq!(
            rendered.part("v4"),
            b"192.0.2.0-192.0.2.2\n192.0.2.7\n198.51.100.0-198.51.100.255\n"
        );
        assert_eq!(rendered.part("v6"), b"2001:db8::-2001:db8::1\n");
        assert_eq!(rendered.entries, 4);
    }

    #[test]
    fn no_value_can_leave_its_place_in_a_script() {
        let target = NftablesTarget::new().element_timeout(Duration::from_secs(7200));
        let hostile = rendered(&[
            "192.0.2.1 }; flush ruleset; {",
            "evil.example",
            "192.0.2.2",
            "2001:db8::/32",
        ]);
        assert_eq!((hostile.left_out, hostile.entries), (2, 2));
        let standing = Standing {
            has_table: true,
            newest: 6,
            sets: vec!["v4_6".to_owned(), "v6_6".to_owned()],
            marks: Vec::new(),
        };
        let scripts = [
            target.filling(&standing, &hostile),
            target.switching(&standing, &hostile),
        ];
        insta::assert_snapshot!(scripts.join("---\n"));
    }

    #[test]
    fn an_empty_list_has_no_empty_command() {
        let script = NftablesTarget::new().filling(&Standing::default(), &rendered(&[]));
        assert!(!script.contains("add element"), "{script}");
        assert!(script.contains("table inet cratos {"), "{script}");
    }

    #[test]
    fn values_are_in_force_if_every_chain_has_their_rules_and_both_sets_exist() {
        let values = rendered(&["192.0.2.7"]);
        let rule = |(chain, _): &(&str, _)| (chain.to_string(), mark(&values));
        let whole = || Standing {
            has_table: true,
            newest: 6,
            sets: vec!["v4_6".to_owned(), "v6_6".to_owned()],
            marks: CHAINS.iter().chain(CHAINS.iter()).map(rule).collect(),
        };
        assert!(whole().enforces(&values));
        assert!(!whole().enforces(&rendered(&["192.0.2.8"])));
        let mut without_set = whole();
        without_set.sets.pop();
        assert!(!without_set.enforces(&values));
        let mut without_rule = whole();
        without_rule.marks.pop();
        assert!(!without_rule.enforces(&values));
        let says = |json: &str| ["sh", "-c", &format!("echo '{json}'")].map(str::to_owned).to_vec();
        let without_table = NftablesTarget::new().nft(says(r#"{"nftables": []}"#));
        assert!(!without_table.is_in_force(&values).unwrap());
    }

    #[test]
    fn elements_are_renewed_well_before_they_expire() {
        let target = NftablesTarget::new();
        assert_eq!(target.renewal(), None);
        let expiring = target.element_timeout(Duration::from_secs(7200));
        assert_eq!(expiring.renewal(), Some(Duration::from_secs(1800)));
    }

    #[test]
    fn rules_of_an_operator_in_the_table_are_not_taken_for_ours() {
        let json = br#"{"nftables": [{"set": {"name": "v4_3"}}, {"set": {"name": "v4_mine"}}, {"rule": {"chain": "input", "comment": "hello"}}]}"#;
        let standing = Standing::of(&objects(json));
        assert_eq!((standing.newest, standing.sets.len(), standing.marks.len()), (3, 1, 0));
        assert!(objects(b"nonsense").is_empty());
    }
}
