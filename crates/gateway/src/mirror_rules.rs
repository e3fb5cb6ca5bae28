//! The configuration on its way to the mirrors: at the start and after each reload.

use std::sync::Arc;

use feed_engine::{MirrorKeys, MirrorSource};
use site_config::Core;
use token_crypto::mirror_key;
use tokio::task::JoinHandle;

use crate::configuration::Configuration;

/// Hands over every new configuration until it is dropped.
#[derive(Debug)]
pub(crate) struct MirrorRules(JoinHandle<()>);

impl MirrorRules {
    pub(crate) fn begin(configuration: &Arc<Configuration>, mirrors: &Arc<MirrorSource>) -> Self {
        Self(tokio::spawn(hand_over(Arc::clone(configuration), Arc::clone(mirrors))))
    }
}

impl Drop for MirrorRules {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn hand_over(configuration: Arc<Configuration>, mirrors: Arc<MirrorSource>) {
    let mut changes = configuration.changes();
    loop {
        changes.borrow_and_update();
        let loaded = Arc::clone(&configuration.snapshot().loaded);
        let keys = keys(&loaded.core);
        mirrors.configure(loaded, keys).await;
        if changes.changed().await.is_err() {
            return;
        }
    }
}

/// Returns one key for each encryption key, the newest first.
fn keys(core: &Core) -> Option<MirrorKeys> {
    let keys: Vec<_> = core
        .encryption_keys
        .iter()
        .map(|key| mirror_key(key, &core.salt))
        .collect();
    MirrorKeys::new(keys.iter().map(|key| &**key))
}
