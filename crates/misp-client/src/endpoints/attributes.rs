//! `POST /attributes/restSearch`: attributes that match a search, page by page.

use std::num::NonZeroU32;

use crate::json::SplitError;
use crate::pages::{AttributePages, Place};
use crate::request::Request;
use crate::{AttributeSearch, Client, Error};

pub(crate) const SEARCH: &str = "/attributes/restSearch";
/// Where the rows stand in the answer.
pub(crate) const ROWS: &[&str] = &["response", "Attribute"];

pub(crate) fn search_page(search: &AttributeSearch, page: u32, rows: u32) -> Request {
    Request::post(SEARCH, search.body_with(page, rows))
}

pub(crate) fn error(error: SplitError) -> Error {
    super::split_error(error, SEARCH)
}

impl Client {
    /// Starts a search; nothing is sent before its first batch is asked for.
    #[must_use]
    pub fn search(&self, search: AttributeSearch) -> AttributePages {
        AttributePages::new(self.clone(), search)
    }

    /// Returns what stands at one place of a search's answer now; places count from 1, in MISP's order, hidden rows included.
    ///
    /// Who has read several pages sees by it whether rows have moved meanwhile: the row at the end of a page is another one then.
    ///
    /// # Errors
    /// As for a page of the search.
    pub async fn place(&self, search: &AttributeSearch, place: u32) -> Result<Place, Error> {
        AttributePages::new(self.clone(), search.clone().page_size(NonZeroU32::MIN))
            .read_place(place)
            .await
    }
}
