//! `config/config.yaml`: what holds for the whole daemon.

mod cache_server;
pub(crate) mod reverse_proxy;
mod sightings;
mod tls;
mod token_limits;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use config_file::{Node, Problems, Report, Scalar, Section, Tables, Wrong, absent, default, named, reader, value};
use ipnet::{IpNet, Ipv4Net};
use secrecy::SecretString;

use crate::differences;
use crate::secrets::{self, Secrets};

pub use self::cache_server::{CacheKind, CacheServer};
pub use self::reverse_proxy::{AddressExpression, ReverseProxy};
pub use self::sightings::Sightings;
pub use self::tls::{ClientCertificates, NamedFile, Tls};
pub use self::token_limits::TokenLimits;

/// From this number on, the value of `access_log_max_bytes` is most likely meant in bytes.
const MANY_MEGABYTES: u64 = 10_000;

pub(crate) const CORE: Tables = &[Core::KEYS, TokenMinting::KEYS, TokenLimits::KEYS, Sightings::KEYS];

config_file::keys! {
    /// What `config/config.yaml` says, checked, with defaults filled in. `Debug` shows no secret.
    #[derive(Clone, Debug)]
    #[non_exhaustive]
    pub struct Core {
        theirs "debug", "yes or no", default("False"),
            "without effect; RUST_LOG=debug in the environment logs more"
            => debug: bool = reader::yes_no();
        theirs "encryption_key", "secret of 64 characters", absent("required, or one of the two below, or a systemd credential of this name"),
            "key that seals the tokens; `cratosd keygen` makes one";
        ours "encryption_key_file", "path", absent("none"),
            "file that holds the encryption key instead, relative to this file";
        ours "encryption_keys", "list of secrets of 64 characters", default("[]"),
            "all keys that open tokens, newest first; the first one seals new tokens";
        theirs "salt", "secret of 32 characters", absent("required, or `salt_file`, or a systemd credential of this name"),
            "second half of the secret that seals the tokens";
        ours "salt_file", "path", absent("none"),
            "file that holds the salt instead, relative to this file";
        ours "accept_legacy_tokens", "yes or no", default("True"),
            "open tokens that Cratos FastAPI made with the same key and salt"
            => accept_legacy_tokens: bool = reader::yes_no();
        theirs "allways_allowed_ips", "list of networks", default("[]"),
            "networks that may ask for every site, beside the site's own `allowed_ips`"
            => allways_allowed_ips: Vec<IpNet> = reader::list(value::network);
        ours "failed_tokens_per_minute", "1 to 100000", default("30"),
            "wrong tokens from one address that are answered as such in a minute; more are answered with 429 for a while, good tokens as ever"
            => failed_tokens_per_minute: u32 = reader::number(1, 100_000);
        ours "metrics_allowed_ips", "list of networks", named("loopback", "[127.0.0.0/8, \"::1\"]"),
            "networks that may read `/metrics`, and why `/readyz` says no"
            => metrics_allowed_ips: Vec<IpNet> = reader::list(value::network);
        ours "listen", "address:port", default("127.0.0.1:8080"),
            "where `cratosd serve` listens; the option --listen wins"
            => listen: Option<SocketAddr> = reader::optional(value::socket_address);
        ours "public_names", "list of host names", default("[]"),
            "names under which browsers and programs reach this service to make tokens, beside its addresses and the name of this machine"
            => public_names: Vec<String> = reader::list(crate::value::host_name);
        ours "tls.certificate", "path", absent("none, and so HTTP without TLS"),
            "PEM file of the certificate that callers are shown, then those that lead to its authority; relative to this file";
        ours "tls.key", "path", absent("required with `tls.certificate`"),
            "PEM file of its private key, without a passphrase";
        ours "tls.client_ca", "path", absent("none"),
            "PEM file of the authorities whose certificates callers show";
        ours "tls.client_certificates", "required or optional", default("required"),
            "whether a caller without such a certificate is served; one of another authority never is";
        ours "memory_bytes", "size", default("160MiB"),
            "bound of the memory that rendered feeds may take"
            => memory_bytes: u64 = reader::size(1 << 20, 1 << 40);
        ours "lookup_memory_bytes", "size", default("512MiB"),
            "bound of the memory that the indexes of `/v1/lookup` may take; a million values take about 100 MiB"
            => lookup_memory_bytes: u64 = reader::size(1 << 20, 1 << 40);
        ours "max_site_questions", "1 to 64", default("4"),
            "questions with one key that one MISP is asked at the same time, at most; with several keys twice as many, and for one token three quarters"
            => max_site_questions: NonZeroUsize = reader::number(1, 64);
        theirs "memcached_host", "host", absent("none"),
            "host of the memcached that several daemons share; without it none is used";
        theirs "memcached_port", "port", default("11211"),
            "port of that memcached";
        theirs "memcached_user", "text", default("\"\""),
            "user there, by SASL PLAIN; empty for none";
        theirs "memcached_pass", "secret text", default("\"\""),
            "password of that user";
        ours "cache.url", "redis://, rediss:// or memcached:// URL", absent("none"),
            "the cache that several daemons share, instead of `memcached_host`; `user:password@` before the host, `/number` of a database behind it";
        ours "cache.password_file", "path", absent("none"),
            "file that holds the password there instead, relative to this file";
        ours "cache.ca_file", "path", absent("the authorities of the system"),
            "PEM file with the authorities that are believed with rediss://, relative to this file";
        theirs "reverse_proxy", "yes, no or ignore", default("False"),
            "take the caller's address from a header of the proxy in front; with `False` requests of a proxy on this machine are refused, with `ignore` its headers are passed over";
        theirs "reverse_proxy_header", "header name", default("X-Forwarded-For"),
            "header that holds the caller's address; `Forwarded` is read as RFC 7239 says";
        theirs "reverse_proxy_real_ip_regex", "regular expression", default("^(.*)$"),
            "finds the address, or several with commas between them, in that header";
        theirs "reverse_proxy_regex_place", "0 to 99", default("1"),
            "number of the group in that expression that is the address; 0 for all that it finds";
        ours "reverse_proxy_trusted", "list of networks", named("loopback", "[127.0.0.0/8, \"::1\"]"),
            "proxies: only their header is believed, and of several addresses in it the right-most one counts that is not listed here";
        ours "proxy_protocol", "yes or no", default("False"),
            "every connection must come from one of these proxies and begin with a header of the PROXY protocol, 1 or 2";
        theirs "access_log", "path", absent("none"),
            "file of the access log, relative to the working directory; without it there is none";
        theirs "access_log_max_bytes", "megabytes", default("10"),
            "size in megabytes at which that file is rotated";
        theirs "access_log_rotations", "number", default("5"),
            "rotated files that are kept; with 0 the file is never rotated";
        ours "log_format", "reference or json", default("reference"),
            "how a line of the access log looks";
    } with {
        /// The keys that open tokens, 64 characters each, never empty; the first one seals.
        ///
        /// From `encryption_key`, `encryption_key_file`, `encryption_keys` or the systemd credential `encryption_key`.
        pub encryption_keys: Vec<SecretString>,
        /// The salt, 32 characters; from `salt`, `salt_file` or the systemd credential `salt`.
        pub salt: SecretString,
        /// Networks that may have tokens made (`token_minting.allowed_ips`). Default: [`Core::allways_allowed_ips`] and
        /// loopback.
        pub token_minting_allowed_ips: Vec<IpNet>,
        /// Tokens that one address may have made in a minute (`token_minting.per_minute`).
        pub token_minting_per_minute: u32,
        /// How much one token may ask (`token_limits.*`).
        pub token_limits: TokenLimits,
        /// The files for TLS. Default: none, and so HTTP without TLS.
        pub tls: Option<Tls>,
        /// The cache that several daemons share (`cache.*`, or `memcached_*`). Default: none.
        pub cache: Option<CacheServer>,
        /// How cratosd finds the caller's address behind a proxy.
        pub reverse_proxy: ReverseProxy,
        /// The access log.
        pub access_log: AccessLog,
        /// The journal in which reports of sightings wait.
        pub sightings: Sightings,
    }
}

