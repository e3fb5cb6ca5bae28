//! How a service answers a request that comes again without seeing it again.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::access_log::Record;
use crate::ready_answer::AnswerAgain;
use crate::repetition::Repetition;

/// Says that this request came before on its connection, byte for byte, as an extension of the request.
///
/// A device or a proxy that keeps its connection open asks for the same list again and again with the same bytes. Such
/// a request need not be taken apart each time. A service that can answer it without seeing it calls
/// [`answer_with`](Self::answer_with), and the front asks that answerer from then on. The front never says this of a
/// request with a body, of HTTP/1.0, and of HTTP/2.
///
/// ```
/// use std::sync::Arc;
///
/// use http_front::{AnswerAgain, ReadyAnswer, Repeated};
///
/// struct Hello;
///
/// impl AnswerAgain for Hello {
///     fn answer_again(&self) -> Option<ReadyAnswer> {
///         let mut answer = ReadyAnswer::new(http::StatusCode::OK);
///         answer.head = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n".into();
///         answer.body = "hello\n".into();
///         answer.length = 6;
///         Some(answer)
///     }
/// }
///
/// fn note(request: &http::Request<()>) {
///     if let Some(repeated) = request.extensions().get::<Repeated>() {
///         repeated.answer_with(Arc::new(Hello));
///     }
/// }
/// ```
#[derive(Clone)]
pub struct Repeated {
    /// An answerer that keeps this must not keep itself.
    repetition: Weak<Repetition>,
    turn: u64,
}

impl Repeated {
    pub(crate) fn of(repetition: &Arc<Repetition>, turn: u64) -> Self {
        Self {
            repetition: Arc::downgrade(repetition),
            turn,
        }
    }

    /// Has the request answered by `answerer` when it comes again. That ends with the next other request on the
    /// connection. Call it before the answer to this request is returned: afterwards it has no effect where there is an
    /// access log.
    pub fn answer_with(&self, answerer: Arc<dyn AnswerAgain>) {
        if let Some(repetition) = self.repetition.upgrade() {
            repetition.answer_with(self.turn, answerer);
        }
    }

    /// Keeps the record of the answered request for its repetitions.
    pub(crate) fn keep(&self, record: &Record) {
        if let Some(repetition) = self.repetition.upgrade() {
            repetition.keep(self.turn, record);
        }
    }
}

impl fmt::Debug for Repeated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repeated").finish_non_exhaustive()
    }
}
