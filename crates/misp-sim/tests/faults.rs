//! Each fault on the wire, only where and as often as its rule says.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that goes wrong"
)]

mod support;

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use misp_sim::{Attribute, Event, Fault, RunningSim, Sim};
use support::{Got, send};

const ALL: &str = r#"{"type":"domain","limit":10,"page":1}"#;

fn sim() -> RunningSim {
    let event = (0..10).fold(Event::new("ten").tag("example:x"), |event, number| {
        event.attribute(Attribute::new("domain", format!("d{number}.example.com")))
    });
    let other = Event::new("other").attribute(Attribute::new("md5", "00000000000000000000000000000000"));
    Sim::builder().event(event).event(other).start_now().unwrap()
}

fn ask(sim: &RunningSim) -> Option<Got> {
    let headers = [
        ("Host", "x"),
        ("Authorization", Sim::READER_KEY),
        ("Content-Type", "application/json"),
    ];
    send(sim.addr(), "POST", "/attributes/restSearch", &headers, ALL.as_bytes())
}

#[test]
fn without_a_fault_the_answer_is_whole() {
    let got = ask(&sim()).unwrap();
    assert_eq!((got.status, got.complete, got.column("id").len()), (200, true, 10));
}

#[test]
fn refusing_closes_the_door_and_clearing_opens_it_again() {
    let sim = sim();
    for _ in 0..3 {
        sim.set_fault(Fault::Refuse);
        assert!(TcpStream::connect(sim.addr()).is_err());
        sim.clear_fault();
        assert_eq!(ask(&sim).unwrap().status, 200);
    }
}

#[test]
fn refusing_cuts_open_connections() {
    let sim = sim();
    let open = TcpStream::connect(sim.addr()).unwrap();
    // Served once, so that the connection is known to be accepted.
    assert!(ask(&sim).is_some());
    sim.set_fault(Fault::Refuse);
    open.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let ended = std::io::Read::read(&mut &open, &mut [0; 1]);
    assert!(matches!(ended, Ok(0)) || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset));
}

#[test]
fn closing_early_gives_no_answer() {
    let sim = sim();
    sim.set_fault(Fault::CloseEarly);
    assert!(ask(&sim).is_none());
    assert_eq!(sim.searches(), 1);
}

#[test]
fn a_body_is_cut_off_after_so_many_bytes() {
    let sim = sim();
    for chunked in [false, true] {
        sim.set_fault(Fault::CutOff {
            after_bytes: 500,
            chunked,
        });
        let got = ask(&sim).unwrap();
        assert_eq!(
            (got.status, got.complete, got.body.len()),
            (200, false, 500),
            "chunked {chunked}"
        );
        assert_eq!(got.header("Content-Length").is_none(), chunked);
    }
}

#[test]
fn a_hanging_answer_hangs_where_it_is_told() {
    use std::io::{Read, Write};
    let sim = sim();
    for (fault, bytes_come) in [(Fault::Hang, false), (Fault::HangInBody { after_bytes: 30 }, true)] {
        sim.set_fault(fault);
        let mut stream = TcpStream::connect(sim.addr()).unwrap();
        let head = format!(
            "POST /attributes/restSearch HTTP/1.1\r\nHost: x\r\nAuthorization: {}\r\nContent-Length: 0\r\n\r\n",
            Sim::READER_KEY
        );
        stream.write_all(head.as_bytes()).unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(400))).unwrap();
        let mut got = Vec::new();
        let ended = stream.read_to_end(&mut got);
        assert!(ended.is_err(), "it ended");
        assert_eq!(!got.is_empty(), bytes_come);
        assert!(!bytes_come || got.ends_with(br#"{"response": {"Attribute": [{"#) || got.len() > 30);
    }
}

