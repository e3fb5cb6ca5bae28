//! `POST /attributes/restSearch`: attributes that match a search, page by page.

use std::num::NonZeroU32;
use std::sync::Arc;

use crate::json::SplitError;
use crate::page_reader::PageReader;
use crate::request::Request;
use crate::{AttributePages, AttributeSearch, Client, Error, Place};

pub(crate) const SEARCH: &str = "/attributes/restSearch";
/// The keys on the way to the rows of the answer.
pub(crate) const ROWS: &[&str] = &["response", "Attribute"];

pub(crate) fn search_page(search: &AttributeSearch, page: u32, rows: u32) -> Request {
    Request::post(SEARCH, search.body_with(page, rows))
}

pub(crate) fn error(error: SplitError) -> Error {
    super::split_error(error, SEARCH)
}

impl Client {
    /// Starts a search. Nothing is sent before the first batch is requested.
    #[must_use]
    pub fn search(&self, search: AttributeSearch) -> AttributePages {
        AttributePages::new(self.clone(), search)
    }

    /// Returns the row at one place of a search's answer now; places count from 1, in MISP's order, hidden rows
    /// included.
    ///
    /// A caller that has read several pages can see whether rows moved meanwhile: then the row at the end of a page is
    /// another one.
    ///
    /// # Errors
    /// As for a page of the search.
    pub async fn place(&self, search: &AttributeSearch, place: u32) -> Result<Place, Error> {
        let search = Arc::new(search.clone().page_size(NonZeroU32::MIN));
        PageReader::new(self.clone(), search).read_place(place).await
    }
}
