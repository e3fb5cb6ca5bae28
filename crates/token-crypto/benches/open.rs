//! The time to open a token: `cargo bench -p cratos-token-crypto`.
#![allow(missing_docs, reason = "divan makes public items")]

use divan::{Bencher, black_box};
use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol, Scope};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
const SALT: &str = "cratosLabSaltcratosLabSalt012345";
const LEGACY: &str = "gAAAAABrAjbaGVl0Pm6CU4Gsntp2Q60ePl1eU2Q9UI_pGrugoBn78weGlW-GSjSqINOP02x5yI5DZxRxJF93i8l0cdzJOUjWCKZgz3tR04psAPPBjagzeeAEJkKN22Z0J3iNImuhRYyJ_9GERSZgRZCpbhg1dAjSmWSBwP7dNGke3zm88dlb08k=";

fn main() {
    divan::main();
}

#[expect(clippy::unwrap_used, reason = "a bench with wrong constants may stop")]
fn ring() -> KeyRing {
    KeyRing::builder(&SALT.into()).key(KEY.into()).build().unwrap()
}

fn claims() -> Claims {
    let day = ExpiryDay::days_from(4_000_000_000, 0);
    let key = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD".into();
    Claims::new("misp.example.net", Protocol::Https, 443, key, day)
        .with_scope(Scope::new().with_feeds(["block"]).with_types(["ipv4"]))
        .with_label("fw1")
}

#[divan::bench]
#[expect(clippy::unwrap_used, reason = "a bench with wrong constants may stop")]
fn v1(bencher: Bencher<'_, '_>) {
    let ring = ring();
    let token = ring.seal(&claims()).unwrap();
    bencher.bench_local(|| ring.open(black_box(token.expose())));
}

#[divan::bench]
fn legacy(bencher: Bencher<'_, '_>) {
    let ring = ring();
    bencher.bench_local(|| ring.open(black_box(LEGACY)));
}

#[divan::bench(args = ["not base64", "broken seal"])]
fn wrong(bencher: Bencher<'_, '_>, what: &str) {
    let ring = ring();
    let token = if what == "not base64" {
        "!".repeat(184)
    } else {
        LEGACY.replace('Z', "Y")
    };
    bencher.bench_local(|| ring.open(black_box(&token)));
}

#[divan::bench]
fn seal(bencher: Bencher<'_, '_>) {
    let (ring, claims) = (ring(), claims());
    bencher.bench_local(|| ring.seal(black_box(&claims)));
}
