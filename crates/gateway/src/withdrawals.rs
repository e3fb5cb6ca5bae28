//! Checks at intervals which events were withdrawn in MISP, so that feeds that devices poll rarely lose them too.

use std::sync::Arc;
use std::time::Duration;

use feed_engine::MispSource;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// An event that is withdrawn and edited within this time counts as edited. A check is one cheap question for each site
/// and key.
const INTERVAL: Duration = Duration::from_secs(300);

/// Checks every five minutes until it is dropped.
#[derive(Debug)]
pub(crate) struct Checks(JoinHandle<()>);

impl Checks {
    pub(crate) fn begin(misp: Arc<MispSource>) -> Self {
        Self(tokio::spawn(async move {
            loop {
                sleep(INTERVAL).await;
                misp.look_for_withdrawals().await;
            }
        }))
    }
}

impl Drop for Checks {
    fn drop(&mut self) {
        self.0.abort();
    }
}
