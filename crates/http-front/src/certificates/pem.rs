//! Reads PEM files: certificates, and the one private key.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;

use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

/// The largest file, in bytes. A chain has some kilobytes; all public authorities together have a quarter of this.
const MAX_BYTES: u64 = 1 << 20;

/// Why a file cannot be used. No text shows a byte of the file: a key may be in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("is not there")]
    NotThere,
    #[error("may not be read by this user")]
    NotAllowed,
    #[error("cannot be read ({0})")]
    Unreadable(io::ErrorKind),
    #[error("is not a file")]
    NotAFile,
    #[error("is larger than 1 MiB")]
    TooLarge,
    #[error("is broken PEM")]
    BrokenPem,
    #[error("holds no PEM certificate")]
    NoCertificate,
    #[error("holds no private key in PEM")]
    NoKey,
    #[error("holds a key that is locked with a passphrase")]
    LockedKey,
    #[error("holds a private key that TLS cannot use")]
    UnknownKey,
    #[error("is not the key of the certificate")]
    OtherKey,
    #[error("its certificate {0} cannot be understood")]
    BrokenCertificate(usize),
}

impl Unusable {
    /// Returns the remedy.
    pub(super) fn instead(&self) -> &'static str {
        match self {
            Self::NotThere => "create it, or correct the path",
            Self::NotAllowed => "give the user that runs this program read permission",
            Self::Unreadable(_) => "look at the file and its disk",
            Self::NotAFile => "put a file there",
            Self::TooLarge => "look whether it is the right file",
            Self::BrokenPem => "copy it again, whole, with its BEGIN and END lines",
            Self::NoCertificate => "name a file with `-----BEGIN CERTIFICATE-----` in it",
            Self::NoKey => "name a file with `-----BEGIN PRIVATE KEY-----` in it",
            Self::LockedKey => "store it without the passphrase, readable by the user that runs the daemon alone",
            Self::UnknownKey => "make an ECDSA (P-256, P-384, P-521), Ed25519 or RSA (2048 to 8192 bits) key",
            Self::OtherKey => {
                "name the key that the certificate was made for, and put the server's own certificate first"
            }
            Self::BrokenCertificate(_) => "copy it again, whole; it must be X.509 version 3",
        }
    }
}

/// Returns all certificates of a file, at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Unusable> {
    let bytes = bytes(path)?;
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(Unusable::NoCertificate),
        Ok(certificates) => Ok(certificates),
        Err(_) => Err(Unusable::BrokenPem),
    }
}

/// Returns the first private key of a file.
pub(super) fn private_key(path: &Path) -> Result<Zeroizing<PrivateKeyDer<'static>>, Unusable> {
    let bytes = bytes(path)?;
    // The older form of OpenSSL has that word in a header of the section.
    let is_locked = bytes.windows(b"ENCRYPTED".len()).any(|window| window == b"ENCRYPTED");
    if is_locked {
        return Err(Unusable::LockedKey);
    }
    PrivateKeyDer::from_pem_slice(&bytes)
        .map(Zeroizing::new)
        .map_err(|error| match error {
            PemError::NoItemsFound => Unusable::NoKey,
            _ => Unusable::BrokenPem,
        })
}

fn bytes(path: &Path) -> Result<Zeroizing<Vec<u8>>, Unusable> {
    // Checked before it is opened: opening a pipe would wait for a writer.
    let metadata = fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !metadata.is_file() {
        return Err(Unusable::NotAFile);
    }
    // With room for the whole file: a vector that grows would leave copies of the key in freed memory.
    let room = usize::try_from(metadata.len().min(MAX_BYTES)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(path)
        .and_then(|file| file.take(MAX_BYTES + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Unusable::TooLarge);
    }
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Unusable {
    match error.kind() {
        io::ErrorKind::NotFound => Unusable::NotThere,
        io::ErrorKind::PermissionDenied => Unusable::NotAllowed,
        kind => Unusable::Unreadable(kind),
    }
}
