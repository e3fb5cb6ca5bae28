//! `/v1/help` and `/redoc` as bytes. The browser tests check the visible pages.

use crate::support::{Ask, Daemon};

const PAGES: [&str; 2] = ["/v1/help", "/redoc"];

#[tokio::test(flavor = "multi_thread")]
async fn pages_carry_the_headers_that_keep_them_to_us() {
    let daemon = Daemon::start().await;
    for path in PAGES {
        let page = daemon.send(Ask::get(path)).await;
        assert_eq!(
            (page.status.as_u16(), page.header("content-type")),
            (200, "text/html; charset=utf-8")
        );
        let policy = page.header("content-security-policy");
        assert!(
            policy.contains("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        for name in [
            "strict-transport-security",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "permissions-policy",
            "cross-origin-resource-policy",
            "cross-origin-opener-policy",
            "cross-origin-embedder-policy",
        ] {
            assert!(page.headers.contains_key(name), "{path}: {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_a_page_names_is_served_by_us() {
    let daemon = Daemon::start().await;
    for path in PAGES {
        let page = daemon.send(Ask::get(path)).await;
        let html = page.text();
        assert!(
            !html.contains("://") && !html.contains("=\"//"),
            "{path} names another host"
        );
        assert!(
            !html.contains("<script>") && !html.contains("<style") && !html.contains(" style="),
            "{path}"
        );
        assert!(html.contains("<noscript>") && html.contains("href=\"/openapi.json\""));
        let mut named = 0;
        for start in ["src=\"", "href=\"", "spec-url=\""] {
            for rest in html.split(start).skip(1) {
                let target = rest.split('"').next().unwrap();
                let answer = daemon.send(Ask::get(target)).await;
                assert_eq!(answer.status, 200, "{path}: {target}");
                named += 1;
            }
        }
        assert!(named >= 4, "{path}");
    }
}