#[test]
fn a_dripping_answer_comes_whole_but_late() {
    let sim = sim();
    sim.set_fault(Fault::SlowDrip {
        bytes: 1_000,
        pause: Duration::from_millis(20),
    });
    let start = Instant::now();
    let got = ask(&sim).unwrap();
    assert_eq!((got.complete, got.column("id").len()), (true, 10));
    assert!(start.elapsed() >= Duration::from_millis(80));
    sim.set_fault(Fault::Late(Duration::from_millis(100)));
    let start = Instant::now();
    assert!(ask(&sim).unwrap().complete && start.elapsed() >= Duration::from_millis(100));
}

#[test]
fn error_pages_have_their_status_and_form() {
    let sim = sim();
    for (fault, status, content_type, text) in [
        (Fault::Html { status: 200 }, 200, "text/html", "<html>"),
        (Fault::Html { status: 502 }, 502, "text/html", "Bad Gateway"),
        (
            Fault::Status(403),
            403,
            "application/json; charset=UTF-8",
            "You do not have permission",
        ),
        (
            Fault::Status(429),
            429,
            "application/json; charset=UTF-8",
            "Rate limit exceeded.",
        ),
        (
            Fault::Status(500),
            500,
            "application/json; charset=UTF-8",
            "An Internal Error Has Occurred.",
        ),
        (Fault::NotJson, 200, "application/json; charset=UTF-8", "Warning"),
        (
            Fault::WrongContentType,
            200,
            "text/html; charset=UTF-8",
            "d9.example.com",
        ),
        (Fault::LoginRedirect, 302, "text/html; charset=UTF-8", ""),
    ] {
        sim.set_fault(&fault);
        let got = ask(&sim).unwrap();
        assert_eq!(
            (got.status, got.header("content-type")),
            (status, Some(content_type)),
            "{fault:?}"
        );
        assert!(String::from_utf8_lossy(&got.body).contains(text), "{fault:?}");
        assert_eq!(got.header("location").is_some(), fault == Fault::LoginRedirect);
    }
}

#[test]
fn answers_can_be_wrong_in_the_small() {
    let sim = sim();
    sim.set_fault(Fault::EverythingUnfiltered);
    assert_eq!(
        ask(&sim)
            .unwrap()
            .column("type")
            .iter()
            .filter(|kind| *kind == "md5")
            .count(),
        1
    );
    sim.set_fault(Fault::WithoutCounts);
    let got = ask(&sim).unwrap();
    assert!(got.header("x-result-count").is_none() && got.header("x-skipped-elements-count").is_none());
    sim.set_fault(Fault::NumbersUnquoted);
    assert!(ask(&sim).unwrap().json()["response"]["Attribute"][0]["id"].is_u64());
}

#[test]
fn a_fault_keeps_to_its_path_and_its_number() {
    let sim = sim();
    sim.set_fault(Fault::Status(500).on("/attributes/restSearch").after(1).times(2));
    let version = || {
        let headers = [("Authorization", Sim::READER_KEY), ("Accept", "application/json")];
        send(sim.addr(), "GET", "/servers/getVersion", &headers, b"")
            .unwrap()
            .status
    };
    let statuses: Vec<u16> = (0..5).map(|_| ask(&sim).unwrap().status).collect();
    assert_eq!((statuses, version()), (vec![200, 500, 500, 200, 200], 200));
}

#[test]
fn requests_are_written_down_without_the_key() {
    let sim = sim();
    ask(&sim).unwrap();
    let log = sim.requests();
    let request = &log[0];
    assert_eq!(
        (request.method.as_str(), request.path.as_str(), request.page()),
        ("POST", "/attributes/restSearch", 1)
    );
    assert_eq!(request.user.as_deref(), Some("reader@cert.example.org"));
    assert!(!format!("{log:?}").contains(Sim::READER_KEY));
    assert_eq!((sim.count("/attributes"), sim.count("/events")), (1, 0));
    sim.clear_requests();
    assert_eq!(sim.searches(), 0);
}

