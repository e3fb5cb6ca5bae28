//! The decaying model that a site's file names, from MISP.
//!
//! A refresh that needs scores asks for it, and the engine keeps it for the soft expiry, at most an hour: a change in
//! MISP counts from the next refresh. A model that cannot be used is not kept, so that a correction in MISP counts at
//! the next refresh. A mirror writes the model down beside its records, for a restart while MISP is away.

use std::sync::Arc;
use std::time::Duration;

use cache::{MemoryStore, Weigh};
use misp_client::{Client, DecayingModel, Scorer};
use serde::{Deserialize, Serialize};

use crate::model_fault::ModelFault;
use crate::upstream::UpstreamId;
use crate::{FeedError, Upstream};

/// Models are kept up to this much memory: tokens of many keys may come by.
const MODELS_BYTES: u64 = 4 * 1024 * 1024;

/// The estimated memory of one model; MISP's own models have seven weights and thirteen types.
const MODEL_BYTES: usize = 4 * 1024;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A model with the time of MISP's answer.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct WrittenModel {
    model: DecayingModel,
    /// In unix seconds.
    pub(crate) asked_at: i64,
}

#[derive(Clone)]
struct KeptModel {
    scorer: Arc<Scorer>,
    model: Arc<DecayingModel>,
    asked_at: jiff::Timestamp,
}

impl Weigh for KeptModel {
    fn weight_bytes(&self) -> usize {
        MODEL_BYTES
    }
}

/// The models of all upstreams.
pub(crate) struct Models {
    kept: MemoryStore<(UpstreamId, String), KeptModel>,
}

impl Models {
    pub(crate) fn new() -> Self {
        Self {
            kept: MemoryStore::new(MODELS_BYTES),
        }
    }

    /// Returns the scorer of the site's model.
    ///
    /// # Errors
    /// [`FeedError::NoDecayingModel`] at a site that names none, [`FeedError::DecayingModel`] when MISP has none that
    /// can be used, and [`FeedError::Misp`] when it cannot be asked.
    pub(crate) async fn scorer(
        &self,
        client: &Client,
        upstream: &Upstream,
        now: jiff::Timestamp,
    ) -> Result<Arc<Scorer>, FeedError> {
        let site = &upstream.site;
        let name = site.decaying_model.as_deref().ok_or(FeedError::NoDecayingModel)?;
        let key = (upstream.id(), name.to_owned());
        let kept_for = site.soft_expiry.min(HOUR);
        let is_young = |kept: &KeptModel| {
            // A clock that was set back makes it old too.
            let age = Duration::try_from(now.duration_since(kept.asked_at));
            age.is_ok_and(|age| age < kept_for)
        };
        if let Some(kept) = self.kept.get(&key).filter(is_young) {
            return Ok(kept.scorer);
        }
        let models = client.decaying_models().await?;
        let refused = |fault| FeedError::DecayingModel {
            name: name.to_owned(),
            fault: Arc::new(fault),
        };
        let model = model_named(&models, name).map_err(refused)?;
        let kept = KeptModel::of(model.clone(), now).map_err(refused)?;
        let scorer = Arc::clone(&kept.scorer);
        self.kept.insert(key, kept);
        Ok(scorer)
    }

    /// Returns the model that is kept for an upstream.
    pub(crate) fn kept(&self, upstream: &Upstream) -> Option<WrittenModel> {
        let kept = self.kept.get(&(upstream.id(), upstream.site.decaying_model.clone()?))?;
        Some(WrittenModel {
            model: DecayingModel::clone(&kept.model),
            asked_at: kept.asked_at.as_second(),
        })
    }

    /// Keeps a model that was written down, if there is no other one of its name.
    pub(crate) fn restore(&self, upstream: &Upstream, written: WrittenModel) {
        let key = (upstream.id(), written.model.name.clone());
        let asked_at = jiff::Timestamp::from_second(written.asked_at);
        if let (None, Ok(asked_at)) = (self.kept.get(&key), asked_at)
            && let Ok(kept) = KeptModel::of(written.model, asked_at)
        {
            self.kept.insert(key, kept);
        }
    }

    /// Returns the scorer of the last answer of MISP, for as long as a last good feed is served.
    pub(crate) fn last_good(&self, upstream: &Upstream, now: jiff::Timestamp) -> Option<Arc<Scorer>> {
        let site = &upstream.site;
        let kept = self.kept.get(&(upstream.id(), site.decaying_model.clone()?))?;
        let age = Duration::try_from(now.duration_since(kept.asked_at)).ok()?;
        (age < site.max_stale).then_some(kept.scorer)
    }
}

impl KeptModel {
    fn of(model: DecayingModel, asked_at: jiff::Timestamp) -> Result<Self, ModelFault> {
        let scorer = model.scorer().map_err(ModelFault::Unreckonable)?;
        Ok(Self {
            scorer: Arc::new(scorer),
            model: Arc::new(model),
            asked_at,
        })
    }
}

/// Returns the scorer of the one enabled model of this name.
///
/// # Errors
/// [`ModelFault`] when no model or several models have this name, or when it cannot compute scores.
pub fn scorer_named(models: &[DecayingModel], name: &str) -> Result<Scorer, ModelFault> {
    let model = model_named(models, name)?;
    model.scorer().map_err(ModelFault::Unreckonable)
}

fn model_named<'m>(models: &'m [DecayingModel], name: &str) -> Result<&'m DecayingModel, ModelFault> {
    let of_name: Vec<&DecayingModel> = models.iter().filter(|model| model.name == name).collect();
    let enabled: Vec<&DecayingModel> = of_name.iter().copied().filter(|model| model.enabled).collect();
    match enabled.as_slice() {
        [model] => Ok(model),
        [] if of_name.is_empty() => Err(ModelFault::Missing),
        [] => Err(ModelFault::NotEnabled),
        several => Err(ModelFault::Ambiguous(several.len())),
    }
}
