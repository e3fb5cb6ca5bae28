//! Checks before a start, for programs with a command line: `cratosd check` and `cratosd token mint` are made of these.

pub use crate::configuration::key_ring;
pub use crate::feed_tags::{KnownTags, feed_tags, suggestion};
pub use crate::shared_cache::{open as open_shared_cache, probe as probe_shared_cache};
pub use crate::sighting_desk::check_writable as check_sightings_directory;
pub use crate::state_directory::from_environment as state_directory;
