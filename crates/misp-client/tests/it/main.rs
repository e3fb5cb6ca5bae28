//! The client against a scripted server and against recordings of a real MISP.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[cfg(feature = "blocking")]
mod blocking;
#[cfg(feature = "write")]
mod breakers;
mod changes;
mod checks;
mod connections;
mod custom;
mod decay;
mod endpoints;
mod event_metadata;
#[cfg(feature = "write")]
mod examples;
mod faults;
#[cfg(feature = "zeromq")]
mod live;
mod page_pace;
mod paging;
mod reading;
mod recording;
mod recordings;
mod records;
mod server;
mod sim;
mod tls;
mod warninglist_rules;
mod warninglist_sim;
mod warninglists;

use misp_client::{Attribute, AttributeSearch, Client, Error};

/// A search that no test cares about.
fn any_search() -> AttributeSearch {
    AttributeSearch::new(["domain"]).unwrap()
}

/// Reads a search to its end, whether its rows answer the question or not.
async fn all(client: &Client, search: AttributeSearch) -> Result<Vec<Attribute>, Error> {
    let mut pages = client.search(search).unchecked();
    let mut rows = Vec::new();
    while let Some(batch) = pages.next_batch().await? {
        assert!(!batch.attributes.is_empty());
        rows.extend(batch.attributes);
    }
    Ok(rows)
}

/// An answer with rows of these ids.
fn answer(ids: impl IntoIterator<Item = u64>) -> String {
    let rows: Vec<String> = ids
        .into_iter()
        .map(|id| format!(r#"{{"id":"{id}","type":"domain","value":"host{id}.example.com","to_ids":true}}"#))
        .collect();
    format!("{{\"response\": {{\"Attribute\": [{}]}}}}\n", rows.join(","))
}
