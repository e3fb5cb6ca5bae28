//! One piece of work per key, also when its callers leave.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use cache::{FlightError, Flights};
use tokio::sync::{Notify, Semaphore};

type Numbers = Flights<&'static str, usize, String>;
type Outcome = Result<usize, FlightError<String>>;

/// Work that counts how often it is done and waits until it is let go.
#[derive(Clone)]
struct Work {
    done: Arc<AtomicUsize>,
    gate: Arc<Semaphore>,
}

impl Work {
    fn held() -> Self {
        Self {
            done: Arc::default(),
            gate: Arc::new(Semaphore::new(0)),
        }
    }

    fn let_go(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    fn times(&self) -> usize {
        self.done.load(Ordering::SeqCst)
    }

    async fn run(self) -> Result<usize, String> {
        let _open = self.gate.acquire().await.map_err(|closed| closed.to_string())?;
        Ok(self.done.fetch_add(1, Ordering::SeqCst) + 1)
    }
}

fn call(flights: &Numbers, work: &Work) -> tokio::task::JoinHandle<Outcome> {
    let (flights, work) = (flights.clone(), work.clone());
    tokio::spawn(async move { flights.fly("key", || work.run()).await })
}

/// Lets every task that can run do so; on the one-threaded runtime of these tests that is exact.
async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn thousand_callers_cost_one_flight() {
    let (flights, work) = (Numbers::new(), Work::held());
    let callers: Vec<_> = (0..1000).map(|_| call(&flights, &work)).collect();
    settle().await;
    assert_eq!(flights.len(), 1);
    work.let_go();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), 1);
    }
    assert_eq!(work.times(), 1);
    assert!(!flights.in_flight(&"key"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn callers_on_many_threads_cost_one_flight() {
    let (flights, work) = (Numbers::new(), Work::held());
    let arrived = Arc::new(tokio::sync::Barrier::new(65));
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let (flights, work, arrived) = (flights.clone(), work.clone(), Arc::clone(&arrived));
            tokio::spawn(async move {
                let flight = flights.fly("key", || work.run());
                let mut flight = std::pin::pin!(flight);
                // Polled once, so that all callers have joined before the work may end.
                let landed = std::future::poll_fn(|cx| std::task::Poll::Ready(flight.as_mut().poll(cx).is_ready()));
                assert!(!landed.await);
                arrived.wait().await;
                flight.await
            })
        })
        .collect();
    arrived.wait().await;
    work.let_go();
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap(), 1);
    }
    assert_eq!(work.times(), 1);
}

#[tokio::test]
async fn different_keys_fly_at_the_same_time() {
    let (flights, work) = (Numbers::new(), Work::held());
    assert!(flights.start("one", {
        let work = work.clone();
        || work.run()
    }));
    assert!(flights.start("two", {
        let work = work.clone();
        || work.run()
    }));
    assert_eq!(flights.len(), 2);
    work.let_go();
    settle().await;
    assert_eq!((work.times(), flights.len()), (2, 0));
}

#[tokio::test]
async fn cancelled_leader_does_not_cancel_the_flight() {
    let (flights, work) = (Numbers::new(), Work::held());
    let leader = call(&flights, &work);
    settle().await;
    let follower = call(&flights, &work);
    leader.abort();
    assert!(leader.await.unwrap_err().is_cancelled());
    assert!(flights.in_flight(&"key"));
    work.let_go();
    assert_eq!(follower.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_flight_without_any_caller_left_still_lands() {
    let (flights, work) = (Numbers::new(), Work::held());
    let leader = call(&flights, &work);
    settle().await;
    leader.abort();
    settle().await;
    work.let_go();
    settle().await;
    assert_eq!(work.times(), 1);
    assert!(flights.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_caller_may_stop_waiting_while_the_work_goes_on() {
    let flights = Numbers::new();
    let slow = || async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        Ok(7)
    };
    let waited = tokio::time::timeout(Duration::from_secs(5), flights.fly("key", slow)).await;
    assert!(waited.is_err());
    let waited = flights.fly("key", || async { Ok(8) }).await;
    assert_eq!(waited.unwrap(), 7, "the second caller gets what is under way");
}

#[tokio::test]
async fn a_failed_flight_is_an_error_for_all_and_is_not_remembered() {
    let flights = Numbers::new();
    let gate = Arc::new(Notify::new());
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (flights, gate) = (flights.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = || async move {
                    gate.notified().await;
                    Err("MISP is down".to_owned())
                };
                flights.fly("key", work).await
            })
        })
        .collect();
    settle().await;
    gate.notify_one();
    for caller in callers {
        let Err(FlightError::Failed(error)) = caller.await.unwrap() else {
            panic!("not the error of the work")
        };
        assert_eq!(*error, "MISP is down");
    }
    assert_eq!(flights.fly("key", || async { Ok(1) }).await.unwrap(), 1);
}

