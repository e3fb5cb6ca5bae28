//! `/tags/attachTagToObject` and `/tags/removeTagFromObject` (recordings 565 and 566).

use super::{
    PageRequest,
    changes::{done, forbidden, may_change, may_write, not_yours},
    fields,
};
use http::StatusCode;

use crate::{answer::Answer, model::User, query::truthy, shared::Shared};

/// The event or attribute of a tag.
enum Place {
    Event(u64),
    Attribute(u64),
}

pub(super) fn attach(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    change(shared, request, user, stringify, true)
}

pub(super) fn remove(shared: &Shared, request: &PageRequest, user: &User, stringify: bool) -> Answer {
    change(shared, request, user, stringify, false)
}

fn change(shared: &Shared, request: &PageRequest, user: &User, stringify: bool, attach: bool) -> Answer {
    if !may_write(user) {
        return forbidden(request);
    }
    let url = if attach {
        "/tags/attachTagToObject"
    } else {
        "/tags/removeTagFromObject"
    };
    let refused = |text: &str| Answer::error(StatusCode::METHOD_NOT_ALLOWED, text, &request.path_as_sent());
    let fields = fields::unwrapped(request.json(), "Tag");
    let (Some(uuid), Some(tag)) = (fields::text(&fields, "uuid"), fields::text(&fields, "tag")) else {
        return refused("Invalid tag");
    };
    let local = fields.get("local").is_some_and(truthy);
    let mut store = shared.write();
    let attribute = store
        .attribute_meant(&uuid)
        .map(|row| (Place::Attribute(row.id), store.event_of(row)));
    let event = store.event_meant(&uuid).map(|event| (Place::Event(event.id), event));
    let Some((place, event)) = attribute.or(event) else {
        return refused("Invalid Target.");
    };
    if !may_change(user, event) {
        return not_yours(request);
    }
    let (name, id) = match place {
        Place::Event(id) => ("Event", id),
        Place::Attribute(id) => ("Attribute", id),
    };
    let _present = match (&place, attach, local) {
        (Place::Event(id), true, false) => store.tag_event(*id, &tag),
        (Place::Event(id), true, true) => store.tag_event_locally(*id, &tag),
        (Place::Event(id), false, _) => store.untag_event(*id, &tag),
        (Place::Attribute(id), true, false) => store.tag_attribute(*id, &tag),
        (Place::Attribute(id), true, true) => store.tag_attribute_locally(*id, &tag),
        (Place::Attribute(id), false, _) => store.untag_attribute(*id, &tag),
    };
    let number = store.tag_named(&tag).map_or(0, |place| store.tags[place as usize].id);
    let kind = if local { "Local" } else { "Global" };
    let text = match attach {
        true => format!("{kind} tag {tag}({number}) successfully attached to {name}({id})."),
        false => format!("{kind} tag {tag} ({number}) successfully removed from {name}({id})."),
    };
    done(&text, url, stringify)
}
