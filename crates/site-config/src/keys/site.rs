//! The keys of `sites/<fqdn>.yaml`.

use super::ConfigFile::Site;
use super::{Key, ours, theirs};

#[rustfmt::skip]
pub(crate) const SITE: &[Key] = &[
    theirs(Site, "enabled", "yes or no", "True", "serve this site at all; Cratos FastAPI never looks at it, here `False` disables the site"),
    theirs(Site, "debug", "yes or no", "False", "without effect; RUST_LOG=debug in the environment logs more"),
    theirs(Site, "company", "text", "\"\"", "whose MISP it is, for people"),
    theirs(Site, "tag", "text", "required", "prefix of the site's MISP tags: `<tag>:incident-classification=block`"),
    theirs(Site, "mispVerifyCert", "yes or no", "True", "check MISP's certificate"),
    ours(Site, "ca_certificate", "path", "none", "PEM file of the authority that signed MISP's certificate, relative to this file"),
    theirs(Site, "mispTimeoutSeconds", "seconds, 1 to 3600", "100", "time that MISP has to answer one question"),
    theirs(Site, "mispDebug", "yes or no", "False", "without effect"),
    theirs(Site, "memcached_all_timeout", "seconds, 1 to 31536000", "300", "age at which a feed is fetched anew"),
    ours(Site, "max_stale", "duration", "7d", "age at which a feed is not served any more, even if MISP fails"),
    theirs(Site, "falsepositive_timeout", "age", "1w", "how far back MISP's false positives count"),
    theirs(Site, "list_stats", "age", "1w", "without effect"),
    theirs(Site, "allowed_ips", "list of networks", "[]", "networks that may ask for this site"),
    theirs(Site, "custom_feeds", "map from cust1 … cust5 to text", "{}", "what follows the tag for the feeds cust1 to cust5"),
    theirs(Site, "ignore_to_ids", "list of names", "[]", "indicator types (or MISP attribute types) that count without MISP's to_ids flag"),
    theirs(Site, "blacklisted_api_tokens", "list of sha256 in hex", "[]", "sha256 of each token that is refused"),
    ours(Site, "published_grace", "duration", "24h", "how long a feed counts an event as last published while it is being edited; 0s for MISP's own meaning"),
    ours(Site, "default_tlp", "clear, green, amber, amber+strict or red", "red", "TLP level that an attribute counts as where neither it nor its event has a TLP tag; matters to tokens and URLs with max_tlp only"),
    ours(Site, "decaying_model", "text", "none", "name of the decaying model in MISP by which scores are reckoned; needed for URLs with min_score only"),
    ours(Site, "score_sightings", "yes or no", "False", "ask MISP for sightings where scores matter, so that a hit renews a score as it does in MISP; MISP looks them up one attribute at a time"),
    ours(Site, "zmq_url", "tcp://host:port", "none", "MISP's ZeroMQ feed; with it feeds are fresh seconds after MISP publishes, instead of when they grow old"),
    ours(Site, "page_size", "1 to 1000000", "10000", "attributes asked of MISP in one page at most; pages are smaller where MISP takes longer than 5 s for one"),
    ours(Site, "max_expand", "1 to 1048576", "65536", "addresses that one network may be written out to"),
    ours(Site, "max_answer_bytes", "size", "256MiB", "size of one page of MISP's answer at which it is refused"),
    ours(Site, "max_attributes", "1 to 1000000000", "5000000", "attributes of one feed at which MISP's answer is refused"),
];
