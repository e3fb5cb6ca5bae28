//! Looks now and then which events were withdrawn in MISP, also where devices ask for feeds seldom.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::sleep;

use crate::app::App;

/// An event that is withdrawn and edited within this time counts as edited. A look is one light question for each site and key.
const EVERY: Duration = Duration::from_secs(300);

/// Looks again and again, until it is dropped.
pub(crate) struct Looking(JoinHandle<()>);

impl Looking {
    pub(crate) fn begin(app: &Arc<App>) -> Self {
        Self(tokio::spawn(look(Arc::downgrade(app))))
    }
}

impl Drop for Looking {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn look(app: Weak<App>) {
    loop {
        sleep(EVERY).await;
        let Some(app) = app.upgrade() else { return };
        app.misp().look_for_withdrawals().await;
    }
}
