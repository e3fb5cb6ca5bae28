//! An edit as a value: to be drawn by a property test, written down, or sent to a stand-in in another process.

mod attribute_edit;
mod event_edit;
mod random_edits;
mod site_edit;

use serde::{Deserialize, Serialize};

pub use self::{
    attribute_edit::{AttributeEdit, NewAttribute},
    event_edit::{EventEdit, NewEvent},
    random_edits::RandomEdits,
    site_edit::SiteEdit,
};
use crate::store::{NoSuch, Store};

/// One thing that an analyst or an administrator does, with the effects that it has in a real MISP.
///
/// As JSON: `{"attribute": [7, "soft_delete"]}`, `{"event": [3, {"tag": "tlp:green"}]}`,
/// `{"site": {"enable_warninglist": [1, false]}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Edit {
    /// Of the attribute of that number.
    Attribute(u64, AttributeEdit),
    /// Of the event of that number.
    Event(u64, EventEdit),
    /// Of the site: new events, warninglists, settings, users.
    Site(SiteEdit),
}

impl Store {
    /// Carries out an edit and returns the number of the event or attribute that it added.
    ///
    /// ```
    /// use misp_sim::{AttributeEdit, Edit, Sim, demo};
    ///
    /// let sim = demo().start_now()?;
    /// let number = sim.with_store(|store| store.attributes().map(|attribute| attribute.id()).next()).ok_or("none")?;
    /// sim.edit(|store| store.apply(&Edit::Attribute(number, AttributeEdit::SoftDelete)))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NoSuch`] when the number is unknown.
    pub fn apply(&mut self, edit: &Edit) -> Result<Option<u64>, NoSuch> {
        match edit {
            Edit::Attribute(id, edit) => edit.apply(*id, self).map(|()| None),
            Edit::Event(id, edit) => edit.apply(*id, self),
            Edit::Site(edit) => Ok(edit.apply(self)),
        }
    }
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Clock,
        model::{Attribute, Event},
    };

    fn store() -> Store {
        let mut store = Store::new(Clock::fixed(1_000_000));
        let event = Event::new("one").attribute(Attribute::new("domain", "a.example.com"));
        store.add_event(event);
        store
    }

    #[test]
    fn an_edit_is_written_as_json_and_read_again() {
        for (text, edit) in [
            (
                r#"{"attribute":[7,"soft_delete"]}"#,
                Edit::Attribute(7, AttributeEdit::SoftDelete),
            ),
            (
                r#"{"attribute":[7,{"to_ids":false}]}"#,
                Edit::Attribute(7, AttributeEdit::ToIds(false)),
            ),
            (
                r#"{"event":[3,{"tag_locally":"tlp:green"}]}"#,
                Edit::Event(3, EventEdit::TagLocally("tlp:green".to_owned())),
            ),
            (r#"{"event":[3,"publish"]}"#, Edit::Event(3, EventEdit::Publish)),
            (
                r#"{"site":{"enable_warninglist":[1,false]}}"#,
                Edit::Site(SiteEdit::EnableWarninglist(1, false)),
            ),
        ] {
            assert_eq!(serde_json::to_string(&edit).unwrap(), text);
            assert_eq!(serde_json::from_str::<Edit>(text).unwrap(), edit);
        }
    }

    #[test]
    fn an_edit_does_what_the_method_does() {
        let mut store = store();
        let attribute = store.find("a.example.com").unwrap();
        store
            .apply(&Edit::Attribute(attribute, AttributeEdit::ToIds(false)))
            .unwrap();
        assert!(!store.attribute(attribute).unwrap().to_ids() && !store.event(1).unwrap().published());
        store.apply(&Edit::Event(1, EventEdit::Publish)).unwrap();
        assert!(store.event(1).unwrap().published());
        let added = r#"{"event":[1,{"add_attribute":{"type":"domain","value":"b.example.com","tags":["example:x"]}}]}"#;
        let number = store.apply(&serde_json::from_str(added).unwrap()).unwrap();
        assert_eq!(number, store.find("b.example.com"));
        let added = r#"{"site":{"add_event":{"info":"two","attributes":[{"type":"domain","value":"c.example.com"}]}}}"#;
        assert_eq!(store.apply(&serde_json::from_str(added).unwrap()), Ok(Some(2)));
        assert_eq!(
            store.apply(&Edit::Event(99, EventEdit::Publish)),
            Err(NoSuch::Event(99))
        );
    }
}
