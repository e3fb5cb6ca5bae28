//! Why the daemon cannot start.

use cache::StoreError;
use token_crypto::KeyError;

/// Why the daemon cannot start with a configuration that was read without problems.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppError {
    /// The encryption keys or the salt make no key ring.
    #[error("the encryption keys cannot be used")]
    Keys(#[source] KeyError),
    /// The cache is unusable whatever it answers, for example because its certificate authorities cannot be read.
    #[error("the shared cache cannot be used")]
    SharedCache(#[source] StoreError),
}
