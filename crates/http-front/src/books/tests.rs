use std::time::Duration;

use super::*;

const MANY: usize = 1_000;

fn books(places: usize, bytes: usize) -> Books {
    let mut books = Books::of(places);
    (books.strangers.most, books.known.most) = (bytes, bytes);
    books
}

fn opened(books: &mut Books, address: &str) -> Option<Arc<Entry>> {
    Some(books.open(Some(address.parse().unwrap())).ok()?.entry)
}

async fn must_go(entry: &Entry) -> bool {
    tokio::time::timeout(Duration::ZERO, entry.must_go()).await.is_ok()
}

async fn moment() {
    tokio::time::advance(Duration::from_millis(10)).await;
}

#[tokio::test(start_paused = true)]
async fn who_has_not_moved_for_the_longest_time_goes_first_when_bytes_run_short() {
    let mut books = books(MANY, 1_600);
    let mut all = Vec::new();
    for host in 1..=16 {
        all.push(opened(&mut books, &format!("192.0.2.{host}")).unwrap());
        assert_eq!(books.charge(all.last().unwrap(), 100), 0);
        moment().await;
    }
    all[0].moved();
    let newcomer = opened(&mut books, "192.0.2.99").unwrap();
    assert_eq!(books.charge(&newcomer, 100), 2, "a sixteenth is made free");
    let mut gone = Vec::new();
    for (place, entry) in all.iter().enumerate() {
        if must_go(entry).await {
            gone.push(place);
        }
    }
    assert_eq!(
        (gone, books.strangers.used, books.leaving.used),
        (vec![1, 2], 1_500, 200)
    );
    assert!(books.is_full(), "their bytes are not free yet");
    books.release(&all[1], 100);
    books.close(&all[1]);
    books.close(&all[2]);
    assert_eq!((books.leaving.used, books.is_full()), (0, false));
    assert!(!must_go(&newcomer).await);
}

#[tokio::test(start_paused = true)]
async fn an_address_with_more_than_half_of_the_bytes_pays_for_it_alone() {
    let mut books = books(MANY, 1_600);
    let quiet = opened(&mut books, "192.0.2.1").unwrap();
    books.charge(&quiet, 100);
    moment().await;
    let (first, second) = (
        opened(&mut books, "192.0.2.2").unwrap(),
        opened(&mut books, "192.0.2.2").unwrap(),
    );
    books.charge(&first, 700);
    assert_eq!(books.charge(&second, 200), 1);
    assert!(must_go(&first).await && !must_go(&quiet).await);
}

#[tokio::test(start_paused = true)]
async fn known_peers_do_not_pay_for_strangers() {
    let mut books = books(MANY, 1_600);
    let known = opened(&mut books, "192.0.2.1").unwrap();
    books.charge(&known, 500);
    assert_eq!((books.vouch(&known), books.vouch(&known)), (0, 0));
    assert_eq!((books.strangers.used, books.known.used), (0, 500));
    for host in 2..=100 {
        moment().await;
        let stranger = opened(&mut books, &format!("192.0.2.{host}")).unwrap();
        books.charge(&stranger, 400);
        assert!(books.strangers.used <= 1_600);
    }
    assert!(!must_go(&known).await);
    books.release(&known, 500);
    assert_eq!(books.known.used, 0);
}

#[tokio::test(start_paused = true)]
async fn newcomers_get_the_places_of_strangers_that_do_not_move() {
    let mut books = books(4, MANY);
    let first = opened(&mut books, "192.0.2.1").unwrap();
    moment().await;
    let second = opened(&mut books, "192.0.2.1").unwrap();
    let third = opened(&mut books, "192.0.2.1");
    assert!(third.is_some() && must_go(&first).await && !must_go(&second).await);
    assert_eq!(books.make_some_places(), 1);
    assert!(must_go(&second).await);
}

#[tokio::test(start_paused = true)]
async fn an_address_whose_share_is_full_of_known_peers_is_refused() {
    let mut books = books(4, MANY);
    let held = ["2001:db8::1", "2001:db8::ffff:2"].map(|address| opened(&mut books, address).unwrap());
    held.iter().for_each(|entry| assert_eq!(books.vouch(entry), 0));
    assert!(
        opened(&mut books, "2001:db8::3").is_none(),
        "the addresses of one host count together"
    );
    assert!(opened(&mut books, "2001:db8:0:1::3").is_some());
    books.close(&held[0]);
    assert!(opened(&mut books, "2001:db8::3").is_some(), "one has ended");
    assert_eq!(
        books.make_places(MANY, None),
        2,
        "known peers are not closed for a place"
    );
}

#[tokio::test(start_paused = true)]
async fn a_single_place_can_be_taken_and_what_ended_is_forgotten() {
    let mut books = books(1, MANY);
    let only = opened(&mut books, "192.0.2.1").unwrap();
    books.charge(&only, 10);
    books.close(&only);
    books.release(&only, 10);
    books.close(&only);
    assert!(books.connections.is_empty() && books.strangers.lines.is_empty() && books.strangers.holders.is_empty());
    assert_eq!(books.strangers.used, 0);
    let proxy = books.open(None).unwrap().entry;
    books.charge(&proxy, 10);
    assert_eq!(books.strangers.used, 10);
}
