//! Reasons why a gateway cannot start.

use cache::StoreError;
use token_crypto::KeyError;

/// A configuration that was read without problems, but that no gateway can work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The encryption keys or the salt make no key ring.
    #[error("the encryption keys cannot be used")]
    Keys(#[source] KeyError),
    /// The cache is unusable whatever it answers, for example because its certificate authorities cannot be read.
    #[error("the shared cache cannot be used")]
    SharedCache(#[source] StoreError),
}
