//! What a MISP tells by itself: the messages of its ZeroMQ publisher, and the link to it.
//!
//! A message says that something changed, never what a feed holds now: MISP sends no tags of the event with an attribute, sends an event
//! as it was *before* its publication, and whatever is published while nobody listens is lost (recordings of MISP 2.5.1). So a message is a
//! reason to ask again, and so is every new connection.

pub(crate) mod message;
#[cfg(feature = "zeromq")]
pub(crate) mod subscription;
#[cfg(feature = "zeromq")]
mod zmtp;
