//! Looks values up: `CRATOS_TOKEN=… cargo run -p cratos-client --example look-up -- https://cratos.example.net
//! 198.51.100.7`.

use std::env;
use std::error::Error;

use cratos_client::{Client, LookUp, Token};

#[expect(clippy::print_stdout, reason = "an example prints its result")]
#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut words = env::args().skip(1);
    let server = words.next().ok_or("usage: look-up URL VALUE…")?.parse()?;
    let values: Vec<String> = words.collect();
    let client = Client::new(server, Token::new(env::var("CRATOS_TOKEN")?))?;
    for verdict in client.look_up_many(&values, &LookUp::new()).await? {
        println!("{}: {} matches", verdict.value, verdict.count);
        for found in &verdict.matches {
            let event = found.context.as_ref().map_or("", |context| &context.event_info);
            println!("  {} {} ({}) {event}", found.relation, found.value, found.kind);
        }
    }
    Ok(())
}
