//! The moment at which MISP last confirmed an answer.
//!
//! A source that asks MISP gives answers as of now. One that answers from a copy says when MISP last confirmed the copy
//! ([`FeedContents::as_of`](crate::FeedContents::as_of)): the engine counts ages from then, and takes an answer that is
//! older than the site's soft expiry, or than a caller accepts, as a failed refresh.

use std::time::Duration;

use site_config::Site;

use crate::{FeedError, shared_sets};

/// When the origin of an answer last confirmed it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Confirmation {
    /// Nothing means now.
    pub(super) at: Option<jiff::Timestamp>,
    pub(super) age: Duration,
    /// It was before the site's soft expiry, or before the moment that the caller sets.
    pub(super) is_late: bool,
}

impl Confirmation {
    /// Returns it for an answer that came just now to a caller who wants it confirmed since `wanted_since`.
    pub(super) fn of(at: Option<jiff::Timestamp>, site: &Site, wanted_since: Option<jiff::Timestamp>) -> Self {
        let age = at.map_or(Duration::ZERO, |at| shared_sets::age(at, jiff::Timestamp::now()));
        let is_too_old_for_caller = at.zip(wanted_since).is_some_and(|(at, since)| at < since);
        Self {
            at,
            age,
            is_late: age >= site.soft_expiry || is_too_old_for_caller,
        }
    }

    /// Returns the error of a late one.
    pub(super) fn error(&self) -> FeedError {
        FeedError::Unconfirmed {
            seconds: self.age.as_secs(),
        }
    }
}
