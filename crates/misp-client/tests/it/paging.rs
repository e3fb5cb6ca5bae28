//! Searches of several pages: their end, the rows they leave out, and the answers they refuse.

use std::num::NonZeroU32;
use std::time::Duration;

use futures_util::StreamExt;
use misp_client::{AttributeSearch, Client, Error, ErrorKind, Place};

use crate::recording::Recording;
use crate::server::{KEY, Reply, Server};
use crate::{all, answer, any_search};

fn by(rows: u32) -> AttributeSearch {
    any_search().page_size(NonZeroU32::new(rows).unwrap())
}

async fn pages(replies: Vec<Reply>) -> Server {
    Server::start(move |request, _| {
        let page = usize::try_from(request.page()).unwrap();
        replies
            .get(page - 1)
            .cloned()
            .unwrap_or_else(|| panic!("page {page} was not expected"))
    })
    .await
}

fn ids(rows: &[misp_client::Attribute]) -> Vec<u64> {
    rows.iter().map(|row| row.id).collect()
}

#[tokio::test]
async fn recorded_pages_are_read_to_their_end_over_one_connection() {
    let server = pages([330, 331, 332].map(|number| Recording::open(number).reply()).to_vec()).await;
    let client = server.client();
    let mut search = client.search(by(2));
    let mut batches = Vec::new();
    while let Some(batch) = search.next_batch().await.unwrap() {
        batches.push((batch.page, ids(&batch.attributes)));
    }
    let expected = [330, 331, 332].map(|number| Recording::open(number).ids());
    assert_eq!(batches, (1..).zip(expected).collect::<Vec<_>>());
    let progress = search.progress();
    assert_eq!(
        (
            progress.pages,
            progress.rows_sent,
            progress.duplicates,
            progress.unusable
        ),
        (3, 5, 0, 0)
    );
    assert_eq!(progress.answered_at, Some(1_795_307_943));
    // The answer took less than this even here.
    let began_at = progress.began_at().unwrap();
    assert!((1_795_307_343..1_795_307_943).contains(&began_at), "{began_at}");
    assert!(search.next_batch().await.unwrap().is_none(), "the end stays the end");

    let seen = server.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| request.connection == 0));
    assert!(
        seen.iter()
            .all(|request| request.head.starts_with("POST /attributes/restSearch HTTP/1.1"))
    );
    assert!(seen.iter().all(|request| request.header("authorization") == Some(KEY)));
    assert!(
        seen.iter()
            .all(|request| request.header("accept") == Some("application/json"))
    );
    assert!(
        seen.iter()
            .all(|request| request.header("content-type") == Some("application/json"))
    );
    assert!(
        seen.iter()
            .all(|request| request.header("user-agent").unwrap().starts_with("misp-client/"))
    );
    assert!(seen.iter().all(|request| request.header("cookie").is_none()));
    assert!(seen.iter().all(|request| request.json()["limit"] == 2));
}

#[tokio::test]
async fn page_that_fits_exactly_is_followed_by_an_empty_one() {
    let server = pages([334, 335].map(|number| Recording::open(number).reply()).to_vec()).await;
    assert_eq!(
        ids(&all(&server.client(), by(5)).await.unwrap()),
        Recording::open(334).ids()
    );
}

#[tokio::test]
async fn page_that_filters_made_short_is_not_the_last() {
    let server = pages(vec![
        Recording::open(314).reply(),
        Recording::open(315).reply(),
        Reply::page(answer([]), 1, 0),
    ])
    .await;
    let expected = [Recording::open(314).ids(), Recording::open(315).ids()].concat();
    assert_eq!(ids(&all(&server.client(), by(3)).await.unwrap()), expected);
}

#[tokio::test]
async fn empty_page_with_successors_does_not_end_the_search() {
    let server = pages(vec![
        Reply::page(answer([]), 11, 10),
        Reply::page(answer([7, 8, 9]), 11, 7),
        Reply::page(answer([]), 3, 3),
    ])
    .await;
    let mut search = server.client().search(by(10));
    assert_eq!(search.next_batch().await.unwrap().unwrap().page, 2);
    assert!(search.next_batch().await.unwrap().is_none());
    assert_eq!((search.progress().pages, search.progress().rows_skipped), (3, 20));
}

#[tokio::test]
async fn rows_that_an_allowed_list_removed_do_not_end_the_search() {
    let server = pages(vec![Recording::open(732).reply(), Reply::page(answer([]), 1, 0)]).await;
    assert_eq!(all(&server.client(), by(1)).await.unwrap().len(), 1);
    let server = pages(vec![Reply::page(answer([1]), 3, 0), Reply::page(answer([3]), 1, 0)]).await;
    assert_eq!(ids(&all(&server.client(), by(2)).await.unwrap()), [1, 3]);
}

