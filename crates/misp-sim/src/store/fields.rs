//! Edits of several fields at once, as MISP's edit pages make them.

use super::{NoSuch, Store, rows::Rare};

/// Fields of an attribute that change; the others stay.
#[derive(Debug, Default)]
pub(crate) struct AttributeFields {
    pub(crate) value: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) to_ids: Option<bool>,
    pub(crate) comment: Option<String>,
    pub(crate) distribution: Option<u8>,
    pub(crate) first_seen: Option<String>,
    pub(crate) last_seen: Option<String>,
}

/// Fields of an event that change; the others stay.
#[derive(Debug, Default)]
pub(crate) struct EventFields {
    pub(crate) info: Option<String>,
    pub(crate) date: Option<String>,
    pub(crate) threat_level: Option<u8>,
    pub(crate) analysis: Option<u8>,
    pub(crate) distribution: Option<u8>,
}

impl Store {
    pub(crate) fn change_attribute(&mut self, id: u64, fields: AttributeFields) -> Result<(), NoSuch> {
        let category = fields.category.map(|name| self.names.number(&name));
        self.change(id, |row| {
            if let Some(value) = fields.value {
                row.value = value.into_boxed_str();
            }
            row.category = category.unwrap_or(row.category);
            row.to_ids = fields.to_ids.unwrap_or(row.to_ids);
            row.distribution = fields.distribution.unwrap_or(row.distribution);
            let rare = row.rare.get_or_insert_with(|| Box::new(Rare::default()));
            if let Some(comment) = fields.comment {
                rare.comment = comment;
            }
            rare.first_seen = fields.first_seen.or_else(|| rare.first_seen.take());
            rare.last_seen = fields.last_seen.or_else(|| rare.last_seen.take());
        })
    }

    pub(crate) fn change_event(&mut self, id: u64, fields: EventFields) -> Result<(), NoSuch> {
        let slot = self.event_slot(id).ok_or(NoSuch::Event(id))?;
        self.touch(slot);
        let row = &mut self.events[slot as usize];
        if let Some(info) = fields.info {
            row.info = info;
        }
        if let Some(date) = fields.date {
            row.date = date;
        }
        row.threat_level = fields.threat_level.unwrap_or(row.threat_level);
        row.analysis = fields.analysis.unwrap_or(row.analysis);
        row.distribution = fields.distribution.unwrap_or(row.distribution);
        Ok(())
    }
}
