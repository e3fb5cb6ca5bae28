//! The settings of a search: filters, and the shape of the answer.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use uuid::Uuid;

use super::companion_types::BroughtTypes;
use super::{AttributeSearch, Deleted, Order, Published, SearchValue, TimeFilter, name};
use crate::Error;

impl AttributeSearch {
    /// Takes only attributes of this type too; of several types one is enough.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) for a name as in [`new`](Self::new).
    pub fn with_type(mut self, name: impl Into<String>) -> Result<Self, Error> {
        self.types.push(name::attribute_type(name.into())?);
        self.brought = BroughtTypes::of(&self.types);
        Ok(self)
    }

    /// Takes only attributes with this value; of several values one is enough.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) for a value as in [`of_values`](Self::of_values).
    pub fn with_value(mut self, value: impl Into<String>) -> Result<Self, Error> {
        self.values.push(SearchValue::new(value.into())?);
        Ok(self)
    }

    /// Takes only attributes of this category; of several categories one is enough.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) for a name as in [`of_categories`](Self::of_categories).
    pub fn with_category(mut self, name: impl Into<String>) -> Result<Self, Error> {
        self.categories.push(name::category(name.into())?);
        Ok(self)
    }

    /// Takes only attributes with this tag, on the attribute or on its event; of several tags one is enough.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) for a name that MISP would not read as a name: empty, with a
    /// leading `!`, with `%` (a wildcard), `||` or `&&` (lists), all digits (an id), or with white space or control
    /// characters at its ends.
    pub fn with_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.any_of.push(name::tag(tag.into())?);
        Ok(self)
    }

    /// Leaves out attributes that have this tag, themselves or by their event.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) as for [`with_tag`](Self::with_tag).
    pub fn without_tag(mut self, tag: impl Into<String>) -> Result<Self, Error> {
        self.none_of.push(name::tag(tag.into())?);
        Ok(self)
    }

    /// Takes only attributes with this `to_ids` flag; by default both come.
    #[must_use]
    pub fn to_ids(mut self, flag: bool) -> Self {
        self.to_ids = Some(flag);
        self
    }

    /// Sets the events that the attributes may come from; by default any.
    #[must_use]
    pub fn published(mut self, published: Published) -> Self {
        self.published = published;
        self
    }

    /// Returns the events that the attributes may come from.
    #[must_use]
    pub fn wants_published(&self) -> Published {
        self.published
    }

    /// Sets whether soft-deleted attributes come; by default they do not.
    #[must_use]
    pub fn deleted(mut self, deleted: Deleted) -> Self {
        self.deleted = deleted;
        self
    }

    /// Takes only attributes that changed at this unix second or later; 0 and less means no filter, as in MISP.
    #[must_use]
    pub fn timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.timestamp = TimeFilter::from(unix_seconds);
        self
    }

    /// Takes only attributes that changed between these unix seconds, both included.
    ///
    /// # Errors
    /// [`InvalidSearch`](crate::ErrorKind::InvalidSearch) for a range that ends before it begins or before unix second
    /// 1.
    pub fn timestamp_between(mut self, from: i64, to: i64) -> Result<Self, Error> {
        self.timestamp = Some(TimeFilter::between(from, to)?);
        Ok(self)
    }

    /// Takes only attributes that changed in this time before now, by MISP's clock; rounded up to a whole second.
    ///
    /// This client cannot compare rows with MISP's clock, so rows are not checked for it.
    #[must_use]
    pub fn changed_within(mut self, time: Duration) -> Self {
        self.timestamp = Some(TimeFilter::within(time));
        self
    }

    /// Takes only attributes of events that changed at this unix second or later; 0 and less means no filter.
    ///
    /// A tag put on an event changes the time of the event and not those of its attributes. MISP then sends the event
    /// with each attribute, since only that shows the event's time.
    #[must_use]
    pub fn event_timestamp_from(mut self, unix_seconds: i64) -> Self {
        self.event_timestamp = TimeFilter::from(unix_seconds);
        self.include_context = self.include_context || self.event_timestamp.is_some();
        self
    }

    /// Takes only attributes of events that this organisation made.
    #[must_use]
    pub fn organisation(mut self, organisation: Uuid) -> Self {
        self.organisation = Some(organisation);
        self
    }

    /// Takes only attributes of these events, by MISP's number; an empty list changes nothing.
    #[must_use]
    pub fn event_ids(mut self, ids: impl IntoIterator<Item = u64>) -> Self {
        self.event_ids.extend(ids);
        // Sorted, since each row is looked up in it.
        self.event_ids.sort_unstable();
        self
    }

    /// Makes MISP remove values that are on its warninglists; by default it does not.
    #[must_use]
    pub fn enforce_warninglist(mut self, enforce: bool) -> Self {
        self.enforce_warninglist = enforce;
        self
    }

    /// Returns whether MISP removes values that are on its warninglists.
    #[must_use]
    pub fn enforces_warninglist(&self) -> bool {
        self.enforce_warninglist
    }

    /// Makes MISP list the tags of the event with each attribute (default). Without it a row cannot show why it
    /// matched.
    #[must_use]
    pub fn include_event_tags(mut self, include: bool) -> Self {
        self.include_event_tags = include;
        self
    }

    /// Makes MISP show tags that are marked as not exportable too (default).
    #[must_use]
    pub fn include_all_tags(mut self, include: bool) -> Self {
        self.include_all_tags = include;
        self
    }

    /// Makes MISP send the event with each attribute: its organisation and whether it is published. Answers grow by
    /// half.
    #[must_use]
    pub fn include_context(mut self, include: bool) -> Self {
        self.include_context = include;
        self
    }

    /// Makes MISP send the sightings of each attribute. MISP looks them up one attribute at a time.
    #[must_use]
    pub fn include_sightings(mut self, include: bool) -> Self {
        self.include_sightings = include;
        self
    }

    /// Makes MISP name the warninglists that each value is on, in
    /// [`Attribute::warnings`](crate::Attribute::warnings).
    ///
    /// MISP judges attributes without `to_ids` only if its setting `MISP.warning_for_all` is on, unlike
    /// [`enforce_warninglist`](Self::enforce_warninglist). It takes about as long for it as for that.
    #[must_use]
    pub fn include_warninglist_hits(mut self, include: bool) -> Self {
        self.include_warninglist_hits = include;
        self
    }

    /// Fills [`Attribute::extra`](crate::Attribute::extra) with the fields that have no place of their own. Reading
    /// takes about twice as long.
    #[must_use]
    pub fn keep_extra(mut self, keep: bool) -> Self {
        self.keep_extra = keep;
        self
    }

    /// Sets the order of the rows.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Ends the search after this many attributes. Together with [`Order::IdDescending`] they are the newest ones.
    #[must_use]
    pub fn limit(mut self, attributes: NonZeroU64) -> Self {
        self.limit = Some(attributes);
        self
    }

    /// Sets how many rows a page has; 10 000 by default. MISP calls this `limit`.
    #[must_use]
    pub fn page_size(mut self, rows: NonZeroU32) -> Self {
        self.page_size = rows;
        self
    }

    /// Returns how many rows a page has: the page size, or the limit of the search where that is smaller.
    #[must_use]
    pub fn rows_a_page(&self) -> NonZeroU32 {
        let limit = self.limit.and_then(|limit| NonZeroU32::try_from(limit).ok());
        limit.map_or(self.page_size, |limit| limit.min(self.page_size))
    }

    pub(crate) fn keeps_extra(&self) -> bool {
        self.keep_extra
    }

    pub(crate) fn most_rows(&self) -> Option<u64> {
        self.limit.map(NonZeroU64::get)
    }
}
