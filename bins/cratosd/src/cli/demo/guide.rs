//! What the demo prints: what runs where, the tokens, the pages, and lines to paste into a shell.

use std::fmt;
use std::net::SocketAddr;

use feed_classification::{FeedName, IndicatorType, Registry, TypeSet};
use misp_sim::Sim;
use token_crypto::{ExpiryDay, SealedToken};

/// The feed that is shown first.
pub(super) const FIRST_FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";

/// The name that is looked up and reported: the sample MISP lists it.
const LISTED_NAME: &str = "clear.marked.example.com";

/// Everything that differs from run to run. `Debug` is left out: it holds a token.
pub(super) struct Guide<'a> {
    /// Where the sample MISP listens.
    pub(super) misp: SocketAddr,
    /// Where the daemon answers, without a slash at the end.
    pub(super) base: &'a str,
    pub(super) token: &'a SealedToken,
    /// That of a sensor.
    pub(super) reporter: &'a SealedToken,
    pub(super) expires: ExpiryDay,
    /// That of [`FIRST_FEED`].
    pub(super) etag: &'a str,
}

impl fmt::Display for Guide<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            misp, base, expires, ..
        } = self;
        let token = self.token.expose();
        writeln!(
            f,
            "cratosd demo: everything runs in this process, nothing leaves this machine. Ctrl-C ends it.\n"
        )?;
        writeln!(f, "feeds        {base}")?;
        writeln!(
            f,
            "sample MISP  http://{misp}, with invented indicators for every feed and every type"
        )?;
        writeln!(f, "token        {token}")?;
        writeln!(
            f,
            "             works until {expires}, for every feed, type and output, for look-ups and for streams\n"
        )?;
        self.pages(f)?;
        writeln!(f, "Each of these can be pasted into another shell as it is.\n")?;
        self.feeds(f)?;
        self.beyond_feeds(f)?;
        self.minting(f)?;
        self.everything(f)?;
        writeln!(
            f,
            "To go on with a MISP of your own: docs/quick-start.md, or `cratosd init --help`."
        )
    }
}

impl Guide<'_> {
    fn pages(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (base, misp) = (self.base, self.misp);
        writeln!(f, "Pages for a browser:")?;
        writeln!(f, "  start      {base}/")?;
        writeln!(f, "  try it     {base}/v1/help")?;
        writeln!(f, "  reference  {base}/redoc")?;
        writeln!(f, "  tokens     {base}/v1/generate_token_form")?;
        writeln!(
            f,
            "             MISP instance {}, http, port {}, key {}\n",
            misp.ip(),
            misp.port(),
            Sim::READER_KEY
        )
    }

    fn feeds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.example(f, "Addresses to block, one a line:", "-s", FIRST_FEED, "")?;
        self.example(
            f,
            "The same as JSON:",
            "-s",
            "/v1/feed/block/type/ipv4/age/1w/output/json",
            "",
        )?;
        self.example(
            f,
            "Ask again and get 304 without a body, since nothing has changed:",
            "-si",
            FIRST_FEED,
            &format!(" -H 'If-None-Match: {}'", self.etag),
        )?;
        self.example(
            f,
            "YARA rules, whole, over many lines:",
            "-s",
            "/v1/feed/hunt/type/yara/age/1w/output/txt",
            "",
        )?;
        self.example(
            f,
            "Only the names that everybody may see (TLP):",
            "-s",
            "/v1/feed/block/type/domain/age/1w/output/txt?max_tlp=clear",
            "",
        )?;
        self.example(f, "Does this token reach its MISP?", "-s", "/v1/check", "")
    }

    fn beyond_feeds(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.example(
            f,
            "What is known of a name below a listed one, with its event:",
            "-s",
            &format!("/v1/lookup?value=www.{LISTED_NAME}"),
            "",
        )?;
        self.example(
            f,
            "The state of a feed now; with ?since=STATE only the difference to that state:",
            "-s",
            "/v1/changes/feed/block/type/ipv4/age/1w",
            "",
        )?;
        self.example(
            f,
            "Follow a feed; here just its first event:",
            "-sN",
            "/v1/stream/feed/block/type/ipv4/age/1w",
            " | head -n 5",
        )?;
        writeln!(f, "# Report to MISP that a name was seen, with the token of a sensor:")?;
        writeln!(
            f,
            "curl -s '{}/v1/sightings' -H 'token: {}' -d '{{\"value\": \"{LISTED_NAME}\"}}'\n",
            self.base,
            self.reporter.expose()
        )
    }

    fn minting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "# Make a token that opens one feed and nothing else; the form does the same:"
        )?;
        writeln!(
            f,
            "curl -s '{}/v1/generate_token_json' -H 'content-type: application/json' -d '{{\"domain\": \"{}\", \"proto\": \"http\", \
             \"port\": {}, \"auth\": \"{}\", \"expire\": \"{}\", \"scope\": {{\"feeds\": [\"block\"], \"types\": [\"ipv4\"]}}}}'\n",
            self.base,
            self.misp.ip(),
            self.misp.port(),
            Sim::READER_KEY,
            self.expires
        )
    }

    fn example(&self, f: &mut fmt::Formatter<'_>, what: &str, flags: &str, path: &str, more: &str) -> fmt::Result {
        writeln!(f, "# {what}")?;
        writeln!(
            f,
            "curl {flags} '{}{path}' -H 'token: {}'{more}\n",
            self.base,
            self.token.expose()
        )
    }

    /// A loop that works in every shell; curl itself expands the list of outputs.
    fn everything(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = Registry::builtin();
        // The others answer most types with a 422, which says nothing of the feed.
        let for_all = registry
            .iter()
            .map(|exporter| exporter.about())
            .filter(|about| about.accepts == TypeSet::ALL);
        let outputs: Vec<_> = for_all.map(|about| about.name).collect();
        let (feeds, types, outputs) = (
            FeedName::NAMES.join(" "),
            IndicatorType::NAMES.join(" "),
            outputs.join(","),
        );
        writeln!(
            f,
            "# Every feed, every type, every output that takes all types: a status code for each"
        )?;
        writeln!(f, "for feed in {feeds}; do")?;
        writeln!(f, "  for type in {types}; do")?;
        writeln!(
            f,
            "    curl -s -o /dev/null -w '%{{http_code}} %{{url_effective}}\\n' -H 'token: {}' \\",
            self.token.expose()
        )?;
        writeln!(
            f,
            "      \"{}/v1/feed/$feed/type/$type/age/1w/output/{{{outputs}}}\"",
            self.base
        )?;
        writeln!(f, "  done")?;
        writeln!(f, "done\n")
    }
}
