//! Reads the YAML files of Cratos, reports every problem with its place, and reloads them.
//!
#![cfg_attr(feature = "watch", doc = include_str!("../README.md"))]

mod changeable;
mod core;
mod differences;
mod first_files;
mod load;
mod mappings;
mod name;
mod reference;
mod secrets;
mod seen;
mod site;
mod store;
mod tag_prefix;
mod value;
#[cfg(feature = "watch")]
mod watch;

pub use self::core::{
    AccessLog, AccessLogFormat, AddressExpression, CacheKind, CacheServer, ClientCertificates, Core, NamedFile,
    ReverseProxy, Sightings, Tls, TokenLimits,
};
pub use config_file::{Note, Problem, Problems};
pub use first_files::{FirstFiles, FirstFilesError, FirstValues};
pub use load::{DisabledSite, KeptSite, Loaded, Paths, load};
pub use mappings::Mappings;
pub use name::{SiteName, SiteNameError};
pub use reference::{ConfigFile, Key, Origin, reference};
pub use site::Site;
pub use store::{ConfigStore, ReloadOutcome};
pub use tag_prefix::check_tag_prefix;
#[cfg(feature = "watch")]
pub use watch::{Watch, WatchError};