config_file::keys! {
    /// The keys `token_minting.*`.
    struct TokenMinting {
        ours "token_minting.allowed_ips", "list of networks", absent("`allways_allowed_ips` and loopback"),
            "networks that may have tokens made";
        ours "token_minting.per_minute", "1 to 10000", default("10"),
            "tokens that one address may have made in a minute; more are answered with 429"
            => per_minute: u32 = reader::number(1, 10_000);
    }
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
        let core = config_file::read_text(text, &mut report).and_then(|node| read(node, &mut report, None));
        core.ok_or_else(|| report.sorted().into())
    }

    /// Returns the address that `cratosd serve` listens on: `listen`, or else its default.
    #[must_use]
    pub fn listen_address(&self) -> SocketAddr {
        let default = || {
            Section::defaults(CORE, "", |section| {
                section.value_or_default("listen", value::socket_address)
            })
        };
        self.listen.unwrap_or_else(default)
    }
}

/// Reads the tree of `config.yaml`; nothing is returned if there is any problem in `report`.
pub(crate) fn read(node: Node, report: &mut Report, credentials: Option<&Path>) -> Option<Core> {
    let mut section = Section::new(CORE, "", node, report)?;
    let written = section.places();
    let secrets = secrets::read(&mut section, credentials);
    let (minting_ips, per_minute) = token_minting(&mut section);
    let token_limits = token_limits::read(&mut section);
    let tls = tls::read(&mut section);
    let cache = cache_server::read(&mut section);
    let reverse_proxy = reverse_proxy::read(&mut section);
    let access_log = access_log(&mut section);
    let sightings = sightings::read(&mut section);
    let complete = Core::read_keys(&mut section);
    section.finish();
    let Secrets { encryption_keys, salt } = secrets.unwrap_or_default();
    let mut core = complete(
        encryption_keys,
        salt,
        Vec::new(),
        per_minute,
        token_limits,
        tls,
        cache,
        reverse_proxy,
        access_log,
        sightings,
    );
    let everyone = || core.allways_allowed_ips.iter().copied().chain(loopback()).collect();
    core.token_minting_allowed_ips = minting_ips.unwrap_or_else(everyone);
    differences::note_on_core(core.debug, &written, report);
    report.problems.is_empty().then_some(core)
}

