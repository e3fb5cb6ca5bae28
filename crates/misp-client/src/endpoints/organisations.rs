//! `GET /organisations/index` and `/organisations/view/ID`: the organisations that this MISP knows.

use std::fmt;

use uuid::Uuid;

use super::records::Record;
use crate::request::Request;
use crate::{Client, Error, Organisation};

const INDEX: &str = "/organisations/index";
const VIEW: &str = "/organisations/view";

impl Record for Organisation {
    const KEY: &'static str = "Organisation";

    fn id(&self) -> u64 {
        self.id
    }
}

impl Client {
    /// Returns the organisations that have users on this MISP.
    ///
    /// # Errors
    /// Any [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn organisations(&self) -> Result<Vec<Organisation>, Error> {
        self.records(Request::get(INDEX)).await
    }

    /// Returns the organisations that have users on this MISP, and those that are known from shared events.
    ///
    /// # Errors
    /// As [`organisations`](Self::organisations).
    pub async fn all_organisations(&self) -> Result<Vec<Organisation>, Error> {
        self.records(Request::get(INDEX).with_path(format!("{INDEX}/scope:all")))
            .await
    }

    /// Returns one organisation by its number.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) when MISP has no such number; any
    /// [`ErrorKind`](crate::ErrorKind) of a question.
    pub async fn organisation(&self, id: u64) -> Result<Organisation, Error> {
        self.record(view(id), Some(id)).await
    }

    /// Returns one organisation by its UUID.
    ///
    /// # Errors
    /// As [`organisation`](Self::organisation).
    pub async fn organisation_of_uuid(&self, uuid: Uuid) -> Result<Organisation, Error> {
        let found: Organisation = self.record(view(uuid), None).await?;
        if found.uuid == Some(uuid) {
            return Ok(found);
        }
        let detail = "not the organisation that was asked for";
        Err(Error::new(crate::ErrorKind::UnexpectedAnswer)
            .with_detail(detail)
            .at(VIEW))
    }
}

fn view(id: impl fmt::Display) -> Request {
    Request::get(VIEW).with_path(format!("{VIEW}/{id}"))
}
