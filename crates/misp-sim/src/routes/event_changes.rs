//! `/events/add`, `/events/edit/ID`, `/events/publish/ID`, `/events/unpublish/ID` and `/events/delete/ID`.

use super::{
    PageRequest,
    attribute_changes::add_all,
    changes::{done, forbidden, may_change, may_write, missing, not_yours, rejected},
    event_metadata::ShownTags,
    fields,
    object_changes::add_object,
    whole_event::wrapped,
};
use crate::{
    answer::Answer,
    model::User,
    shared::Shared,
    store::{Reader, Store},
};

pub(super) fn add(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    if !may_write(user) {
        return forbidden(request);
    }
    let fields = fields::unwrapped(request.json(), "Event");
    let mut store = shared.write();
    let refused = |reason| rejected("Could not add Event", "/events/add", reason, stringify);
    let creator = store.organisation(user.organisation).map(|known| known.name.clone());
    let Some(event) = fields::event(&fields, &creator.unwrap_or_default(), &user.email) else {
        return refused(("info", "Info cannot be empty."));
    };
    if event
        .uuid
        .is_some_and(|uuid| store.event_meant(&uuid.to_string()).is_some())
    {
        return refused(("uuid", "Event already exists"));
    }
    let id = store.add_event(event);
    // Attributes that MISP does not accept are left out; the event stands.
    add_all(&mut store, id, &fields::list(&fields, "Attribute"), None);
    for object in fields::list(&fields, "Object") {
        let _left_out = add_object(&mut store, id, &object);
    }
    answer(&store, id, user, stringify).unwrap_or_else(|| missing(request, "event"))
}

pub(super) fn edit(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    let fields = fields::unwrapped(request.json(), "Event");
    change(shared, request, user, id, |store, id| {
        let _present = store.change_event(id, fields::event_fields(&fields));
        add_all(store, id, &fields::list(&fields, "Attribute"), None);
        answer(store, id, user, stringify)
    })
}

pub(super) fn publish(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    change(shared, request, user, id, |store, id| {
        store.publish(id).ok()?;
        Some(done(
            "Event published without alerts",
            &format!("/events/publish/{id}"),
            stringify,
        ))
    })
}

pub(super) fn unpublish(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    change(shared, request, user, id, |store, id| {
        store.unpublish(id).ok()?;
        Some(done(
            "Event unpublished.",
            &format!("/events/unpublish/{id}"),
            stringify,
        ))
    })
}

pub(super) fn delete(shared: &Shared, request: &PageRequest, user: &User, id: &str, stringify: bool) -> Answer {
    change(shared, request, user, id, |store, id| {
        store.delete_event(id).ok()?;
        Some(done("Event deleted.", &format!("/events/delete/{id}"), stringify))
    })
}

/// Changes an event that the user may change.
fn change(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
    id: &str,
    change: impl FnOnce(&mut Store, u64) -> Option<Answer>,
) -> Answer {
    if !may_write(user) {
        return forbidden(request);
    }
    let mut store = shared.write();
    let event = store.event_meant(id).map(|event| (event.id, may_change(user, event)));
    match event {
        None => missing(request, "event"),
        Some((_, false)) => not_yours(request),
        Some((id, true)) => change(&mut store, id).unwrap_or_else(|| missing(request, "event")),
    }
}

fn answer(store: &Store, id: u64, user: &User, stringify: bool) -> Option<Answer> {
    let event = store.event_meant(&id.to_string())?;
    Some(Answer::json(
        wrapped(store, event, Reader::from(user), ShownTags::ALL).pretty(stringify),
    ))
}
