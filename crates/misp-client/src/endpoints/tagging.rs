//! `POST /tags/attachTagToObject` and `/tags/removeTagFromObject`: tags on events and attributes.

use serde::Serialize;
use uuid::Uuid;

use crate::request::Request;
use crate::search::tag_name;
use crate::{Client, Error, ErrorKind};

const ATTACH: &str = "/tags/attachTagToObject";
const REMOVE: &str = "/tags/removeTagFromObject";

#[derive(Serialize)]
struct Body {
    uuid: Uuid,
    tag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    local: Option<u8>,
}

impl Client {
    /// Puts a tag on an event or an attribute. That unpublishes the event.
    ///
    /// ```no_run
    /// # async fn run(misp: misp_client::Client, attribute: misp_client::Attribute) -> Result<(), misp_client::Error> {
    /// if let Some(uuid) = attribute.uuid {
    ///     misp.tag(uuid, "tlp:green").await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Rejected`] when MISP does not attach it, for example because the tag does not exist and the key may
    /// not create tags; [`ErrorKind::InvalidSearch`] for a name that MISP would read as something else; any
    /// [`ErrorKind`] of a question. After a lost connection it is unknown whether MISP attached the tag.
    pub async fn tag(&self, uuid: Uuid, tag: &str) -> Result<(), Error> {
        self.change(request(ATTACH, uuid, tag, None)?).await
    }

    /// Puts a local tag on an event or an attribute: other MISPs never get it, and the event stays published.
    ///
    /// # Errors
    /// As [`tag`](Self::tag).
    pub async fn tag_locally(&self, uuid: Uuid, tag: &str) -> Result<(), Error> {
        self.change(request(ATTACH, uuid, tag, Some(1))?).await
    }

    /// Removes a tag, local or not, from an event or an attribute.
    ///
    /// # Errors
    /// As [`tag`](Self::tag).
    pub async fn untag(&self, uuid: Uuid, tag: &str) -> Result<(), Error> {
        self.change(request(REMOVE, uuid, tag, None)?).await
    }
}

fn request(endpoint: &'static str, uuid: Uuid, tag: &str, local: Option<u8>) -> Result<Request, Error> {
    let tag = tag_name(tag.to_owned())?;
    let body = serde_json::to_vec(&Body { uuid, tag, local });
    let body = body.map_err(|_| Error::new(ErrorKind::InvalidSearch).at(endpoint))?;
    Ok(Request::post(endpoint, body))
}
