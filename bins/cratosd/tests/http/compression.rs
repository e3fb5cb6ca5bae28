//! Compression of feeds.

use std::io::Read as _;

use misp_sim::{Bulk, Moment, Sim};

use crate::support::{Answer, Ask, Daemon, FEED, Setup};

async fn ask(daemon: &Daemon, accept: &str) -> Answer {
    daemon
        .send(
            Ask::get(FEED)
                .header("token", daemon.token())
                .header("accept-encoding", accept),
        )
        .await
}

fn unpacked(answer: &Answer) -> Vec<u8> {
    let mut plain = Vec::new();
    match answer.header("content-encoding") {
        "gzip" => flate2::read::GzDecoder::new(&*answer.body)
            .read_to_end(&mut plain)
            .map(drop)
            .unwrap(),
        "br" => brotli::BrotliDecompress(&mut &*answer.body, &mut plain).unwrap(),
        "zstd" => plain = zstd::bulk::decompress(&answer.body, 1 << 20).unwrap(),
        other => panic!("{other}"),
    }
    plain
}

/// A client that accepts `*` gets gzip, which every client knows, and no newer encoding.
#[tokio::test(flavor = "multi_thread")]
async fn a_star_is_gzip_or_plain() {
    let bulk = Bulk::new(500, "ip-dst")
        .event_tag("example:incident-classification=block")
        .age(Moment::Ago(60));
    let daemon = Daemon::with(Setup {
        sim: Sim::builder().bulk(bulk),
        ..Setup::default()
    })
    .await;
    for accept in ["*", "*;q=0.5", "zstd;q=0, *"] {
        assert_eq!(
            ask(&daemon, accept).await.header("content-encoding"),
            "gzip",
            "{accept}"
        );
    }
    assert!(
        !ask(&daemon, "*, gzip;q=0")
            .await
            .headers
            .contains_key("content-encoding")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_encoding_unpacks_to_the_same_feed_under_a_tag_of_its_own() {
    let bulk = Bulk::new(500, "ip-dst")
        .event_tag("example:incident-classification=block")
        .age(Moment::Ago(60));
    let daemon = Daemon::with(Setup {
        sim: Sim::builder().bulk(bulk),
        ..Setup::default()
    })
    .await;
    let plain = ask(&daemon, "identity").await;
    assert!(!plain.headers.contains_key("content-encoding"));
    assert_eq!(plain.header("x-feed-count"), "500");
    let mut tags = vec![plain.header("etag").to_owned()];
    for encoding in ["gzip", "br", "zstd"] {
        let packed = ask(&daemon, encoding).await;
        assert_eq!(
            (packed.header("content-encoding"), packed.header("vary")),
            (encoding, "Accept-Encoding")
        );
        assert_eq!(packed.header("content-length"), packed.body.len().to_string());
        assert!(packed.body.len() < plain.body.len());
        assert!(unpacked(&packed) == plain.body, "{encoding}");
        tags.push(packed.header("etag").to_owned());
        let again = Ask::get(FEED)
            .header("token", daemon.token())
            .header("accept-encoding", encoding);
        let again = daemon.send(again.header("if-none-match", packed.header("etag"))).await;
        assert_eq!(
            (again.status.as_u16(), again.header("etag")),
            (304, packed.header("etag"))
        );
        assert!(!again.headers.contains_key("content-encoding"));
    }
    tags.sort();
    tags.dedup();
    assert_eq!(tags.len(), 4);
}

/// The compression of a long feed takes seconds, and no device waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_feed_is_plain_until_its_compressed_form_is_made_and_a_device_with_either_form_has_it() {
    let bulk = Bulk::new(20_000, "ip-dst")
        .event_tag("example:incident-classification=block")
        .age(Moment::Ago(60));
    let setup = || {
        let setup = Setup::default();
        Setup {
            sim: Sim::builder().bulk(bulk.clone()),
            // Nothing is compiled for speed here.
            site: setup.site.replace("mispTimeoutSeconds: 2", "mispTimeoutSeconds: 100"),
            ..setup
        }
    };
    let daemon = Daemon::with(setup()).await;
    let first = ask(&daemon, "gzip").await;
    assert!(!first.headers.contains_key("content-encoding"));
    assert_eq!(
        (first.header("x-feed-count"), first.header("vary")),
        ("20000", "Accept-Encoding")
    );
    assert_eq!(first.body.iter().filter(|byte| **byte == b'\n').count(), 19_999);
    let mut packed = ask(&daemon, "gzip").await;
    for _ in 0..2_000 {
        if packed.headers.contains_key("content-encoding") {
            break;
        }
        assert!(packed.body == first.body && packed.header("etag") == first.header("etag"));
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        packed = ask(&daemon, "gzip").await;
    }
    assert!(unpacked(&packed) == first.body);
    assert_ne!(packed.header("etag"), first.header("etag"));
    let has = async |daemon: &Daemon, etag: &str, accept: &str| {
        let request = Ask::get(FEED)
            .header("token", daemon.token())
            .header("accept-encoding", accept)
            .header("if-none-match", etag);
        let answer = daemon.send(request).await;
        (answer.status.as_u16(), answer.header("etag").to_owned())
    };
    let (plain, gzip) = (first.header("etag"), packed.header("etag"));
    for etag in [plain, gzip] {
        assert_eq!(has(&daemon, etag, "gzip").await, (304, etag.to_owned()));
    }
    // A cache must not give the compressed form to a device that takes the plain one only.
    assert_eq!(has(&daemon, gzip, "identity").await, (304, plain.to_owned()));
    assert_eq!(has(&daemon, gzip, "br").await, (304, plain.to_owned()));
    assert_eq!(has(&daemon, "\"another\"", "gzip").await, (200, gzip.to_owned()));
    // After a restart cratosd has made no compressed form yet, but a cache may hold the earlier one.
    let restarted = Daemon::with(setup()).await;
    for etag in [gzip, plain] {
        assert_eq!(has(&restarted, etag, "gzip").await, (304, etag.to_owned()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_packed_that_was_not_asked_for() {
    let daemon = Daemon::start().await;
    for accept in ["", "deflate", "gzip;q=0", "identity, gzip;q=0.5"] {
        let answer = ask(&daemon, accept).await;
        assert_eq!(answer.feed(), (200, "198.51.100.7"), "{accept}");
        assert!(!answer.headers.contains_key("content-encoding"));
    }
    assert_eq!(unpacked(&ask(&daemon, "gzip, deflate, br").await), b"198.51.100.7");
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_never_packed() {
    let daemon = Daemon::start().await;
    let answer = daemon.send(Ask::get(FEED).header("accept-encoding", "gzip")).await;
    assert_eq!(answer.detail(), "Could not validate token, or token not set.");
}
