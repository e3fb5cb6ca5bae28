//! Whether a row that came back is an answer to the question at all.

use super::brought::brings_type;
use crate::{Attribute, AttributeSearch, Deleted, Published};

/// Why a row is no answer to the question; see [`AttributeSearch::answers`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum Stray {
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
}

impl Stray {
    /// Returns a short name for logs and metric labels.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
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
        }
    }
}

impl AttributeSearch {
    /// Says whether this row is an answer to the question.
    ///
    /// A MISP, or a proxy before it, that loses the body of a question answers with everything it has. Each row is therefore
    /// held against the question: type, `to_ids`, tags, time, deletion, and what only the context shows where it was asked for.
    ///
    /// # Errors
    /// [`Stray`] with the first condition that the row does not meet.
    pub fn answers(&self, row: &Attribute) -> Result<(), Stray> {
        let is_type = |asked: &String| brings_type(asked, &row.kind);
        let check = |met: bool, stray: Stray| if met { Ok(()) } else { Err(stray) };
        check(self.types.is_empty() || self.types.iter().any(is_type), Stray::Type)?;
        check(self.to_ids.is_none_or(|wanted| wanted == row.to_ids), Stray::ToIds)?;
        check(
            self.timestamp_from.is_none_or(|from| row.timestamp >= from),
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
        self.tags_answer(row)?;
        self.context_answers(row)
    }

    fn tags_answer(&self, row: &Attribute) -> Result<(), Stray> {
        let shows_all_tags = self.include_event_tags || self.include_context;
        if shows_all_tags && !self.any_of.is_empty() && !self.any_of.iter().any(|tag| row.has_tag(tag)) {
            return Err(Stray::MissingTag);
        }
        if self.none_of.iter().any(|tag| row.has_tag(tag)) {
            return Err(Stray::ExcludedTag);
        }
        Ok(())
    }

    fn context_answers(&self, row: &Attribute) -> Result<(), Stray> {
        if let (Some(wanted), Some(known)) = (self.organisation, row.event.orgc_uuid)
            && wanted != known
        {
            return Err(Stray::Organisation);
        }
        if let (Some(from), Some(changed)) = (self.event_timestamp_from, row.event.timestamp)
            && changed < from
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
        assert_eq!(wanted().answers(&tagged(crate::Tag::own("b"))), Ok(()));
        assert_eq!(wanted().answers(&tagged(crate::Tag::inherited("a"))), Ok(()));
        assert_eq!(
            wanted().answers(&tagged(crate::Tag::own("A"))),
            Err(Stray::MissingTag),
            "case counts"
        );
        let unwanted = search().without_tag("x").unwrap();
        assert_eq!(
            unwanted.answers(&tagged(crate::Tag::inherited("x"))),
            Err(Stray::ExcludedTag)
        );
        // Without the tags of the event nobody can tell why a row matched.
        assert_eq!(wanted().include_event_tags(false).answers(&row()), Ok(()));
    }
}
