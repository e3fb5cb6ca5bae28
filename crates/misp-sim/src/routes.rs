//! From a request to an answer: user, page, and faults on purpose.

mod attribute_changes;
mod auth;
mod changes;
mod event_changes;
mod event_list;
mod event_metadata;
mod event_order;
mod events;
mod fields;
mod floods;
mod object_changes;
mod page_request;
mod pages;
mod records;
mod searches;
mod sighting_search;
mod sightings;
mod tag_changes;
mod tags;
mod warninglists;
mod whole_event;

use std::time::Duration;

use http::{Method, StatusCode, header::CONTENT_TYPE};

pub(crate) use self::page_request::PageRequest;
use crate::{
    answer::{Answer, Delivery},
    body::Script,
    fault::Fault,
    log::LoggedRequest,
    model::{Role, User},
    shared::Shared,
    store::EventRow,
};

/// Returns what to do about a request.
pub(crate) fn respond(shared: &Shared, request: &PageRequest) -> Delivery {
    let user = auth::user_of(shared, request);
    let logged = LoggedRequest {
        method: request.method.to_string(),
        path: request.path.clone(),
        headers: request.loggable_headers(),
        body: request.json(),
        user: user.as_ref().map(|user| user.email.clone()),
        body_bytes: request.body_bytes(),
        status: 0,
        answer_bytes: 0,
    };
    let number = shared.note(logged.clone());
    let fault = shared
        .state()
        .faults
        .iter_mut()
        .find_map(|rule| rule.strike(&request.path));
    let twist = Twist {
        unfiltered: fault == Some(Fault::EverythingUnfiltered),
        listed: match fault {
            Some(Fault::ListsNothing) => Listed::Nothing,
            Some(Fault::ListsHalf) => Listed::Half,
            _ => Listed::All,
        },
        rows: fault != Some(Fault::NoRows),
        stringify: shared.stringify && fault != Some(Fault::NumbersUnquoted),
    };
    let (mut answer, time) = match auth::admit(shared, request, user.as_ref()) {
        Err(refused) => (*refused, Duration::ZERO),
        Ok(user) => {
            let answer = page(shared, request, user, twist);
            let time = searches::warninglist_time(shared, request, &answer);
            (answer, time)
        }
    };
    answer.stamp(shared.clock.now(), user.is_some());
    answer.body = shared.rewritten(&logged, answer.body);
    let delivery = match fault {
        None if !time.is_zero() => Delivery::Late(answer, time),
        None => Delivery::Answer(answer),
        Some(fault) => spoil(shared, request, answer, fault),
    };
    if let Some(answer) = delivery.answer() {
        shared
            .state()
            .answered(number, answer.status.as_u16(), answer.body.len());
    }
    delivery
}

/// The changes of a fault inside an answer, not around it.
#[derive(Debug, Clone, Copy)]
struct Twist {
    unfiltered: bool,
    listed: Listed,
    rows: bool,
    stringify: bool,
}

/// Which of the events a list shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    All,
    Half,
    Nothing,
}

impl Listed {
    fn admits(self, event: &EventRow) -> bool {
        match self {
            Self::All => true,
            Self::Half => event.id.is_multiple_of(2),
            Self::Nothing => false,
        }
    }
}

/// Finds the page. Actions that a real MISP has and the stand-in lacks are 404, like an unknown controller: never a
/// guess.
fn page(shared: &Shared, request: &PageRequest, user: &User, twist: Twist) -> Answer {
    let segments: Vec<&str> = request.segments().collect();
    let found = match request.method == Method::POST {
        true => change(shared, request, user, &segments, twist.stringify),
        false => None,
    };
    found
        .or_else(|| event_page(shared, request, user, &segments, twist))
        .or_else(|| other_page(shared, request, user, &segments, twist.stringify))
        .unwrap_or_else(|| match segments.as_slice() {
            [controller, action, ..] if CONTROLLERS.contains(controller) && !REAL_ACTIONS.contains(action) => {
                Answer::usual_error(StatusCode::FORBIDDEN, &request.path_as_sent())
            }
            _ => Answer::usual_error(StatusCode::NOT_FOUND, &request.path_as_sent()),
        })
}

/// Pages that change something.
fn change(shared: &Shared, request: &PageRequest, user: &User, segments: &[&str], stringify: bool) -> Option<Answer> {
    Some(match segments {
        ["attributes", "add", event] => attribute_changes::add(shared, request, user, event, stringify),
        ["attributes", "edit", id] => attribute_changes::edit(shared, request, user, id, stringify),
        ["attributes", "delete", id, hard @ ..] => {
            attribute_changes::delete(shared, request, user, id, hard, stringify)
        }
        ["attributes", "restore", id] => attribute_changes::restore(shared, request, user, id),
        ["events", "add"] => event_changes::add(shared, request, user, stringify),
        ["events", "edit", id] => event_changes::edit(shared, request, user, id, stringify),
        ["events", "publish", id] => event_changes::publish(shared, request, user, id, stringify),
        ["events", "unpublish", id] => event_changes::unpublish(shared, request, user, id, stringify),
        ["events", "delete", id] => event_changes::delete(shared, request, user, id, stringify),
        ["objects", "add", event, ..] => object_changes::add(shared, request, user, event, stringify),
        ["objects", "edit", id] => object_changes::edit(shared, request, user, id, stringify),
        ["objects", "delete", id, hard @ ..] => object_changes::delete(shared, request, user, id, hard, stringify),
        ["tags", "attachTagToObject"] => tag_changes::attach(shared, request, user, stringify),
        ["tags", "removeTagFromObject"] => tag_changes::remove(shared, request, user, stringify),
        _ => return None,
    })
}

