//! The bytes of `postfix` and `rspamd`, loaded by the real programs.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests: what cannot be unwrapped has failed the test"
)]

mod postfix;
mod rspamd;
mod smtpd;

/// An empty feed.
const NONE: [&str; 0] = [];

const NAMES: [&str; 3] = ["evil.example", "www.evil.example", "xn--bcher-kva.example"];
const NETWORKS: [&str; 4] = ["10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "203.0.113.77/24"];
const SENDERS: [&str; 7] = [
    "a@evil.example",
    "a@b.example",
    "a#b@a.example",
    "#x@a.example",
    "/x/@a.example",
    "$x={y}@a.example",
    "!x@a.example",
];
