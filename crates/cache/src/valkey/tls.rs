//! TLS to a Valkey, with rustls.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::StoreError;

pub(super) struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

impl Tls {
    /// Trusts the authorities of this file, or else those of the system.
    pub(super) fn new(host: &str, ca_file: Option<&Path>) -> Result<Self, StoreError> {
        let mut roots = RootCertStore::empty();
        match ca_file {
            Some(file) => {
                let unusable = |error: &dyn std::error::Error| {
                    StoreError::Unusable(format!("{}: no certificates in PEM: {error}", file.display()))
                };
                for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unusable(&error))? {
                    let certificate = certificate.map_err(|error| unusable(&error))?;
                    roots.add(certificate).map_err(|error| unusable(&error))?;
                }
            }
            None => {
                // An unreadable certificate is skipped; if it was the needed one, the handshake fails.
                roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            }
        }
        if roots.is_empty() {
            return Err(StoreError::Unusable("there is no authority to believe".to_owned()));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| StoreError::Unusable(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| StoreError::Unusable("its host is no name that a certificate can have".to_owned()))?;
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            name,
        })
    }

    pub(super) async fn wrap<S: AsyncRead + AsyncWrite + Unpin>(&self, stream: S) -> Result<TlsStream<S>, StoreError> {
        let wrapped = self.connector.connect(self.name.clone(), stream).await;
        wrapped.map_err(StoreError::Connect)
    }
}
