//! `sites/<fqdn>.yaml`: one MISP instance.

mod differences;
mod guard;

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU32, NonZeroUsize};
use std::path::{Path, PathBuf};
use std::time::Duration;

use config_file::word::shown_key;
use config_file::{
    Item, Node, Problems, Report, Scalar, Section, Tables, Value, Wrong, absent, default, kind_of, reader, text_file,
    value,
};
use feed_classification::{Age, FeedName, Guard, GuardRule, Tlp};
use ipnet::IpNet;

use crate::name::SiteName;
use crate::value as site_value;

pub(crate) const SITE: Tables = &[Site::KEYS];

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

config_file::keys! {
    /// What a site file says, checked, with defaults filled in. It holds no secret.
    #[derive(Clone, Debug, PartialEq, Eq)]
    #[non_exhaustive]
    pub struct Site {
        theirs "enabled", "yes or no", default("True"),
            "serve this site at all; Cratos FastAPI never looks at it, here `False` disables the site";
        theirs "debug", "yes or no", default("False"),
            "without effect; RUST_LOG=debug in the environment logs more"
            => debug: bool = reader::yes_no();
        theirs "company", "text", default("\"\""),
            "whose MISP it is, for people"
            => company: String = reader::text();
        theirs "tag", "text", absent("required"),
            "prefix of the site's MISP tags: `<tag>:incident-classification=block`";
        theirs "mispVerifyCert", "yes or no", default("True"),
            "check MISP's certificate";
        ours "ca_certificate", "path", absent("none"),
            "PEM file of the authority that signed MISP's certificate, relative to this file";
        theirs "mispTimeoutSeconds", "seconds, 1 to 3600", default("100"),
            "time that MISP has to answer one question"
            => timeout: Duration = reader::seconds(1, 3600);
        ours "max_search_time", "duration, 1m to 24h", default("1h"),
            "time that MISP has for all pages of one search together; a search that takes longer is given up"
            => max_search_time: Duration = reader::duration(Duration::from_secs(60), DAY);
        theirs "mispDebug", "yes or no", default("False"),
            "without effect";
        theirs "memcached_all_timeout", "seconds, 1 to 31536000", default("300"),
            "age at which a feed is fetched anew";
        ours "max_stale", "duration", default("7d"),
            "age at which a feed is not served any more, even if MISP fails";
        theirs "falsepositive_timeout", "age", default("1w"),
            "how far back MISP's false positives count"
            => falsepositive_timeout: Age = reader::one(site_value::age);
        theirs "list_stats", "age", default("1w"),
            "without effect"
            => list_stats: Age = reader::one(site_value::age);
        theirs "allowed_ips", "list of networks", default("[]"),
            "networks that may ask for this site";
        theirs "custom_feeds", "map from cust1 … cust5 to text", absent("{}"),
            "what follows the tag for the feeds cust1 to cust5";
        theirs "ignore_to_ids", "list of names", default("[]"),
            "indicator types (or MISP attribute types) that count without MISP's to_ids flag";
        theirs "blacklisted_api_tokens", "list of sha256 in hex", default("[]"),
            "sha256 of each token that is refused";
        ours "published_grace", "duration", default("24h"),
            "how long a feed counts an event as last published while it is being edited; 0s for MISP's own meaning"
            => published_grace: Duration = reader::duration(Duration::ZERO, YEAR);
        ours "default_tlp", "clear, green, amber, amber+strict or red", default("red"),
            "TLP level that an attribute counts as where neither it nor its event has a TLP tag; matters to tokens and URLs with max_tlp only"
            => default_tlp: Tlp = reader::one(site_value::tlp);
        ours "decaying_model", "text", absent("none"),
            "name of the decaying model in MISP by which scores are reckoned; needed for URLs with min_score only"
            => decaying_model: Option<String> = reader::optional(site_value::model_name);
        ours "score_sightings", "yes or no", default("False"),
            "ask MISP for sightings where scores matter, so that a hit renews a score as it does in MISP; MISP looks them up one attribute at a time"
            => score_sightings: bool = reader::yes_no();
        ours "guard.special_purpose", "yes or no", default("True"),
            "keep private, loopback and other special-purpose addresses, and names such as `localhost`, out of every feed";
        ours "guard.wide_prefixes", "yes or no", default("True"),
            "keep networks wider than /8 (IPv4) or /19 (IPv6) out of every feed";
        ours "guard.public_suffixes", "yes or no", default("True"),
            "keep names such as `co.uk` and `github.io`, below which everyone may register names, out of every feed";
        ours "never_export", "list of networks, names, URLs and hashes", default("[]"),
            "own values that leave in no feed: a network is cut around own addresses, and an own name takes out the names below and above it";
        ours "misp_ports", "list of ports", default("[443]"),
            "ports of MISP at which tokens can be made over HTTP; tokens that exist work at any port"
            => misp_ports: Vec<u16> = reader::list(site_value::port);
        ours "zmq_url", "tcp://host:port", absent("none"),
            "MISP's ZeroMQ feed; with it feeds are fresh seconds after MISP publishes, instead of when they grow old"
            => zmq_url: Option<String> = reader::optional(site_value::zmq_url);
        ours "page_size", "1 to 1000000", default("10000"),
            "attributes asked of MISP in one page at most; pages are smaller where MISP takes longer than 5 s for one"
            => page_size: NonZeroU32 = reader::number(1, 1_000_000);
        ours "max_expand", "1 to 1048576", default("65536"),
            "addresses that one network may be written out to"
            => max_expand: u32 = reader::number(1, 1 << 20);
        ours "max_answer_bytes", "size", default("256MiB"),
            "size of one page of MISP's answer at which it is refused"
            => max_answer_bytes: u64 = reader::size(64 << 10, 16 << 30);
        ours "max_attributes", "1 to 1000000000", default("5000000"),
            "attributes of one feed at which MISP's answer is refused"
            => max_attributes: u64 = reader::number(1, 1_000_000_000);
        ours "mirror", "yes or no", default("True"),
            "keep a copy of this MISP's events and answer feeds from it; with `False` each feed is a question to MISP"
            => mirror: bool = reader::yes_no();
        ours "mirror_poll", "duration, 1s to 1h", default("15s"),
            "how often the mirror asks MISP what changed"
            => mirror_poll: Duration = reader::duration(Duration::from_secs(1), HOUR);
        ours "mirror_round", "duration, 1h to 365d", default("24h"),
            "time in which the mirror compares each event with MISP once, also those that did not seem to change"
            => mirror_round: Duration = reader::duration(HOUR, YEAR);
        ours "mirror_max_attributes", "1 to 1000000000", default("5000000"),
            "attributes in MISP above which the site has no mirror"
            => mirror_max_attributes: u64 = reader::number(1, 1_000_000_000);
        ours "mirror_keys", "1 to 64", default("4"),
            "MISP keys of this site that have a mirror, the most recently used ones; each sees other events and has a copy of its own"
            => mirror_keys: NonZeroUsize = reader::number(1, 64);
        ours "mirror_idle", "duration, 1h to 365d", default("30d"),
            "time without a request with its MISP key after which a mirror is deleted"
            => mirror_idle: Duration = reader::duration(HOUR, YEAR);
        ours "vanished_grace", "duration", default("0s"),
            "how long the mirror keeps an event that MISP does not show any more; needed where MISP hides unpublished events from other organisations (`MISP.unpublishedprivate`)"
            => vanished_grace: Duration = reader::duration(Duration::ZERO, YEAR);
    } with {
        /// The name of the file without `.yaml`.
        pub name: SiteName,
        /// Whether cratosd serves the site.
        pub enabled: bool,
        /// Prefix of the site's MISP tags; not empty, without characters that MISP reads as operators.
        pub tag: String,
        /// Whether cratosd checks MISP's certificate (`mispVerifyCert`).
        pub verify_certificate: bool,
        /// A readable file with the PEM certificate of the authority that signed MISP's.
        pub ca_certificate: Option<PathBuf>,
        /// The age at which cratosd fetches a feed anew (`memcached_all_timeout`).
        pub soft_expiry: Duration,
        /// The age from which on cratosd does not serve a feed any more; never shorter than [`Site::soft_expiry`].
        pub max_stale: Duration,
        /// Networks that may ask for this site, beside [`Core::allways_allowed_ips`](crate::Core::allways_allowed_ips).
        pub allowed_ips: Vec<IpNet>,
        /// The text behind the tag for each custom feed of the site.
        pub custom_feeds: BTreeMap<FeedName, String>,
        /// Indicator types and MISP attribute types that count without the to_ids flag.
        pub ignore_to_ids: BTreeSet<String>,
        /// sha256, in lower-case hex, of each token that cratosd refuses (`blacklisted_api_tokens`).
        pub denied_token_digests: BTreeSet<String>,
        /// The rules that keep values out of every feed (`guard.*`, `never_export`).
        pub guard: Guard,
        /// The rules of the guard that the file itself switches on or off.
        pub guard_named: BTreeSet<GuardRule>,
    }
}

