//! `POST /objects/add/EVENT`, `/objects/edit/ID` and `/objects/delete/ID`.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::attribute_changes::{NewAttribute, empty, with_body};
use crate::request::Request;
use crate::{Client, Error, Object};

const ADD: &str = "/objects/add";
const EDIT: &str = "/objects/edit";
const DELETE: &str = "/objects/delete";

/// An object to be added. MISP needs a template that it knows, by UUID and version.
///
/// ```
/// use misp_client::{NewAttribute, NewObject};
///
/// let template = "43b3b146-77eb-4931-b4cc-b66c60f28734".parse()?;
/// let object = NewObject::new("domain-ip", "network", template, 10)
///     .attribute("domain", NewAttribute::new("domain", "bad.example.com"))
///     .attribute("ip", NewAttribute::new("ip-dst", "192.0.2.1"));
/// # Ok::<(), misp_client::uuid::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NewObject {
    name: String,
    #[serde(rename = "meta-category")]
    meta_category: String,
    template_uuid: Uuid,
    template_version: u64,
    #[serde(flatten)]
    fields: ObjectEdit,
    #[serde(rename = "Attribute")]
    attributes: Vec<NewAttribute>,
}

/// The fields of an object that an edit changes; MISP keeps the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ObjectEdit {
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<u8>,
}

impl NewObject {
    /// Returns an object without attributes, made by this version of this template.
    #[must_use]
    pub fn new(
        name: impl Into<String>,
        meta_category: impl Into<String>,
        template_uuid: Uuid,
        template_version: u64,
    ) -> Self {
        Self {
            name: name.into(),
            meta_category: meta_category.into(),
            template_uuid,
            template_version,
            fields: ObjectEdit::default(),
            attributes: Vec::new(),
        }
    }

    /// Adds an attribute in this role, such as `ip`.
    #[must_use]
    pub fn attribute(mut self, relation: impl Into<String>, attribute: NewAttribute) -> Self {
        self.attributes.push(attribute.relation(relation.into()));
        self
    }

    /// Sets the comment.
    #[must_use]
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.fields.comment = Some(text.into());
        self
    }

    /// Sets the visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all, 5 as its event.
    #[must_use]
    pub fn distribution(mut self, level: u8) -> Self {
        self.fields.distribution = Some(level);
        self
    }
}

impl ObjectEdit {
    /// Returns an edit that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the comment.
    #[must_use]
    pub fn comment(mut self, text: impl Into<String>) -> Self {
        self.comment = Some(text.into());
        self
    }

    /// Changes the visibility: 0 own organisation, 1 this community, 2 connected ones, 3 all, 5 as its event.
    #[must_use]
    pub fn distribution(mut self, level: u8) -> Self {
        self.distribution = Some(level);
        self
    }
}

#[derive(Deserialize)]
struct WrappedObject {
    #[serde(rename = "Object")]
    object: Object,
}

impl Client {
    /// Adds an object with its attributes to an event and returns it as MISP stored it. That unpublishes the event.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`](crate::ErrorKind::Rejected) with MISP's reason, for example for an unknown template;
    /// otherwise as [`add_attribute`](Self::add_attribute).
    pub async fn add_object(&self, event_id: u64, object: &NewObject) -> Result<Object, Error> {
        self.change_object(with_body(ADD, event_id, object)?).await
    }

    /// Changes an object and returns it as MISP stored it. Its attributes are changed one by one, with
    /// [`edit_attribute`](Self::edit_attribute).
    ///
    /// # Errors
    /// As [`add_object`](Self::add_object).
    pub async fn edit_object(&self, id: u64, edit: &ObjectEdit) -> Result<Object, Error> {
        self.change_object(with_body(EDIT, id, edit)?).await
    }

    /// Soft-deletes an object with its attributes.
    ///
    /// # Errors
    /// As [`edit_attribute`](Self::edit_attribute).
    pub async fn delete_object(&self, id: u64) -> Result<(), Error> {
        self.change(empty(DELETE, format!("{DELETE}/{id}"))).await
    }

    /// Deletes an object with its attributes for good.
    ///
    /// # Errors
    /// As [`edit_attribute`](Self::edit_attribute).
    pub async fn delete_object_for_good(&self, id: u64) -> Result<(), Error> {
        self.change(empty(DELETE, format!("{DELETE}/{id}/1"))).await
    }

    async fn change_object(&self, request: Request) -> Result<Object, Error> {
        self.change_to::<WrappedObject>(request)
            .await
            .map(|wrapped| wrapped.object)
    }
}
