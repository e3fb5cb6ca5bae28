//! Targets, which enforce values: one trait, and one file for each kind.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use config_file::word::{shown, suggestion};
use config_file::{Key, Place, Report, Section, Tables, Wrong};
use feed_classification::{Exporter, IndicatorType, Registry, TypeSet};
use sha2::{Digest as _, Sha256};

use crate::Values;
use crate::error::TargetError;

mod dns_rpz;
mod file;
mod file_change;
mod ipset;
mod nftables;
mod suricata;

pub use dns_rpz::RpzTarget;
pub use file::FileTarget;
pub use ipset::IpsetTarget;
pub use nftables::NftablesTarget;
pub use suricata::SuricataTarget;

/// Something on this host that enforces values.
///
/// A run goes [`render`](Self::render), [`check`](Self::check), [`apply`](Self::apply),
/// [`is_in_force`](Self::is_in_force). If a step fails, the values
/// that were in force before the run stay in force.
pub trait Target: fmt::Debug + Send + Sync {
    /// Returns the kind as the configuration writes it, for example `nftables`.
    fn kind(&self) -> &'static str;

    /// Returns the resources of this host that belong to this target alone, for example paths or tables. Two targets
    /// cannot share one.
    fn resources(&self) -> Vec<String>;

    /// Returns the values in the form of this target. It changes nothing, and equal values give equal results.
    ///
    /// # Errors
    /// If they cannot be written down.
    fn render(&self, values: &Values) -> Result<Rendered, TargetError>;

    /// Lets the consumer's own check judge the rendered values, where it can do that before anything changes.
    ///
    /// # Errors
    /// If it refuses them.
    fn check(&self, _rendered: &Rendered) -> Result<(), TargetError> {
        Ok(())
    }

    /// Puts the rendered values in force, all at once.
    ///
    /// # Errors
    /// If that fails. The earlier values are back then, unless the consumer refuses them, too.
    fn apply(&self, rendered: &Rendered) -> Result<(), TargetError>;

    /// Returns whether exactly these values are in force, so that an operator's reload or a lost race is noticed.
    ///
    /// # Errors
    /// If that cannot be found out.
    fn is_in_force(&self, rendered: &Rendered) -> Result<bool, TargetError>;

    /// Puts values in force while the host starts, before there is a network and before most consumers run.
    ///
    /// # Errors
    /// As [`Target::apply`].
    fn restore(&self, rendered: &Rendered) -> Result<(), TargetError> {
        self.apply(rendered)
    }

    /// Returns after how long the same values must be applied again because they expire by themselves.
    fn renewal(&self) -> Option<Duration> {
        None
    }
}

/// Values as a target takes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rendered {
    /// The pieces, such as files, under their names.
    pub parts: Vec<Part>,
    /// Entries in all pieces.
    pub entries: u64,
    /// Values that the format cannot express.
    pub left_out: u64,
}

/// One piece of the rendered values, for example a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its name among the pieces of its target.
    pub name: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

impl Rendered {
    /// Adds a piece.
    pub fn push(&mut self, name: impl Into<String>, bytes: Vec<u8>) {
        let name = name.into();
        self.parts.push(Part { name, bytes });
    }

    /// Returns a checksum of all pieces.
    #[must_use]
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for part in &self.parts {
            // With the lengths, so that bytes cannot move from one piece to the next unseen.
            for field in [part.name.as_bytes(), part.bytes.as_slice()] {
                hash.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
                hash.update(field);
            }
        }
        crate::state::hexadecimal(&hash.finalize())
    }

    /// Returns the bytes of one piece, none if it is not there.
    #[must_use]
    pub fn part(&self, name: &str) -> &[u8] {
        let part = self.parts.iter().find(|part| part.name == name);
        part.map_or(&[], |part| part.bytes.as_slice())
    }
}

/// The kinds of target. A new kind is a file and a line here.
pub(crate) const KINDS: &[Kind] = &[dns_rpz::KIND, file::KIND, ipset::KIND, nftables::KIND, suricata::KIND];

/// The rows of the kinds, for the map of a target.
pub(crate) const KIND_ROWS: &[Key] = &{
    let mut rows = [KINDS[0].row; KINDS.len()];
    let mut index = 0;
    while index < rows.len() {
        rows[index] = KINDS[index].row;
        index += 1;
    }
    rows
};

/// A kind of target: a key whose map describes it.
pub(crate) struct Kind {
    pub(crate) row: Key,
    pub(crate) tables: Tables,
    /// Reads the map, and returns the target; nothing if there is a problem.
    pub(crate) make: fn(&mut Section<'_>, &Making<'_>) -> Option<Box<dyn Target>>,
}

/// The facts about a target that its kind does not read itself.
pub(crate) struct Making<'a> {
    pub(crate) name: &'a str,
    /// The types of the feeds that the target gets.
    pub(crate) kinds: TypeSet,
    pub(crate) registry: &'a Registry,
    /// The place of the target.
    pub(crate) place: Place,
    /// The path of the target's key `feeds`.
    pub(crate) feeds: String,
}

impl Making<'_> {
    /// Returns the exporter with this name. If there is none, it reports the closest one at this key.
    pub(crate) fn exporter(
        &self,
        report: &mut Report,
        (place, key): (Place, &str),
        name: &str,
    ) -> Option<Arc<dyn Exporter>> {
        let exporter = self.registry.by_name(name).cloned();
        if exporter.is_none() {
            let known: Vec<&str> = self.registry.names().collect();
            let what = format!("there is no format {}", shown(name));
            report.problem(place, key, Wrong::new(what, suggestion(name, known)));
        }
        exporter
    }

    /// Returns whether `consumer` takes all types of the target's feeds, and reports those that it does not take.
    pub(crate) fn takes(&self, report: &mut Report, consumer: &str, accepts: TypeSet) -> bool {
        let not: Vec<&str> = self.kinds.without(accepts).iter().map(IndicatorType::as_str).collect();
        if !not.is_empty() {
            let takes: Vec<&str> = accepts.iter().map(IndicatorType::as_str).collect();
            let what = format!("{consumer} takes no {}", not.join(", "));
            let instead = format!("name feeds of {}", takes.join(", "));
            report.problem(self.place, self.feeds.as_str(), Wrong::new(what, instead));
        }
        not.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_tells_pieces_apart() {
        let of = |parts: &[(&str, &str)]| {
            let mut rendered = Rendered::default();
            parts
                .iter()
                .for_each(|(name, text)| rendered.push(*name, text.as_bytes().to_vec()));
            rendered.digest()
        };
        assert_ne!(of(&[("a", "xy")]), of(&[("a", "x"), ("", "y")]));
        assert_ne!(of(&[("a", "x")]), of(&[("ax", "")]));
        assert_eq!(of(&[("a", "x")]), of(&[("a", "x")]));
    }
}
