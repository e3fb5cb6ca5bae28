//! Compares a row with the question.

use uuid::Uuid;

use crate::{Attribute, AttributeRow, AttributeSearch, Deleted, EventSummary, Published, Tag};

/// Why a row does not answer the question; see [`AttributeSearch::answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Stray {
    /// Of a category that was not asked for.
    #[error("of a category that was not asked for")]
    Category,
    /// Deleted though deleted ones were not asked for, or the other way round.
    #[error("deleted or not, against the question")]
    Deleted,
    /// From an event that was not asked for.
    #[error("of an event that was not asked for")]
    Event,
    /// From an event that changed before the time that was asked for.
    #[error("of an event that changed before the time that was asked for")]
    EventTimestamp,
    /// Has a tag that was excluded.
    #[error("has a tag that was excluded")]
    ExcludedTag,
    /// Has none of the tags that were asked for.
    #[error("has none of the tags that were asked for")]
    MissingTag,
    /// From an organisation that was not asked for.
    #[error("of an organisation that was not asked for")]
    Organisation,
    /// From an event that is published though unpublished ones were asked for, or the other way round.
    #[error("published or not, against the question")]
    Published,
    /// Changed before the time that was asked for.
    #[error("changed before the time that was asked for")]
    Timestamp,
    /// The `to_ids` flag is not the one that was asked for.
    #[error("the to_ids flag is not the one that was asked for")]
    ToIds,
    /// Of a type that was not asked for.
    #[error("of a type that was not asked for")]
    Type,
    /// Of a UUID that was not asked for, as is its event.
    #[error("of a UUID that was not asked for")]
    Uuid,
    /// Has a value that was not asked for.
    #[error("has a value that was not asked for")]
    Value,
}

impl Stray {
    /// Returns a short name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Category => "category",
            Self::Deleted => "deleted",
            Self::Event => "event",
            Self::EventTimestamp => "event_timestamp",
            Self::ExcludedTag => "excluded_tag",
            Self::MissingTag => "missing_tag",
            Self::Organisation => "organisation",
            Self::Published => "published",
            Self::Timestamp => "timestamp",
            Self::ToIds => "to_ids",
            Self::Type => "type",
            Self::Uuid => "uuid",
            Self::Value => "value",
        }
    }
}

impl AttributeSearch {
    /// Checks whether this row answers the question.
    ///
    /// A MISP that loses the body of a question, or a proxy that drops it, answers with everything. So each row is
    /// compared with the question: type, value, category, `to_ids`, tags, time, deletion, UUID, and with
    /// `include_context` the event too.
    ///
    /// # Errors
    /// [`Stray`] with the first condition that the row does not meet.
    pub fn answers(&self, row: &Attribute) -> Result<(), Stray> {
        self.admits(&Judged {
            event_id: row.event_id,
            uuid: row.uuid,
            kind: &row.kind,
            category: &row.category,
            value: &row.value,
            to_ids: row.to_ids,
            deleted: row.deleted,
            timestamp: row.timestamp,
            tags: &row.tags,
            event: &row.event,
        })
    }

    /// Checks the same of a row that lies in its answer.
    ///
    /// # Errors
    /// As [`answers`](Self::answers).
    pub fn answers_row(&self, row: &AttributeRow<'_>) -> Result<(), Stray> {
        self.admits(&Judged {
            event_id: row.event_id,
            uuid: row.uuid,
            kind: &row.kind,
            category: &row.category,
            value: &row.value,
            to_ids: row.to_ids,
            deleted: row.deleted,
            timestamp: row.timestamp,
            tags: &row.tags,
            event: &row.event,
        })
    }

