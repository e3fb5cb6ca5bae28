//! One request as routes see it.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::HeaderMap;
use http::uri::Authority;
use http::{Extensions, Method, Version};

use crate::body::RequestBody;
use crate::configuration::Snapshot;
use crate::notes::RequestNotes;
use crate::query::Query;
use crate::request_time::RequestTime;
use crate::secret_digest::SecretDigest;

/// What a prepared answer needs of its request.
#[derive(Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    /// What the server in front says about the request; nothing where it knows already that the token is good.
    pub(crate) extensions: Option<&'a Extensions>,
    pub(crate) client: IpAddr,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) notes: &'a RequestNotes,
    /// When it is judged.
    pub(crate) now: RequestTime,
}

impl Request<'_> {
    pub(crate) fn asking(&self) -> Asking<'_> {
        Asking {
            method: self.method,
            headers: self.headers,
            extensions: Some(self.extensions),
            client: self.client,
            snapshot: &self.snapshot,
            notes: self.notes,
            now: RequestTime::now(),
        }
    }
}

/// What a route may look at. The token is in the headers, the query or the path: never print any of them.
pub(crate) struct Request<'a> {
    /// Names everything in a request that reads and that decides its answer.
    pub(crate) name: Option<SecretDigest>,
    /// One of those that the route takes.
    pub(crate) method: &'a Method,
    pub(crate) version: Version,
    /// The host of the target: HTTP/2 has it there, and HTTP/1.1 in the header `Host`.
    pub(crate) authority: Option<&'a Authority>,
    pub(crate) headers: &'a HeaderMap,
    /// What the server in front says about the request.
    pub(crate) extensions: &'a Extensions,
    pub(crate) query: Query<'a>,
    /// The token of `/t/{token}/v1/…`.
    pub(crate) path_token: Option<&'a str>,
    /// The caller's address: the peer's, or the one that a trusted proxy names. IPv4 addresses are in IPv4 form.
    pub(crate) client: IpAddr,
    pub(crate) body: RequestBody,
    /// The configuration that the whole request is judged by, taken once at its start.
    pub(crate) snapshot: Arc<Snapshot>,
    /// Facts for the logs, collected on the way to the answer.
    pub(crate) notes: &'a RequestNotes,
}
