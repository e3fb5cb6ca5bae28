//! `/v1/check` and `/v1/feedmapping`.

use misp_sim::{Fault, Sim};
use serde_json::json;

use crate::support::{Daemon, Setup};

#[tokio::test(flavor = "multi_thread")]
async fn check_passes_on_what_misp_says_about_itself() {
    let daemon = Daemon::start().await;
    let answer = daemon.get("/v1/check").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("content-type")),
        (200, "application/json")
    );
    let body = answer.json();
    assert_eq!(
        (&body["status_code"], &body["encoding"]),
        (&json!(200), &json!("UTF-8"))
    );
    assert_eq!(body["misp_host"], daemon.sim.url());
    assert!(body["content"]["version"].is_string() && body["content"]["perm_sync"].is_boolean());
    assert!(body["unixtimestamp"].is_i64());
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_misp_is_never_an_authentication_failure() {
    let daemon = Daemon::start().await;
    for (fault, status) in [
        (Fault::Refuse, 503),
        (Fault::Status(403), 503),
        (Fault::Status(500), 503),
        (Fault::Html { status: 200 }, 503),
        (Fault::LoginRedirect, 503),
        (Fault::NotJson, 503),
        (
            Fault::CutOff {
                after_bytes: 10,
                chunked: false,
            },
            503,
        ),
        (Fault::Hang, 504),
    ] {
        daemon.sim.set_fault(fault.clone());
        let answer = daemon.get("/v1/check").await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("retry-after")),
            (status, "30"),
            "{fault:?}"
        );
        let words = answer.detail();
        assert!(!words.as_str().unwrap().contains(Sim::READER_KEY), "{words}");
    }
    daemon.sim.clear_fault();
    assert_eq!(daemon.get("/v1/check").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn feedmapping_lists_each_feed_with_its_tag() {
    let daemon = Daemon::with(Setup::site_with(
        "custom_feeds: { cust3: \":tor-exitnode\", cust1: \":permanent-block\" }\n",
    ))
    .await;
    let answer = daemon.get("/v1/feedmapping").await;
    assert_eq!(answer.header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(
        answer.text(),
        "Feed name: \"incident\" is mapped to MISP tag: example:incident-classification=incident\r\n\
         Feed name: \"block\" is mapped to MISP tag: example:incident-classification=block\r\n\
         Feed name: \"alert\" is mapped to MISP tag: example:incident-classification=alert\r\n\
         Feed name: \"hunt\" is mapped to MISP tag: example:incident-classification=hunt\r\n\
         Feed name: \"cust1\" is mapped to MISP tag: example:permanent-block\r\n\
         Feed name: \"cust3\" is mapped to MISP tag: example:tor-exitnode\r\n"
    );
}