/// Pages about events and attributes.
fn event_page(shared: &Shared, request: &PageRequest, user: &User, segments: &[&str], twist: Twist) -> Option<Answer> {
    let stringify = twist.stringify;
    Some(match segments {
        ["attributes", "restSearch", ..] => searches::attributes(shared, request, user, twist),
        ["attributes", "attributeStatistics", rest @ ..] => pages::statistics(&shared.read(), rest),
        ["attributes", "view", id] => attribute_changes::view(shared, request, user, id, stringify),
        ["events", "index" | "index.csv", ..] => events::index(shared, request, user, twist),
        ["events", "restSearch"] => event_metadata::search(shared, request, user, twist),
        ["events", "view", id] => whole_event::view(shared, request, user, id, stringify),
        ["sightings", "add"] => sightings::add(shared, request, user, stringify),
        ["sightings", "restSearch", context @ ("attribute" | "event")] => {
            sighting_search::search(shared, request, user, Some(context), stringify)
        }
        ["sightings", "restSearch"] => sighting_search::search(shared, request, user, None, stringify),
        _ => return None,
    })
}

/// Pages about everything else.
fn other_page(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
    segments: &[&str],
    stringify: bool,
) -> Option<Answer> {
    Some(match segments {
        ["decayingModel", "index"] => pages::decaying_models(&shared.read(), stringify),
        ["decayingModel", "view", id] => pages::decaying_model(&shared.read(), id, stringify, &request.path_as_sent()),
        ["servers", "getVersion"] => pages::version(user),
        ["servers", "getPyMISPVersion"] => Answer::json(b"{\"version\":\"2.5.1\"}".to_vec()),
        ["tags", "index", ..] => tags::index(&shared.read(), request, user.into(), stringify),
        ["tags", "view", id] => tags::view(&shared.read(), request, user.into(), id, stringify),
        ["tags", "search", rest @ ..] => tags::search(&shared.read(), request, rest.first().copied(), stringify),
        ["users", "view", "me"] => pages::me(shared, user, stringify),
        ["admin", "users", "index"] => records::users(shared, request, user, stringify),
        ["admin", "users", "view", id] => records::user_page(shared, request, user, id, stringify),
        ["organisations", "index", ..] => records::organisations(&shared.read(), stringify),
        ["organisations", "view", id] => records::organisation_page(&shared.read(), request, id, stringify),
        ["galaxies" | "taxonomies" | "feeds", "index"] => records::none(),
        ["servers", "index"] if user.role == Role::SiteAdmin => records::none(),
        ["servers", "index"] => changes::forbidden(request),
        ["sharing_groups", "index"] => records::none_wrapped(),
        ["warninglists", "index", ..] => warninglists::index(&shared.read(), request, stringify),
        ["warninglists", "view", id] => warninglists::view(&shared.read(), request, id, stringify),
        ["warninglists", "export", id] => warninglists::export(&shared.read(), request, id, stringify),
        ["warninglists", "checkValue"] => warninglists::check(&shared.read(), request, stringify),
        _ => return None,
    })
}

/// Controllers that a real MISP has; an action that it has not is 403 there.
const CONTROLLERS: &[&str] = &[
    "attributes",
    "decayingModel",
    "events",
    "servers",
    "tags",
    "users",
    "warninglists",
];

/// Actions that a real MISP has. A client that requests one makes no mistake, so the stand-in does not answer 403.
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

fn spoil(shared: &Shared, request: &PageRequest, mut answer: Answer, fault: Fault) -> Delivery {
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
        Fault::Status(status) => stamped(Answer::usual_error(status_of(status), &request.path_as_sent())),
        Fault::Invalid(status) => {
            let mut invalid = Answer::json(
                br#"{"saved":false,"name":"Could not add","message":"Could not add","errors":{"value":["not valid"]}}"#
                    .to_vec(),
            );
            invalid.status = status_of(status);
            stamped(invalid)
        }
        Fault::NotJson => stamped(Answer::json(
            b"Warning: something broke in /var/www/MISP on line 42".to_vec(),
        )),
        Fault::LoginRedirect => stamped(Answer::login(&request.host())),
        Fault::WrongContentType => {
            answer.set(CONTENT_TYPE, "text/html; charset=UTF-8");
            Delivery::Answer(answer)
        }
        Fault::WithoutCounts => {
            answer.headers.remove("x-result-count");
            answer.headers.remove("x-skipped-elements-count");
            Delivery::Answer(answer)
        }
        Fault::LongIndex { events } if request.path.starts_with("/events/index") => floods::index(answer, events),
        Fault::ManyTags { tags } if request.path == "/events/restSearch" => floods::tags(answer, tags),
        // Done by the page itself, or of another page.
        Fault::EverythingUnfiltered
        | Fault::NumbersUnquoted
        | Fault::ListsNothing
        | Fault::ListsHalf
        | Fault::NoRows
        | Fault::LongIndex { .. }
        | Fault::ManyTags { .. } => Delivery::Answer(answer),
        Fault::Late(wait) => Delivery::Late(answer, wait.min(Duration::from_secs(3_600))),
    }
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
