//! Judges values against MISP's warninglists in memory, as MISP itself does.
//!
//! MISP compares one value at a time with each of its lists, in PHP: a page of 10 000 addresses takes it about 30 s. A
//! [`WarninglistMatcher`] reads the lists once and then judges a name in about two microseconds, an address in a tenth
//! of that: with 40 lists, one of a million names, twice to three times as long as one look-up in a `HashSet` of the
//! million takes (`benches/warninglists`).
//!
//! ```
//! use misp_client::warninglist::WarninglistMatcher;
//! use misp_client::{Warninglist, WarninglistEntries};
//!
//! let names = Warninglist::new(7, "Shared hosts", "hostname").attribute_types(["domain", "url"]);
//! let networks = Warninglist::new(8, "Private networks", "cidr").attribute_types(["ip-dst", "domain|ip"]);
//! let matcher = WarninglistMatcher::builder()
//!     .add_list(&WarninglistEntries::new(names, ["shared.example.org"]))
//!     .add_list(&WarninglistEntries::new(networks, ["10.0.0.0/8"]))
//!     .build();
//!
//! assert!(matcher.matches("url", "https://www.shared.example.org/login"));
//! assert!(!matcher.matches("hostname", "www.shared.example.org"), "the list does not name this type");
//! let hits = matcher.hits("domain|ip", "bad.example.com|10.1.2.3");
//! assert_eq!((hits[0].id, &*hits[0].matched, &*hits[0].value), (8, "10.0.0.0/8", "10.1.2.3"));
//! ```
//!
//! [`Client::warninglist_matcher`](crate::Client::warninglist_matcher) reads the enabled lists of a MISP into a builder.
//!
//! # Rules
//!
//! The rules are those of MISP 2.5.1 for `enforceWarninglist`. They come from `app/Model/Warninglist.php` (`checkValue`
//! and the functions that it calls) and, for networks, from `app/Lib/Tools/CidrTool.php`.
//!
//! - A list judges the attribute types that it names, and every type if it names `ALL`. A type that no list names, such
//!   as `hostname|port` on most installations, never matches.
//! - The values of `malware-sample` and of types with a `|` are split at the first `|`. Both halves are judged by each
//!   list.
//! - `to_ids` and the category of a list (`false_positive`, `known`) do not matter. Lists that are not enabled are
//!   ignored.
//! - `string`: the value is an entry, byte by byte. Upper and lower case differ.
//! - `substring`: the value contains an entry; upper and lower case differ. An empty entry is part of every value.
//! - `hostname`: the host or one of its parents is an entry. Entries are compared in lower case and without dots at
//!   their ends; values as they are, so `Example.com` does not match. The host is the text before the first `/`, or
//!   after the second `/` if the value contains `//`. A port or a user name stays a part of it.
//! - `cidr`: the address is inside an entry. A value that is a network must not be larger than the entry. IPv4 entries
//!   must be written as MISP computes them: an entry with host bits, such as `10.0.0.1/8`, or with `08` for the length
//!   matches nothing. IPv6 entries may have any spelling.
//! - `regex`: an entry is an expression as PHP's `preg_match` takes it, with delimiters and modifiers. MISP ignores
//!   expressions that PHP refuses, for example because of the modifier `g`.
//!
//! # Differences
//!
//! - An expression that Rust's `regex` cannot take, or takes in another sense, is not judged: see
//!   [`WarninglistMatcher::unjudged`]. With the modifier `u`, classes such as `\w` follow Unicode tables that can be
//!   newer than those of PHP. PHP gives up on expressions that backtrack too often; this matcher does not.
//! - If several entries of one list match, MISP names an entry that depends on its cache. This matcher names the
//!   largest network, the shortest parent, or the entry that it finds first.
//! - If an IPv6 network is inside several entries of one list, MISP compares its length with any one of them. This
//!   matcher compares it with the largest.

mod attribute_types;
mod builder;
mod digest;
mod expressions;
mod hosts;
mod list;
mod list_sets;
mod matcher;
mod network;
mod networks;
mod php_expression;
mod substrings;
mod texts;
mod translation;
mod unjudged;

pub use builder::WarninglistMatcherBuilder;
pub use digest::WarninglistDigest;
pub use matcher::{WarninglistMatcher, compared_parts};
pub use unjudged::{Unjudged, UnjudgedReason};
