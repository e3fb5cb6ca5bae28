//! Edits of the site: new events, warninglists, decaying models, settings and users.

use serde::{Deserialize, Serialize};

use super::NewEvent;
use crate::store::Store;

/// An edit of the site; unknown numbers are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SiteEdit {
    /// [`Store::add_event`].
    AddEvent(NewEvent),
    /// [`Store::enable_warninglist`].
    EnableWarninglist(u64, bool),
    /// [`Store::set_warninglist_entries`].
    WarninglistEntries(u64, Vec<String>),
    /// [`Store::enable_decaying_model`].
    EnableDecayingModel(u64, bool),
    /// [`Store::set_unpublished_private`].
    UnpublishedPrivate(bool),
    /// [`Store::set_warning_for_all`].
    WarningForAll(bool),
    /// [`Store::rename_tag`]: the name, then the new one.
    RenameTag(String, String),
    /// [`Store::set_tag_exportable`].
    TagExportable(String, bool),
    /// Disables the user of that number or takes that back.
    DisableUser(u64, bool),
    /// Moves the user to another organisation, so that its key sees other events.
    UserOrganisation(u64, u64),
    /// Gives the user another key; the former one is refused from then on.
    UserKey(u64, String),
}

impl SiteEdit {
    pub(super) fn apply(&self, store: &mut Store) -> Option<u64> {
        match self {
            Self::AddEvent(event) => return Some(store.add_event(event.event())),
            Self::EnableWarninglist(list, enabled) => store.enable_warninglist(*list, *enabled),
            Self::WarninglistEntries(list, entries) => {
                let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
                store.set_warninglist_entries(*list, &entries);
            }
            Self::EnableDecayingModel(model, enabled) => store.enable_decaying_model(*model, *enabled),
            Self::UnpublishedPrivate(on) => store.set_unpublished_private(*on),
            Self::WarningForAll(on) => store.set_warning_for_all(*on),
            Self::RenameTag(name, new) => store.rename_tag(name, new),
            Self::TagExportable(name, exportable) => store.set_tag_exportable(name, *exportable),
            Self::DisableUser(user, disabled) => store.change_user(*user, |user| user.disabled = *disabled),
            Self::UserOrganisation(user, organisation) => {
                store.change_user(*user, |user| user.organisation = *organisation);
            }
            Self::UserKey(user, key) => store.change_user(*user, |user| user.key.clone_from(key)),
        }
        None
    }
}
