//! A Chromium, and the actions that tests need.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use test_peers::{Peer, free_port};

use super::session::{Element, Session};

/// Upper limit for each wait, long enough for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(90);

const PAUSE: Duration = Duration::from_millis(30);

/// Root has no sandbox, and the browser's own background requests would disturb the tests.
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

/// Keys, by their code points in the WebDriver standard.
pub(crate) const TAB: char = '\u{e004}';
const CONTROL: char = '\u{e009}';

pub(crate) const PHONE: Size = (375, 667);
pub(crate) const DESKTOP: Size = (1280, 900);

/// A running browser with one window.
pub(crate) struct Browser {
    session: Session,
    // The fields are dropped in this order.
    _driver: Peer,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// Starts a browser with a new, empty profile.
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
        let profile_flag = format!("--user-data-dir={}", profile.path().display());
        let flags: Vec<&str> = FLAGS.iter().copied().chain([profile_flag.as_str()]).collect();
        let wanted = json!({
            "browserName": "chrome",
            "goog:chromeOptions": { "binary": chromium, "args": flags },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let session = Session::start(&format!("http://127.0.0.1:{port}"), PATIENCE, wanted).await;
        Self {
            session,
            _driver: peer,
            _profile: profile,
        }
    }

    /// Ends the browser and waits until its process has exited.
    pub(crate) async fn quit(self) {
        self.session.quit().await;
    }

    /// Leaves the page and resets the settings of a test: desktop size, light colours, scripts on, empty console.
    pub(crate) async fn reset(&self) {
        self.run_scripts(true).await;
        self.prefer_dark(false).await;
        self.resize(DESKTOP).await;
        self.open("about:blank").await;
        self.console().await;
    }

    /// Opens a page and waits until it is loaded.
    pub(crate) async fn open(&self, url: &str) {
        self.session.post("/url", json!({ "url": url })).await;
    }

    pub(crate) async fn title(&self) -> String {
        self.session.get("/title").await.as_str().unwrap().to_owned()
    }

    pub(crate) async fn url(&self) -> String {
        self.session.get("/url").await.as_str().unwrap().to_owned()
    }

    /// Returns the HTML of the document in its present state.
    pub(crate) async fn source(&self) -> String {
        self.session.get("/source").await.as_str().unwrap().to_owned()
    }

    /// Returns the only element that matches the selector.
    pub(crate) async fn find(&self, css: &str) -> Element<'_> {
        let mut found = self.session.find(css).await;
        assert_eq!(found.len(), 1, "elements of {css}");
        found.remove(0)
    }

    pub(crate) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await
    }

    /// Scrolls to the element and clicks on it, as a person does.
    pub(crate) async fn click(&self, css: &str) {
        self.find(css).await.click().await;
    }

    /// Replaces the contents of a field with this text.
    pub(crate) async fn write(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await;
        field.send_keys(text).await;
    }

    /// Presses a key in the focused element.
    pub(crate) async fn press(&self, key: char) {
        self.strokes(&[("keyDown", key), ("keyUp", key)]).await;
    }

    /// Pastes from the clipboard into the focused element.
    pub(crate) async fn paste(&self) {
        let chord = [
            ("keyDown", CONTROL),
            ("keyDown", 'v'),
            ("keyUp", 'v'),
            ("keyUp", CONTROL),
        ];
        self.strokes(&chord).await;
    }

    async fn strokes(&self, strokes: &[(&str, char)]) {
        let strokes: Vec<Value> = strokes
            .iter()
            .map(|(kind, key)| json!({ "type": kind, "value": key }))
            .collect();
        let actions = json!({ "actions": [{ "type": "key", "id": "keyboard", "actions": strokes }] });
        self.session.post("/actions", actions).await;
    }

    /// Runs the body of a JavaScript function in this page and returns its value, even where the page's own scripts are
    /// switched off.
    pub(crate) async fn ask(&self, function: &str) -> Value {
        let call = json!({ "script": function, "args": [] });
        self.session.post("/execute/sync", call).await
    }

    /// Waits until the body of a JavaScript function returns true.
    pub(crate) async fn until(&self, what: &str, function: &str) {
        let began = Instant::now();
        while self.ask(function).await != true {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Sends the form of this button and waits for the next page.
    pub(crate) async fn submit(&self, button: &str) {
        self.ask("window.isOld = true").await;
        self.click(button).await;
        self.until(
            "the form is answered",
            "return !window.isOld && document.readyState === 'complete'",
        )
        .await;
    }

    /// Returns the lines of the console since the last call, for example violated policies and script errors.
    pub(crate) async fn console(&self) -> Vec<String> {
        let lines = self.session.post("/se/log", json!({ "type": "browser" })).await;
        let lines = lines.as_array().unwrap().iter();
        lines.map(|line| line["message"].as_str().unwrap().to_owned()).collect()
    }

    pub(crate) async fn resize(&self, (width, height): Size) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
    }

    /// Sets the value of `prefers-color-scheme`.
    pub(crate) async fn prefer_dark(&self, dark: bool) {
        let value = if dark { "dark" } else { "light" };
        let features = json!({ "features": [{ "name": "prefers-color-scheme", "value": value }] });
        self.devtools("Emulation.setEmulatedMedia", features).await;
    }

    /// Sets whether pages that are opened after this call may run scripts.
    pub(crate) async fn run_scripts(&self, run: bool) {
        self.devtools("Emulation.setScriptExecutionDisabled", json!({ "value": !run }))
            .await;
    }

    /// Sends a command of the DevTools protocol.
    pub(crate) async fn devtools(&self, command: &str, arguments: Value) -> Value {
        let command = json!({ "cmd": command, "params": arguments });
        self.session.post("/goog/cdp/execute", command).await
    }
}
