//! A panic while one request is answered must not harm another request.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use futures_util::FutureExt as _;
use http::{Method, Request, Response};
use hyper::service::Service;

/// A service that answers a panic of the service inside with a response of its own, for example a 500 with a body.
///
/// [`Front`](crate::Front) answers a panic with an empty 500 without this. Use this where that answer needs headers or
/// a body.
///
/// ```
/// # use http::{Method, Response};
/// # use http_body_util::Full;
/// # use hyper::body::{Bytes, Incoming};
/// # use hyper::service::service_fn;
/// # use std::convert::Infallible;
/// let service = service_fn(|_: http::Request<Incoming>| async {
///     Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("x")))
/// });
/// let guarded = http_front::PanicGuard::new(service, |_: &Method| {
///     let mut response = Response::new(Full::<Bytes>::from("an error of this server, not of your request\n"));
///     *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
///     response
/// });
/// # let _ = guarded;
/// ```
#[derive(Clone, Debug)]
pub struct PanicGuard<S, A> {
    service: S,
    answer: A,
}

impl<S, A> PanicGuard<S, A> {
    /// Wraps `service`. `answer` makes the response after a panic; it gets the method of the request, since an answer
    /// to `HEAD` has no body.
    pub fn new(service: S, answer: A) -> Self {
        Self { service, answer }
    }
}

impl<S, A, R, B> Service<Request<R>> for PanicGuard<S, A>
where
    S: Service<Request<R>, Response = Response<B>>,
    S::Future: Send + 'static,
    A: Fn(&Method) -> Response<B> + Clone + Send + 'static,
{
    type Response = Response<B>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<B>, S::Error>> + Send>>;

    fn call(&self, request: Request<R>) -> Self::Future {
        let (method, answer) = (request.method().clone(), self.answer.clone());
        match caught_call(|| self.service.call(request)) {
            Ok(future) => Box::pin(async move {
                let outcome = caught(future).await;
                outcome.unwrap_or_else(|Panicked| Ok(answer(&method)))
            }),
            Err(Panicked) => Box::pin(async move { Ok(answer(&method)) }),
        }
    }
}

/// The future panicked; the log says why.
#[derive(Debug)]
pub(crate) struct Panicked;

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request panicked")
    }
}

/// Calls a service and catches its panic.
pub(crate) fn caught_call<T>(call: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        log(&*panic);
        Panicked
    })
}

/// Waits for the future and catches its panic.
///
/// State that requests share survives a panic where it is behind locks that are never left half changed.
pub(crate) async fn caught<T>(future: impl Future<Output = T>) -> Result<T, Panicked> {
    AssertUnwindSafe(future).catch_unwind().await.map_err(|panic| {
        log(&*panic);
        Panicked
    })
}

fn log(panic: &(dyn Any + Send)) {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    tracing::error!(panic = text.unwrap_or("unknown"), "a request panicked");
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::StatusCode;
    use http_body_util::Empty;
    use hyper::body::Bytes;
    use hyper::service::service_fn;

    use super::*;

    type Answer = Response<Empty<Bytes>>;

    async fn status(guarded: impl Service<Request<Empty<Bytes>>, Response = Answer, Error = Infallible>) -> StatusCode {
        guarded.call(Request::new(Empty::new())).await.unwrap().status()
    }

    fn answer(_: &Method) -> Answer {
        let mut response = Answer::default();
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        response
    }

    #[tokio::test]
    async fn a_panic_is_a_500_for_its_own_request() {
        let panics = service_fn(|_: Request<Empty<Bytes>>| async { panic!("a defect") });
        assert_eq!(status(PanicGuard::new(panics, answer)).await, 500);
        let good = service_fn(|_: Request<Empty<Bytes>>| async { Ok::<_, Infallible>(Answer::default()) });
        assert_eq!(status(PanicGuard::new(good, answer)).await, 200);
    }

    #[tokio::test]
    async fn a_panic_before_the_future_exists_is_caught_too() {
        fn defect(_: Request<Empty<Bytes>>) -> std::future::Ready<Result<Answer, Infallible>> {
            panic!("a defect")
        }
        assert_eq!(status(PanicGuard::new(service_fn(defect), answer)).await, 500);
    }
}
