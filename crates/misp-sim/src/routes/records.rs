//! Lists of things beside events: organisations, users, and lists that are always empty here.

use http::StatusCode;

use super::{PageRequest, changes::forbidden, pages};
use crate::{
    answer::Answer,
    json::{Node, object},
    model::{Organisation, Role, User},
    shared::Shared,
    store::Store,
};

/// Galaxies, taxonomies, sharing groups, feeds and servers: a MISP that has none answers with an empty list (recording
/// 553).
pub(super) fn none() -> Answer {
    Answer::json(b"[]".to_vec())
}

/// A MISP that has no sharing group wraps the empty list.
pub(super) fn none_wrapped() -> Answer {
    Answer::json(b"{\"response\": []}".to_vec())
}

/// `/organisations/index`; all organisations here are local ones.
pub(super) fn organisations(store: &Store, stringify: bool) -> Answer {
    let mut known: Vec<&Organisation> = store.organisations.iter().collect();
    known.sort_by(|a, b| a.name.cmp(&b.name));
    let list = known
        .into_iter()
        .map(|one| object([("Organisation", organisation(store, one))]));
    Answer::json(Node::List(list.collect()).pretty(stringify))
}

/// `/organisations/view/ID`, by number, UUID or name.
pub(super) fn organisation_page(store: &Store, request: &PageRequest, id: &str, stringify: bool) -> Answer {
    let is_it = |known: &&Organisation| id.parse() == Ok(known.id) || id.parse() == Ok(known.uuid) || known.name == id;
    match store.organisations.iter().find(is_it) {
        Some(known) => Answer::json(object([("Organisation", organisation(store, known))]).pretty(stringify)),
        None => Answer::error(StatusCode::NOT_FOUND, "Invalid organisation", &request.path_as_sent()),
    }
}

fn organisation(store: &Store, known: &Organisation) -> Node {
    let users = store.users.iter().filter(|user| user.organisation == known.id).count() as u64;
    object([
        ("id", known.id.into()),
        ("name", known.name.as_str().into()),
        ("date_created", "2026-01-01 00:00:00".into()),
        ("date_modified", "2026-01-01 00:00:00".into()),
        ("description", "".into()),
        ("type", "".into()),
        ("nationality", "".into()),
        ("sector", "".into()),
        ("uuid", Node::Text(known.uuid.to_string())),
        ("contacts", Node::Null),
        ("local", true.into()),
        ("restricted_to_domain", Node::Null),
        ("landingpage", Node::Null),
        ("user_count", users.into()),
    ])
}

/// `/admin/users/index`, for site admins.
pub(super) fn users(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    if user.role != Role::SiteAdmin {
        return forbidden(request);
    }
    let store = shared.read();
    let list = store.users.iter().map(|known| pages::user_record(&store, known));
    Answer::json(Node::List(list.collect()).pretty(stringify))
}

/// `/admin/users/view/ID`, for site admins.
pub(super) fn user_page(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    if user.role != Role::SiteAdmin {
        return forbidden(request);
    }
    let store = shared.read();
    match store.users.iter().find(|known| id.parse() == Ok(known.id)) {
        Some(known) => Answer::json(pages::user_record(&store, known).pretty(stringify)),
        None => Answer::error(StatusCode::NOT_FOUND, "Invalid user", &request.path_as_sent()),
    }
}
