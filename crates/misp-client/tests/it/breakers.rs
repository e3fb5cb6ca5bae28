//! Questions that fail at once while MISP does not answer, or does not take the key.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use misp_client::{AuthKey, Breaker, BreakerPolicy, Client, Error, ErrorKind};
use misp_sim::{Fault, RunningSim, Sim};

/// A stand-in, and breakers on a clock that the test moves.
struct Bench {
    sim: RunningSim,
    address: Breaker,
    now: Arc<Mutex<Instant>>,
}

impl Bench {
    fn new() -> Self {
        let now = Arc::new(Mutex::new(Instant::now()));
        Self {
            sim: Sim::builder().start_now().unwrap(),
            address: breaker(BreakerPolicy::ADDRESS, &now),
            now,
        }
    }

    fn client(&self, key: &str) -> Client {
        Client::builder(self.sim.url().parse().unwrap(), AuthKey::new(key).unwrap())
            .timeout(Duration::from_millis(300))
            .max_retries(0)
            .address_breaker(self.address.clone())
            .key_breaker(breaker(BreakerPolicy::KEY, &self.now))
            .build()
            .unwrap()
    }

    fn pass(&self, seconds: u64) {
        *self.now.lock().unwrap() += Duration::from_secs(seconds);
    }
}

fn breaker(policy: BreakerPolicy, now: &Arc<Mutex<Instant>>) -> Breaker {
    let now = Arc::clone(now);
    Breaker::with_clock(policy, move || *now.lock().unwrap(), |_| ())
}

async fn ask(client: &Client) -> Result<(), ErrorKind> {
    client.me().await.map(|_| ()).map_err(|error: Error| error.kind())
}

#[tokio::test]
async fn after_five_connection_faults_questions_fail_at_once_until_a_light_one_is_answered() {
    let bench = Bench::new();
    let (client, other) = (bench.client(Sim::READER_KEY), bench.client(Sim::PARTNER_KEY));
    bench.sim.set_fault(Fault::Refuse);
    for _ in 0..5 {
        assert_eq!(ask(&client).await, Err(ErrorKind::Connect));
    }
    let error = other.me().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after().unwrap().as_secs(), error.is_timeout()),
        (ErrorKind::Suspended, 6, false)
    );
    assert_eq!(
        other.traffic().questions,
        0,
        "nothing was sent, with any key of the address"
    );
    bench.pass(5);
    assert_eq!(ask(&client).await, Err(ErrorKind::Connect), "MISP is still away");
    bench.sim.clear_fault();
    bench.pass(9);
    assert_eq!(ask(&client).await, Err(ErrorKind::Suspended));
    bench.pass(1);
    bench.sim.clear_requests();
    assert_eq!(ask(&client).await, Ok(()));
    let paths: Vec<String> = bench.sim.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/servers/getVersion", "/users/view/me"]);
    assert_eq!(ask(&other).await, Ok(()));
}

/// One caller's heavy questions say nothing about light ones.
#[tokio::test]
async fn time_outs_of_heavy_questions_do_not_stop_others_while_misp_answers_light_ones() {
    let bench = Bench::new();
    let client = bench.client(Sim::READER_KEY);
    bench
        .sim
        .set_fault(Fault::HangInBody { after_bytes: 10 }.on("/users/view/me"));
    for _ in 0..12 {
        assert_eq!(ask(&client).await, Err(ErrorKind::Timeout));
    }
    assert!(client.version().await.is_ok());
    bench.sim.set_fault(Fault::Hang);
    for _ in 0..5 {
        assert_eq!(ask(&client).await, Err(ErrorKind::Timeout));
    }
    assert_eq!(ask(&client).await, Err(ErrorKind::Timeout), "the light question");
    let error = client.me().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.is_timeout()),
        (ErrorKind::Suspended, true),
        "the cause stays, and with it the status that callers get"
    );
}

#[tokio::test]
async fn a_key_that_is_refused_again_and_again_is_not_sent_and_other_keys_are() {
    let bench = Bench::new();
    let (bad, good) = (bench.client(&"x".repeat(40)), bench.client(Sim::READER_KEY));
    for _ in 0..3 {
        assert_eq!(ask(&bad).await, Err(ErrorKind::KeyRefused));
    }
    let sent = bad.traffic().questions;
    let error = bad.me().await.unwrap_err();
    assert_eq!(
        (error.kind(), error.retry_after().unwrap().as_secs()),
        (ErrorKind::KeyRefused, 11)
    );
    assert!(error.to_string().contains("the next try is in 11 s"), "{error}");
    assert_eq!(bad.traffic().questions, sent);
    assert_eq!(ask(&good).await, Ok(()));
    bench.pass(10);
    assert_eq!(ask(&bad).await, Err(ErrorKind::KeyRefused));
    assert_eq!(bad.traffic().questions, sent + 1, "one light question");
    let user = misp_sim::User::reader("new@cert.example.org", 1, "x".repeat(40));
    bench.sim.edit(|store| store.add_user(user));
    bench.pass(20);
    assert_eq!(ask(&bad).await, Ok(()));
}

#[tokio::test]
async fn errors_that_misp_answers_are_answers() {
    let bench = Bench::new();
    let client = bench.client(Sim::READER_KEY);
    bench.sim.set_fault(Fault::Status(500));
    for _ in 0..12 {
        assert_eq!(ask(&client).await, Err(ErrorKind::MispError));
    }
    assert!(!bench.address.is_open());
}
