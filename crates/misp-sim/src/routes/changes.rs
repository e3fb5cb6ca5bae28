//! The common part of the pages that write: rights, and MISP's answers.

use http::StatusCode;

use super::PageRequest;
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{Role, User},
    store::EventRow,
};

/// Returns whether the user may add events at all.
pub(super) fn may_write(user: &User) -> bool {
    matches!(user.role, Role::Publisher | Role::SiteAdmin)
}

/// Returns whether the user may change this event: one of its own organisation, or any for a site admin.
pub(super) fn may_change(user: &User, event: &EventRow) -> bool {
    user.role == Role::SiteAdmin || (may_write(user) && event.creator == user.organisation)
}

/// Refuses a page that the role has no right to (recording 563).
pub(super) fn forbidden(request: &PageRequest) -> Answer {
    Answer::usual_error(StatusCode::FORBIDDEN, &request.path_as_sent())
}

/// Refuses an event of another organisation.
pub(super) fn not_yours(request: &PageRequest) -> Answer {
    Answer::error(
        StatusCode::FORBIDDEN,
        "You do not have permission to do that.",
        &request.path_as_sent(),
    )
}

pub(super) fn missing(request: &PageRequest, what: &str) -> Answer {
    Answer::error(
        StatusCode::NOT_FOUND,
        &format!("Invalid {what}"),
        &request.path_as_sent(),
    )
}

/// Answers that nothing was stored, with the reason by field (recordings 561 and 562).
pub(super) fn rejected(message: &str, url: &str, (field, reason): (&str, &str), stringify: bool) -> Answer {
    let page = object([
        ("saved", false.into()),
        ("name", message.into()),
        ("message", message.into()),
        ("url", url.into()),
        ("errors", object([(field, Node::List(vec![reason.into()]))])),
    ]);
    let mut answer = Answer::json(page.pretty(stringify));
    answer.status = StatusCode::FORBIDDEN;
    answer
}

/// Answers that it was done (recordings 565 and 566).
pub(super) fn done(message: &str, url: &str, stringify: bool) -> Answer {
    let page = object([
        ("saved", true.into()),
        ("success", true.into()),
        ("name", message.into()),
        ("message", message.into()),
        ("url", url.into()),
    ]);
    Answer::json(page.pretty(stringify))
}

/// Answers with one sentence (recordings 567 and 568).
pub(super) fn message(text: &str, stringify: bool) -> Answer {
    let mut body = Vec::new();
    object([("message", text.into())]).compact(&mut body, stringify);
    Answer::json(body)
}
