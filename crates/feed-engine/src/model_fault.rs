//! Reasons why a decaying model of MISP gives no scores.

use misp_client::ModelError;

/// Why the model that the site's file names cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// MISP has none of this name, or the key may not see it.
    #[error("MISP has no decaying model of this name that the key may see")]
    Missing,
    /// It is switched off in MISP.
    #[error("it is not enabled in MISP")]
    NotEnabled,
    /// The name does not tell which.
    #[error("MISP has {0} enabled decaying models of this name")]
    Ambiguous(usize),
    /// No score can be reckoned by it.
    #[error(transparent)]
    Unreckonable(ModelError),
}
