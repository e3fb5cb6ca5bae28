//! Prints how long opening a token takes, for both formats and for wrong ones:
//! `cargo run --release -p cratos-token-crypto --example open_cost`

use std::{error::Error, hint::black_box, time::Instant};

use token_crypto::{Claims, ExpiryDay, KeyRing, Protocol, Scope};

const KEY: &str = "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF";
const SALT: &str = "cratosLabSaltcratosLabSalt012345";
const LEGACY: &str = "gAAAAABrAjbaGVl0Pm6CU4Gsntp2Q60ePl1eU2Q9UI_pGrugoBn78weGlW-GSjSqINOP02x5yI5DZxRxJF93i8l0cdzJOUjWCKZgz3tR04psAPPBjagzeeAEJkKN22Z0J3iNImuhRYyJ_9GERSZgRZCpbhg1dAjSmWSBwP7dNGke3zm88dlb08k=";
const ROUNDS: u32 = 100_000;

fn main() -> Result<(), Box<dyn Error>> {
    let began = Instant::now();
    let ring = KeyRing::builder(&SALT.into()).key(KEY.into()).build()?;
    report("the ring, once (ms)", began.elapsed().as_secs_f64() * 1e3);

    let scope = Scope::new()
        .with_feeds(["block"])
        .with_networks(["10.0.0.0/8".parse()?]);
    let key = "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789aBcD".into();
    let day = ExpiryDay::parse("2099-12-31")?;
    let claims = Claims::new("misp.example.net", Protocol::Https, 443, key, day).with_scope(scope);
    let token = ring.seal(&claims)?;
    let broken = token.expose().replace(|c: char| c.is_ascii_digit(), "A");

    for (what, token) in [
        ("v1 (µs)", token.expose()),
        ("legacy (µs)", LEGACY),
        ("changed (µs)", &broken),
        ("not base64 (µs)", &"!".repeat(token.expose().len())),
    ] {
        let began = Instant::now();
        for _ in 0..ROUNDS {
            let _ = black_box(ring.open(black_box(token)));
        }
        report(what, began.elapsed().as_secs_f64() * 1e6 / f64::from(ROUNDS));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is what this example is for")]
fn report(what: &str, value: f64) {
    println!("{what:<22} {value:8.2}");
}