/// Returns the networks that may have tokens made, if the file names them, and the tokens of a minute.
fn token_minting(section: &mut Section<'_>) -> (Option<Vec<IpNet>>, u32) {
    let mut inner = section.inner("token_minting", "token_minting.");
    let networks = inner.list("allowed_ips", value::network);
    let minting = TokenMinting::read_keys(&mut inner)();
    inner.finish();
    (networks, minting.per_minute)
}

/// This machine itself.
fn loopback() -> [IpNet; 2] {
    let v4 = Ipv4Net::new_assert(Ipv4Addr::new(127, 0, 0, 0), 8);
    [IpNet::V4(v4), IpNet::from(IpAddr::V6(Ipv6Addr::LOCALHOST))]
}

fn access_log(section: &mut Section<'_>) -> AccessLog {
    let place = section.place_of("access_log_max_bytes");
    let megabytes = section.value_or_default("access_log_max_bytes", |scalar| value::number(scalar, 1, 1 << 20));
    if megabytes >= MANY_MEGABYTES {
        let what = format!("is {megabytes} megabytes, whatever the name of the key says");
        section.note(place, "access_log_max_bytes", what);
    }
    let rotations = section.value_or_default("access_log_rotations", |scalar| value::number(scalar, 0, 1000));
    let place = section.place_of("access_log");
    AccessLog {
        path: section
            .value("access_log", value::text)
            .filter(|path| !path.is_empty())
            .map(PathBuf::from),
        place: (place.line, place.column),
        format: section.value_or_default("log_format", log_format),
        max_bytes: megabytes << 20,
        rotations: u32::try_from(rotations).unwrap_or(u32::MAX),
    }
}

fn log_format(scalar: &Scalar) -> Result<AccessLogFormat, Wrong> {
    match value::some_text(scalar)?.as_str() {
        "reference" => Ok(AccessLogFormat::Reference),
        "json" => Ok(AccessLogFormat::Json),
        _ => {
            let what = format!("{} is no format of the access log", value::shown(scalar));
            Err(Wrong::new(what, "write `reference` or `json`"))
        }
    }
}