impl Site {
    /// Reads the text of a site file that is not on disk. Paths in it are relative to the working directory.
    ///
    /// # Errors
    /// Every problem of the text; its file is shown as the name with `.yaml`.
    ///
    /// ```
    /// # use site_config::{Site, SiteName};
    /// let name: SiteName = "misp.example.net".parse()?;
    /// let site = Site::from_yaml(name.clone(), "tag: example").expect("it has all it needs");
    /// assert_eq!(site.tag, "example");
    ///
    /// let problems = Site::from_yaml(name, "tag: example\npage_size: many").unwrap_err();
    /// assert!(problems[0].to_string().starts_with("misp.example.net.yaml:2:12: page_size: "));
    /// # Ok::<(), site_config::SiteNameError>(())
    /// ```
    pub fn from_yaml(name: SiteName, text: &str) -> Result<Self, Problems> {
        let mut report = Report::new(Path::new(&format!("{name}.yaml")));
        let site = config_file::read_text(text, &mut report).and_then(|node| read(name, node, &mut report));
        site.ok_or_else(|| report.sorted().into())
    }
}

/// Reads the tree of a site file; nothing is returned if there is any problem in `report`.
pub(crate) fn read(name: SiteName, node: Node, report: &mut Report) -> Option<Site> {
    let mut section = Section::new(SITE, "", node, report)?;
    let written = section.places();
    let tag = tag(&mut section);
    let enabled = enabled(&mut section);
    let (soft_expiry, max_stale) = expiry(&mut section);
    let verify_certificate = verify_certificate(&mut section);
    let ca_certificate = ca_certificate(&mut section);
    let allowed_ips = allowed_ips(&mut section);
    let custom_feeds = custom_feeds(&mut section);
    let ignore_to_ids = section.list_or_default("ignore_to_ids", |scalar| value::some_text(scalar).map(Item::from));
    let denied = section.list_or_default("blacklisted_api_tokens", token_digest);
    let (guard, guard_named) = guard::read(&mut section);
    let misp_debug = section.value_or_default("mispDebug", value::yes_no);
    let complete = Site::read_keys(&mut section);
    section.finish();
    let site = complete(
        name,
        enabled,
        tag.unwrap_or_default(),
        verify_certificate,
        ca_certificate,
        soft_expiry,
        max_stale,
        allowed_ips,
        custom_feeds,
        ignore_to_ids.into_iter().collect(),
        denied.into_iter().collect(),
        guard,
        guard_named,
    );
    differences::note_on_site(&site, misp_debug, &written, report);
    report.problems.is_empty().then_some(site)
}

