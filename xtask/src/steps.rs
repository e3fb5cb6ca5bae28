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
    /// Where `cargo xtask ci` runs it.
    pub(crate) place: Place,
    /// Does the work; an error is a failed step.
    pub(crate) run: fn() -> anyhow::Result<Outcome>,
}

/// Where a step runs in `cargo xtask ci`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// After the steps before it.
    InTurn,
    /// The same. This step waits much, so that those with [`Place::Beside`] start with it.
    Waiting,
    /// Beside the waiting step and those after it, at a low priority, one step after the other. Such a step compiles.
    Beside,
}

pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        summary: "every file is formatted",
        place: Place::InTurn,
        run: fmt::run,
    },
    Step {
        name: "tidy",
        summary: "house rules that no compiler knows",
        place: Place::InTurn,
        run: tidy::run,
    },
    Step {
        name: "edges",
        summary: "dependencies between our crates point one way",
        place: Place::InTurn,
        run: edges::run,
    },
    Step {
        name: "circles",
        summary: "modules of a crate use each other one way",
        place: Place::InTurn,
        run: circles::run,
    },
    Step {
        name: "codegen",
        summary: "generated pages are what the code says",
        place: Place::InTurn,
        run: codegen::check,
    },
    Step {
        name: "deny",
        summary: "banned crates, licences, sources",
        place: Place::InTurn,
        run: deny::run,
    },
    Step {
        name: "msrv",
        summary: "no dependency needs a newer Rust than the workspace promises",
        place: Place::InTurn,
        run: msrv::run,
    },
    Step {
        name: "clippy",
        summary: "lints, all targets and features",
        place: Place::InTurn,
        run: clippy::run,
    },
    Step {
        name: "peers",
        summary: "real programs that tests speak to are installed",
        place: Place::InTurn,
        run: peers::run,
    },
    Step {
        name: "build",
        summary: "tests and examples compile",
        place: Place::InTurn,
        run: test::build,
    },
    Step {
        name: "test",
        summary: "unit, behaviour and documentation tests",
        place: Place::Waiting,
        run: test::run,
    },
    Step {
        name: "soak",
        summary: "a daemon under load and trouble for two minutes loses no request and grows no larger",
        place: Place::InTurn,
        run: bench::soak::check,
    },
    Step {
        name: "package",
        summary: "Debian packages install, are upgraded, and go",
        place: Place::InTurn,
        run: package::run,
    },
    Step {
        name: "docs",
        summary: "documentation builds without a warning",
        place: Place::Beside,
        run: docs::run,
    },
    Step {
        name: "alone",
        summary: "each library builds alone",
        place: Place::Beside,
        run: alone::run,
    },
    Step {
        name: "custom-exporter",
        summary: "the example crate of a format of your own builds and serves it",
        place: Place::Beside,
        run: custom_exporter::run,
    },
    Step {
        name: "wasm",
        summary: "the crates without I/O build for wasm32-unknown-unknown",
        place: Place::Beside,
        run: wasm::run,
    },
    Step {
        name: "api",
        summary: "the public API of each library is the one that is written down",
        place: Place::Beside,
        run: api::run,
    },
    Step {
        name: "publish",
        summary: "the packages of all crates hold what they need",
        place: Place::Beside,
        run: publish::run,
    },
    Step {
        name: "fuzz-check",
        summary: "fuzz targets compile",
        place: Place::Beside,
        run: fuzz::check,
    },
];
