//! A route as the document needs it.

use http::Method;

use super::operation::Operation;

/// The facts that the document takes from the table of routes.
#[derive(Clone, Copy)]
pub(crate) struct Path {
    /// For example `/v1/lookup/{value}`.
    pub(crate) template: &'static str,
    pub(crate) methods: &'static [Method],
    pub(crate) needs_token: bool,
    pub(crate) words: fn(Operation<'_>) -> Operation<'_>,
}
