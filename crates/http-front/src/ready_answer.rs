//! An answer that is written without hyper, and who gives it.

use std::sync::Arc;

use http::{Extensions, StatusCode};
use hyper::body::Bytes;

/// Answers one request each time that it comes again on its connection.
pub trait AnswerAgain: Send + Sync + 'static {
    /// Returns the answer of this moment. After nothing was returned, or a panic, the service gets the request as any
    /// other one, and this is not asked again.
    ///
    /// Nothing is waited for here, so this must not block. Whatever may have changed since the request came first has
    /// to be judged, for example whether its credentials still hold.
    fn answer_again(&self) -> Option<ReadyAnswer>;
}

/// A whole answer, as HTTP/1.1 sends it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReadyAnswer {
    /// The status, for the access log.
    pub status: StatusCode,
    /// The status line and the header fields, each with its line end, for example
    /// `HTTP/1.1 304 Not Modified\r\netag: "1"\r\n`. The front adds `date` and the empty line. An answer with a body
    /// needs its `content-length` here.
    pub head: Bytes,
    /// The bytes behind the head.
    pub body: Bytes,
    /// The value of `content-length`, or 0 without one, for the access log.
    pub length: u64,
    /// As the extensions of a response: the access log reads its details here.
    pub extensions: Arc<Extensions>,
}

impl ReadyAnswer {
    /// Returns an answer without a head and without a body.
    #[must_use]
    pub fn new(status: StatusCode) -> Self {
        Self {
            status,
            head: Bytes::new(),
            body: Bytes::new(),
            length: 0,
            extensions: Arc::default(),
        }
    }
}
