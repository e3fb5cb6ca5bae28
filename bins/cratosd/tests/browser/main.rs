//! The pages in a real browser: Debian's Chromium, driven by its own driver.
//!
//! One browser for all tests, one test after the other: starting it costs more than all of them. That is why this program has a `main`
//! of its own; to its user it is `cargo test` as ever (`cargo test -p cratosd --test browser errors`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod api_pages;
#[expect(dead_code, reason = "the pages that need the rest have their tests next")]
mod browser;
mod session;
mod stage;
mod support;
mod tokenless;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use stage::Stage;

/// Lists tests by the paths of their functions. One that is forgotten here is dead code, which the compiler tells.
macro_rules! tests {
    ($stage:expr, $( $test:path, )+) => {
        vec![$( $stage.trial(stringify!($test), async |browser| $test(browser).await) ),+]
    };
}

fn main() -> ExitCode {
    let arguments = Arguments {
        test_threads: Some(1),
        ..Arguments::from_args()
    };
    let stage = Stage::new();
    let tests = tests![
        stage,
        api_pages::help_shows_every_route_and_loads_nothing_from_elsewhere,
        api_pages::redoc_shows_every_route_and_loads_nothing_from_elsewhere,
        api_pages::both_pages_fit_a_phone,
        api_pages::without_scripts_the_pages_say_where_to_look,
        tokenless::plain_answers_are_shown_as_text_and_run_nothing,
    ];
    let conclusion = libtest_mimic::run(&arguments, tests);
    stage.close();
    conclusion.exit_code()
}
