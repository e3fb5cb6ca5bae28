//! One daemon with a state directory, and the stand-in for its MISP.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use misp_sim::{RunningSim, Sim};
use rustix::process::{Pid, Signal, kill_process};
use token_crypto::{Permission, Scope};

use super::analyst::{Analyst, FEEDS};
use crate::support::{Answer, Daemon, Installation, Ran, client, run_with};
use crate::tokens;

/// Looks at MISP come as often as can be set, and MISP's answers are waited for as briefly.
const SITE: &str = "tag: example\nallowed_ips: [127.0.0.1]\nmirror_poll: 1s\nmispTimeoutSeconds: 3\n";

/// Longer than anything takes on a machine that is busy with other tests.
pub(super) const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(20);

/// The site without a mirror: feeds are a second old at most, and MISP is asked for each.
const DIRECT_SITE: &str =
    "tag: example\nallowed_ips: [127.0.0.1]\nmirror: False\nmemcached_all_timeout: 1\nmispTimeoutSeconds: 2\n";

#[derive(Debug)]
pub(super) struct Stage {
    pub(super) installation: Installation,
    pub(super) sim: RunningSim,
    token: String,
    /// What devices add to the path of a feed.
    query: &'static str,
}

impl Stage {
    pub(super) fn new() -> Self {
        Self::of_site(SITE, "")
    }

    /// Returns a stage whose daemon has no mirror, and whose devices insist on new answers.
    pub(super) fn direct() -> Self {
        Self::of_site(DIRECT_SITE, "?cache=1")
    }

    fn of_site(site: &str, query: &'static str) -> Self {
        let sim = Sim::builder().start_now().unwrap();
        let installation = Installation::new().with_site("127.0.0.1", site);
        fs::create_dir(installation.path().join("state")).unwrap();
        Self {
            token: tokens::sealed(&sim, Scope::new().with_permissions([Permission::Operate])),
            installation,
            sim,
            query,
        }
    }

    pub(super) fn state(&self) -> PathBuf {
        self.installation.path().join("state")
    }

    /// Returns the file of the mirror.
    pub(super) fn store(&self) -> PathBuf {
        let files = fs::read_dir(self.state().join("mirrors")).unwrap();
        let mut stores = files
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "redb"));
        let store = stores.next().unwrap();
        assert_eq!(stores.next(), None, "one mirror");
        store
    }

    /// Has the daemon serve the smaller set of a feed, from the command line.
    pub(super) fn accept(&self, served: &Served, feed: &str) -> Ran {
        let mut command = self
            .installation
            .command(&["feed", "accept", feed, "--url", &served.base]);
        command.env("CRATOS_TOKEN", &self.token);
        run_with(command, "")
    }

    pub(super) fn serve(&self) -> Served {
        let mut command = self.installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        command.env("STATE_DIRECTORY", self.state());
        self.serve_by(command)
    }

    /// Has the daemon killed at the question to MISP after so many others.
    pub(super) fn kill_after(&self, served: &Served, questions: usize) {
        let daemon = Pid::from_raw(i32::try_from(served.daemon.id()).unwrap()).unwrap();
        let mut left = questions;
        self.sim.on_request(move |_, _| {
            if left == 0 {
                // Only the first signal finds it alive.
                let _ = kill_process(daemon, Signal::KILL);
            }
            left = left.saturating_sub(1);
        });
    }

    /// Serves by this command.
    pub(super) fn serve_by(&self, command: std::process::Command) -> Served {
        let mut daemon = Daemon::start(command);
        let base = format!("http://{}", daemon.address());
        Served {
            daemon,
            base,
            token: self.token.clone(),
            query: self.query,
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            client: client(),
        }
    }
}

/// A daemon that listens.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) daemon: Daemon,
    base: String,
    token: String,
    query: &'static str,
    runtime: tokio::runtime::Runtime,
    client: reqwest::Client,
}

impl Served {
    /// Asks as a device does; nothing if the daemon was killed meanwhile.
    pub(super) fn get(&self, path: &str) -> Option<Answer> {
        self.runtime.block_on(async {
            let request = self
                .client
                .get(format!("{}{path}", self.base))
                .header("token", &self.token);
            let answer = request.send().await.ok()?;
            let status = answer.status().as_u16();
            let body = answer.text().await.ok()?;
            Some(Answer { status, body })
        })
    }

    /// Asks for a feed as a device of this stage does.
    pub(super) fn feed(&self, feed: &str) -> Option<Answer> {
        self.get(&format!("{feed}{}", self.query))
    }

    /// Returns `/v1/site`, or null if the daemon was killed meanwhile.
    pub(super) fn site(&self) -> serde_json::Value {
        let answer = self.get("/v1/site");
        answer.map_or(serde_json::Value::Null, |answer| {
            serde_json::from_str(&answer.body).unwrap()
        })
    }

    /// Asks for each feed, and asserts that an answer is a state that MISP has had, or an error that keeps a firewall
    /// enforcing; returns how many were answered.
    pub(super) fn assert_right(&self, analyst: &Analyst) -> usize {
        let mut answered = 0;
        for feed in FEEDS {
            let Some(answer) = self.feed(feed) else { continue };
            match answer.status {
                200 => {
                    analyst.assert_known(feed, &answer.body);
                    answered += 1;
                }
                503 | 504 => {}
                status => assert_eq!(status, 200, "{feed}: {}", answer.body),
            }
        }
        answered
    }

    /// Waits until feeds are answered from the mirror. Asks for one of them, since a first answer begins the mirror.
    pub(super) fn wait_until_mirrored(&self, analyst: &Analyst) {
        self.wait_for("the mirror answers", || {
            self.assert_right(analyst);
            self.site()["way"] == "mirror"
        });
    }

    /// Waits until each feed is as MISP is now.
    pub(super) fn wait_until_current(&self, analyst: &Analyst) {
        for feed in FEEDS {
            let body = analyst.body(feed);
            self.wait_for(&format!("{feed} is as MISP is now: {body}"), || {
                self.feed(feed)
                    .is_some_and(|answer| answer.status == 200 && answer.body == body)
            });
        }
    }

    pub(super) fn wait_for(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let began = Instant::now();
        while !holds() {
            assert!(
                began.elapsed() < PATIENCE,
                "never: {what}\n{}\n{}",
                self.site(),
                self.log()
            );
            std::thread::sleep(PAUSE);
        }
    }

    /// Returns what the daemon has logged, but for the requests.
    pub(super) fn log(&self) -> String {
        let log = self.daemon.stderr();
        let lines = log
            .lines()
            .filter(|line| !line.contains("cratosd::access") && !line.contains("cratosd::audit"));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Kills it as `kill -9` does.
    pub(super) fn kill(mut self) {
        self.daemon.signal(Signal::KILL);
        self.daemon.wait();
    }
}