fn tag(section: &mut Section<'_>) -> Option<String> {
    if !section.has("tag") {
        let place = section.place_of("tag");
        let instead = "write the prefix of the site's MISP tags, such as `tag: example`";
        section.wrong(place, "tag", Wrong::new("is missing", instead));
        return None;
    }
    section.value("tag", |scalar| {
        let tag = site_value::tag_text(scalar)?;
        if tag.starts_with('!') {
            return Err(Wrong::new(
                "begins with `!`, which MISP reads as `not`",
                "write the tag as it stands in MISP",
            ));
        }
        Ok(tag)
    })
}

fn enabled(section: &mut Section<'_>) -> bool {
    let place = section.place_of("enabled");
    let enabled = section.value_or_default("enabled", value::yes_no);
    if !enabled {
        section.note(
            place,
            "enabled",
            "the site is disabled and answers nothing (Cratos FastAPI would go on serving it)",
        );
    }
    enabled
}

fn verify_certificate(section: &mut Section<'_>) -> bool {
    let place = section.place_of("mispVerifyCert");
    let verify = section.value_or_default("mispVerifyCert", value::yes_no);
    if !verify {
        section.note(
            place,
            "mispVerifyCert",
            "whoever stands between can read MISP keys and change feeds; `ca_certificate` is the safe way",
        );
    }
    verify
}

