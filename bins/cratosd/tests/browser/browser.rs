//! A Chromium, and what tests do with it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_peers::{Peer, free_port};
use thirtyfour::common::keys::TypingData;
use thirtyfour::common::log::LoggingPrefsLogLevel;
use thirtyfour::{By, ChromiumLikeCapabilities as _, DesiredCapabilities, WebDriver, WebElement};

/// How long anything may take, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(30);

/// As root there is no sandbox to be had, and what the browser does on its own account has no place in a test.
const FLAGS: &[&str] = &[
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// Width and height of a page, in CSS pixels.
pub(crate) type Size = (u32, u32);

pub(crate) const PHONE: Size = (375, 667);
pub(crate) const DESKTOP: Size = (1280, 900);

/// A running browser with one window.
pub(crate) struct Browser {
    session: WebDriver,
    // In the order in which they end.
    _driver: Peer,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser that knows nothing yet.
    pub(crate) async fn start(driver: &Path, chromium: &Path) -> Self {
        let port = free_port();
        let mut command = Command::new(driver);
        command
            .arg(format!("--port={port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let peer = tokio::task::spawn_blocking(move || Peer::listening(&mut command, port))
            .await
            .unwrap();
        let profile = tempfile::tempdir().unwrap();
        let mut wanted = DesiredCapabilities::chrome();
        wanted.set_binary(chromium.to_str().unwrap()).unwrap();
        for flag in FLAGS {
            wanted.add_arg(flag).unwrap();
        }
        wanted
            .add_arg(&format!("--user-data-dir={}", profile.path().display()))
            .unwrap();
        wanted.set_browser_log_level(LoggingPrefsLogLevel::All).unwrap();
        let session = WebDriver::builder(format!("http://127.0.0.1:{port}"), wanted).request_timeout(PATIENCE);
        Self {
            session: session.connect().await.unwrap(),
            _driver: peer,
            _profile: profile,
        }
    }

    /// Ends the browser and waits until it is gone.
    pub(crate) async fn quit(self) {
        self.session.quit().await.unwrap();
    }

    /// Leaves the page and undoes what a test has set: desktop size, light, scripts run, nothing logged.
    pub(crate) async fn reset(&self) {
        self.run_scripts(true).await;
        self.prefer_dark(false).await;
        self.resize(DESKTOP).await;
        self.open("about:blank").await;
        self.console().await;
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.session.goto(url).await.unwrap();
    }

    pub(crate) async fn title(&self) -> String {
        self.session.title().await.unwrap()
    }

    pub(crate) async fn url(&self) -> String {
        self.session.current_url().await.unwrap().to_string()
    }

    /// Returns the page as it stands in the document now.
    pub(crate) async fn source(&self) -> String {
        self.session.source().await.unwrap()
    }

    /// Returns the only element that the selector stands for.
    pub(crate) async fn find(&self, css: &str) -> WebElement {
        let mut found = self.session.find_all(By::Css(css)).await.unwrap();
        assert_eq!(found.len(), 1, "elements of {css}");
        found.remove(0)
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.unwrap()
    }

    /// Clicks as a person does: on what is shown, after scrolling to it.
    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await.unwrap();
    }

    /// Writes into a field in place of what is there.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.unwrap();
        field.send_keys(text).await.unwrap();
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press(&self, keys: impl Into<TypingData>) {
        self.session.action_chain().send_keys(keys).perform().await.unwrap();
    }

    /// Returns what the body of a JavaScript function returns in this page. Works where the page's own scripts do not run, too.
    pub(crate) async fn ask(&self, function: &str) -> Value {
        let answer = self.session.execute(function, Vec::new()).await.unwrap();
        answer.json().clone()
    }

    /// Waits until the body of a JavaScript function returns true.
    pub(crate) async fn until(&self, what: &str, function: &str) {
        let began = Instant::now();
        while self.ask(function).await != true {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the form that a button belongs to, and waits for the page that answers.
    pub(crate) async fn submit(&self, button: &str) {
        self.ask("window.isOld = true").await;
        self.click(button).await;
        self.until(
            "the form is answered",
            "return !window.isOld && document.readyState === 'complete'",
        )
        .await;
    }

    /// Returns the lines of the console since the last look, broken policies and scripts among them.
    pub(crate) async fn console(&self) -> Vec<String> {
        let lines = self.session.browser_log().await.unwrap();
        lines.into_iter().map(|line| line.message).collect()
    }

    pub(crate) async fn resize(&self, (width, height): Size) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Sets what `prefers-color-scheme` says.
    pub(crate) async fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sets whether pages that are opened from now on may run scripts.
    pub(crate) async fn run_scripts(&self, run: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !run }))
            .await;
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, arguments: Value) -> Value {
        self.session.cdp().send_raw(command, arguments).await.unwrap()
    }
}
