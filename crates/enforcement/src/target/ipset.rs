//! ipset: the sets `cratos4` and `cratos6`, for hosts whose own iptables rules look into sets.

use std::sync::Arc;
use std::time::Duration;

use config_file::{Key, Place, Section, absent, default};
use feed_classification::{AddressSet, Exporter, FeedInfo, IndicatorType, TypeSet};

use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command::{CommandError, Run};
use crate::entry;
use crate::error::TargetError;

/// The exporter that writes the file for `ipset restore`, and with it the names of the sets.
const FORMAT: &str = "ipset";

const SETS: [&str; 2] = ["cratos4", "cratos6"];

const SCRIPT: &str = "restore";

const TIMEOUT: Duration = Duration::from_secs(300);

/// The most that is read of a listing: some million entries.
const MAX_LISTING: usize = 128 << 20;

/// The kind `ipset`.
pub(super) const KIND: Kind = Kind {
    row: Key::ours(
        "ipset",
        "map",
        absent("none"),
        "the sets `cratos4` and `cratos6`, for iptables rules of your own",
    ),
    tables: &[&[Key::ours(
        "command",
        "command",
        default("[ipset]"),
        "command that is `ipset`, for example `[sudo, ipset]`",
    )]],
    make,
};

/// The two sets of addresses, replaced by `ipset restore`: filled beside the ones in use, then swapped.
#[derive(Debug)]
pub struct IpsetTarget {
    ipset: Vec<String>,
    exporter: Arc<dyn Exporter>,
}

impl IpsetTarget {
    /// Makes a target; `exporter` is the one called `ipset`.
    #[must_use]
    pub fn new(exporter: Arc<dyn Exporter>) -> Self {
        let ipset = vec!["ipset".to_owned()];
        Self { ipset, exporter }
    }

    /// Sets the command for `ipset`, for example `[sudo, ipset]`; its arguments follow these words.
    #[must_use]
    pub fn ipset(mut self, words: Vec<String>) -> Self {
        self.ipset = words;
        self
    }

    /// Returns the members of both sets; `None` if one of them does not exist.
    fn members(&self) -> Result<Option<AddressSet>, CommandError> {
        let run = || Run::new(&self.ipset, TIMEOUT).max_output(MAX_LISTING);
        let names = run().args(["list", "-n"]).output()?;
        let names = String::from_utf8_lossy(&names);
        let mut members = AddressSet::new();
        for set in SETS {
            if !names.lines().any(|name| name == set) {
                return Ok(None);
            }
            let listing = run().args(["save", set]).output()?;
            members = members.union(&added(&String::from_utf8_lossy(&listing)));
        }
        Ok(Some(members))
    }
}

/// Returns the values of the lines `add SET VALUE`.
fn added(script: &str) -> AddressSet {
    let values = script.lines().filter_map(|line| {
        let mut words = line.split(' ');
        words.next().filter(|word| *word == "add").and(words.nth(1))
    });
    AddressSet::from_values(values)
}

impl Target for IpsetTarget {
    fn kind(&self) -> &'static str {
        "ipset"
    }

    fn resources(&self) -> Vec<String> {
        SETS.map(|set| format!("the set {set}")).to_vec()
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let mut bytes = Vec::new();
        // As a list of both families, so that both sets are there and a family without a value is an empty set.
        let info = FeedInfo::new(IndicatorType::Ip, "cratos");
        let mut indicators = values.sets().flat_map(|set| set.indicators());
        let exported = self
            .exporter
            .export(&info, &mut indicators, &mut bytes)
            .map_err(TargetError::Render)?;
        let mut rendered = Rendered {
            entries: exported.written,
            left_out: exported.quarantined,
            ..Rendered::default()
        };
        rendered.push(SCRIPT, bytes);
        Ok(rendered)
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        let run = Run::new(&self.ipset, TIMEOUT)
            .args(["restore"])
            .input(rendered.part(SCRIPT));
        run.output().map(drop).map_err(TargetError::Apply)
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        let members = self.members().map_err(TargetError::Ask)?;
        Ok(members == Some(added(&String::from_utf8_lossy(rendered.part(SCRIPT)))))
    }
}

fn make(section: &mut Section<'_>, making: &Making<'_>) -> Option<Box<dyn Target>> {
    let takes = making.takes(section.report, "ipset", TypeSet::ADDRESSES);
    let command = entry::command(section, "command");
    let exporter = making.exporter(section.report, (Place::START, ""), FORMAT)?;
    takes.then_some(())?;
    Some(Box::new(IpsetTarget::new(exporter).ipset(command?)))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use feed_classification::{IndicatorSet, Registry};

    use super::*;

    /// Answers as `ipset` does, from the files of a folder.
    const STAND_IN: &str = r#"case "$1" in
        list) cat "$0/names" ;;
        save) cat "$0/$2" ;;
        restore) cat > "$0/restored" ;;
    esac"#;

    fn target(folder: &Path) -> IpsetTarget {
        let folder = folder.to_str().unwrap();
        let words = ["sh", "-c", STAND_IN, folder].map(str::to_owned);
        IpsetTarget::new(Registry::builtin().by_name(FORMAT).unwrap().clone()).ipset(words.to_vec())
    }

    fn rendered(target: &IpsetTarget, values: &[&str]) -> Rendered {
        let set = IndicatorSet::of(IndicatorType::Ip, values.iter().copied());
        target.render(&[set].into_iter().collect()).unwrap()
    }

    #[test]
    fn a_list_is_in_force_if_both_sets_hold_just_its_addresses() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
        file("names", "other\ncratos4\ncratos6\n");
        file(
            "cratos4",
            "create cratos4 hash:net family inet\nadd cratos4 192.0.2.0/24\nadd cratos4 198.51.100.7\n",
        );
        file(
            "cratos6",
            "create cratos6 hash:net family inet6\nadd cratos6 2001:db8::/32\n",
        );
        let target = target(folder.path());
        let is_in_force = |values: &[&str]| target.is_in_force(&rendered(&target, values)).unwrap();
        assert!(is_in_force(&["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]));
        assert!(!is_in_force(&["192.0.2.0/24", "2001:db8::/32"]));
        assert!(!is_in_force(&[
            "192.0.2.0/24",
            "198.51.100.7",
            "198.51.100.8",
            "2001:db8::/32"
        ]));
        file("names", "other\ncratos4\n");
        assert!(!is_in_force(&["192.0.2.0/24", "198.51.100.7", "2001:db8::/32"]));
    }

    #[test]
    fn the_rendered_script_goes_to_ipset_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let target = target(folder.path());
        let rendered = rendered(&target, &["192.0.2.7", "no address"]);
        assert_eq!((target.kind(), rendered.entries), ("ipset", 1));
        target.apply(&rendered).unwrap();
        assert_eq!(fs::read(folder.path().join("restored")).unwrap(), rendered.part(SCRIPT));
    }
}
