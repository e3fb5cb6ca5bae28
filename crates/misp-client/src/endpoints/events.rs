//! `GET /events/view/ID` and `/attributes/view/ID`: one event, one attribute.

use std::fmt;

use serde::Deserialize;
use uuid::Uuid;

use super::{SMALL, read};
use crate::request::Request;
use crate::{Attribute, Client, Error, ErrorKind, Event};

const EVENT: &str = "/events/view";
const ATTRIBUTE: &str = "/attributes/view";

#[derive(Deserialize)]
pub(crate) struct WrappedEvent {
    #[serde(rename = "Event")]
    pub(crate) event: Event,
}

#[derive(Deserialize)]
pub(crate) struct WrappedAttribute {
    #[serde(rename = "Attribute")]
    pub(crate) attribute: Attribute,
}

impl Client {
    /// Returns one event with its attributes and objects. Soft-deleted ones are not in it.
    ///
    /// The bound in bytes is that of a page: see [`max_page_bytes`](crate::ClientBuilder::max_page_bytes).
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when MISP has no such number, or the key may not see it; any [`ErrorKind`] of a
    /// question.
    pub async fn event(&self, id: u64) -> Result<Event, Error> {
        let event = self.read_event(id).await?;
        if event.id == id { Ok(event) } else { Err(another(EVENT)) }
    }

    /// Returns one event by its UUID, as [`event`](Self::event).
    ///
    /// # Errors
    /// As [`event`](Self::event).
    pub async fn event_of_uuid(&self, uuid: Uuid) -> Result<Event, Error> {
        let event = self.read_event(uuid).await?;
        if event.uuid == Some(uuid) {
            Ok(event)
        } else {
            Err(another(EVENT))
        }
    }

    /// Returns one attribute with its tags.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] when MISP has no such number, or the key may not see it; [`ErrorKind::MispError`] with
    /// status 405 for a soft-deleted one; any [`ErrorKind`] of a question.
    pub async fn attribute(&self, id: u64) -> Result<Attribute, Error> {
        let attribute = self.read_attribute(id).await?;
        if attribute.id == id {
            Ok(attribute)
        } else {
            Err(another(ATTRIBUTE))
        }
    }

    /// Returns one attribute by its UUID, as [`attribute`](Self::attribute).
    ///
    /// # Errors
    /// As [`attribute`](Self::attribute).
    pub async fn attribute_of_uuid(&self, uuid: Uuid) -> Result<Attribute, Error> {
        let attribute = self.read_attribute(uuid).await?;
        if attribute.uuid == Some(uuid) {
            Ok(attribute)
        } else {
            Err(another(ATTRIBUTE))
        }
    }

    async fn read_event(&self, id: impl fmt::Display) -> Result<Event, Error> {
        let request = Request::get(EVENT).with_path(format!("{EVENT}/{id}"));
        let body = self.ask_small(request, u64::MAX).await?;
        read::<WrappedEvent>(&body, EVENT).map(|wrapped| wrapped.event)
    }

    async fn read_attribute(&self, id: impl fmt::Display) -> Result<Attribute, Error> {
        let request = Request::get(ATTRIBUTE).with_path(format!("{ATTRIBUTE}/{id}"));
        let body = self.ask_small(request, SMALL).await?;
        read::<WrappedAttribute>(&body, ATTRIBUTE).map(|wrapped| wrapped.attribute)
    }
}

fn another(endpoint: &'static str) -> Error {
    Error::new(ErrorKind::UnexpectedAnswer)
        .with_detail("not the one that was asked for")
        .at(endpoint)
}
