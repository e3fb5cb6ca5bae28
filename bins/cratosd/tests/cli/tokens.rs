//! Tokens for the stand-in at 127.0.0.1: sealed here, or minted by the program.

use std::path::Path;

use misp_sim::{RunningSim, Sim};
use secrecy::SecretString;
use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol, Scope};

use crate::support::{ENCRYPTION_KEY, SALT, cratosd, run_with};

/// Returns a token with this scope and the MISP key of the stand-in's reader.
pub(crate) fn sealed(sim: &RunningSim, scope: Scope) -> String {
    sealed_with(sim, Sim::READER_KEY, scope, "")
}

/// Returns a token with another MISP key and a label.
pub(crate) fn sealed_with(sim: &RunningSim, key: &str, scope: Scope, label: &str) -> String {
    let mut claims = claims(sim, key, ExpiryDay::parse("2099-12-31").unwrap()).with_scope(scope);
    if !label.is_empty() {
        claims = claims.with_label(label);
    }
    seal(&claims)
}

/// Returns a token without limits that ends in so many days.
pub(crate) fn ending_in(sim: &RunningSim, days: u32) -> String {
    let ends = ExpiryDay::days_from(jiff::Timestamp::now().as_second(), days);
    seal(&claims(sim, Sim::READER_KEY, ends))
}

fn claims(sim: &RunningSim, key: &str, ends: ExpiryDay) -> Claims {
    let key = SecretString::from(key);
    Claims::new("127.0.0.1", Protocol::Http, sim.addr().port(), key, ends)
}

fn seal(claims: &Claims) -> String {
    let ring = KeyRing::builder(&SecretString::from(SALT))
        .key(SecretString::from(ENCRYPTION_KEY))
        .legacy(false)
        .build()
        .unwrap();
    ring.seal(claims).unwrap().expose().to_owned()
}

/// Returns a token that the program mints with the configuration in this directory.
pub(crate) fn minted(directory: &Path, sim: &RunningSim, more: &[&str]) -> String {
    let port = sim.addr().port().to_string();
    let site = ["token", "mint", "--site", "127.0.0.1", "--proto", "http"];
    let args = [&site[..], &["--port", &port, "--expires", "2099-12-31"], more].concat();
    let ran = run_with(cratosd(directory, &args), Sim::READER_KEY);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
    ran.stdout.trim().to_owned()
}
