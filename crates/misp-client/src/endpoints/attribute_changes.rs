//! `POST /attributes/add/EVENT`, `/attributes/edit/ID`, `/attributes/delete/ID` and `/attributes/restore/ID`.

use http::{StatusCode, header};
use serde::Serialize;
use uuid::Uuid;

use super::SMALL;
use super::events::WrappedAttribute;
use crate::json::lenient;
use crate::request::Request;
use crate::{Attribute, Client, Error, ErrorKind};

const ADD: &str = "/attributes/add";
const EDIT: &str = "/attributes/edit";
const DELETE: &str = "/attributes/delete";
const RESTORE: &str = "/attributes/restore";

/// An attribute to be added. Type and value are required; MISP chooses the rest.
///
/// ```
/// use misp_client::NewAttribute;
///
/// let attribute = NewAttribute::new("domain", "bad.example.com").to_ids(true).comment("seen in a phishing mail").tag("tlp:green");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct NewAttribute {
    #[serde(rename = "type")]
    kind: String,
    value: String,
    #[serde(flatten)]
    fields: AttributeEdit,
    #[serde(skip_serializing_if = "Option::is_none")]
    uuid: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object_relation: Option<String>,
    #[serde(rename = "Tag", skip_serializing_if = "Vec::is_empty")]
    tags: Vec<NewTag>,
}

/// A tag to be put on something new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NewTag {
    pub(crate) name: String,
}

/// The fields of an attribute that an edit changes; MISP keeps the others.
///
/// ```
/// let edit = misp_client::AttributeEdit::new().to_ids(false).comment("sinkholed");
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct AttributeEdit {
    #[serde(rename = "value", skip_serializing_if = "Option::is_none")]
    new_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    to_ids: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distribution: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sharing_group_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    disable_correlation: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "lenient::write_time")]
    first_seen: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "lenient::write_time")]
    last_seen: Option<i64>,
}

