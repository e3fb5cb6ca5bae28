//! `config/config.yaml`: what holds for the whole daemon.

mod cache_server;
pub(crate) mod reverse_proxy;
mod sightings;
mod tls;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;

use crate::differences;
use crate::keys::CORE;
use crate::load;
use crate::problem::{Problems, Report, Wrong};
use crate::secrets::{self, Secrets};
use crate::section::Section;
use crate::value;
use crate::yaml::Node;

pub use self::cache_server::{CacheKind, CacheServer};
pub use self::reverse_proxy::ReverseProxy;
pub use self::sightings::Sightings;
pub use self::tls::{ClientCertificates, NamedFile, Tls};

/// Default of [`Core::memory_bytes`].
const MEMORY_BYTES: u64 = 256 << 20;

/// Default of [`Core::lookup_memory_bytes`].
const LOOKUP_MEMORY_BYTES: u64 = 512 << 20;

/// Default of [`Core::token_minting_per_minute`].
const MINTING_PER_MINUTE: u32 = 10;

/// Whoever writes so many megabytes for a file of the access log means bytes.
const MANY_MEGABYTES: u64 = 10_000;

/// What `config/config.yaml` says, checked, with defaults filled in. `Debug` shows no secret.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Core {
    /// Read, and without effect.
    pub debug: bool,
    /// The keys that open tokens, 64 characters each, never empty; the first one seals.
    ///
    /// From `encryption_key`, `encryption_key_file`, `encryption_keys` or the systemd credential `encryption_key`.
    pub encryption_keys: Vec<SecretString>,
    /// The salt, 32 characters; from `salt`, `salt_file` or the systemd credential `salt`.
    pub salt: SecretString,
    /// Whether tokens of Cratos FastAPI are opened. Default: yes.
    pub accept_legacy_tokens: bool,
    /// Networks that may ask for every site. Default: none.
    pub allways_allowed_ips: Vec<IpNet>,
    /// Networks that may have tokens made. Default: [`Core::allways_allowed_ips`] and loopback.
    pub token_minting_allowed_ips: Vec<IpNet>,
    /// Tokens that one address may have made in a minute. Default: 10.
    pub token_minting_per_minute: u32,
    /// Wrong tokens from one address that are answered as such in a minute; more are answered with 429. Default: 30.
    pub failed_tokens_per_minute: u32,
    /// Networks that may read `/metrics`, and the reasons of `/readyz`. Default: loopback.
    pub metrics_allowed_ips: Vec<IpNet>,
    /// Where `cratosd serve` listens, if the file says so.
    pub listen: Option<SocketAddr>,
    /// The files for TLS. Default: none, and so HTTP without TLS.
    pub tls: Option<Tls>,
    /// Bound of the memory for rendered feeds, in bytes. Default: 256 MiB.
    pub memory_bytes: u64,
    /// Bound of the memory for the indexes of look-ups, in bytes. Default: 512 MiB.
    pub lookup_memory_bytes: u64,
    /// Questions that one MISP is asked at the same time, at most. Default: 4.
    pub max_site_questions: NonZeroUsize,
    /// The cache that several daemons share (`cache.*`, or `memcached_*`). Default: none.
    pub cache: Option<CacheServer>,
    /// How the caller's address is found behind a proxy.
    pub reverse_proxy: ReverseProxy,
    /// The access log.
    pub access_log: AccessLog,
    /// Where reports of sightings wait.
    pub sightings: Sightings,
}

/// The keys `access_log*`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccessLog {
    /// File, relative to the working directory. Default: none, and so no access log.
    pub path: Option<PathBuf>,
    /// Line and column of that path in the core file.
    pub place: (u32, u32),
    /// How a line looks. Default: as that of Cratos FastAPI.
    pub format: AccessLogFormat,
    /// Size at which it is rotated, in bytes (the file says megabytes). Default: 10 MiB.
    pub max_bytes: u64,
    /// Rotated files that are kept. Default: 5.
    pub rotations: u32,
}

/// The key `log_format`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccessLogFormat {
    /// The fields of Cratos FastAPI in its order, then the token's id and label.
    #[default]
    Reference,
    /// One JSON object per line.
    Json,
}

impl Core {
    /// Reads the text of a core file that is not on disk. Paths in it are relative to the working directory; systemd
    /// credentials are not looked for.
    ///
    /// # Errors
    /// Every problem of the text; its file is shown as `config.yaml`.
    pub fn from_yaml(text: &str) -> Result<Self, Problems> {
        let mut report = Report::new(Path::new("config.yaml"));
        let core = load::parse(text, &mut report).and_then(|node| read(node, &mut report, None));
        core.ok_or_else(|| report.sorted().into())
    }
}

