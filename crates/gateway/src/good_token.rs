//! What the server in front learns of requests with a good token.

use std::fmt;
use std::sync::Arc;

use http::Extensions;

/// A function of the embedding program that is called with the extensions of a request once its token is found good.
#[derive(Clone, Default)]
pub(crate) struct OnGoodToken(Option<Arc<Tell>>);

type Tell = dyn Fn(&Extensions) + Send + Sync;

impl OnGoodToken {
    pub(crate) fn new(tell: impl Fn(&Extensions) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }

    pub(crate) fn tell(&self, extensions: &Extensions) {
        if let Some(tell) = &self.0 {
            tell(extensions);
        }
    }
}

impl fmt::Debug for OnGoodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("OnGoodToken").field(&self.0.is_some()).finish()
    }
}
