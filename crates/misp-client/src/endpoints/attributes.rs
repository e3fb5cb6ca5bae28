//! `POST /attributes/restSearch`: attributes that match a search, page by page.

use crate::json::SplitError;
use crate::request::Request;
use crate::{AttributeSearch, Error};

pub(crate) const SEARCH: &str = "/attributes/restSearch";
/// The keys on the way to the rows of the answer.
pub(crate) const ROWS: &[&str] = &["response", "Attribute"];

pub(crate) fn search_page(search: &AttributeSearch, page: u32, rows: u32) -> Request {
    Request::post(SEARCH, search.body_with(page, rows))
}

pub(crate) fn error(error: SplitError) -> Error {
    super::split_error(error, SEARCH)
}
