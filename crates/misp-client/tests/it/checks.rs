//! Rows are compared with the question unless the caller turns that off; the stand-in for MISP loses the filter.

use std::num::{NonZeroU32, NonZeroU64};
use std::time::Duration;

use futures_util::TryStreamExt;
use misp_client::{Attribute, AttributeSearch, Client, Error, ErrorKind, Fault};
use misp_sim::{Bulk, Event, RunningSim, Sim};

use crate::sim::client;

const BLOCK: &str = "example:incident-classification=block";

async fn sim() -> RunningSim {
    Sim::builder()
        .event(
            Event::new("wave")
                .tag(BLOCK)
                .attribute(misp_sim::Attribute::new("domain", "bad.example.com"))
                .attribute(misp_sim::Attribute::new("domain|ip", "c2.example.com|192.0.2.66").comment("seen once"))
                .attribute(misp_sim::Attribute::new("md5", "d41d8cd98f00b204e9800998ecf8427e")),
        )
        .bulk(Bulk::new(590, "url"))
        .start()
        .await
        .unwrap()
}

fn block() -> AttributeSearch {
    AttributeSearch::new(["domain", "domain|ip"])
        .unwrap()
        .with_tag(BLOCK)
        .unwrap()
}

async fn values(client: &Client, search: AttributeSearch) -> Result<Vec<String>, Error> {
    let rows: Vec<Attribute> = client.search(search).try_collect().await?;
    Ok(rows.into_iter().map(|row| row.value).collect())
}

#[tokio::test]
async fn answer_without_the_filter_is_an_error() {
    let sim = sim().await;
    assert_eq!(values(&client(&sim), block()).await.unwrap().len(), 2);
    sim.set_fault(misp_sim::Fault::EverythingUnfiltered);
    let error = values(&client(&sim), block()).await.unwrap_err();
    assert_eq!((error.kind(), error.fault()), (ErrorKind::Unfiltered, Fault::Upstream));
    assert!(error.to_string().contains("a row that does not answer"), "{error}");
    let mut pages = client(&sim).search(block());
    assert_eq!(pages.next_batch().await.unwrap_err().kind(), ErrorKind::Unfiltered);
    assert!(
        pages.next_batch().await.is_err(),
        "an error must not look like the end afterwards"
    );
}

#[tokio::test]
async fn caller_that_judges_rows_itself_turns_the_check_off() {
    let sim = sim().await;
    sim.set_fault(misp_sim::Fault::EverythingUnfiltered);
    let rows: Vec<Attribute> = client(&sim).search(block()).unchecked().try_collect().await.unwrap();
    assert_eq!(rows.len(), 593);
    // Without the question MISP does not show the tags of events either.
    assert_eq!(rows.iter().filter(|row| block().answers(row).is_ok()).count(), 0);
    let of_type = AttributeSearch::new(["domain", "domain|ip"]).unwrap();
    assert_eq!(rows.iter().filter(|row| of_type.answers(row).is_ok()).count(), 2);
}

#[tokio::test]
async fn progress_can_be_read_while_rows_are_streamed() {
    let sim = sim().await;
    let by_100 = AttributeSearch::new(["url"])
        .unwrap()
        .page_size(NonZeroU32::new(100).unwrap());
    let mut pages = client(&sim).search(by_100);
    assert_eq!(pages.progress().rows_sent, 0);
    let mut rows = 0;
    while let Some(row) = pages.try_next().await.unwrap() {
        rows += 1;
        assert_eq!(row.kind, "url");
        assert!(pages.progress().rows_sent >= rows);
    }
    assert_eq!(
        (rows, pages.progress().rows_sent, pages.progress().unusable),
        (590, 590, 0)
    );
    assert_eq!(pages.progress().pages, 6);
    assert!(pages.try_next().await.unwrap().is_none(), "the end stays the end");
}

