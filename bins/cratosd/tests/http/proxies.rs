//! Forwarding headers: which proxies the daemon trusts, and for what.

use http::{Method, StatusCode};
use serde_json::json;

use crate::support::{Ask, Daemon, FEED, Setup, raw};

/// Starts a daemon with these keys. The peer is always this machine; the keys decide whether it is a trusted proxy.
async fn behind(keys: &str) -> Daemon {
    Daemon::with(Setup {
        core: format!("{keys}allways_allowed_ips: [\"198.51.100.9\"]\n"),
        ..Setup::default()
    })
    .await
}

fn from(client: &str, token: &str) -> Ask {
    Ask::get(FEED).header("token", token).header("x-forwarded-for", client)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_address_that_the_proxy_names_is_the_one_that_must_be_allowed() {
    let daemon = behind("reverse_proxy: True\n").await;
    let token = daemon.token();
    for (client, status) in [
        ("198.51.100.9", 200),
        ("198.51.100.8", 403),
        ("198.51.100.9, 198.51.100.8", 403),
        ("198.51.100.8, 198.51.100.9", 200),
        ("127.0.0.1", 200),
        ("127.0.0.1, 198.51.100.8", 403),
    ] {
        let answer = daemon.send(from(client, &token)).await;
        assert_eq!(answer.status, status, "{client}");
        if status == 403 {
            assert_eq!(
                answer.detail(),
                "198.51.100.8 are not allowed to access the MISP instance."
            );
        }
    }
    let two_lines = from("198.51.100.9", &token).header("x-forwarded-for", "198.51.100.8");
    assert_eq!(daemon.send(two_lines).await.status, 403);
    // A request without the header comes from the proxy itself, for example its health check.
    assert_eq!(daemon.get(FEED).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_ignore_no_header_is_believed() {
    let daemon = behind("reverse_proxy: ignore\n").await;
    let answer = daemon.send(from("198.51.100.8", &daemon.token())).await;
    assert_eq!(answer.status, 200, "the forged address counts");
    let landing = daemon
        .send(Ask::get("/").header("x-forwarded-for", "198.51.100.9"))
        .await;
    assert_eq!(landing.json()["IP"], "127.0.0.1");
}

/// Under the proxy's address, all callers behind it would be allowed where this machine is.
#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_on_this_machine_that_is_not_trusted_gets_a_503_that_names_the_key() {
    let daemon = behind("reverse_proxy: True\nreverse_proxy_trusted: [\"192.0.2.1\"]\n").await;
    for client in ["198.51.100.8", "198.51.100.9"] {
        let answer = daemon.send(from(client, &daemon.token())).await;
        assert_eq!(answer.status, 503, "{client}");
        let detail = answer.detail().as_str().unwrap().to_owned();
        assert!(detail.contains("`reverse_proxy_trusted`"), "{detail}");
    }
    assert_eq!(daemon.get(FEED).await.status, 200, "a health check past the proxy");
}

/// Cratos FastAPI trusted a proxy on its machine for every value of this key. Under the proxy's address, all callers
/// behind it would be allowed where this machine is, and could read the metrics.
#[tokio::test(flavor = "multi_thread")]
async fn an_unconfigured_proxy_on_this_machine_gets_503_on_every_route() {
    let daemon = behind("reverse_proxy: False\nreverse_proxy_header: X-Edge\n").await;
    let document = daemon.send(Ask::get("/openapi.json")).await.json();
    let mut paths: Vec<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    assert!(
        ["/metrics", "/readyz", "/healthz"]
            .iter()
            .all(|path| paths.contains(path))
    );
    paths.extend([FEED, "/nothing"]);
    let token = daemon.token();
    for path in paths {
        let path = path.replace('{', "%7B").replace('}', "%7D");
        for header in ["x-forwarded-for", "forwarded", "x-real-ip", "x-edge"] {
            let ask = Ask::get(&path)
                .header("token", &token)
                .header(header, "for=198.51.100.9");
            let answer = daemon.send(ask).await;
            assert_eq!(answer.status, 503, "{path} {header}");
            let detail = answer.detail().as_str().unwrap().to_owned();
            let names_the_key = ["reverse_proxy: true", "reverse_proxy: ignore", header]
                .map(|word| detail.to_ascii_lowercase().contains(word));
            assert_eq!(names_the_key, [true; 3], "{detail}");
        }
    }
    for path in ["/healthz", "/readyz", "/metrics", FEED] {
        assert_eq!(
            daemon.get(path).await.status,
            200,
            "{path}: a health check past the proxy"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_the_proxy_protocol_a_header_of_the_caller_is_nothing_new() {
    let daemon = behind("proxy_protocol: True\n").await;
    let request = format!(
        "GET {FEED} HTTP/1.1\r\nhost: x\r\ntoken: {}\r\nx-forwarded-for: 198.51.100.8\r\nconnection: close\r\n\r\n",
        daemon.token()
    );
    for (line, status) in [
        ("PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n", "200"),
        ("PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\r\n", "403"),
        ("PROXY UNKNOWN\r\n", "503"),
        ("PROXY TCP6 ::ffff:127.0.0.1 ::1 4711 443\r\n", "503"),
    ] {
        let answer = raw(daemon.addr, format!("{line}{request}").as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{line}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_says_nonsense_is_a_503_and_never_counts_as_the_caller() {
    let daemon = behind("reverse_proxy: True\n").await;
    for nonsense in ["unknown", "", "198.51.100.9;198.51.100.8", "198.51.100.9, gateway"] {
        let answer = daemon.send(from(nonsense, &daemon.token())).await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{nonsense}");
        assert_eq!(answer.header("retry-after"), "30");
        assert_eq!(
            answer.detail(),
            "The proxy in front of this service does not say who is asking."
        );
    }
    assert_eq!(daemon.sim.requests().len(), 0, "MISP was asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_s_expression_and_group_find_the_address() {
    let keys = "reverse_proxy: True\nreverse_proxy_header: X-Edge\nreverse_proxy_real_ip_regex: \"(id|from)=([^;]+)\"\nreverse_proxy_regex_place: 2\n";
    let daemon = behind(keys).await;
    let asked = Ask::get("/").header("x-edge", "tls=1;from=198.51.100.9:4711;x=y");
    assert_eq!(daemon.send(asked).await.json()["IP"], "198.51.100.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn forwarded_names_the_caller_of_a_scoped_token_too() {
    let daemon = behind("reverse_proxy: True\nreverse_proxy_header: Forwarded\n").await;
    let scope = token_crypto::Scope::new().with_networks(["198.51.100.9/32".parse().unwrap()]);
    let token = daemon.seal(&daemon.claims().with_scope(scope));
    let asked = |client: &str| {
        Ask::get(FEED)
            .header("token", &token)
            .header("forwarded", format!("for=127.0.0.1, for=\"{client}\";proto=https"))
    };
    assert_eq!(daemon.send(asked("198.51.100.9:4711")).await.status, 200);
    assert_eq!(daemon.send(asked("127.0.0.1")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_right_to_make_tokens_is_that_of_the_caller_and_not_of_the_proxy() {
    let daemon = behind("reverse_proxy: True\ntoken_minting:\n  allowed_ips: [\"127.0.0.1\"]\n").await;
    let order = json!({"port": 443, "proto": "https", "domain": "127.0.0.1", "expire": "2099-01-01", "auth": "x"});
    let asked = |client: &str| {
        Ask::new(Method::POST, "/v1/generate_token_json")
            .header("content-type", "application/json")
            .header("x-forwarded-for", client)
            .body(order.to_string())
    };
    let answer = daemon.send(asked("127.0.0.1, 198.51.100.9")).await;
    assert_eq!(answer.detail(), "198.51.100.9 is not allowed to have tokens made.");
    assert_ne!(daemon.send(asked("127.0.0.1")).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_changes_the_trusted_proxies() {
    let daemon = behind("").await;
    let ask = || Ask::get("/").header("x-forwarded-for", "198.51.100.9");
    assert_eq!(daemon.send(ask()).await.status, 503);
    let text = format!(
        "encryption_key: \"{}\"\nsalt: \"{}\"\naccept_legacy_tokens: False\nreverse_proxy: True\n",
        crate::support::KEY,
        crate::support::SALT
    );
    daemon.write("config.yaml", &text);
    daemon.store.reload();
    assert_eq!(daemon.send(ask()).await.json()["IP"], "198.51.100.9");
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_proxy_protocol_every_connection_says_whom_it_is_for() {
    let daemon = behind("proxy_protocol: True\n").await;
    let request = format!(
        "GET {FEED} HTTP/1.1\r\nhost: x\r\ntoken: {}\r\nconnection: close\r\n\r\n",
        daemon.token()
    );
    let v2 = |client: [u8; 4]| {
        let addresses = [&client[..], &[192, 0, 2, 1, 0x12, 0x67, 1, 187]].concat();
        [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c"[..], &addresses].concat()
    };
    for (header, status) in [
        (b"PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\n".to_vec(), "200"),
        (b"PROXY TCP4 198.51.100.8 192.0.2.1 4711 443\r\n".to_vec(), "403"),
        (b"PROXY TCP6 ::ffff:198.51.100.9 ::1 4711 443\r\n".to_vec(), "200"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "200"),
        (v2([198, 51, 100, 9]), "200"),
        (v2([198, 51, 100, 8]), "403"),
    ] {
        let answer = raw(daemon.addr, &[&header, request.as_bytes()].concat()).await;
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status}")),
            "{}: {answer}",
            header.escape_ascii()
        );
    }
    for nothing in [
        "",
        "PROXY TCP4 198.51.100.9\r\n",
        "PROXY UDP4 198.51.100.9 192.0.2.1 4711 443\r\n",
    ] {
        assert_eq!(raw(daemon.addr, format!("{nothing}{request}").as_bytes()).await, "");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_proxy_protocol_only_the_proxies_are_served() {
    let daemon = behind("proxy_protocol: True\nreverse_proxy_trusted: [\"192.0.2.1\"]\n").await;
    let connection = "PROXY TCP4 198.51.100.9 192.0.2.1 4711 443\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    assert_eq!(raw(daemon.addr, connection.as_bytes()).await, "");
}
