//! Feeds for peers that ask the same again on the same connection. The gateway does not know the front, so cratosd
//! translates.

use std::sync::Arc;

use gateway::{Gateway, RepeatedAnswer, RepeatedRequest};
use http::Request;
use http_front::{AnswerAgain, ReadyAnswer, Repeated};

/// Has the gateway answer this request below HTTP from now on, if it is one that its connection repeats.
pub(crate) fn note<B>(gateway: &Gateway, request: &Request<B>) {
    if let Some(repeated) = request.extensions().get::<Repeated>()
        && let Some(feed) = gateway.repeated(request)
    {
        repeated.answer_with(Arc::new(Feed(feed)));
    }
}

struct Feed(RepeatedRequest);

impl AnswerAgain for Feed {
    fn answer_again(&self) -> Option<ReadyAnswer> {
        let RepeatedAnswer {
            status,
            head,
            body,
            length,
            extensions,
            ..
        } = self.0.answer()?;
        let mut answer = ReadyAnswer::new(status);
        (answer.head, answer.body, answer.length) = (head, body, length);
        answer.extensions = extensions;
        Some(answer)
    }
}
