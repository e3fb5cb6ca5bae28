//! The messages of MISP's ZeroMQ publisher, and the link to it.
//!
//! A message says that something changed, never the whole new state: MISP sends no tags of the event with an attribute,
//! sends an event as it was *before* its publication, and messages without a listener are lost (recordings of MISP
//! 2.5.1). So a message is a reason to ask again, and so is every new connection.

pub(crate) mod message;
#[cfg(feature = "zeromq")]
pub(crate) mod subscription;
#[cfg(feature = "zeromq")]
mod zmtp;
