//! The steps of `cargo xtask ci`, in their order: quick checks that often fail come first.

use crate::outcome::Outcome;
use crate::{
    alone, api, bench, circles, clippy, codegen, custom_exporter, deny, docs, edges, fmt, fuzz, msrv, package, peers,
    publish, test, tidy, wasm,
};

/// One check, runnable alone by its name.
pub(crate) struct Step {
    /// The subcommand.
    pub(crate) name: &'static str,
    /// One line for the usage text.
    pub(crate) summary: &'static str,
    /// Does the work; an error is a failed step.
    pub(crate) run: fn() -> anyhow::Result<Outcome>,
}

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        summary: "every file is formatted",
        run: fmt::run,
    },
    Step {
        name: "tidy",
        summary: "house rules that no compiler knows",
        run: tidy::run,
    },
    Step {
        name: "edges",
        summary: "dependencies between our crates point one way",
        run: edges::run,
    },
    Step {
        name: "circles",
        summary: "modules of a crate use each other one way",
        run: circles::run,
    },
    Step {
        name: "codegen",
        summary: "generated pages are what the code says",
        run: codegen::check,
    },
    Step {
        name: "deny",
        summary: "banned crates, licences, sources",
        run: deny::run,
    },
    Step {
        name: "msrv",
        summary: "no dependency needs a newer Rust than the workspace promises",
        run: msrv::run,
    },
    Step {
        name: "clippy",
        summary: "lints, all targets and features",
        run: clippy::run,
    },
    Step {
        name: "peers",
        summary: "real programs that tests speak to are installed",
        run: peers::run,
    },
    Step {
        name: "test",
        summary: "unit, behaviour and documentation tests",
        run: test::run,
    },
    Step {
        name: "soak",
        summary: "a daemon under load and trouble for two minutes loses no request and grows no larger",
        run: bench::soak::check,
    },
    Step {
        name: "package",
        summary: "Debian packages install, are upgraded, and go",
        run: package::run,
    },
    Step {
        name: "docs",
        summary: "documentation builds without a warning",
        run: docs::run,
    },
    Step {
        name: "alone",
        summary: "each library with features builds without them",
        run: alone::run,
    },
    Step {
        name: "custom-exporter",
        summary: "the example crate of a format of your own builds and serves it",
        run: custom_exporter::run,
    },
    Step {
        name: "wasm",
        summary: "the crates without I/O build for wasm32-unknown-unknown",
        run: wasm::run,
    },
    Step {
        name: "api",
        summary: "the public API of each library is the one that is written down",
        run: api::run,
    },
    Step {
        name: "publish",
        summary: "each crate can be published",
        run: publish::run,
    },
    Step {
        name: "fuzz-check",
        summary: "fuzz targets compile",
        run: fuzz::check,
    },
];
