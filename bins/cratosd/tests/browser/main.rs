//! The pages in a real browser: Debian's Chromium, driven by chromedriver.
//!
//! All tests use one browser, one after the other: its start takes longer than all of them. For this the program has
//! its own `main`; it takes the usual arguments, for example `cargo test -p cratosd --test browser mistakes`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests are tests")]

mod api_pages;
mod browser;
mod session;
mod stage;
mod support;
mod token_page;
mod tokenless;

use std::process::ExitCode;

use libtest_mimic::Arguments;

use stage::Stage;

/// Lists tests by the paths of their functions. The compiler reports a test that is missing here as dead code.
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
        api_pages::both_pages_are_dark_where_the_visitor_wants_it,
        api_pages::without_scripts_the_pages_say_where_to_look,
        token_page::looks::has_names_for_every_field_and_the_keyboard_reaches_all,
        token_page::looks::fits_a_phone_and_a_desktop,
        token_page::looks::has_contrast_in_light_and_dark,
        token_page::mistakes::stand_beside_their_fields_and_keep_what_was_typed,
        token_page::minting::a_token_made_on_the_page_opens_its_feeds_and_no_others,
        token_page::minting::copying_puts_the_token_on_the_clipboard,
        token_page::minting::works_without_scripts,
        token_page::minting::an_address_that_may_not_sees_why,
        tokenless::plain_answers_are_shown_as_text_and_run_nothing,
    ];
    let conclusion = libtest_mimic::run(&arguments, tests);
    stage.close();
    conclusion.exit_code()
}
