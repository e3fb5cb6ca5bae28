//! The configuration files of a command, and the parts that several commands take from them.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gateway::preflight;
use site_config::{Core, Loaded, Paths, Site, SiteName};
use token_crypto::KeyRing;

use crate::exit::{Failure, chain};

#[derive(Debug, Clone, Args)]
pub(super) struct ConfigFiles {
    /// The core file
    #[arg(
        long,
        env = "CRATOS_CONFIG",
        hide_env_values = true,
        value_name = "FILE",
        default_value = "config/config.yaml"
    )]
    config: PathBuf,

    /// The directory with one file per MISP
    #[arg(
        long,
        env = "CRATOS_SITES",
        hide_env_values = true,
        value_name = "DIR",
        default_value = "sites"
    )]
    sites: PathBuf,

    /// The file that maps indicator types to MISP attribute types
    #[arg(
        long,
        env = "CRATOS_MAPPINGS",
        hide_env_values = true,
        value_name = "FILE",
        default_value = "config/mappings.yaml"
    )]
    mappings: PathBuf,
}

impl ConfigFiles {
    /// Returns the paths of the files.
    pub(super) fn paths(&self) -> Paths {
        Paths {
            config: self.config.clone(),
            mappings: self.mappings.clone(),
            sites: self.sites.clone(),
        }
    }

    /// Fails if there is no configuration at all. The message says how to make one, which a list of missing files would
    /// not.
    pub(super) fn refuse_nothing(&self) -> Result<(), Failure> {
        let paths = [&self.config, &self.mappings, &self.sites];
        if paths.iter().any(|path| path.symlink_metadata().is_ok()) {
            return Ok(());
        }
        let [config, mappings, sites] = paths.map(|path| path.display());
        Err(Failure::usage(format!(
            "there is no configuration here ({config}, {mappings} and {sites} are missing): `cratosd init DIR --site misp.example.net --tag \
             example` writes a new one; --config, --mappings and --sites name files that are elsewhere"
        )))
    }

    /// Reads everything.
    ///
    /// # Errors
    /// A usage error with one line per problem of all files when the core file, the mappings or the directory of sites
    /// cannot be used. A site file that cannot be used only disables that site.
    pub(super) fn load(&self) -> Result<Loaded, Failure> {
        self.refuse_nothing()?;
        site_config::load(&self.paths()).map_err(Failure::configuration)
    }
}

/// Returns the site with this name.
///
/// # Errors
/// A usage error with the reason: the site is unknown (with the list of known ones), switched off, or its file has
/// problems (with them).
pub(super) fn site<'a>(loaded: &'a Loaded, name: &SiteName) -> Result<&'a Arc<Site>, Failure> {
    match loaded.sites.get(name) {
        Some(site) if site.enabled => return Ok(site),
        Some(_) => {
            return Err(Failure::usage(format!(
                "site {name} is switched off: its file says `enabled: False`"
            )));
        }
        None => {}
    }
    if let Some(disabled) = loaded.disabled.iter().find(|site| site.name == name.as_str()) {
        return Err(Failure::configuration(&disabled.problems));
    }
    let known: Vec<_> = loaded
        .sites
        .values()
        .filter(|site| site.enabled)
        .map(|site| site.name.as_str())
        .collect();
    let known = if known.is_empty() {
        "there is none yet".to_owned()
    } else {
        format!("known are {}", known.join(", "))
    };
    Err(Failure::usage(format!(
        "site {name} has no file in the sites directory; {known}"
    )))
}

/// Returns the keys that seal and open tokens, as the daemon derives them.
///
/// # Errors
/// A usage error when the keys of the core file cannot be used.
pub(super) fn key_ring(core: &Core) -> Result<KeyRing, Failure> {
    preflight::key_ring(core).map_err(|error| {
        Failure::usage(format!(
            "the secrets of the core file cannot be used: {}",
            chain(&error)
        ))
    })
}
