//! `sites/<fqdn>.yaml`: one MISP instance.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use feed_classification::{Age, FeedName, Tlp};
use ipnet::IpNet;

use crate::differences;
use crate::files;
use crate::keys::SITE;
use crate::load;
use crate::name::SiteName;
use crate::problem::{Problems, Report, Wrong};
use crate::section::{Item, Section, kind_of};
use crate::value;
use crate::yaml::{Node, Scalar, Value, shown_key};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// What a site file says, checked, with defaults filled in. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Site {
    /// The name of the file without `.yaml`.
    pub name: SiteName,
    /// Whether the site is served. Default: yes.
    pub enabled: bool,
    /// Read, and without effect.
    pub debug: bool,
    /// Whose MISP it is, for people; may be empty.
    pub company: String,
    /// Prefix of the site's MISP tags; not empty, without characters that MISP reads as operators.
    pub tag: String,
    /// Whether MISP's certificate is checked (`mispVerifyCert`). Default: yes.
    pub verify_certificate: bool,
    /// A readable file with the PEM certificate of the authority that signed MISP's.
    pub ca_certificate: Option<PathBuf>,
    /// How long MISP may take for one question (`mispTimeoutSeconds`). Default: 100 s.
    pub timeout: Duration,
    /// Age at which a feed is fetched anew (`memcached_all_timeout`). Default: 300 s.
    pub soft_expiry: Duration,
    /// Age at which a feed is not served any more; never shorter than [`Site::soft_expiry`]. Default: 7 days.
    pub max_stale: Duration,
    /// How far back MISP's false positives count. Default: `1w`.
    pub falsepositive_timeout: Age,
    /// Read, and without effect.
    pub list_stats: Age,
    /// How long an event that is being edited counts as last published; zero for MISP's own meaning. Default: 24 h.
    pub published_grace: Duration,
    /// The TLP level of what has no TLP tag. Default: red, so that limits leave out what nobody has marked.
    pub default_tlp: Tlp,
    /// The name of MISP's decaying model by which scores are reckoned, if scores may be asked for.
    pub decaying_model: Option<String>,
    /// Whether MISP is asked for sightings where scores matter. Default: no.
    pub score_sightings: bool,
    /// MISP's ZeroMQ feed as `tcp://host:port`, if it shall be followed.
    pub zmq_url: Option<String>,
    /// Networks that may ask for this site, beside [`Core::allways_allowed_ips`](crate::Core::allways_allowed_ips).
    pub allowed_ips: Vec<IpNet>,
    /// What follows the tag for each custom feed that the site has.
    pub custom_feeds: BTreeMap<FeedName, String>,
    /// Indicator types and MISP attribute types that count without the to_ids flag.
    pub ignore_to_ids: BTreeSet<String>,
    /// sha256, in lower-case hex, of each token that is refused (`blacklisted_api_tokens`).
    pub denied_token_digests: BTreeSet<String>,
    /// Attributes asked of MISP in one page. Default: 10 000.
    pub page_size: NonZeroU32,
    /// Addresses that one network may be written out to. Default: 65 536.
    pub max_expand: u32,
    /// Bytes of one page of MISP's answer at which it is refused. Default: 256 MiB.
    pub max_answer_bytes: u64,
    /// Attributes of one feed at which MISP's answer is refused. Default: 5 000 000.
    pub max_attributes: u64,
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
        let site = load::parse(text, &mut report).and_then(|node| read(name, node, &mut report));
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
    let page_size = section.number("page_size", 1, 1_000_000, 10_000);
    let max_expand = section.number("max_expand", 1, 1 << 20, 1 << 16);
    let site = Site {
        name,
        enabled,
        debug: section.yes_no("debug", false),
        company: section.text("company", ""),
        tag: tag.unwrap_or_default(),
        verify_certificate: verify_certificate(&mut section),
        ca_certificate: ca_certificate(&mut section),
        timeout: Duration::from_secs(section.number("mispTimeoutSeconds", 1, 3600, 100)),
        soft_expiry,
        max_stale,
        falsepositive_timeout: age(&mut section, "falsepositive_timeout"),
        list_stats: age(&mut section, "list_stats"),
        published_grace: section
            .value("published_grace", |s| value::duration(s, YEAR))
            .unwrap_or(DAY),
        default_tlp: section.value("default_tlp", value::tlp).unwrap_or(Tlp::Red),
        decaying_model: section.value("decaying_model", value::model_name),
        score_sightings: section.yes_no("score_sightings", false),
        zmq_url: section.value("zmq_url", value::zmq_url),
        allowed_ips: allowed_ips(&mut section),
        custom_feeds: custom_feeds(&mut section),
        ignore_to_ids: section
            .list("ignore_to_ids", |s| value::some_text(s).map(Item::from))
            .unwrap_or_default()
            .into_iter()
            .collect(),
        denied_token_digests: section
            .list("blacklisted_api_tokens", token_digest)
            .unwrap_or_default()
            .into_iter()
            .collect(),
        page_size: u32::try_from(page_size)
            .ok()
            .and_then(NonZeroU32::new)
            .unwrap_or(NonZeroU32::MIN),
        max_expand: u32::try_from(max_expand).unwrap_or(1 << 16),
        max_answer_bytes: section
            .value("max_answer_bytes", |s| value::size(s, 64 << 10, 16 << 30))
            .unwrap_or(256 << 20),
        max_attributes: section.number("max_attributes", 1, 1_000_000_000, 5_000_000),
    };
    let misp_debug = section.yes_no("mispDebug", false);
    section.finish();
    differences::tell_of_site(&site, misp_debug, &written, report);
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
        let tag = value::tag_text(scalar)?;
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
    let enabled = section.yes_no("enabled", true);
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
    let verify = section.yes_no("mispVerifyCert", true);
    if !verify {
        section.note(
            place,
            "mispVerifyCert",
            "whoever stands between can read MISP keys and change feeds; `ca_certificate` is the safe way",
        );
    }
    verify
}

/// The two ages of a feed: fetch anew, and serve no more.
fn expiry(section: &mut Section<'_>) -> (Duration, Duration) {
    let soft = section.number("memcached_all_timeout", 1, YEAR.as_secs(), 300);
    let soft = Duration::from_secs(soft);
    let place = section.place_of("max_stale");
    let max_stale = section.value("max_stale", |s| value::duration(s, YEAR));
    if max_stale.is_some_and(|max_stale| max_stale < soft) {
        let wrong = Wrong::new(
            "is shorter than `memcached_all_timeout`",
            format!("write at least {}s", soft.as_secs()),
        );
        section.wrong(place, "max_stale", wrong);
    }
    (soft, max_stale.unwrap_or((7 * DAY).max(soft)))
}

fn age(section: &mut Section<'_>, name: &'static str) -> Age {
    section.value(name, value::age).unwrap_or(Age::Weeks1)
}

fn allowed_ips(section: &mut Section<'_>) -> Vec<IpNet> {
    let place = section.place_of("allowed_ips");
    let before = section.report.problems.len();
    let networks = section.list("allowed_ips", value::network).unwrap_or_default();
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
        let path = files::beside(&file, &value::some_text(scalar)?);
        let text = files::read_text(&path).map_err(|(_, wrong)| {
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
            Value::Scalar(scalar) => value::tag_text(scalar),
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