/// Returns the two ages of a feed: from the first one on it is fetched anew, from the second one on it is not served
/// any more.
fn expiry(section: &mut Section<'_>) -> (Duration, Duration) {
    let soft = section.value_or_default("memcached_all_timeout", |scalar| {
        value::number(scalar, 1, YEAR.as_secs()).map(Duration::from_secs)
    });
    let (place, is_written) = (section.place_of("max_stale"), section.has("max_stale"));
    let before = section.report.problems.len();
    let max_stale = section.value_or_default("max_stale", |scalar| value::duration(scalar, Duration::ZERO, YEAR));
    if is_written && max_stale < soft && section.report.problems.len() == before {
        let wrong = Wrong::new(
            "is shorter than `memcached_all_timeout`",
            format!("write at least {}s", soft.as_secs()),
        );
        section.wrong(place, "max_stale", wrong);
    }
    (soft, max_stale.max(soft))
}

fn allowed_ips(section: &mut Section<'_>) -> Vec<IpNet> {
    let place = section.place_of("allowed_ips");
    let before = section.report.problems.len();
    let networks = section.list_or_default("allowed_ips", value::network);
    if networks.is_empty() && section.report.problems.len() == before {
        let what = "no network: only those of `allways_allowed_ips` may ask for this site";
        section.note(place, "allowed_ips", what);
    }
    networks
}

/// A file that can be read now and holds at least one PEM certificate.
fn ca_certificate(section: &mut Section<'_>) -> Option<PathBuf> {
    let file = section.report.file().to_owned();
    section.value("ca_certificate", |scalar| {
        let path = text_file::beside(&file, &value::some_text(scalar)?);
        let text = text_file::read_text(&path).map_err(|(_, wrong)| {
            let what = format!("{}: {}", path.display(), wrong.what);
            Wrong::new(what, wrong.instead)
        })?;
        if !text.contains("-----BEGIN CERTIFICATE-----") {
            return Err(Wrong::new(
                format!("{}: holds no PEM certificate", path.display()),
                "name a file with `-----BEGIN CERTIFICATE-----` in it",
            ));
        }
        Ok(path)
    })
}

fn custom_feeds(section: &mut Section<'_>) -> BTreeMap<FeedName, String> {
    let mut feeds = BTreeMap::new();
    let Some(node) = section.take("custom_feeds") else {
        return feeds;
    };
    let Value::Map(entries) = node.value else {
        let what = format!("is {}, not a map", kind_of(&node.value));
        let instead = "write one line per feed, as in `cust1: \":incident-classification=cust1\"`";
        section.wrong(node.place, "custom_feeds", Wrong::new(what, instead));
        return feeds;
    };
    for entry in entries {
        let key = format!("custom_feeds.{}", shown_key(&entry.key.text));
        let feed = entry.key.text.parse::<FeedName>().ok();
        let Some(feed) = feed.filter(|feed| feed.is_custom()) else {
            let wrong = Wrong::new("is not a custom feed", "write cust1, cust2, cust3, cust4 or cust5");
            section.wrong(entry.place, &key, wrong);
            continue;
        };
        let read = match &entry.node.value {
            Value::Scalar(scalar) if value::is_null(scalar) => {
                Err(Wrong::new("has no value", "write one, or remove the line"))
            }
            Value::Scalar(scalar) => site_value::tag_text(scalar),
            other => Err(Wrong::new(
                format!("is {}, not a single value", kind_of(other)),
                "write what follows the tag",
            )),
        };
        match read {
            Ok(rest) => {
                feeds.insert(feed, rest);
            }
            Err(wrong) => section.wrong(entry.node.place, &key, wrong),
        }
    }
    feeds
}

/// A sha256 in hex. The example's word `empty` has no effect. A wrong value is not shown: it may be a token.
fn token_digest(scalar: &Scalar) -> Result<Item<String>, Wrong> {
    let text = scalar.text.as_str();
    if text == "empty" {
        return Ok(Item {
            value: None,
            note: None,
        });
    }
    if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(Wrong::new(
            "is not a sha256 in hex",
            "write the 64 hex digits that `cratosd token inspect` shows, never the token itself",
        ));
    }
    Ok(text.to_ascii_lowercase().into())
}
