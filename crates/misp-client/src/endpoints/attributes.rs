//! `POST /attributes/restSearch`: attributes that match a search, page by page.

use crate::json::SplitError;
use crate::pages::AttributePages;
use crate::request::Request;
use crate::{AttributeSearch, Client, Error};

pub(crate) const SEARCH: &str = "/attributes/restSearch";
/// Where the rows stand in the answer.
pub(crate) const ROWS: &[&str] = &["response", "Attribute"];

pub(crate) fn search_page(search: &AttributeSearch, page: u32) -> Request {
    Request::post(SEARCH, search.body(page))
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
}
