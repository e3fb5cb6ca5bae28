//! Reads the YAML files of Cratos, says every problem with its place, and reloads them.
//!
#![cfg_attr(feature = "watch", doc = include_str!("../README.md"))]

mod core;
mod differences;
mod files;
mod keys;
mod load;
mod mappings;
mod name;
mod problem;
mod secrets;
mod section;
mod seen;
mod site;
mod store;
mod value;
#[cfg(feature = "watch")]
mod watch;
mod yaml;

pub use self::core::{
    AccessLog, AccessLogFormat, CacheKind, CacheServer, ClientCertificates, Core, NamedFile, ReverseProxy, Sightings,
    Tls,
};
pub use keys::{ConfigFile, Key, Origin, reference};
pub use load::{DisabledSite, KeptSite, Loaded, Paths, load};
pub use mappings::Mappings;
pub use name::{SiteName, SiteNameError};
pub use problem::{Note, Problem, Problems};
pub use site::Site;
pub use store::{ConfigStore, ReloadOutcome};
#[cfg(feature = "watch")]
pub use watch::{Watch, WatchError};
