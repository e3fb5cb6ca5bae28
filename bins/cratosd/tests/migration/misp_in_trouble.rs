//! Section 9: MISP in trouble. The original answered 503 with its own words, 500, 415, or waited for ever; here it is
//! 503 or 504 with the time to ask again, and never 401 or 403, on which a firewall stops enforcing a list.

use misp_sim::{Fault, Sim};
use serde_json::json;

use crate::installation::{Installation, site};
use crate::rows::{Row, Shape, walk};

#[tokio::test(flavor = "multi_thread")]
async fn a_misp_in_trouble_is_never_an_empty_feed_and_never_the_token_s_fault() {
    let Some(installation) = Installation::new().await else {
        return;
    };
    installation.write(
        "sites/127.0.0.1.yaml",
        &site().replace("mispTimeoutSeconds: 100", "mispTimeoutSeconds: 2"),
    );
    let token = installation.token();
    for (fault, status) in [
        (Fault::Refuse, 503),
        (Fault::Status(403), 503),
        (Fault::Status(500), 503),
        (Fault::Html { status: 200 }, 503),
        (Fault::NotJson, 503),
        (
            Fault::CutOff {
                after_bytes: 40,
                chunked: true,
            },
            503,
        ),
        (Fault::Hang, 504),
    ] {
        installation.misp.set_fault(fault.clone());
        // A daemon of its own: after some failures in a row MISP is not asked for a while, and the status stays.
        let daemon = installation.serve();
        let rows = paths().into_iter().map(|path| {
            let row = Row::get(path).token(&token).answers(status, "application/problem+json");
            row.with(Shape::At("/status", json!(status)))
                .with(Shape::HasHeader("retry-after"))
        });
        walk(daemon.address, &format!("9, {fault:?}"), rows.collect()).await;
    }
    installation.misp.clear_fault();
    let daemon = installation.serve();
    installation
        .misp
        .set_fault(Fault::Status(403).on("/attributes/restSearch"));
    let refused = Row::get(crate::FEED)
        .token(&token)
        .answers(503, "application/problem+json");
    walk(daemon.address, "9, a key that may not search", vec![refused]).await;
    installation.misp.clear_fault();
    let well = Row::get(crate::FEED)
        .token(&token)
        .answers(200, "text/plain; charset=utf-8");
    walk(daemon.address, "9, well again", vec![well]).await;
}

/// One route for each column of the table.
fn paths() -> Vec<String> {
    vec![
        crate::FEED.to_owned(),
        format!("/v1/uuid/{}/type/ipv4/age/1w/output/txt", Sim::ORGANISATION),
        "/v1/vendor/cisco/feed/block/type/ipv4/age/1w".to_owned(),
        "/v1/check".to_owned(),
        "/v1/statistics".to_owned(),
        "/v1/warninglist/id/1/output/txt".to_owned(),
    ]
}
