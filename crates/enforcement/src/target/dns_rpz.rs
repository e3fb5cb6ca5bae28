//! A response policy zone: a file for a name server, whose serial rises with every change.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use config_file::{Key, Place, Scalar, Section, Wrong, absent, value};
use feed_classification::{Exporter, FeedInfo, IndicatorType, TypeSet};

use super::file::{COMMAND_TIMEOUT, PLACEHOLDER, run_with};
use super::file_change::{FileChange, content};
use super::{Kind, Making, Rendered, Target};
use crate::Values;
use crate::command;
use crate::entry;
use crate::error::TargetError;

/// The exporter that writes the zone.
const FORMAT: &str = "rpz";

/// The command that checks a zone, where BIND's tools are installed.
const CHECKER: &str = "named-checkzone";

/// The words of the SOA's line before its serial.
const WORDS_BEFORE_SERIAL: usize = 4;

/// The kind `dns-rpz`.
pub(super) const KIND: Kind = Kind {
    row: Key::ours(
        "dns-rpz",
        "map",
        absent("none"),
        "the file of a response policy zone, for BIND and other name servers",
    ),
    tables: &[&[
        Key::ours(
            "path",
            "path",
            absent("required"),
            "the zone file; the agent replaces it whole",
        ),
        Key::ours(
            "zone",
            "name of up to 64 characters",
            absent("required"),
            "name of the zone, for example `rpz.cratos`",
        ),
        Key::ours(
            "check",
            "command",
            absent("`named-checkzone` where it is installed"),
            "command that judges the new zone; `{}` stands for its path",
        ),
        Key::ours(
            "reload",
            "command",
            absent("none"),
            "command that makes the name server load the zone; `{}` stands for its path",
        ),
    ]],
    make,
};

/// The file of a response policy zone.
#[derive(Debug)]
pub struct RpzTarget {
    path: PathBuf,
    exporter: Arc<dyn Exporter>,
    check: Option<Vec<String>>,
    reload: Option<Vec<String>>,
}

impl RpzTarget {
    /// Makes a target that writes the zone to `path`; `exporter` is the one called `rpz`.
    #[must_use]
    pub fn new(path: &Path, exporter: Arc<dyn Exporter>) -> Self {
        Self {
            path: path.to_owned(),
            exporter,
            check: None,
            reload: None,
        }
    }

    /// Sets the command that judges a new zone; the word `{}` stands for its path.
    #[must_use]
    pub fn check_with(mut self, words: Vec<String>) -> Self {
        self.check = Some(words);
        self
    }

    /// Sets the command that makes the name server load the zone.
    #[must_use]
    pub fn reload_with(mut self, words: Vec<String>) -> Self {
        self.reload = Some(words);
        self
    }

    fn change<'a>(&self, zone: &'a [u8]) -> FileChange<'a> {
        FileChange {
            files: vec![(self.path.clone(), zone)],
            mode: None,
        }
    }

    /// Returns the serial of the zone file, if it is one.
    fn serial_there(&self) -> Option<u32> {
        serial(&content(&self.path).ok().flatten()?)
    }

    /// Returns the zone with the next serial. Secondaries accept a zone only if its serial has risen, so the serial is
    /// the time only if that is higher than the last serial.
    fn numbered(&self, rendered: &Rendered) -> Vec<u8> {
        let before = self.serial_there().unwrap_or(0);
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_secs());
        let now = u32::try_from(now).unwrap_or(0);
        with_serial(rendered.part(PLACEHOLDER), now.max(before.saturating_add(1)))
    }
}

/// Returns the serial of a zone as the exporter writes it.
fn serial(zone: &[u8]) -> Option<u32> {
    let line = zone.split(|byte| *byte == b'\n').nth(1)?;
    let mut words = std::str::from_utf8(line).ok()?.split(' ');
    words.clone().nth(1).filter(|word| *word == "SOA")?;
    words.nth(WORDS_BEFORE_SERIAL)?.parse().ok()
}

