//! What the demo prints: what runs where, the token, and lines to paste into a shell.

use std::fmt;

use feed_classification::{FeedName, IndicatorType, Registry, TypeSet};
use token_crypto::{ExpiryDay, SealedToken};

/// The feed that is shown first.
pub(super) const FIRST_FEED: &str = "/v1/feed/block/type/ipv4/age/1w/output/txt";

/// Everything that differs from run to run. `Debug` is left out: it holds a token.
pub(super) struct Guide<'a> {
    /// Where the sample MISP listens.
    pub(super) misp: &'a str,
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
            misp,
            base,
            expires,
            etag,
            ..
        } = self;
        let token = self.token.expose();
        writeln!(
            f,
            "cratosd demo: everything runs in this process, nothing leaves this machine. Ctrl-C ends it.\n"
        )?;
        writeln!(f, "feeds        {base}")?;
        writeln!(
            f,
            "sample MISP  {misp}, with invented indicators for every feed and every type"
        )?;
        writeln!(f, "token        {token}")?;
        writeln!(
            f,
            "             works until {expires}, for every feed, type and output\n"
        )?;
        writeln!(f, "Each of these can be pasted into another shell as it is.\n")?;
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
            "Ask again and get nothing but 304, since nothing has changed:",
            "-si",
            FIRST_FEED,
            &format!(" -H 'If-None-Match: {etag}'"),
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
            "Only the names that may be told to everybody (TLP):",
            "-s",
            "/v1/feed/block/type/domain/age/1w/output/txt?max_tlp=clear",
            "",
        )?;
        self.example(f, "Does this token reach its MISP?", "-s", "/v1/check", "")?;
        writeln!(f, "# Tell MISP that a name was seen, with the token of a sensor:")?;
        writeln!(
            f,
            "curl -s '{base}/v1/sightings' -H 'token: {}' -d '{{\"value\": \"clear.marked.example.com\"}}'\n",
            self.reporter.expose()
        )?;
        self.everything(f)?;
        writeln!(
            f,
            "To go on with a MISP of your own: docs/quick-start.md, or `cratosd init --help`."
        )
    }
}

impl Guide<'_> {
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
