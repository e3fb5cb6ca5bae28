//! One daemon with a mirror, and the stand-in for its MISP.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::bench::connection::Connection;
use crate::bench::installation::Installation;
use crate::bench::mirror::stand_in::StandIn;
use crate::bench::process::Process;
use crate::bench::programs::Programs;

/// The size of MISP: large enough that a leak of a feed shows, small enough that a look is quick in a debug build.
const ATTRIBUTES: usize = 20_000;
const EVENTS: usize = 400;

/// The longest wait for a state that has to come.
const PATIENCE: Duration = Duration::from_secs(120);

pub(super) struct Site {
    pub(super) misp: StandIn,
    pub(super) installation: Installation,
    process: Process,
    pub(super) address: String,
    token: Mutex<String>,
}

/// What the daemon holds while nobody asks.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) resident_bytes: u64,
    pub(super) descriptors: usize,
}

impl Site {
    /// Starts both programs, and waits until feeds come from the mirror.
    pub(super) fn start(programs: &Programs) -> anyhow::Result<Self> {
        let misp = StandIn::start(&programs.stand_in(), ATTRIBUTES, EVENTS)?;
        let installation = Installation::new(&programs.cratosd(), misp.process(), &PERMISSIONS)?;
        let state = installation.path().join("state");
        std::fs::create_dir(&state)?;
        bound_memory(&installation)?;
        write_site(&installation, false)?;
        let mut command = installation.command(&["serve", "--listen", "127.0.0.1:0"]);
        let (process, address) = Installation::serve(command.env("STATE_DIRECTORY", state))?;
        let site = Self {
            token: Mutex::new(installation.token.clone()),
            misp,
            installation,
            process,
            address,
        };
        site.wait_until_mirrored()?;
        Ok(site)
    }

    pub(super) fn token(&self) -> String {
        self.token.lock().map(|token| token.clone()).unwrap_or_default()
    }

    pub(super) fn open(&self) -> anyhow::Result<Connection> {
        Connection::open(&self.address)
    }

    /// Returns the process id of the daemon.
    pub(super) fn process_id(&self) -> u32 {
        self.process.id()
    }

    pub(super) fn resident_bytes(&self) -> anyhow::Result<u64> {
        self.process.resident_bytes()
    }

    /// Waits until the daemon takes the token, then gives it to the devices.
    pub(super) fn hand_out(&self, token: &str) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let status = self
                .open()?
                .ask("GET", "/v1/feedmapping", &[("token", token)], "")?
                .status;
            if status == 200 {
                break;
            }
            if began.elapsed() > PATIENCE {
                bail!("the daemon answers {status} to a new token");
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        if let Ok(mut shared) = self.token.lock() {
            token.clone_into(&mut shared);
        }
        Ok(())
    }

    /// Waits until feeds come from the mirror of the token in use.
    pub(super) fn wait_until_mirrored(&self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            let token = self.token();
            let headers = [("token", token.as_str())];
            self.open()?.ask("GET", FEED, &headers, "")?;
            let state = self.open()?.ask("GET", "/v1/site", &headers, "")?.json()?;
            if state["way"] == "mirror" {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                bail!("no mirror: {state}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Returns the least that the daemon holds in this time once all devices have left. Waits until it has no more
    /// descriptors than `before`; idle connections to MISP are closed in that time.
    pub(super) fn quiet(&self, settling: Duration, before: Option<usize>) -> anyhow::Result<Held> {
        let began = Instant::now();
        let mut least = Held {
            resident_bytes: u64::MAX,
            descriptors: usize::MAX,
        };
        loop {
            std::thread::sleep(Duration::from_secs(1));
            least.resident_bytes = least.resident_bytes.min(self.resident_bytes()?);
            least.descriptors = least.descriptors.min(self.process.descriptors()?);
            let is_settled = began.elapsed() > settling && before.is_none_or(|before| least.descriptors <= before);
            if is_settled || began.elapsed() > PATIENCE {
                return Ok(least);
            }
        }
    }
}

/// The feed whose values are edited.
pub(super) const FEED: &str = "/v1/feed/block/type/domain/age/1y/output/txt";

pub(super) const PERMISSIONS: [&str; 8] = [
    "--permission",
    "lookup",
    "--permission",
    "context",
    "--permission",
    "operate",
    "--permission",
    "stream",
];

pub(super) fn write_site(installation: &Installation, has_more_rules: bool) -> anyhow::Result<()> {
    let rules = if has_more_rules {
        "never_export: [198.51.100.0/24]\n"
    } else {
        ""
    };
    let text = format!(
        "tag: example\nallowed_ips: [127.0.0.0/8]\nmirror_poll: 1s\nmirror_keys: 6\nmispTimeoutSeconds: 3\nmemcached_all_timeout: 2\n{rules}"
    );
    put(installation, "sites/127.0.0.1.yaml", &text)
}

/// Bounds what is kept of feeds: with each new MISP key come new feeds, and in the usual bound there is place for those
/// of a hundred keys. So the memory of caches would grow for the whole soak, and a leak would not show.
fn bound_memory(installation: &Installation) -> anyhow::Result<()> {
    let path = installation.path().join("config/config.yaml");
    let config = std::fs::read_to_string(path)?;
    let bounds = "memory_bytes: 4MiB\nlookup_memory_bytes: 8MiB\n";
    put(installation, "config/config.yaml", &format!("{config}\n{bounds}"))
}

/// Renames a file into its place, so that the daemon never reads half of it.
pub(super) fn put(installation: &Installation, name: &str, text: &str) -> anyhow::Result<()> {
    let new = installation.path().join("new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, installation.path().join(name))?;
    Ok(())
}