#[tokio::test]
async fn batches_go_on_where_the_stream_stopped() {
    let sim = sim().await;
    let mut pages = client(&sim).search(AttributeSearch::new(["url"]).unwrap());
    pages.try_next().await.unwrap().unwrap();
    let mut rows = 1;
    while let Some(batch) = pages.next_batch().await.unwrap() {
        rows += batch.attributes.len();
    }
    assert_eq!(rows, 590);
}

#[tokio::test]
async fn stream_that_was_interrupted_between_rows_goes_on() {
    let sim = sim().await;
    sim.set_latency(Duration::from_millis(300));
    let mut pages = client(&sim).search(AttributeSearch::new(["url"]).unwrap());
    tokio::time::timeout(Duration::from_millis(20), pages.try_next())
        .await
        .unwrap_err();
    let rows: Vec<Attribute> = pages.try_collect().await.unwrap();
    assert_eq!(rows.len(), 590);
}

#[tokio::test]
async fn limit_ends_the_search() {
    let sim = sim().await;
    let newest = |limit| {
        let search = AttributeSearch::new(["url"])
            .unwrap()
            .limit(NonZeroU64::new(limit).unwrap());
        search
            .order(misp_client::Order::IdDescending)
            .page_size(NonZeroU32::new(100).unwrap())
    };
    for (limit, requests) in [(1, 1), (100, 1), (150, 2), (1_000, 6)] {
        sim.clear_requests();
        let found = values(&client(&sim), newest(limit)).await.unwrap();
        assert_eq!(found.len() as u64, limit.min(590));
        assert_eq!(sim.searches(), requests, "{limit}");
    }
}

#[tokio::test]
async fn values_are_found_in_either_half_and_with_wildcards() {
    let sim = sim().await;
    let misp = client(&sim);
    for value in ["192.0.2.66", "C2.example.com", "c2.%"] {
        let search = AttributeSearch::of_values([value]).unwrap();
        assert_eq!(
            values(&misp, search).await.unwrap(),
            ["c2.example.com|192.0.2.66"],
            "{value}"
        );
    }
    let none = AttributeSearch::of_values(["nowhere.example.com"]).unwrap();
    assert!(values(&misp, none).await.unwrap().is_empty());
    sim.set_fault(misp_sim::Fault::EverythingUnfiltered);
    let lost = AttributeSearch::of_values(["192.0.2.66"]).unwrap();
    assert_eq!(values(&misp, lost).await.unwrap_err().kind(), ErrorKind::Unfiltered);
}

#[tokio::test]
async fn categories_and_times_narrow_a_search() {
    let sim = sim().await;
    let misp = client(&sim);
    let of_category = |name: &str| AttributeSearch::of_categories([name]).unwrap();
    assert_eq!(values(&misp, of_category("Payload delivery")).await.unwrap().len(), 1);
    let now = sim.with_store(misp_sim::Store::now);
    let day = Duration::from_secs(86_400);
    assert_eq!(values(&misp, block().changed_within(day)).await.unwrap().len(), 2);
    let recent = block().timestamp_between(now - 3_600, now + 60).unwrap();
    assert_eq!(values(&misp, recent).await.unwrap().len(), 2);
    let old = block().timestamp_between(1, now - 3_600).unwrap();
    assert!(values(&misp, old).await.unwrap().is_empty());
}

#[tokio::test]
async fn comment_category_and_unknown_fields_of_a_row_are_read() {
    let sim = sim().await;
    let search = || AttributeSearch::of_values(["192.0.2.66"]).unwrap();
    let plain = client(&sim).search(search()).try_next().await.unwrap().unwrap();
    assert_eq!(
        (plain.comment.as_str(), plain.category.as_str()),
        ("seen once", "Network activity")
    );
    assert!(plain.extra.is_empty());
    let mut whole = client(&sim)
        .search(search().keep_extra(true))
        .try_next()
        .await
        .unwrap()
        .unwrap();
    assert_eq!(whole.extra["disable_correlation"], false);
    whole.extra = plain.extra.clone();
    assert_eq!(whole, plain);
}
