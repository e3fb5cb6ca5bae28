//! Reasons why a decaying model of MISP gives no scores.

use misp_client::ModelError;

/// The reason why the model in the site's file cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ModelFault {
    /// MISP has no model of this name, or the key may not see it.
    #[error("MISP has no decaying model of this name that the key may see")]
    Missing,
    /// The model is disabled in MISP.
    #[error("the model is not enabled in MISP")]
    NotEnabled,
    /// Several enabled models have this name.
    #[error("MISP has {0} enabled decaying models of this name")]
    Ambiguous(usize),
    /// The model cannot compute scores.
    #[error(transparent)]
    Unreckonable(ModelError),
}
