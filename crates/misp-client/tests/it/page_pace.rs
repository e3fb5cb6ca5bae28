//! Pages that follow the time that MISP takes for them.

use std::num::NonZeroU32;
use std::time::Duration;

use misp_client::{AttributeSearch, ErrorKind, PagePace};
use serde_json::{Value, json};

use crate::server::{Reply, Seen, Server};

fn search(rows: u32) -> AttributeSearch {
    AttributeSearch::new(["domain"])
        .unwrap()
        .page_size(NonZeroU32::new(rows).unwrap())
}

fn size(seen: &Seen) -> u64 {
    seen.json()["limit"].as_u64().unwrap()
}

/// Answers with the page of so many attributes that is asked for.
fn page_of(all: u64, seen: &Seen) -> Reply {
    let (page, limit) = (seen.page(), size(seen));
    let ids = (page - 1) * limit..(page * limit).min(all);
    let left = all.saturating_sub((page - 1) * limit);
    let rows: Vec<Value> = ids
        .map(|id| json!({"id": id + 1, "type": "domain", "value": format!("d{id}.example.com")}))
        .collect();
    let count = if left >= limit { limit + 1 } else { left };
    Reply::page(json!({"response": {"Attribute": rows}}).to_string(), count, 0)
}

async fn ids(server: &Server, pace: &PagePace, rows: u32) -> Result<Vec<u64>, misp_client::Error> {
    let client = server
        .builder()
        .timeout(Duration::from_secs(2))
        .max_retries(0)
        .page_pace(pace.clone())
        .build()
        .unwrap();
    let mut pages = client.search(search(rows));
    let mut ids = Vec::new();
    while let Some(batch) = pages.next_batch().await? {
        ids.extend(batch.attributes.iter().map(|row| row.id));
    }
    Ok(ids)
}

#[tokio::test]
async fn a_page_that_does_not_come_is_asked_for_in_smaller_ones_and_no_row_is_lost() {
    // The first page of 1 000 comes. The second one hangs: before its body, after some 30 rows, or after some 500 rows,
    // which are more than the smaller page has that is asked for next.
    for bytes in [0, 2_000, 30_000] {
        let server = Server::start(move |seen, number| match number {
            1 if bytes > 0 => page_of(2_300, seen).cut_off_and_hang(bytes),
            1 => Reply::nothing().then_hang(),
            _ => page_of(2_300, seen),
        })
        .await;
        let pace = PagePace::new();
        let found = ids(&server, &pace, 1_000).await.unwrap();
        assert_eq!(found, (1..=2_300).collect::<Vec<u64>>(), "after {bytes} bytes");
        let sizes: Vec<u64> = server.seen().iter().map(size).collect();
        assert_eq!(sizes[..3], [1_000, 1_000, 250]);
        assert_eq!(pace.times(false).timed_out, 1);
    }
}

#[tokio::test]
async fn a_search_whose_pages_never_come_ends_within_its_time() {
    let server = Server::always(Reply::nothing().then_hang()).await;
    let began = std::time::Instant::now();
    let error = ids(&server, &PagePace::new(), 1_000).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn without_a_pace_every_page_has_the_size_that_was_asked_for() {
    let server = Server::start(|seen, _| page_of(25, seen)).await;
    let mut pages = server.client().search(search(10));
    while pages.next_batch().await.unwrap().is_some() {}
    assert_eq!(server.seen().iter().map(size).collect::<Vec<_>>(), [10, 10, 10]);
    let ends = &pages.progress().page_ends;
    let ends: Vec<(u32, Option<u64>)> = ends.iter().map(|end| (end.place, end.last_row)).collect();
    assert_eq!(ends, [(10, Some(10)), (20, Some(20)), (30, Some(25))]);
}
