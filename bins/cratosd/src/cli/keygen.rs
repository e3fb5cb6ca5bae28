//! `cratosd keygen`: new secrets, ready to paste into `config.yaml`.

use secrecy::{ExposeSecret as _, SecretString};
use token_crypto::RandomError;
use zeroize::Zeroizing;

use super::output;
use crate::exit::{Failure, chain};

/// A new encryption key and salt.
#[derive(Debug)]
pub(super) struct FreshSecrets {
    pub(super) encryption_key: SecretString,
    pub(super) salt: SecretString,
}

impl FreshSecrets {
    /// Takes both from the random numbers of the operating system.
    pub(super) fn draw() -> Result<Self, Failure> {
        let draw = || -> Result<Self, RandomError> {
            Ok(Self {
                encryption_key: token_crypto::generate_key()?,
                salt: token_crypto::generate_salt()?,
            })
        };
        draw().map_err(|error| {
            Failure::failed(format!(
                "the operating system gives no random bytes for secrets: {}",
                chain(&error)
            ))
        })
    }

    /// Returns the two lines of `config.yaml`, in quotes: a key may look like a number, a salt may hold a `#`.
    pub(super) fn yaml(&self) -> Zeroizing<String> {
        let (key, salt) = (self.encryption_key.expose_secret(), self.salt.expose_secret());
        Zeroizing::new(format!("encryption_key: \"{key}\"\nsalt: \"{salt}\"\n"))
    }
}

pub(super) fn run() -> Result<(), Failure> {
    output::print(FreshSecrets::draw()?.yaml().as_bytes())
}
