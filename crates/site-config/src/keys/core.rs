//! The keys of `config/config.yaml`.

use super::ConfigFile::Core;
use super::{Key, ours, theirs};

#[rustfmt::skip]
pub(crate) const CORE: &[Key] = &[
    theirs(Core, "debug", "yes or no", "False", "without effect; RUST_LOG=debug in the environment logs more"),
    theirs(Core, "encryption_key", "secret of 64 characters", "required, or one of the two below, or a systemd credential of this name",
        "key that seals the tokens; `cratosd keygen` makes one"),
    ours(Core, "encryption_key_file", "path", "none", "file that holds the encryption key instead, relative to this file"),
    ours(Core, "encryption_keys", "list of secrets of 64 characters", "[]", "all keys that open tokens, newest first; the first one seals new tokens"),
    theirs(Core, "salt", "secret of 32 characters", "required, or `salt_file`, or a systemd credential of this name",
        "second half of the secret that seals the tokens"),
    ours(Core, "salt_file", "path", "none", "file that holds the salt instead, relative to this file"),
    ours(Core, "accept_legacy_tokens", "yes or no", "True", "open tokens that Cratos FastAPI made with the same key and salt"),
    theirs(Core, "allways_allowed_ips", "list of networks", "[]", "networks that may ask for every site, beside the site's own `allowed_ips`"),
    ours(Core, "token_minting.allowed_ips", "list of networks", "`allways_allowed_ips` and loopback", "networks that may have tokens made"),
    ours(Core, "metrics_allowed_ips", "list of networks", "loopback", "networks that may read `/metrics`, and why `/readyz` says no"),
    ours(Core, "listen", "address:port", "127.0.0.1:8080", "where `cratosd serve` listens; the option --listen wins"),
    ours(Core, "memory_bytes", "size", "256MiB", "bound of the memory that rendered feeds may take"),
    ours(Core, "lookup_memory_bytes", "size", "512MiB", "bound of the memory that the indexes of `/v1/lookup` may take; a million values take about 100 MiB"),
    ours(Core, "max_site_questions", "1 to 64", "4", "questions that one MISP is asked at the same time, at most"),
    theirs(Core, "memcached_host", "host", "none", "host of the memcached that several daemons share; without it none is used"),
    theirs(Core, "memcached_port", "port", "11211", "port of that memcached"),
    theirs(Core, "memcached_user", "text", "\"\"", "user there, by SASL PLAIN; empty for none"),
    theirs(Core, "memcached_pass", "secret text", "\"\"", "password of that user"),
    ours(Core, "cache.url", "redis://, rediss:// or memcached:// URL", "none",
        "the cache that several daemons share, instead of `memcached_host`; `user:password@` before the host, `/number` of a database behind it"),
    ours(Core, "cache.password_file", "path", "none", "file that holds the password there instead, relative to this file"),
    ours(Core, "cache.ca_file", "path", "the authorities of the system", "PEM file with the authorities that are believed with rediss://, relative to this file"),
    theirs(Core, "reverse_proxy", "yes or no", "False", "take the caller's address from a header of the proxy in front"),
    theirs(Core, "reverse_proxy_header", "header name", "X-Forwarded-For", "header that holds the caller's address; `Forwarded` is read as RFC 7239 says"),
    theirs(Core, "reverse_proxy_real_ip_regex", "regular expression", "^(.*)$", "finds the address, or several with commas between them, in that header"),
    theirs(Core, "reverse_proxy_regex_place", "0 to 99", "1", "number of the group in that expression that is the address; 0 for all that it finds"),
    ours(Core, "reverse_proxy_trusted", "list of networks", "loopback and private networks",
        "proxies: only their header is believed, and of several addresses in it the right-most one counts that is not listed here"),
    ours(Core, "proxy_protocol", "yes or no", "False", "every connection must come from one of these proxies and begin with a header of the PROXY protocol, 1 or 2"),
    theirs(Core, "access_log", "path", "none", "file of the access log, relative to the working directory; without it there is none"),
    theirs(Core, "access_log_max_bytes", "megabytes", "10", "size in megabytes at which that file is rotated"),
    theirs(Core, "access_log_rotations", "number", "5", "rotated files that are kept; with 0 the file is never rotated"),
    ours(Core, "log_format", "reference or json", "reference", "how a line of the access log looks"),
];
