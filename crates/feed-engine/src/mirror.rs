//! Feeds from a copy of each MISP's events, which follows what changes there.
//!
//! [`MirrorSource`] answers from the copy of an upstream as soon as that is complete, and has
//! [`MispSource`](crate::MispSource) ask MISP until then, or where no copy can be. The parts:
//!
//! 1. `settings`: what a copy is made with, from the site's rules;
//! 2. `roster`: the upstreams with a copy, at most `mirror_keys` of one site;
//! 3. `folder`, `folder_lock`, `registration`, `keys`: the files of copies in the state directory. A registration
//!    holds the MISP key and the key of the copy, sealed with a key of the configuration; so a restart follows MISP
//!    before the first request, and a new encryption key changes only the registration;
//! 4. `roster::keeper`: one task for each copy. It opens the files, follows MISP, and takes each batch of changes into
//!    the catalogue, from which feeds are answered. It tries again what does not succeed (`tries`, `disk_tries`);
//! 5. `local_copy`: the state that the task and requests share;
//! 6. `stored_model`: the decaying model beside the records;
//! 7. `shared_peers`: the mirrors of other daemons, through the cache that the daemons share;
//! 8. `crate::catalogue_question`: a feed of a site as a question to the catalogue.

mod folder;
mod folder_lock;
mod keys;
mod local_copy;
mod misp_turns;
mod registration;
mod roster;
mod settings;
mod shared_peers;
mod source;
mod stored_model;

pub use keys::MirrorKeys;
pub use roster::MirrorState;
pub use source::MirrorSource;
