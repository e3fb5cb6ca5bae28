//! The pages that display `/openapi.json`.

use super::browser::{Browser, PHONE};
use super::support::{Ask, Daemon};

/// Returns true once Swagger UI has built `/v1/help`.
const HELP_IS_THERE: &str = "return document.querySelectorAll('.opblock').length > 0";

/// Returns the text of a page, with the shadow trees of its custom elements.
const ALL_TEXT: &str = "const texts = []; \
    const walk = node => { for (const child of node.childNodes) { \
        if (child.nodeType === Node.TEXT_NODE) texts.push(child.textContent); \
        else { if (child.shadowRoot) walk(child.shadowRoot); walk(child); } } }; \
    walk(document.body); const text = texts.join(' ');";

async fn open(browser: &Browser, daemon: &Daemon, path: &str) {
    browser.open(&format!("http://{}{path}", daemon.addr)).await;
    if path == "/v1/help" {
        browser.until("Swagger UI is there", HELP_IS_THERE).await;
    } else {
        let is_there = format!("{ALL_TEXT} return text.includes('Has a feed fetched anew')");
        browser.until("RapiDoc is there", &is_there).await;
    }
}

/// Asserts that the page loaded everything from us, and that the console of the browser is empty.
async fn assert_kept_to_us(browser: &Browser, daemon: &Daemon) {
    let loaded = browser
        .ask("return performance.getEntriesByType('resource').map(entry => entry.name)")
        .await;
    let loaded = loaded.as_array().unwrap();
    let ours = format!("http://{}/", daemon.addr);
    assert!(
        loaded
            .iter()
            .any(|url| url.as_str().unwrap().ends_with("/openapi.json")),
        "{loaded:?}"
    );
    for url in loaded {
        let url = url.as_str().unwrap();
        assert!(
            url.starts_with(&ours) || url.starts_with("data:"),
            "loaded from elsewhere: {url}"
        );
    }
    let console = browser.console().await;
    assert!(console.is_empty(), "{console:#?}");
}

pub(crate) async fn help_shows_every_route_and_loads_nothing_from_elsewhere(browser: &Browser) {
    let daemon = Daemon::start().await;
    open(browser, &daemon, "/v1/help").await;
    let document = daemon.send(Ask::get("/openapi.json")).await.json();
    let operations: usize = document["paths"]
        .as_object()
        .unwrap()
        .values()
        .map(|item| item.as_object().unwrap().len())
        .sum();
    let shown = browser.ask("return document.querySelectorAll('.opblock').length").await;
    assert_eq!(shown, operations);
    // One route is opened and shows its parameters and answers.
    browser.click("#operations-feeds-feed .opblock-summary-control").await;
    let is_open = "return document.querySelectorAll('#operations-feeds-feed .response').length > 3";
    browser.until("the operation is open", is_open).await;
    assert_kept_to_us(browser, &daemon).await;
}

pub(crate) async fn redoc_shows_every_route_and_loads_nothing_from_elsewhere(browser: &Browser) {
    let daemon = Daemon::start().await;
    open(browser, &daemon, "/redoc").await;
    let document = daemon.send(Ask::get("/openapi.json")).await.json();
    let text = browser.ask(&format!("{ALL_TEXT} return text")).await;
    let text = text.as_str().unwrap();
    for (path, item) in document["paths"].as_object().unwrap() {
        for operation in item.as_object().unwrap().values() {
            let summary = operation["summary"].as_str().unwrap();
            assert!(text.contains(summary), "{path}: {summary}");
        }
    }
    assert_kept_to_us(browser, &daemon).await;
}

/// The sum of the three colours of the background that is painted behind the text.
const BRIGHTNESS: &str = "let ground = [255, 255, 255]; \
    const look = node => { if (!node) return; look(node.parentElement); \
        const [r, g, b, a] = getComputedStyle(node).backgroundColor.match(/[\\d.]+/g).map(Number); \
        if (a === undefined || a > 0.5) ground = [r, g, b]; }; \
    const reader = document.querySelector('.opblock-tag-section') ?? document.querySelector('rapi-doc'); \
    look(reader); \
    const inside = reader.shadowRoot?.querySelector('.body'); \
    if (inside) look(inside); \
    return ground[0] + ground[1] + ground[2]";

pub(crate) async fn both_pages_are_dark_where_the_visitor_wants_it(browser: &Browser) {
    let daemon = Daemon::start().await;
    for path in ["/v1/help", "/redoc"] {
        let mut grounds = Vec::new();
        for dark in [false, true] {
            browser.prefer_dark(dark).await;
            open(browser, &daemon, path).await;
            grounds.push(browser.ask(BRIGHTNESS).await.as_f64().unwrap());
        }
        assert!(grounds[0] > 600.0 && grounds[1] < 200.0, "{path}: {grounds:?}");
    }
    browser.prefer_dark(false).await;
}

pub(crate) async fn both_pages_fit_a_phone(browser: &Browser) {
    let daemon = Daemon::start().await;
    browser.resize(PHONE).await;
    for path in ["/v1/help", "/redoc"] {
        open(browser, &daemon, path).await;
        let widths = browser
            .ask("return [document.documentElement.scrollWidth, window.innerWidth]")
            .await;
        assert_eq!(widths[0], PHONE.0, "{path} is wider than the phone: {widths}");
        assert_eq!(widths[1], PHONE.0, "{path} was zoomed out: {widths}");
    }
}

pub(crate) async fn without_scripts_the_pages_say_where_to_look(browser: &Browser) {
    let daemon = Daemon::start().await;
    browser.run_scripts(false).await;
    for path in ["/v1/help", "/redoc"] {
        browser.open(&format!("http://{}{path}", daemon.addr)).await;
        assert!(browser.text("body").await.contains("/openapi.json"), "{path}");
    }
}