fn with_serial(zone: &[u8], serial: u32) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = zone.splitn(3, |byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    if let Some(soa) = lines.get_mut(1) {
        let text = String::from_utf8_lossy(soa).into_owned();
        let number = serial.to_string();
        let numbered = |(index, word)| {
            if index == WORDS_BEFORE_SERIAL {
                number.as_str()
            } else {
                word
            }
        };
        let words: Vec<&str> = text.split(' ').enumerate().map(numbered).collect();
        *soa = words.join(" ").into_bytes();
    }
    lines.join(&b'\n')
}

impl Target for RpzTarget {
    fn kind(&self) -> &'static str {
        "dns-rpz"
    }

    fn resources(&self) -> Vec<String> {
        vec![self.path.display().to_string()]
    }

    fn render(&self, values: &Values) -> Result<Rendered, TargetError> {
        let mut bytes = Vec::new();
        let info = FeedInfo::new(IndicatorType::Domain, "cratos");
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
        rendered.push(PLACEHOLDER, bytes);
        Ok(rendered)
    }

    fn check(&self, rendered: &Rendered) -> Result<(), TargetError> {
        let Some(words) = &self.check else { return Ok(()) };
        self.change(&self.numbered(rendered))
            .check(&mut |candidate| run_with(words, candidate, COMMAND_TIMEOUT))
    }

    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.change(&self.numbered(rendered)).apply(&mut || match &self.reload {
            Some(words) => run_with(words, &self.path, COMMAND_TIMEOUT),
            None => Ok(()),
        })
    }

    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError> {
        let Some(serial) = self.serial_there() else {
            return Ok(false);
        };
        self.change(&with_serial(rendered.part(PLACEHOLDER), serial)).is_there()
    }

    fn restore(&self, rendered: &Rendered) -> Result<(), TargetError> {
        if self.is_in_force(rendered)? {
            return Ok(());
        }
        self.change(&self.numbered(rendered)).write()
    }
}

fn make(section: &mut Section<'_>, making: &Making<'_>) -> Option<Box<dyn Target>> {
    // Every key is read before anything is given up, so that all problems are reported at once.
    let path = section.required("path", "name the zone file to write", value::absolute_path);
    let zone = section.required("zone", "name the zone, for example rpz.cratos", zone_name);
    let takes = making.takes(section.report, "dns-rpz", TypeSet::ADDRESSES.union(TypeSet::NAMES));
    let check = entry::command(section, "check");
    let reload = entry::command(section, "reload");
    let exporter = making.exporter(section.report, (Place::START, ""), FORMAT)?;
    let (path, zone) = (path?, zone?);
    takes.then_some(())?;
    let present = || {
        let words = || [CHECKER, "-q", &zone, PLACEHOLDER].map(str::to_owned).to_vec();
        command::is_installed(CHECKER).then(words)
    };
    Some(Box::new(RpzTarget {
        check: check.or_else(present),
        reload,
        ..RpzTarget::new(&path, exporter)
    }))
}

