//! Sightings: notes on attributes that change nothing else (facts 40 and 60).

use uuid::Uuid;

use super::{NoSuch, Store, reader::Reader, rows::AttributeRow};

/// A sighting of one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SightingView {
    /// Its number.
    pub id: u64,
    /// Its UUID.
    pub uuid: Uuid,
    /// The number of the attribute.
    pub attribute: u64,
    /// The number of the attribute's event.
    pub event: u64,
    /// The number of the organisation that reports it.
    pub organisation: u64,
    /// 0 for a hit, 1 for a false positive, 2 for an end.
    pub kind: u8,
    /// The sensor or device, in the words of the report.
    pub source: String,
    /// When it was seen, unix seconds.
    pub seen_at: i64,
}

impl Store {
    /// Returns all sightings, oldest first.
    pub fn sightings(&self) -> impl Iterator<Item = &SightingView> {
        self.sightings.iter()
    }

    /// Adds a sighting of one attribute by the first organisation: 0 for a hit, 1 for a false positive, 2 for an end.
    ///
    /// # Errors
    /// [`NoSuch`] when the number is unknown.
    pub fn add_sighting(&mut self, attribute: u64, kind: u8, seen_at: i64) -> Result<(), NoSuch> {
        let slot = self.attribute_slot(attribute).ok_or(NoSuch::Attribute(attribute))?;
        let event = self.event_of(&self.attributes[slot]).id;
        let id = self.sightings.len() as u64 + 1;
        self.sightings.push(SightingView {
            id,
            uuid: super::insert::numbered_uuid(0x5, id),
            attribute,
            event,
            organisation: self.organisations.first().map_or(1, |first| first.id),
            kind,
            source: String::new(),
            seen_at,
        });
        Ok(())
    }

    /// Adds a sighting to every attribute that has one of the values and that the reader sees, soft deleted ones too;
    /// returns the last.
    pub(crate) fn add_sightings(
        &mut self,
        values: &[String],
        reader: Reader,
        organisation: u64,
        kind: u8,
        source: &str,
        seen_at: i64,
    ) -> Option<SightingView> {
        let wanted: Vec<String> = values.iter().map(|value| collated(value)).collect();
        let matches = |row: &&AttributeRow| {
            let (first, second) = halves(self.names.name(row.kind), &row.value);
            !row.gone
                && self.shows(self.event_of(row), reader)
                && wanted
                    .iter()
                    .any(|value| *value == collated(first) || *value == collated(second))
        };
        let matching = self.attributes.iter().filter(matches);
        let found: Vec<(u64, u64)> = matching.map(|row| (row.id, self.event_of(row).id)).collect();
        for &(attribute, event) in &found {
            let id = self.sightings.len() as u64 + 1;
            self.sightings.push(SightingView {
                id,
                uuid: super::insert::numbered_uuid(0x5, id),
                attribute,
                event,
                organisation,
                kind,
                source: source.to_owned(),
                seen_at,
            });
        }
        self.sightings.last().filter(|_| !found.is_empty()).cloned()
    }
}

/// `value1` and `value2` of the data base: the second one is an empty text where there is nothing to divide.
fn halves<'v>(kind: &str, value: &'v str) -> (&'v str, &'v str) {
    if kind.contains('|') || kind == "malware-sample" {
        value.split_once('|').unwrap_or((value, ""))
    } else {
        (value, "")
    }
}

/// As the data base compares: without regard to case and to spaces at the end.
fn collated(value: &str) -> String {
    value.trim_end_matches(' ').to_lowercase()
}
