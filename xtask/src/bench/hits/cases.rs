//! The requests, and the aims of their answers.

/// Domains in the feeds: 15 kB, 147 kB and 1.5 MB as text. Each is a MISP of its own.
pub(super) const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

const FEED: &str = "/v1/feed/block/type/domain/age/1w/output/txt";

pub(super) struct Case {
    pub(super) name: &'static str,
    /// The answer's name at bare hyper and nginx.
    pub(super) file: &'static str,
    /// The index of its MISP in [`SIZES`].
    pub(super) size: usize,
    pub(super) target: &'static str,
    /// Sends the entity tag of the answer before.
    pub(super) is_conditional: bool,
    /// Two requests in turn, so that none is the same as the one before it on its connection.
    pub(super) is_changing: bool,
    pub(super) is_tls: bool,
    /// The least ratios of processor time: bare hyper ÷ cratosd, nginx ÷ cratosd.
    pub(super) against_bare_hyper: Option<f64>,
    pub(super) against_nginx: Option<f64>,
    /// The most processor time of cratosd.
    pub(super) microseconds: Option<f64>,
}

const HIT: Case = Case {
    name: "15 kB",
    file: "small",
    size: 0,
    target: FEED,
    is_conditional: false,
    is_changing: false,
    is_tls: false,
    against_bare_hyper: Some(0.70),
    against_nginx: Some(0.80),
    microseconds: None,
};

pub(super) const CASES: [Case; 7] = [
    HIT,
    Case {
        name: "15 kB, changing requests",
        is_changing: true,
        against_bare_hyper: None,
        against_nginx: None,
        ..HIT
    },
    Case {
        name: "147 kB",
        file: "middle",
        size: 1,
        against_bare_hyper: Some(0.85),
        against_nginx: Some(0.90),
        ..HIT
    },
    Case {
        name: "1.5 MB",
        file: "large",
        size: 2,
        against_bare_hyper: Some(0.95),
        against_nginx: Some(0.95),
        ..HIT
    },
    Case {
        name: "304",
        is_conditional: true,
        against_nginx: None,
        ..HIT
    },
    Case {
        name: "look-up",
        file: "lookup",
        target: "/v1/lookup/nothing.example",
        against_bare_hyper: None,
        against_nginx: None,
        microseconds: Some(30.0),
        ..HIT
    },
    Case {
        name: "15 kB over TLS 1.3",
        is_tls: true,
        against_bare_hyper: None,
        against_nginx: Some(0.80),
        ..HIT
    },
];