fn zone_name(scalar: &Scalar) -> Result<String, Wrong> {
    let zone = scalar.text.as_str();
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    if (1..=64).contains(&zone.len()) && zone.bytes().all(fits) && !zone.starts_with('-') {
        return Ok(zone.to_owned());
    }
    let what = format!("{} is not the name of a zone", value::shown(scalar));
    Err(Wrong::new(what, "write one of up to 64 characters such as rpz.cratos"))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use feed_classification::{IndicatorSet, Registry};

    use super::*;

    fn values(names: &[&str]) -> Values {
        let names = IndicatorSet::of(IndicatorType::Domain, names.iter().copied());
        [names, IndicatorSet::of(IndicatorType::Ip, ["192.0.2.0/24"])]
            .into_iter()
            .collect()
    }

    #[test]
    fn the_serial_rises_with_every_change_and_with_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("rpz.zone");
        let exporter = Registry::builtin().by_name(FORMAT).cloned().unwrap();
        let target = RpzTarget::new(&path, exporter);
        let apply = |names: &[&str]| {
            let rendered = target.render(&values(names)).unwrap();
            target.apply(&rendered).unwrap();
            assert!(target.is_in_force(&rendered).unwrap());
            serial(&fs::read(&path).unwrap()).unwrap()
        };
        let first = apply(&["evil.example"]);
        let second = apply(&["evil.example", "worse.example"]);
        assert!(first > 1_700_000_000 && second > first, "{first} {second}");
        // As if the clock had been far ahead.
        fs::write(&path, with_serial(&fs::read(&path).unwrap(), 4_000_000_000)).unwrap();
        assert_eq!(apply(&["evil.example"]), 4_000_000_001);
        let rendered = target.render(&values(&["evil.example"])).unwrap();
        target.restore(&rendered).unwrap();
        assert_eq!(serial(&fs::read(&path).unwrap()), Some(4_000_000_001));
        fs::remove_file(&path).unwrap();
        target.restore(&rendered).unwrap();
        assert!(
            target.is_in_force(&rendered).unwrap(),
            "a zone that is gone is written again"
        );
        let zone = fs::read_to_string(&path).unwrap();
        assert!(
            zone.contains("*.evil.example CNAME .\n") && zone.contains("rpz-ip"),
            "{zone}"
        );
        assert!(!target.is_in_force(&target.render(&values(&[])).unwrap()).unwrap());
    }

    #[test]
    fn the_checker_of_bind_takes_the_zone_and_refuses_a_broken_one() {
        let Some(checker) = test_peers::program(CHECKER) else {
            return;
        };
        let dir = tempfile::tempdir().unwrap();
        let exporter = Registry::builtin().by_name(FORMAT).cloned().unwrap();
        let words = [&*checker.display().to_string(), "-q", "rpz.cratos", PLACEHOLDER].map(str::to_owned);
        let target = RpzTarget::new(&dir.path().join("rpz.zone"), exporter).check_with(words.to_vec());
        let mut rendered = target.render(&values(&["evil.example"])).unwrap();
        target.check(&rendered).unwrap();
        rendered.parts[0]
            .bytes
            .extend_from_slice(b"evil.example CNAME elsewhere.\n");
        assert!(matches!(target.check(&rendered), Err(TargetError::Check(_))));
        assert!(!dir.path().join("rpz.zone").exists());
    }

    #[test]
    fn names_that_the_dns_cannot_have_are_left_out_and_counted() {
        let exporter = Registry::builtin().by_name(FORMAT).cloned().unwrap();
        let target = RpzTarget::new(Path::new("/srv/rpz.zone"), exporter);
        let long = format!("{}.example", "x".repeat(300));
        let rendered = target.render(&values(&["evil.example", &long])).unwrap();
        assert_eq!(rendered.left_out, 1);
    }

    #[test]
    fn the_name_of_the_zone_is_taken_as_it_is() {
        let read = |text: &str| {
            let text = text.to_owned().into();
            zone_name(&Scalar { text, plain: true }).ok()
        };
        assert_eq!(read("rpz.cratos").as_deref(), Some("rpz.cratos"));
        for wrong in ["", "-q", "a zone", &"x".repeat(65)] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn foreign_zones_have_no_serial() {
        for zone in ["", "\n", "$TTL 300\n@ NS localhost.\n", "$TTL 1\n@ SOA a b x 1\n"] {
            assert_eq!(serial(zone.as_bytes()), None, "{zone}");
            assert_eq!(
                with_serial(zone.as_bytes(), 7)
                    .iter()
                    .filter(|byte| **byte == b'\n')
                    .count(),
                zone.matches('\n').count()
            );
        }
    }
}
