//! Configuration files in a folder of their own.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use misp_sim::Sim;
use secrecy::SecretString;
use site_config::Paths;
use tempfile::TempDir;
use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol};

/// The encryption key and the salt of every installation: those of the recorded legacy tokens.
pub const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
/// The salt.
pub const SALT: &str = "cratosLabSaltcratosLabSalt012345";

/// The site file of a MISP stand-in. Tests add lines to it.
pub const SITE: &str = "tag: example\nmispTimeoutSeconds: 2\nallowed_ips: [\"127.0.0.0/8\"]\n";

/// A temporary folder with `config.yaml`, `mappings.yaml` and `sites/`; it is deleted when this is dropped.
#[derive(Debug)]
pub struct Installation(TempDir);

impl Installation {
    /// Writes the core file with these further lines, no mappings and no sites.
    #[must_use]
    pub fn new(lines: &str) -> Self {
        Self::with_core(&Self::core(lines))
    }

    /// Writes this core file, no mappings and no sites.
    #[must_use]
    pub fn with_core(core: &str) -> Self {
        let installation = Self(tempfile::tempdir().unwrap());
        installation.write("config.yaml", core);
        installation.write("mappings.yaml", "types: {}\n");
        fs::create_dir(installation.path().join("sites")).unwrap();
        installation
    }

    /// Returns a core file with the key, the salt and these lines. The key of legacy tokens is slow to derive, so they
    /// are accepted only if the lines say so.
    #[must_use]
    pub fn core(lines: &str) -> String {
        let legacy = if lines.contains("accept_legacy_tokens") {
            ""
        } else {
            "accept_legacy_tokens: False\n"
        };
        format!("encryption_key: \"{KEY}\"\nsalt: \"{SALT}\"\n{legacy}{lines}")
    }

    /// Writes a file below the folder that only this user may read: `check` notes that others may read secrets.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the places of the files.
    #[must_use]
    pub fn paths(&self) -> Paths {
        Paths {
            config: self.path().join("config.yaml"),
            mappings: self.path().join("mappings.yaml"),
            sites: self.path().join("sites"),
        }
    }

    /// Returns the token with these claims.
    #[must_use]
    pub fn seal(&self, claims: &Claims) -> String {
        let ring = KeyRing::builder(&SecretString::from(SALT)).key(SecretString::from(KEY));
        let ring = ring.legacy(false).build().unwrap();
        ring.seal(claims).unwrap().expose().to_owned()
    }
}

/// Returns claims without limits for a MISP of this name at this port, with the key of the stand-in's reader.
#[must_use]
pub fn token_claims(site: &str, port: u16) -> Claims {
    let expires = ExpiryDay::parse("2099-12-31").unwrap();
    Claims::new(site, Protocol::Http, port, SecretString::from(Sim::READER_KEY), expires)
}
