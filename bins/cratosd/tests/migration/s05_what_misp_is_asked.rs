//! Section 5: which indicators a feed has. The question itself is ours; what comes out for the sample configuration is
//! what counts.

use std::net::SocketAddr;

use crate::installation::Installation;
use crate::rows::Row;

/// Each feed of host names with what it holds: the events are tagged for one feed each.
const FEEDS: &[(&str, &[&str])] = &[
    ("block", &["a.example.com", "b.example.com", "xn--5cab8c.example.com"]),
    ("alert", &["alert.example.com"]),
    ("incident", &["incident.example.com"]),
    ("hunt", &["hunt.example.com"]),
    ("cust1", &["cust1.example.com"]),
    ("cust2", &[]),
];

pub(crate) async fn look(installation: &Installation, daemon: SocketAddr) {
    let token = installation.token();
    let feed = async |feed: &str, age: &str| {
        let row = Row::get(format!("/v1/feed/{feed}/type/domain/age/{age}/output/txt")).token(&token);
        let answer = row.ask(daemon).await;
        assert_eq!(answer.status, 200, "{feed}: {}", answer.body);
        answer.body
    };
    for (name, expected) in FEEDS {
        assert_eq!(feed(name, "1w").await, expected.join("\r\n"), "{name}");
    }
    // Older attributes come with an older age; what is no false positive comes with `any`, whatever it is tagged.
    assert!(feed("block", "2m").await.contains("old.example.com"));
    let any = feed("any", "1w").await;
    assert!(
        any.contains("untagged.example.com") && !any.contains("harmless.example.com"),
        "{any}"
    );
    // `ignore_to_ids` of the sample: `vulnerability` by the name of the type, and `ja3`, which never matched there.
    let row = Row::get("/v1/feed/block/type/vulnerability/age/1w/output/txt").token(&token);
    assert_eq!(row.ask(daemon).await.body, "CVE-2026-12345");
}
