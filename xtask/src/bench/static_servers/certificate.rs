//! A certificate for `localhost` with a key of ECDSA P-256, for cratosd and nginx alike. `openssl` makes it.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cargo;

/// Not an authority: the callers trust the certificate itself.
const REQUEST: &str = "[req]
distinguished_name = name
x509_extensions = extensions
prompt = no
[name]
CN = localhost
[extensions]
subjectAltName = DNS:localhost
";

pub(in crate::bench) struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes it in this folder; without `openssl` there is none.
    pub(in crate::bench) fn make(folder: &Path) -> anyhow::Result<Option<Self>> {
        if !cargo::is_here(Command::new("openssl").arg("version")) {
            eprintln!("openssl is not installed: nothing is measured over TLS");
            return Ok(None);
        }
        std::fs::write(folder.join("request.cnf"), REQUEST)?;
        let mut command = Command::new("openssl");
        command.current_dir(folder).args([
            "req",
            "-x509",
            "-config",
            "request.cnf",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "30",
            "-keyout",
            "key.pem",
            "-out",
            "certificate.pem",
        ]);
        cargo::output_of(&mut command)?;
        Ok(Some(Self {
            folder: folder.to_owned(),
        }))
    }

    pub(in crate::bench) fn certificate(&self) -> PathBuf {
        self.folder.join("certificate.pem")
    }

    pub(in crate::bench) fn key(&self) -> PathBuf {
        self.folder.join("key.pem")
    }

    /// Returns the keys of cratosd's configuration.
    pub(in crate::bench) fn as_configuration(&self) -> String {
        let (certificate, key) = (self.certificate(), self.key());
        format!(
            "\ntls: {{ certificate: \"{}\", key: \"{}\" }}\n",
            certificate.display(),
            key.display()
        )
    }
}
