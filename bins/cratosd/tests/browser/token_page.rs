//! `/v1/generate_token_form` as a visitor uses it.

pub(crate) mod looks;
pub(crate) mod minting;
pub(crate) mod mistakes;

use misp_sim::Sim;

use super::browser::Browser;
use super::support::Daemon;

const SEND: &str = "button[type=submit]";

async fn open(browser: &Browser, daemon: &Daemon) {
    browser.open(&url(daemon)).await;
}

fn url(daemon: &Daemon) -> String {
    format!("http://{}/v1/generate_token_form", daemon.addr)
}

/// Fills in the fields that have no default.
async fn fill_in(browser: &Browser, daemon: &Daemon) {
    browser.click("#proto option:last-child").await;
    browser.write("#port", &daemon.sim.addr().port().to_string()).await;
    browser.write("#auth", Sim::READER_KEY).await;
}

/// Opens a form with every kind of field and of mistake.
async fn open_with_mistakes(browser: &Browser, daemon: &Daemon) {
    open(browser, daemon).await;
    browser.write("#port", "70000").await;
    browser.write("#auth", "tooshort").await;
    browser.click("#expires-date").await;
    browser.click("#feeds-some").await;
    browser.write("#networks", "10.0.0.0/33").await;
    browser.write("#label", "fw <1>").await;
    browser.submit(SEND).await;
}

/// Returns the complaints of the browser, for example script errors and violated policies, without refused forms.
async fn complaints(browser: &Browser) -> Vec<String> {
    let lines = browser.console().await;
    lines
        .into_iter()
        .filter(|line| !line.contains("the server responded with a status of"))
        .collect()
}
