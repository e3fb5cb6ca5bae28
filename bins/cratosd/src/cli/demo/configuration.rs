//! The configuration of the demo, in a directory that goes away with it.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

use site_config::Paths;
use tempfile::TempDir;

use crate::cli::keygen::FreshSecrets;
use crate::exit::Failure;

/// The sample data are invented, so any address may connect, for example through the proxy of an editor or a container.
/// Legacy tokens are off, because their key takes time at the start.
const CORE: &str = "\
accept_legacy_tokens: False
allways_allowed_ips: [\"0.0.0.0/0\", \"::/0\"]
reverse_proxy: ignore
sightings:
  directory: sightings
";

/// The site's rules but for its tag, which is that of the sample events, and its port.
const SITE: &str = "\
company: \"Demo\"
decaying_model: \"NIDS Simple Decaying Model\"
allowed_ips: [\"0.0.0.0/0\", \"::/0\"]
custom_feeds:
  cust1: \":incident-classification=cust1\"
  cust2: \":incident-classification=cust2\"
  cust3: \":incident-classification=cust3\"
  cust4: \":incident-classification=cust4\"
  cust5: \":incident-classification=cust5\"
";

/// The files of the demo; dropping it removes them.
#[derive(Debug)]
pub(super) struct DemoFiles(TempDir);

impl DemoFiles {
    /// Writes a configuration with fresh secrets and one site, the sample MISP at this address.
    pub(super) fn write(misp: SocketAddr) -> Result<Self, Failure> {
        let secrets = FreshSecrets::draw()?;
        let write = || -> io::Result<TempDir> {
            // Made readable for the owner only.
            let directory = tempfile::Builder::new().prefix("cratosd-demo-").tempdir()?;
            let sites = directory.path().join("sites");
            fs::create_dir(&sites)?;
            fs::write(config(directory.path()), format!("{}{CORE}", secrets.yaml().as_str()))?;
            fs::write(mappings(directory.path()), "types: {}\n")?;
            fs::write(
                sites.join(format!("{}.yaml", misp.ip())),
                format!("tag: \"{}\"\nmisp_ports: [{}]\n{SITE}", misp_sim::DEMO_TAG, misp.port()),
            )?;
            Ok(directory)
        };
        write()
            .map(Self)
            .map_err(|error| Failure::failed(format!("the files of the demo cannot be written: {error}")))
    }

    /// Returns the paths of the files.
    pub(super) fn paths(&self) -> Paths {
        let directory = self.0.path();
        Paths {
            config: config(directory),
            mappings: mappings(directory),
            sites: directory.join("sites"),
        }
    }
}

fn config(directory: &Path) -> std::path::PathBuf {
    directory.join("config.yaml")
}

fn mappings(directory: &Path) -> std::path::PathBuf {
    directory.join("mappings.yaml")
}
