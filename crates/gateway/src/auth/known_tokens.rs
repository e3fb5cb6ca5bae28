//! The tokens that were good lately, so that the next request with one need not open it again.

use super::grant::{Grant, Granted, MOST_PREPARED};
use crate::secret_digest::{SecretDigest, SecretDigests};
use crate::snapshot_cache::{Generation, SnapshotCache};

/// The memory of all of them: some four thousand tokens.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// The grants of good tokens, by a digest of the token as it came.
///
/// Opening a token, both digests of it and the search of the revoked ones depend on the token and the configuration
/// only, so a grant is kept until the configuration or a key of it changes. The day and the address are checked again
/// at each use. A token that is refused for anything but its address is not kept, so only callers with good tokens fill
/// this memory.
#[derive(Debug)]
pub(crate) struct KnownTokens {
    digests: SecretDigests,
    grants: SnapshotCache<Grant>,
}

impl Default for KnownTokens {
    fn default() -> Self {
        Self {
            digests: SecretDigests::default(),
            grants: SnapshotCache::new(MAX_BYTES),
        }
    }
}

impl KnownTokens {
    /// Returns the grant of a token that was good under the snapshot of this generation. The caller checks day and
    /// address.
    pub(super) fn find(&self, generation: Generation, token: &str) -> Option<Grant> {
        self.grants.find(generation, self.digests.of([Some(token.as_bytes())])?)
    }

    /// Keeps the grant of a good token that will open again.
    pub(super) fn remember(&self, generation: Generation, token: &str, grant: &Grant) {
        let Some(digest) = self.digests.of([Some(token.as_bytes())]).filter(|_| grant.is_lasting) else {
            return;
        };
        // The names in the scope and the key of MISP are parts of the token, and each answer that is kept for it has a
        // name.
        let names = MOST_PREPARED * size_of::<SecretDigest>();
        let bytes = size_of::<Granted>() + 4 * token.len() + names;
        self.grants.remember(generation, digest, grant.clone(), bytes);
    }
}