impl NewAttribute {
    /// Returns an attribute of this type, such as `ip-dst|port`, with this value; MISP chooses category, `to_ids` and
    /// distribution.
    #[must_use]
    pub fn new(kind: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            kind: kind.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    /// Sets the category, such as `Network activity`.
    #[must_use]
    pub fn category(mut self, name: impl Into<String>) -> Self {
        self.fields.category = Some(name.into());
        self
    }

    /// Sets whether it is meant for detection.
    #[must_use]
    pub fn to_ids(mut self, flag: bool) -> Self {
        self.fields.to_ids = Some(flag);
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

    /// Shares it with one sharing group only.
    #[must_use]
    pub fn sharing_group(mut self, id: u64) -> Self {
        (self.fields.distribution, self.fields.sharing_group_id) = (Some(4), Some(id));
        self
    }

    /// Sets the first time that it was seen, in unix seconds.
    #[must_use]
    pub fn first_seen(mut self, unix_seconds: i64) -> Self {
        self.fields.first_seen = Some(unix_seconds);
        self
    }

    /// Sets the last time that it was seen, in unix seconds.
    #[must_use]
    pub fn last_seen(mut self, unix_seconds: i64) -> Self {
        self.fields.last_seen = Some(unix_seconds);
        self
    }

    /// Keeps MISP from correlating it with equal values.
    #[must_use]
    pub fn disable_correlation(mut self) -> Self {
        self.fields.disable_correlation = Some(true);
        self
    }

    /// Sets the UUID; MISP makes one by default.
    #[must_use]
    pub fn uuid(mut self, uuid: Uuid) -> Self {
        self.uuid = Some(uuid);
        self
    }

    /// Adds a tag.
    #[must_use]
    pub fn tag(mut self, name: impl Into<String>) -> Self {
        self.tags.push(NewTag { name: name.into() });
        self
    }

    /// Sets its role in an object.
    pub(crate) fn relation(mut self, name: String) -> Self {
        self.object_relation = Some(name);
        self
    }
}

impl AttributeEdit {
    /// Returns an edit that changes nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the value.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.new_value = Some(value.into());
        self
    }

    /// Changes the category.
    #[must_use]
    pub fn category(mut self, name: impl Into<String>) -> Self {
        self.category = Some(name.into());
        self
    }

    /// Changes whether it is meant for detection.
    #[must_use]
    pub fn to_ids(mut self, flag: bool) -> Self {
        self.to_ids = Some(flag);
        self
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

    /// Changes the first time that it was seen, in unix seconds.
    #[must_use]
    pub fn first_seen(mut self, unix_seconds: i64) -> Self {
        self.first_seen = Some(unix_seconds);
        self
    }

    /// Changes the last time that it was seen, in unix seconds.
    #[must_use]
    pub fn last_seen(mut self, unix_seconds: i64) -> Self {
        self.last_seen = Some(unix_seconds);
        self
    }
}

impl Client {
    /// Adds an attribute to an event and returns it as MISP stored it. That unpublishes the event.
    ///
    /// MISP normalises values, for example to lower case, so the value may come back changed.
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] with MISP's reason, for example for a value that does not fit the type, or one that the
    /// event already has; [`ErrorKind::NotPermitted`] when the role may not edit the event; any [`ErrorKind`] of a
    /// question. After a lost connection it is unknown whether MISP stored it.
    pub async fn add_attribute(&self, event_id: u64, attribute: &NewAttribute) -> Result<Attribute, Error> {
        self.change_attribute(ADD, event_id, attribute).await
    }

    /// Changes an attribute and returns it as MISP stored it. That unpublishes the event.
    ///
    /// # Errors
    /// As [`add_attribute`](Self::add_attribute), and [`ErrorKind::NotFound`] when MISP has no attribute of this
    /// number.
    pub async fn edit_attribute(&self, id: u64, edit: &AttributeEdit) -> Result<Attribute, Error> {
        self.change_attribute(EDIT, id, edit).await
    }

    /// Soft-deletes an attribute: other MISPs learn of it, and [`restore_attribute`](Self::restore_attribute) takes it
    /// back.
    ///
    /// # Errors
    /// As [`edit_attribute`](Self::edit_attribute).
    pub async fn delete_attribute(&self, id: u64) -> Result<(), Error> {
        self.change(empty(DELETE, format!("{DELETE}/{id}"))).await
    }

    /// Deletes an attribute for good: nothing is left, and other MISPs keep theirs.
    ///
    /// # Errors
    /// As [`edit_attribute`](Self::edit_attribute).
    pub async fn delete_attribute_for_good(&self, id: u64) -> Result<(), Error> {
        self.change(empty(DELETE, format!("{DELETE}/{id}/1"))).await
    }

    /// Restores a soft-deleted attribute.
    ///
    /// # Errors
    /// As [`edit_attribute`](Self::edit_attribute).
    pub async fn restore_attribute(&self, id: u64) -> Result<(), Error> {
        let request = empty(RESTORE, format!("{RESTORE}/{id}")).asked_once();
        // MISP redirects to the attribute's own page after it (AttributesController of 2.5). The client does not
        // follow.
        let answer = self.transport().ask(request, SMALL, &[StatusCode::FOUND]).await?;
        let location = answer
            .headers()
            .get(header::LOCATION)
            .and_then(|value| value.to_str().ok());
        let is_own_page = location.is_some_and(|to| to.ends_with(&format!("/attributes/view/{id}")));
        if answer.status() == StatusCode::OK || is_own_page {
            return Ok(());
        }
        let to_login = location.is_some_and(|to| to.trim_end_matches('/').ends_with("/users/login"));
        Err(Error::new(ErrorKind::Redirected)
            .with_status(StatusCode::FOUND.as_u16())
            .with_login_redirect(to_login)
            .at(RESTORE))
    }

    async fn change_attribute<B: Serialize>(
        &self,
        endpoint: &'static str,
        id: u64,
        body: &B,
    ) -> Result<Attribute, Error> {
        let request = with_body(endpoint, id, body)?;
        self.change_to::<WrappedAttribute>(request)
            .await
            .map(|wrapped| wrapped.attribute)
    }
}

/// Returns a request with an empty JSON object.
pub(super) fn empty(endpoint: &'static str, path: String) -> Request {
    Request::post(endpoint, "{}").with_path(path)
}

pub(super) fn with_body<B: Serialize>(endpoint: &'static str, id: u64, body: &B) -> Result<Request, Error> {
    let unwritable = |_| {
        Error::new(ErrorKind::InvalidSearch)
            .with_detail("the data cannot be written as JSON")
            .at(endpoint)
    };
    let body = serde_json::to_vec(body).map_err(unwritable)?;
    Ok(Request::post(endpoint, body).with_path(format!("{endpoint}/{id}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_fields_that_were_set_are_sent() {
        let plain = NewAttribute::new("domain", "a.example.com");
        assert_eq!(
            serde_json::to_value(&plain).unwrap(),
            serde_json::json!({"type": "domain", "value": "a.example.com"})
        );
        let full = plain
            .to_ids(true)
            .category("Network activity")
            .first_seen(1_738_368_000)
            .tag("tlp:green")
            .sharing_group(4);
        assert_eq!(
            serde_json::to_value(&full).unwrap(),
            serde_json::json!({"type": "domain", "value": "a.example.com", "category": "Network activity", "to_ids": true,
                "distribution": 4, "sharing_group_id": 4, "first_seen": "2025-02-01T00:00:00+00:00", "Tag": [{"name": "tlp:green"}]})
        );
        let edit = AttributeEdit::new().to_ids(false);
        assert_eq!(
            serde_json::to_value(&edit).unwrap(),
            serde_json::json!({"to_ids": false})
        );
        assert_eq!(
            serde_json::to_value(AttributeEdit::new().value("b")).unwrap(),
            serde_json::json!({"value": "b"})
        );
    }
}