#[test]
fn rows_can_be_moved_between_two_pages() {
    let sim = sim();
    sim.on_request(|request, store| {
        if request.page() == 2 {
            let first = store.find("d0.example.com").unwrap();
            store.hard_delete(first).unwrap();
        }
    });
    let page = |number: u32| {
        support::search(
            sim.addr(),
            Sim::READER_KEY,
            &format!(r#"{{"type":"domain","limit":5,"page":{number}}}"#),
        )
    };
    assert_eq!(
        page(1).column("value").last().map(String::as_str),
        Some("d4.example.com")
    );
    // d5 slid onto the first page, which was read already.
    assert_eq!(
        page(2).column("value").first().map(String::as_str),
        Some("d6.example.com")
    );
}

#[test]
fn an_address_that_is_taken_is_an_error_in_async_code_too() {
    let first = sim();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let second = runtime.block_on(Sim::builder().listen(first.addr()).start());
    assert!(matches!(second, Err(misp_sim::StartError::Listen { .. })), "{second:?}");
}

#[test]
fn warninglists_take_time_for_every_row_of_a_page() {
    let sim = Sim::builder()
        .bulk(misp_sim::Bulk::new(30, "ip-dst"))
        .start_now()
        .unwrap();
    sim.set_warninglist_time(Duration::from_millis(20));
    let took = |body: &str| {
        let began = Instant::now();
        support::search(sim.addr(), Sim::READER_KEY, body);
        began.elapsed()
    };
    assert!(took(r#"{"type":"ip-dst","enforceWarninglist":1}"#) >= Duration::from_millis(600));
    assert!(took(r#"{"type":"ip-dst","enforceWarninglist":1,"limit":10}"#) >= Duration::from_millis(200));
    assert!(took(r#"{"type":"ip-dst","enforceWarninglist":0}"#) < Duration::from_millis(600));
}

#[test]
fn a_list_of_events_that_lies_lists_nothing_or_half() {
    let sim = (0..6)
        .fold(Sim::builder(), |sim, number| {
            sim.event(Event::new("event").attribute(Attribute::new("domain", format!("{number}.example.com"))))
        })
        .start_now()
        .unwrap();
    let post = |path: &str, body: &str| support::post(sim.addr(), Sim::READER_KEY, path, body);
    let listed = || {
        let index = post("/events/index", r#"{"minimal":1}"#);
        let metadata = post("/events/restSearch", r#"{"metadata":1}"#).json()["response"]
            .as_array()
            .unwrap()
            .len();
        (
            index.json().as_array().unwrap().len(),
            metadata,
            index.header("X-Result-Count").unwrap().to_owned(),
        )
    };
    assert_eq!(listed(), (6, 6, "6".to_owned()));
    sim.set_fault(Fault::ListsHalf);
    assert_eq!(listed(), (3, 3, "3".to_owned()));
    sim.set_fault(Fault::ListsNothing);
    assert_eq!(listed(), (0, 0, "0".to_owned()));
    sim.set_fault(Fault::NoRows);
    assert_eq!(listed().0, 6);
    assert_eq!(support::search(sim.addr(), Sim::READER_KEY, "{}").column("id").len(), 0);
    sim.clear_fault();
    sim.on_answer(|request, body| {
        if request.path == "/events/index" {
            *body = String::from_utf8_lossy(body)
                .replace(r#""id": "3""#, r#""id": "99""#)
                .into();
        }
    });
    assert_eq!(post("/events/index", r#"{"minimal":1}"#).json()[2]["id"], "99");
}

#[test]
fn an_index_or_an_event_may_be_a_flood() {
    let sim = Sim::builder().start_now().unwrap();
    let post = |path: &str, body: &str| support::post(sim.addr(), Sim::READER_KEY, path, body);
    sim.set_fault(Fault::LongIndex { events: 12_345 });
    let index = post("/events/index", r#"{"minimal":1}"#);
    assert_eq!(
        (index.json().as_array().unwrap().len(), index.header("X-Result-Count")),
        (12_345, Some("12345"))
    );
    sim.set_fault(Fault::ManyTags { tags: 2_001 });
    let metadata = post("/events/restSearch", r#"{"metadata":1}"#).json();
    assert_eq!(metadata["response"][0]["Event"]["Tag"].as_array().unwrap().len(), 2_001);
}
