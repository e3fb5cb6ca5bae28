//! Answers that are not pages.

use super::browser::Browser;
use super::support::Daemon;

pub(crate) async fn plain_answers_are_shown_as_text_and_run_nothing(browser: &Browser) {
    let daemon = Daemon::start().await;
    browser.open(&format!("http://{}/robots.txt", daemon.addr)).await;
    assert_eq!(browser.text("body").await, "User-agent: *\nDisallow: /");
    // The policy of the answer forbids even scripts of the same host.
    let added =
        "const script = document.createElement('script'); script.src = '/robots.txt'; document.body.append(script)";
    browser.ask(added).await;
    browser.until("the policy speaks", "return performance.now() > 0").await;
    let console = browser.console().await.join("\n");
    assert!(console.contains("Content Security Policy"), "{console}");
}