/// Reads the tree of `config.yaml`; nothing is returned if there is any problem in `report`.
pub(crate) fn read(node: Node, report: &mut Report, credentials: Option<&Path>) -> Option<Core> {
    let mut section = Section::new(CORE, "", node, report)?;
    let written = section.places();
    let secrets = secrets::read(&mut section, credentials);
    let allways_allowed_ips = section.list("allways_allowed_ips", value::network).unwrap_or_default();
    let minting = TokenMinting::read(&mut section, &allways_allowed_ips);
    let failed_tokens = section.number("failed_tokens_per_minute", 1, 100_000, 30);
    let metrics_allowed_ips = section.list("metrics_allowed_ips", value::network);
    let debug = section.yes_no("debug", false);
    let accept_legacy_tokens = section.yes_no("accept_legacy_tokens", true);
    let listen = section.value("listen", value::socket_address);
    let tls = tls::read(&mut section);
    let memory_bytes = section
        .value("memory_bytes", |s| value::size(s, 1 << 20, 1 << 40))
        .unwrap_or(MEMORY_BYTES);
    let lookup_memory_bytes = section
        .value("lookup_memory_bytes", |s| value::size(s, 1 << 20, 1 << 40))
        .unwrap_or(LOOKUP_MEMORY_BYTES);
    let questions = section.number("max_site_questions", 1, 64, 4);
    let cache = cache_server::read(&mut section);
    let reverse_proxy = reverse_proxy::read(&mut section);
    let access_log = access_log(&mut section);
    let sightings = sightings::read(&mut section);
    section.finish();
    differences::tell_of_core(debug, &written, report);
    let Secrets { encryption_keys, salt } = secrets?;
    report.problems.is_empty().then_some(Core {
        debug,
        encryption_keys,
        salt,
        accept_legacy_tokens,
        allways_allowed_ips,
        token_minting_allowed_ips: minting.allowed_ips,
        token_minting_per_minute: minting.per_minute,
        failed_tokens_per_minute: u32::try_from(failed_tokens).unwrap_or(u32::MAX),
        metrics_allowed_ips: metrics_allowed_ips.unwrap_or_else(|| loopback().to_vec()),
        listen,
        tls,
        memory_bytes,
        lookup_memory_bytes,
        max_site_questions: usize::try_from(questions)
            .ok()
            .and_then(NonZeroUsize::new)
            .unwrap_or(NonZeroUsize::MIN),
        cache,
        reverse_proxy,
        access_log,
        sightings,
    })
}

/// The keys `token_minting.*`.
struct TokenMinting {
    /// Those that are written, or everybody who may ask for every site and this machine itself.
    allowed_ips: Vec<IpNet>,
    per_minute: u32,
}

impl TokenMinting {
    fn read(section: &mut Section<'_>, allways: &[IpNet]) -> Self {
        let mut minting = Self {
            allowed_ips: allways.iter().copied().chain(loopback()).collect(),
            per_minute: MINTING_PER_MINUTE,
        };
        let inner = section
            .take("token_minting")
            .and_then(|node| Section::new(CORE, "token_minting.", node, section.report));
        if let Some(mut inner) = inner {
            if let Some(networks) = inner.list("allowed_ips", value::network) {
                minting.allowed_ips = networks;
            }
            let number = inner.number("per_minute", 1, 10_000, MINTING_PER_MINUTE.into());
            minting.per_minute = u32::try_from(number).unwrap_or(MINTING_PER_MINUTE);
            inner.finish();
        }
        minting
    }
}

/// This machine itself.
fn loopback() -> [IpNet; 2] {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    [IpNet::V4(v4), IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))]
}

fn access_log(section: &mut Section<'_>) -> AccessLog {
    let place = section.place_of("access_log_max_bytes");
    let megabytes = section.number("access_log_max_bytes", 1, 1 << 20, 10);
    if megabytes >= MANY_MEGABYTES {
        let what = format!("is {megabytes} megabytes, whatever the name of the key says");
        section.note(place, "access_log_max_bytes", what);
    }
    let rotations = section.number("access_log_rotations", 0, 1000, 5);
    let place = section.place_of("access_log");
    AccessLog {
        path: Some(section.text("access_log", ""))
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
        place: (place.line, place.column),
        format: section.value("log_format", log_format).unwrap_or_default(),
        max_bytes: megabytes << 20,
        rotations: u32::try_from(rotations).unwrap_or(5),
    }
}

fn log_format(scalar: &crate::yaml::Scalar) -> Result<AccessLogFormat, Wrong> {
    match value::some_text(scalar)?.as_str() {
        "reference" => Ok(AccessLogFormat::Reference),
        "json" => Ok(AccessLogFormat::Json),
        _ => {
            let what = format!("{} is no format of the access log", value::shown(scalar));
            Err(Wrong::new(what, "write `reference` or `json`"))
        }
    }
}