#[tokio::test]
async fn panic_in_the_work_is_an_error_for_all_waiters() {
    let flights = Numbers::new();
    let gate = Arc::new(Notify::new());
    let callers: Vec<_> = (0..10)
        .map(|_| {
            let (flights, gate) = (flights.clone(), Arc::clone(&gate));
            tokio::spawn(async move {
                let work = || async move {
                    gate.notified().await;
                    panic!("on purpose, in a test")
                };
                flights.fly("key", work).await
            })
        })
        .collect();
    settle().await;
    gate.notify_one();
    for caller in callers {
        assert!(matches!(caller.await.unwrap(), Err(FlightError::Panicked)));
    }
    assert_eq!(
        flights.fly("key", || async { Ok(1) }).await.unwrap(),
        1,
        "the key is free again"
    );
}

#[tokio::test]
async fn panic_before_the_first_await_is_caught_too() {
    let flights = Numbers::new();
    let work = || -> std::future::Ready<Result<usize, String>> { panic!("on purpose, in a test") };
    assert!(matches!(flights.fly("key", work).await, Err(FlightError::Panicked)));
    assert!(flights.is_empty());
}

#[test]
fn a_runtime_that_shuts_down_leaves_no_key_behind() {
    let flights = Numbers::new();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        assert!(flights.start("key", std::future::pending::<Result<usize, String>>));
        settle().await;
        assert!(flights.in_flight(&"key"));
    });
    drop(runtime);
    assert!(flights.is_empty());
}

#[test]
fn starting_outside_of_a_runtime_leaves_no_key_behind() {
    let flights = Numbers::new();
    let outside = flights.clone();
    let started = std::thread::spawn(move || outside.start("key", || async { Ok(1) })).join();
    assert!(started.is_err());
    assert!(flights.is_empty());
}

#[tokio::test]
async fn start_says_whether_a_flight_was_started() {
    let (flights, work) = (Numbers::new(), Work::held());
    let start = || {
        flights.start("key", {
            let work = work.clone();
            || work.run()
        })
    };
    assert!(start());
    assert!(!start());
    let waiter = call(&flights, &work);
    settle().await;
    work.let_go();
    assert_eq!(
        waiter.await.unwrap().unwrap(),
        1,
        "a caller joins a flight that was started in the background"
    );
    assert!(start());
}

#[tokio::test]
async fn work_is_not_called_while_a_flight_is_under_way() {
    let (flights, work) = (Numbers::new(), Work::held());
    let leader = call(&flights, &work);
    settle().await;
    let follower = tokio::spawn({
        let flights = flights.clone();
        async move {
            flights
                .fly("key", || -> std::future::Ready<Result<usize, String>> {
                    unreachable!()
                })
                .await
        }
    });
    settle().await;
    work.let_go();
    assert_eq!(leader.await.unwrap().unwrap(), 1);
    assert_eq!(follower.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn a_result_that_the_work_stored_is_there_before_the_flight_is_over() {
    let flights = Numbers::new();
    let store = cache::MemoryStore::<&str, String>::new(1 << 20);
    let work = {
        let store = store.clone();
        || async move {
            store.insert("key", "kept".into());
            Ok(1)
        }
    };
    assert!(flights.start("key", work));
    while flights.in_flight(&"key") {
        tokio::task::yield_now().await;
    }
    assert_eq!(store.get(&"key").as_deref(), Some("kept"));
}
