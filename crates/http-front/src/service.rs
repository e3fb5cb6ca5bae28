//! The services that a front can serve.

use std::error::Error;
use std::future::Future;

use http::{Request, Response};
use hyper::body::{Body, Incoming};
use hyper::service::Service;

/// An error of a service or of a body, as hyper takes it.
pub(crate) type BoxError = Box<dyn Error + Send + Sync>;

/// Any hyper service that answers with any body. Implemented for every such service; there is nothing to implement by
/// hand.
pub trait HttpService: Clone + Send + Sync + 'static {
    /// The body of an answer.
    type Body: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
    /// A failure to answer, which closes the connection.
    type Error: Into<BoxError> + Send;

    /// Answers one request.
    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<Self::Body>, Self::Error>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + Sync + 'static,
    S::Future: Send + 'static,
    S::Error: Into<BoxError> + Send,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type Body = B;
    type Error = S::Error;

    fn answer(
        &self,
        request: Request<Incoming>,
    ) -> impl Future<Output = Result<Response<B>, S::Error>> + Send + 'static {
        self.call(request)
    }
}