#[tokio::test]
async fn row_that_moved_to_the_next_page_comes_once() {
    let server = pages(vec![
        Reply::page(answer([1, 2, 3]), 4, 0),
        Reply::page(answer([3, 4, 5]), 4, 0),
        Reply::page(answer([6]), 1, 0),
    ])
    .await;
    let mut search = server.client().search(by(3));
    let mut rows = Vec::new();
    while let Some(batch) = search.next_batch().await.unwrap() {
        rows.extend(batch.attributes);
    }
    assert_eq!(ids(&rows), [1, 2, 3, 4, 5, 6]);
    assert_eq!((search.progress().duplicates, search.progress().rows_sent), (1, 7));
}

#[tokio::test]
async fn ids_may_be_text_on_one_page_and_numbers_on_the_next() {
    let number =
        r#"{"response":{"Attribute":[{"id":2,"type":"domain","value":"a"},{"id":3,"type":"domain","value":"b"}]}}"#;
    let server = pages(vec![
        Reply::page(answer([1, 2]), 3, 0),
        Reply::page(number, 3, 0),
        Reply::page(answer([]), 1, 0),
    ])
    .await;
    assert_eq!(ids(&all(&server.client(), by(2)).await.unwrap()), [1, 2, 3]);
}

#[tokio::test]
async fn pages_without_misps_headers_end_with_a_short_one() {
    let server = pages(vec![Reply::json(answer([1, 2])), Reply::json(answer([3]))]).await;
    assert_eq!(ids(&all(&server.client(), by(2)).await.unwrap()), [1, 2, 3]);
}

#[tokio::test]
async fn a_place_has_a_row_or_a_hidden_one_or_none() {
    let server = pages(vec![
        Reply::page(answer([7]), 2, 0),
        Reply::page(answer([]), 2, 1),
        // An allowed-list hides rows without counting them as skipped.
        Reply::page(answer([]), 2, 0),
        Reply::page(answer([]), 1, 0),
        // The row without a value gives no attribute, but it has its place in the page. This MISP sends no headers.
        Reply::json(r#"{"response": {"Attribute": [{"id": "9", "type": "domain", "value": ""}]}}"#),
        Reply::json(answer([])),
    ])
    .await;
    let client = server.client();
    let (row, hidden, empty) = (Place::Row(7), Place::Hidden, Place::Empty);
    for (place, expected) in (1..).zip([row, hidden, hidden, empty, hidden, empty]) {
        assert_eq!(client.place(&by(2), place).await.unwrap(), expected, "{place}");
    }
}

/// Returns the ids of rows that are shown and not built.
async fn shown(client: &Client, search: AttributeSearch) -> Result<Vec<u64>, Error> {
    let mut pages = client.search(search);
    let mut ids = Vec::new();
    while pages.next_rows(|row| ids.push(row.id)).await?.is_some() {}
    Ok(ids)
}

#[tokio::test]
async fn shown_rows_are_those_of_the_batches() {
    let moved = || {
        vec![
            Reply::json(answer([1, 2])),
            Reply::json(answer([2, 3])),
            Reply::json(answer([4])),
        ]
    };
    let server = pages(moved()).await;
    assert_eq!(
        shown(&server.client(), by(2)).await.unwrap(),
        [1, 2, 3, 4],
        "each row once"
    );
    let built = pages(moved()).await;
    assert_eq!(ids(&all(&built.client(), by(2)).await.unwrap()), [1, 2, 3, 4]);
    let server = pages(moved()).await;
    let first = by(2).limit(3.try_into().unwrap());
    assert_eq!(
        shown(&server.client(), first).await.unwrap(),
        [1, 2, 3],
        "no more than the limit"
    );
}

#[tokio::test]
async fn a_row_that_does_not_answer_the_question_is_not_shown() {
    let server = pages(vec![Reply::page(answer([7]), 1, 0)]).await;
    let search = AttributeSearch::of_values(["other.example.com"]).unwrap();
    let error = shown(&server.client(), search).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unfiltered);
}

/// A caller that tolerates a stray in its pages meets it again when it compares places.
#[tokio::test]
async fn a_place_may_have_a_row_that_does_not_answer_the_question() {
    let server = pages(vec![Reply::page(answer([7]), 1, 0)]).await;
    let search = AttributeSearch::of_values(["other.example.com"]).unwrap();
    assert_eq!(server.client().place(&search, 1).await.unwrap(), Place::Row(7));
}

