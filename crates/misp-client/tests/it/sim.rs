//! A client of the stand-in for MISP.

use misp_client::{AuthKey, Client, ClientBuilder};
use misp_sim::{RunningSim, Sim};

/// A client with the key of a reader.
pub(crate) fn client(sim: &RunningSim) -> Client {
    builder(sim, Sim::READER_KEY).build().unwrap()
}

/// A client with this key.
pub(crate) fn builder(sim: &RunningSim, key: &str) -> ClientBuilder {
    Client::builder(sim.url().parse().unwrap(), AuthKey::new(key).unwrap())
}
