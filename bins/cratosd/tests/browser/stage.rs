//! Shared by all tests of this program: a runtime, and one browser, which the first test that needs it starts.

use std::sync::{Arc, Mutex, PoisonError};

use libtest_mimic::{Completion, Trial};
use test_peers::program;
use tokio::runtime::Runtime;

use super::browser::Browser;

pub(crate) struct Stage {
    runtime: Runtime,
    browser: Mutex<Option<Browser>>,
}

impl Stage {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self {
            runtime: Runtime::new().unwrap(),
            browser: Mutex::new(None),
        })
    }

    /// Returns a test that gets the browser in its initial state.
    pub(crate) fn trial(self: &Arc<Self>, name: &'static str, test: impl AsyncFn(&Browser) + Send + 'static) -> Trial {
        let stage = Arc::clone(self);
        Trial::ignorable_test(name, move || {
            let (Some(driver), Some(chromium)) = (program("chromedriver"), program("chromium")) else {
                return Ok(Completion::ignored_with("no browser"));
            };
            // A failed test leaves the browser usable for the next one.
            let mut browser = stage.browser.lock().unwrap_or_else(PoisonError::into_inner);
            stage.runtime.block_on(async {
                let browser = match &mut *browser {
                    Some(browser) => browser,
                    none => none.insert(Browser::start(&driver, &chromium).await),
                };
                browser.reset().await;
                test(browser).await;
            });
            Ok(Completion::Completed)
        })
    }

    /// Ends the browser.
    pub(crate) fn close(&self) {
        let browser = self.browser.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(browser) = browser {
            self.runtime.block_on(browser.quit());
        }
    }
}