#[tokio::test]
async fn server_that_ignores_the_page_is_refused() {
    let server = Server::always(Reply::page(answer([1, 2]), 3, 0)).await;
    let error = all(&server.client(), by(2)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn server_that_ignores_the_limit_is_refused() {
    let server = Server::always(Reply::page(answer(1..=50), 50, 0)).await;
    let error = all(&server.client(), by(10)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedAnswer);
    assert!(error.to_string().contains("10 rows"), "{error}");
}

#[tokio::test]
async fn pages_without_end_are_too_large() {
    let server = Server::always(Reply::page(answer([]), 11, 10)).await;
    let client = server.builder().max_pages(4).build().unwrap();
    assert_eq!(all(&client, by(10)).await.unwrap_err().kind(), ErrorKind::TooLarge);
    assert_eq!(server.seen().len(), 4);

    let server = Server::start(|request, _| {
        let first = request.page() * 2;
        Reply::page(answer([first, first + 1]), 3, 0)
    })
    .await;
    let client = server.builder().max_attributes(9).build().unwrap();
    assert_eq!(all(&client, by(2)).await.unwrap_err().kind(), ErrorKind::TooLarge);
}

#[tokio::test]
async fn failed_page_fails_the_search_for_good() {
    let server = pages(vec![
        Reply::page(answer([1, 2]), 3, 0),
        Reply::page(r#"{"response":{"Attr"#, 3, 0),
    ])
    .await;
    let mut search = server.client().search(by(2));
    assert!(search.next_batch().await.unwrap().is_some());
    assert_eq!(search.next_batch().await.unwrap_err().kind(), ErrorKind::CutShort);
    assert!(
        search.next_batch().await.is_err(),
        "an error must not look like the end afterwards"
    );
}

#[tokio::test]
async fn interrupted_read_fails_the_search_for_good() {
    let server = Server::always(Reply::head(200, &[], Some(1_000)).then("{\"response\":").then_hang()).await;
    let mut search = server.client().search(by(2));
    tokio::time::timeout(Duration::from_millis(200), search.next_batch())
        .await
        .unwrap_err();
    assert!(search.next_batch().await.is_err());
}

#[tokio::test]
async fn stream_gives_the_rows_and_ends_after_an_error() {
    let server = pages(vec![Reply::page(answer([1, 2]), 3, 0), Reply::page("<html>", 3, 0)]).await;
    let outcome: Vec<Result<u64, ErrorKind>> = server
        .client()
        .search(by(2))
        .map(|row| row.map(|row| row.id).map_err(|error| error.kind()))
        .collect()
        .await;
    assert_eq!(outcome, [Ok(1), Ok(2), Err(ErrorKind::NotJson)]);
}

#[tokio::test]
async fn large_page_comes_in_batches_before_it_ends() {
    let body = answer(1..=5_000);
    let cut = body.len() - 10;
    let reply = Reply::head(200, &[], Some(body.len()))
        .then(&body.as_bytes()[..cut])
        .then_hang();
    let server = Server::always(reply).await;
    let mut search = server.client().search(any_search());
    let batch = search.next_batch().await.unwrap().unwrap();
    assert_eq!(batch.page, 1);
    assert!(batch.attributes.len() >= 1_000);
    assert_eq!(search.progress().pages, 0);
}

#[tokio::test]
async fn unusable_rows_are_counted_and_the_others_stand() {
    let body = r#"{"response":{"Attribute":[
        {"id":"1","type":"domain","value":null},
        {"id":"2","type":"domain"},
        {"type":"domain","value":"no-id.example.com"},
        {"id":"4","value":"no-type.example.com"},
        {"id":"5","type":"domain","value":"lone \ud800 surrogate"},
        {"id":"6","type":"domain","value":""},
        {"id":"7","type":"made-up-type","value":"kept","distribution":"4","category":"Unheard of","Tag":null,"SharingGroup":[]},
        {"id":8,"type":"AS","value":64500,"to_ids":"1","deleted":0,"timestamp":"soon","Event":[]},
        {"id":"9","type":"domain","value":"kept.example.com","comment":"\udfff","Tag":[{"name":"a"},{"name":null},{}]}
    ]}}"#;
    let server = pages(vec![Reply::page(body, 9, 0)]).await;
    let mut search = server.client().search(by(10)).unchecked();
    let rows = search.next_batch().await.unwrap().unwrap().attributes;
    assert_eq!(ids(&rows), [7, 8, 9]);
    assert_eq!(
        (
            rows[1].value.as_str(),
            rows[1].to_ids,
            rows[1].deleted,
            rows[1].timestamp
        ),
        ("64500", true, false, 0)
    );
    assert_eq!(rows[2].tags.len(), 1);
    assert!(search.next_batch().await.unwrap().is_none());
    assert_eq!((search.progress().unusable, search.progress().rows_sent), (6, 9));
}

#[tokio::test]
async fn pages_of_one_search_take_no_longer_than_the_search_has() {
    let names = (0..100).map(|n| misp_sim::Attribute::new("domain", format!("d{n}.example.com")));
    let event = names.fold(misp_sim::Event::new("many"), misp_sim::Event::attribute);
    let sim = misp_sim::Sim::builder().event(event).start_now().unwrap();
    sim.set_latency(Duration::from_millis(50));
    let search = AttributeSearch::new(["domain"]).unwrap().page_size(NonZeroU32::MIN);
    let client = crate::sim::builder(&sim, misp_sim::Sim::READER_KEY)
        .search_timeout(Duration::from_millis(200))
        .build()
        .unwrap();
    let mut pages = client.search(search);
    let error = loop {
        match pages.next_batch().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the search has a hundred pages"),
            Err(error) => break error,
        }
    };
    assert!(error.is_timeout(), "{error}");
    assert!(pages.progress().pages < 10, "{:?}", pages.progress());
}
