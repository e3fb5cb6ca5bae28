//! One attribute in one state of its event: 16 bytes.

use feed_classification::DropReason;

/// One attribute as it counts for a value.
///
/// An attribute of an event that is being edited may be two rows: as it is now, and as last published. Where both are
/// the same they are one row with both marks. The times are unix seconds from 0 to 2^32 − 1 (the year 2106); others are
/// kept as the nearest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Row {
    event: u32,
    timestamp: u32,
    tag_set: u32,
    attribute_type: u16,
    marks: Marks,
}

/// The marks of a row, and the reason if it has no valid value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Marks(u16);

impl Marks {
    /// The attribute is like this now.
    pub(crate) const CURRENT: Self = Self(1);
    /// Its event is published now.
    pub(crate) const PUBLISHED: Self = Self(1 << 1);
    /// The attribute was like this when its event, which is being edited, was published last.
    pub(crate) const LAST_PUBLISHED: Self = Self(1 << 2);
    /// Analysts meant it for detection.
    pub(crate) const TO_IDS: Self = Self(1 << 3);
    /// A warninglist of MISP names the value.
    pub(crate) const WARNED: Self = Self(1 << 4);
    /// The row has further times.
    pub(crate) const TIMED: Self = Self(1 << 5);

    const STATES: Self = Self(0b111);
    const REASON_AT: u32 = 8;

    pub(crate) const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn with_if(self, other: Self, condition: bool) -> Self {
        if condition { self.with(other) } else { self }
    }

    pub(crate) const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the marks of an attribute without a value, for this reason.
    pub(crate) fn because_of(self, reason: DropReason) -> Self {
        let place = DropReason::ALL.iter().position(|known| *known == reason);
        let place = place.and_then(|place| u16::try_from(place + 1).ok()).unwrap_or(0);
        Self(self.0 | place << Self::REASON_AT)
    }

    fn reason(self) -> Option<DropReason> {
        let place = usize::from(self.0 >> Self::REASON_AT).checked_sub(1)?;
        DropReason::ALL.get(place).copied()
    }
}

// A reason is a number of eight bits.
const _: () = assert!(DropReason::ALL.len() < 256);

impl Row {
    pub(crate) const fn new(event: u32, timestamp: u32, tag_set: u32, attribute_type: u16, marks: Marks) -> Self {
        Self {
            event,
            timestamp,
            tag_set,
            attribute_type,
            marks,
        }
    }

    /// Returns the last change of the attribute, in unix seconds.
    #[must_use]
    pub fn timestamp(&self) -> i64 {
        i64::from(self.timestamp)
    }

    /// Returns whether analysts meant the attribute for detection.
    #[must_use]
    pub const fn is_to_ids(&self) -> bool {
        self.marks.has(Marks::TO_IDS)
    }

    /// Returns whether an enabled warninglist of MISP names the value.
    #[must_use]
    pub const fn is_warned(&self) -> bool {
        self.marks.has(Marks::WARNED)
    }

    /// Returns whether the attribute is like this now.
    #[must_use]
    pub const fn is_current(&self) -> bool {
        self.marks.has(Marks::CURRENT)
    }

    /// Returns whether the event is published now.
    #[must_use]
    pub const fn is_published(&self) -> bool {
        self.marks.has(Marks::PUBLISHED)
    }

    /// Returns whether the attribute was like this when its event, which is being edited, was published last.
    #[must_use]
    pub const fn is_last_published(&self) -> bool {
        self.marks.has(Marks::LAST_PUBLISHED)
    }

    /// Returns the reason why the attribute has no valid value, for a row of [`Class::invalid`](crate::Class::invalid).
    #[must_use]
    pub fn reason(&self) -> Option<DropReason> {
        self.marks.reason()
    }

    pub(crate) const fn event(&self) -> u32 {
        self.event
    }

    pub(crate) const fn tag_set(&self) -> u32 {
        self.tag_set
    }

    pub(crate) const fn attribute_type(&self) -> u16 {
        self.attribute_type
    }

    pub(crate) const fn marks(&self) -> Marks {
        self.marks
    }

    /// Returns the row with these marks too.
    pub(crate) const fn marked(mut self, marks: Marks) -> Self {
        self.marks = self.marks.with(marks);
        self
    }

    /// Returns the row with another number of its tag set.
    pub(crate) const fn with_tag_set(mut self, tag_set: u32) -> Self {
        self.tag_set = tag_set;
        self
    }

    /// Returns the row without the marks that tell the state of its event.
    pub(crate) const fn stateless(mut self) -> Self {
        self.marks = Marks(self.marks.0 & !Marks::STATES.0);
        self
    }

    /// Returns the marks that tell the state of the event.
    pub(crate) const fn state(&self) -> Marks {
        Marks(self.marks.0 & Marks::STATES.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_sixteen_bytes() {
        assert_eq!(size_of::<Row>(), 16);
    }

    #[test]
    fn a_reason_is_read_back_beside_every_mark() {
        let marks = Marks::CURRENT.with(Marks::WARNED).with(Marks::TIMED);
        for reason in DropReason::ALL {
            let row = Row::new(1, 2, 3, 4, marks.because_of(*reason));
            assert_eq!(row.reason(), Some(*reason));
            assert!(row.is_current() && row.is_warned() && !row.is_to_ids() && !row.is_published());
        }
        assert_eq!(Row::new(1, 2, 3, 4, marks).reason(), None);
    }
}
