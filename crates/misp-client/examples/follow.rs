//! Prints the messages that a MISP publishes by ZeroMQ: `cargo run -p cratos-misp-client --features zeromq --example
//! follow -- tcp://HOST:50000`.
//!
//! ZeroMQ has no key here: every host that reaches the port may listen.

use std::io::Write as _;

use misp_client::{Notice, Subscription};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("where? Give tcp://HOST:50000")?;
    let mut subscription = Subscription::new(address.parse()?);
    let mut out = std::io::stdout().lock();
    loop {
        match subscription.next().await {
            Notice::Connected => writeln!(out, "connected; what was published before is not told")?,
            Notice::Message(message) => writeln!(out, "{message:?}")?,
            other => writeln!(out, "{other:?}")?,
        }
    }
}
