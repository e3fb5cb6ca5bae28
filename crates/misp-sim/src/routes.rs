//! From a request to an answer: who asks, which page, and what goes wrong on purpose.

mod asked;
mod auth;
mod event_metadata;
mod events;
mod pages;
mod searches;
mod sightings;

use std::time::Duration;

use http::{StatusCode, header::CONTENT_TYPE};

pub(crate) use self::asked::Asked;
use crate::{
    answer::{Answer, Delivery},
    body::Script,
    fault::Fault,
    log::LoggedRequest,
    sim::Shared,
};

/// Returns what to do about a request.
pub(crate) fn respond(shared: &Shared, asked: &Asked) -> Delivery {
    let user = auth::user_of(shared, asked);
    shared.note(LoggedRequest {
        method: asked.method.to_string(),
        path: asked.path.clone(),
        headers: asked.loggable_headers(),
        body: asked.json(),
        user: user.as_ref().map(|user| user.email.clone()),
    });
    let fault = shared
        .state()
        .faults
        .iter_mut()
        .find_map(|rule| rule.strike(&asked.path));
    let twist = Twist {
        unfiltered: fault == Some(Fault::EverythingUnfiltered),
        stringify: shared.stringify && fault != Some(Fault::NumbersUnquoted),
    };
    let (mut answer, time) = match auth::admit(shared, asked, user.as_ref()) {
        Err(refused) => (*refused, Duration::ZERO),
        Ok(user) => {
            let answer = page(shared, asked, user, twist);
            let time = searches::warninglist_time(shared, asked, &answer);
            (answer, time)
        }
    };
    answer.stamp(shared.clock.now(), user.is_some());
    match fault {
        None if !time.is_zero() => Delivery::Late(answer, time),
        None => Delivery::Answer(answer),
        Some(fault) => spoil(shared, asked, answer, fault),
    }
}

/// What a fault changes inside an answer, not around it.
#[derive(Debug, Clone, Copy)]
struct Twist {
    unfiltered: bool,
    stringify: bool,
}

/// Finds the page. Actions that a real MISP has and the stand-in lacks are 404, like an unknown controller: never a guess.
fn page(shared: &Shared, asked: &Asked, user: &crate::model::User, twist: Twist) -> Answer {
    let segments: Vec<&str> = asked.segments().collect();
    match segments.as_slice() {
        ["attributes", "restSearch", ..] => searches::attributes(shared, asked, user, twist),
        ["attributes", "attributeStatistics", rest @ ..] => pages::statistics(&shared.read(), rest),
        ["decayingModel", "index"] => pages::decaying_models(&shared.read(), twist.stringify),
        ["decayingModel", "view", id] => {
            pages::decaying_model(&shared.read(), id, twist.stringify, &asked.path_as_sent())
        }
        ["events", "index", ..] => events::index(shared, asked, user, twist.stringify),
        ["events", "restSearch"] => event_metadata::search(shared, asked, user, twist.stringify),
        ["sightings", "add"] => sightings::add(shared, asked, user, twist.stringify),
        ["servers", "getVersion"] => pages::version(user),
        ["servers", "getPyMISPVersion"] => Answer::json(b"{\"version\":\"2.5.1\"}".to_vec()),
        ["tags", "index", ..] => pages::tags(&shared.read(), &asked.named(), twist.stringify),
        ["users", "view", "me"] => pages::me(shared, user, twist.stringify),
        ["warninglists", "index"] => pages::warninglists(&shared.read(), twist.stringify),
        ["warninglists", "view", id] => pages::warninglist(&shared.read(), id, twist.stringify, &asked.path_as_sent()),
        [
            "attributes" | "decayingModel" | "events" | "servers" | "tags" | "users" | "warninglists",
            action,
            ..,
        ] if !REAL_ACTIONS.contains(action) => Answer::usual_error(StatusCode::FORBIDDEN, &asked.path_as_sent()),
        _ => Answer::usual_error(StatusCode::NOT_FOUND, &asked.path_as_sent()),
    }
}

/// Actions that a real MISP has: asking the stand-in for one is no mistake of the client's, so it does not say 403.
const REAL_ACTIONS: &[&str] = &[
    "add",
    "addTag",
    "checkValue",
    "delete",
    "describeTypes",
    "edit",
    "export",
    "freeTextImport",
    "index",
    "publish",
    "removeTag",
    "restSearch",
    "restore",
    "search",
    "statistics",
    "toggleEnable",
    "unpublish",
    "view",
];

fn spoil(shared: &Shared, asked: &Asked, mut answer: Answer, fault: Fault) -> Delivery {
    let stamped = |mut answer: Answer| {
        answer.stamp(shared.clock.now(), false);
        Delivery::Answer(answer)
    };
    match fault {
        Fault::Refuse | Fault::CloseEarly => Delivery::Close,
        Fault::Hang => Delivery::Never,
        Fault::HangInBody { after_bytes } => {
            answer.promise_length();
            let script = Script::hanging(&answer.body, after_bytes);
            Delivery::Script(answer, script)
        }
        Fault::CutOff { after_bytes, chunked } => {
            if !chunked {
                answer.promise_length();
            }
            let script = Script::cut_off(&answer.body, after_bytes);
            Delivery::Script(answer, script)
        }
        Fault::SlowDrip { bytes, pause } => {
            answer.promise_length();
            let script = Script::dripping(&answer.body, bytes, pause);
            Delivery::Script(answer, script)
        }
        Fault::Html { status } => stamped(Answer::html(status_of(status))),
        Fault::Status(status) => stamped(Answer::usual_error(status_of(status), &asked.path_as_sent())),
        Fault::NotJson => stamped(Answer::json(
            b"Warning: something broke in /var/www/MISP on line 42".to_vec(),
        )),
        Fault::LoginRedirect => stamped(Answer::login(&asked.host())),
        Fault::WrongContentType => {
            answer.set(CONTENT_TYPE, "text/html; charset=UTF-8");
            Delivery::Answer(answer)
        }
        Fault::WithoutCounts => {
            answer.headers.remove("x-result-count");
            answer.headers.remove("x-skipped-elements-count");
            Delivery::Answer(answer)
        }
        Fault::EverythingUnfiltered | Fault::NumbersUnquoted => Delivery::Answer(answer),
        Fault::Late(wait) => Delivery::Late(answer, wait.min(Duration::from_secs(3_600))),
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