    fn admits(&self, row: &Judged<'_>) -> Result<(), Stray> {
        let check = |met: bool, stray: Stray| if met { Ok(()) } else { Err(stray) };
        check(self.types.is_empty() || self.brought.has(row.kind), Stray::Type)?;
        check(self.to_ids.is_none_or(|wanted| wanted == row.to_ids), Stray::ToIds)?;
        check(
            self.timestamp.is_none_or(|time| time.admits(row.timestamp)),
            Stray::Timestamp,
        )?;
        check(
            match self.deleted {
                Deleted::No => !row.deleted,
                Deleted::Only => row.deleted,
                Deleted::Either => true,
            },
            Stray::Deleted,
        )?;
        check(
            self.event_ids.is_empty() || self.event_ids.binary_search(&row.event_id).is_ok(),
            Stray::Event,
        )?;
        self.content_answers(row)?;
        self.tags_answer(row)?;
        self.context_answers(row)
    }

    /// Checks value, category and UUID. MISP looks for a UUID among those of attributes and of events.
    fn content_answers(&self, row: &Judged<'_>) -> Result<(), Stray> {
        if !self.values.is_empty() && !self.values.iter().any(|value| value.admits(row.value)) {
            return Err(Stray::Value);
        }
        let is_category = |name: &String| name.eq_ignore_ascii_case(row.category);
        if !self.categories.is_empty() && !row.category.is_empty() && !self.categories.iter().any(is_category) {
            return Err(Stray::Category);
        }
        match (row.uuid, row.event.uuid) {
            (Some(own), Some(event))
                if !self.uuids.is_empty() && !self.uuids.contains(&own) && !self.uuids.contains(&event) =>
            {
                Err(Stray::Uuid)
            }
            _ => Ok(()),
        }
    }

    fn tags_answer(&self, row: &Judged<'_>) -> Result<(), Stray> {
        // Without the event's tags, or those that are not exportable, a row does not show why it matched.
        let shows_all_tags = (self.include_event_tags || self.include_context) && self.include_all_tags;
        if shows_all_tags && !self.any_of.is_empty() && !self.any_of.iter().any(|tag| row.has_tag(tag)) {
            return Err(Stray::MissingTag);
        }
        if self.none_of.iter().any(|tag| row.has_tag(tag)) {
            return Err(Stray::ExcludedTag);
        }
        Ok(())
    }

    fn context_answers(&self, row: &Judged<'_>) -> Result<(), Stray> {
        if let (Some(wanted), Some(known)) = (self.organisation, row.event.orgc_uuid)
            && wanted != known
        {
            return Err(Stray::Organisation);
        }
        if let (Some(time), Some(changed)) = (self.event_timestamp, row.event.timestamp)
            && !time.admits(changed)
        {
            return Err(Stray::EventTimestamp);
        }
        match (self.published, row.event.published) {
            (Published::Yes, Some(false)) | (Published::No, Some(true)) => {
                return Err(Stray::Published);
            }
            _ => {}
        }
        Ok(())
    }
}

/// The parts of a row that a question is about.
struct Judged<'r> {
    event_id: u64,
    uuid: Option<Uuid>,
    kind: &'r str,
    category: &'r str,
    value: &'r str,
    to_ids: bool,
    deleted: bool,
    timestamp: i64,
    tags: &'r [Tag],
    event: &'r EventSummary,
}

