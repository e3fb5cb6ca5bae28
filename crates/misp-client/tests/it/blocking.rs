//! The client for programs without an async runtime.

use misp_client::{AttributeSearch, AuthKey, Client, ErrorKind, EventSearch, Fault, blocking};
use misp_sim::{Bulk, RunningSim, Sim};
use serde_json::Value;

fn misp(sim: &RunningSim) -> blocking::Client {
    let builder = Client::builder(sim.url().parse().unwrap(), AuthKey::new(Sim::READER_KEY).unwrap());
    blocking::Client::new(builder).unwrap()
}

fn sim() -> RunningSim {
    Sim::builder().bulk(Bulk::new(2_500, "domain")).start_now().unwrap()
}

#[test]
fn calls_wait_for_their_answers_on_any_thread() {
    let sim = sim();
    let misp = misp(&sim);
    assert_eq!(misp.version().unwrap().version, "2.5.1");
    assert_eq!(misp.get::<Value>("/servers/getVersion").unwrap()["version"], "2.5.1");
    let tags = misp.call(|misp| async move { misp.tags().await }).unwrap();
    assert!(tags.is_empty());
    let clone = misp.clone();
    let role = std::thread::spawn(move || clone.me().unwrap().role.name)
        .join()
        .unwrap();
    assert_eq!(role, "Read Only");
}

#[test]
fn search_is_an_iterator_with_progress() {
    let sim = sim();
    let mut rows = misp(&sim).search(AttributeSearch::new(["domain"]).unwrap()).unwrap();
    let mut count = 0;
    for row in &mut rows {
        assert_eq!(row.unwrap().kind, "domain");
        count += 1;
    }
    assert_eq!((count, rows.progress().rows_sent), (2_500, 2_500));
    let events: Vec<_> = misp(&sim).events(EventSearch::new()).unwrap().collect();
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].as_ref().unwrap().attributes.len(), 2_500);
    sim.set_fault(misp_sim::Fault::EverythingUnfiltered);
    let mut lost = misp(&sim).search(AttributeSearch::new(["md5"]).unwrap()).unwrap();
    assert_eq!(lost.next().unwrap().unwrap_err().kind(), ErrorKind::Unfiltered);
    assert!(lost.next().is_none());
}

#[test]
fn inside_an_async_runtime_every_call_is_an_error_and_nothing_panics() {
    let sim = sim();
    let misp = misp(&sim);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let error = misp.version().unwrap_err();
        assert_eq!((error.kind(), error.fault()), (ErrorKind::Setup, Fault::Caller));
        assert!(error.to_string().contains("async runtime"), "{error}");
        assert!(misp.search(AttributeSearch::new(["domain"]).unwrap()).is_err());
        let builder = Client::builder(sim.url().parse().unwrap(), AuthKey::new(Sim::READER_KEY).unwrap());
        assert_eq!(blocking::Client::new(builder).unwrap_err().kind(), ErrorKind::Setup);
        drop(misp);
    });
}
