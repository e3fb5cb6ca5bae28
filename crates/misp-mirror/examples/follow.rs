//! Follows a MISP and prints what came and went: `MISP_URL=… MISP_KEY=… cargo run --example follow`.

#![expect(clippy::print_stdout, reason = "printing is what the example does")]

use misp_client::{AuthKey, Client};
use misp_mirror::{Change, Mirror, Store, StoreKey};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (url, key) = (std::env::var("MISP_URL")?, std::env::var("MISP_KEY")?);
    let client = Client::builder(url.parse()?, AuthKey::new(key)?).build()?;
    // With `Store::open` instead, the next start goes on where this one ended.
    let store = Store::in_memory(&StoreKey::new([0; 32]), url.as_bytes(), 1 << 30)?;
    let (_mirror, mut changes) = Mirror::builder(client, store)
        .attribute_types(["domain", "ip-dst"])
        .start()?;
    while let Some(batch) = changes.next().await {
        for change in batch.changes {
            match change {
                Change::Replaced { record, .. } => {
                    let block = &record.current;
                    println!("{} {}: {} rows", block.event.id, block.event.info, block.rows.len());
                }
                Change::Removed { id } => println!("{id} is gone"),
                Change::Missing { id, .. } => println!("{id} is damaged on disk and is read again"),
            }
        }
    }
    Ok(())
}