impl Judged<'_> {
    fn has_tag(&self, name: &str) -> bool {
        self.tags.iter().any(|tag| tag.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row() -> Attribute {
        let mut row = Attribute::new(1, "ip-dst", "192.0.2.1");
        (row.to_ids, row.timestamp, row.event_id) = (true, 1_000, 7);
        row
    }

    #[test]
    fn row_that_was_not_asked_for_is_a_stray_with_its_reason() {
        let search = || AttributeSearch::new(["ip-dst"]).unwrap();
        assert_eq!(search().answers(&row()), Ok(()));
        assert_eq!(
            search().answers(&Attribute {
                kind: "domain".into(),
                ..row()
            }),
            Err(Stray::Type)
        );
        assert_eq!(
            search().answers(&Attribute {
                kind: "IP-DST".into(),
                ..row()
            }),
            Ok(())
        );
        assert_eq!(
            search().answers(&Attribute {
                kind: "email".into(),
                ..row()
            }),
            Err(Stray::Type)
        );
        assert_eq!(search().to_ids(false).answers(&row()), Err(Stray::ToIds));
        assert_eq!(
            search().timestamp_from(1_000).answers(&row()),
            Ok(()),
            "the limit is included"
        );
        assert_eq!(search().timestamp_from(1_001).answers(&row()), Err(Stray::Timestamp));
        assert_eq!(
            search().answers(&Attribute { deleted: true, ..row() }),
            Err(Stray::Deleted)
        );
        assert_eq!(search().deleted(Deleted::Only).answers(&row()), Err(Stray::Deleted));
        assert_eq!(search().event_ids([8]).answers(&row()), Err(Stray::Event));
    }

    #[test]
    fn row_of_an_event_that_changed_too_long_ago_is_a_stray() {
        let search = AttributeSearch::new(["ip-dst"]).unwrap().event_timestamp_from(1_500);
        let mut row = row();
        row.event.timestamp = Some(1_500);
        assert_eq!(search.answers(&row), Ok(()), "though the attribute is older");
        row.event.timestamp = Some(1_499);
        assert_eq!(search.answers(&row), Err(Stray::EventTimestamp));
    }

    #[test]
    fn tags_count_on_the_attribute_and_on_its_event() {
        let search = || AttributeSearch::new(["ip-dst"]).unwrap();
        let wanted = || search().with_tag("a").unwrap().with_tag("b").unwrap();
        let tagged = |tag| Attribute {
            tags: vec![tag],
            ..row()
        };
        assert_eq!(wanted().answers(&row()), Err(Stray::MissingTag));
        assert_eq!(wanted().answers(&tagged(Tag::own("b"))), Ok(()));
        assert_eq!(wanted().answers(&tagged(Tag::inherited("a"))), Ok(()));
        assert_eq!(
            wanted().answers(&tagged(Tag::own("A"))),
            Err(Stray::MissingTag),
            "case counts"
        );
        let unwanted = search().without_tag("x").unwrap();
        assert_eq!(unwanted.answers(&tagged(Tag::inherited("x"))), Err(Stray::ExcludedTag));
        // Without all tags a row does not show why it matched.
        assert_eq!(wanted().include_event_tags(false).answers(&row()), Ok(()));
        assert_eq!(wanted().include_all_tags(false).answers(&row()), Ok(()));
    }

    #[test]
    fn values_categories_uuids_and_ranges_of_time_count() {
        let of_value = |value: &str| AttributeSearch::of_values([value]).unwrap();
        assert_eq!(of_value("192.0.2.1").answers(&row()), Ok(()));
        assert_eq!(of_value("192.0.2.2").answers(&row()), Err(Stray::Value));
        let mut row = row();
        row.category = "Network activity".into();
        let of_category = |name: &str| AttributeSearch::of_categories([name]).unwrap();
        assert_eq!(of_category("network activity").answers(&row), Ok(()));
        assert_eq!(of_category("Other").answers(&row), Err(Stray::Category));
        let between = |from, to| of_value("192.0.2.1").timestamp_between(from, to).unwrap();
        assert_eq!(between(999, 1_000).answers(&row), Ok(()));
        assert_eq!(between(998, 999).answers(&row), Err(Stray::Timestamp));
        let within = of_value("192.0.2.1").changed_within(std::time::Duration::from_secs(1));
        assert_eq!(within.answers(&row), Ok(()), "only MISP knows its clock");
        let (own, event, other) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        (row.uuid, row.event.uuid) = (Some(own), Some(event));
        for (wanted, outcome) in [(own, Ok(())), (event, Ok(())), (other, Err(Stray::Uuid))] {
            assert_eq!(AttributeSearch::of_uuids([wanted]).unwrap().answers(&row), outcome);
        }
    }
}
