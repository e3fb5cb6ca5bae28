//! The body of an answer that is counted until its peer has taken it.

use std::pin::Pin;
use std::task::{Context, Poll};

use http_body_util::{Either, Empty};
use hyper::body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::account::Charge;

pin_project! {
    /// The body of the service, or none after a panic; with the charge of its request.
    pub(crate) struct HeldBody<B: Body> {
        #[pin]
        body: Either<B, Empty<B::Data>>,
        charge: Charge,
    }
}

impl<B: Body> HeldBody<B> {
    pub(crate) fn new(body: Option<B>, charge: Charge) -> Self {
        let body = body.map_or_else(|| Either::Right(Empty::new()), Either::Left);
        Self { body, charge }
    }
}

impl<B: Body<Error: Into<crate::service::BoxError>>> Body for HeldBody<B> {
    type Data = B::Data;
    type Error = crate::service::BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.project().body.poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
