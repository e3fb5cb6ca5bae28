//! `GET` and `POST /v1/generate_token_form`; the browser tests check the visible page.

use http::Method;
use misp_sim::{Fault, Sim};

use crate::support::{Answer, Ask, Daemon, FEED, SITE, Setup};

const PATH: &str = "/v1/generate_token_form";
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// Returns the fields that the form of Cratos FastAPI has.
fn order(daemon: &Daemon) -> Vec<(&'static str, String)> {
    let port = daemon.sim.addr().port().to_string();
    let texts = [
        ("proto", "http"),
        ("domain", "127.0.0.1"),
        ("auth", Sim::READER_KEY),
        ("expire", "2099-12-31"),
    ];
    let texts = texts.map(|(name, value)| (name, value.to_owned()));
    [("port", port)].into_iter().chain(texts).collect()
}

fn urlencoded(fields: &[(&str, String)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn ask(body: String) -> Ask {
    Ask::new(Method::POST, PATH)
        .header("content-type", URLENCODED)
        .body(body)
}

async fn post(daemon: &Daemon, fields: &[(&str, String)]) -> Answer {
    daemon.send(ask(urlencoded(fields))).await
}

fn token_in(answer: &Answer) -> &str {
    let (_, rest) = answer.text().split_once("<code id=\"token\">").unwrap();
    rest.split('<').next().unwrap()
}

fn is_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(
        answer
            .header("content-security-policy")
            .starts_with("default-src 'none'; script-src 'self'")
    );
    assert!(
        !answer.text().contains("<style") && !answer.text().contains(" style=") && !answer.text().contains("<script>")
    );
    assert!(!answer.text().contains(Sim::READER_KEY), "the key is never sent back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_of_the_reference_makes_a_token_in_both_ways_of_writing_one() {
    let daemon = Daemon::start().await;
    let fields = order(&daemon);
    let mut parts = String::new();
    for (name, value) in &fields {
        parts.push_str(&format!(
            "--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
        ));
    }
    parts.push_str("--x--\r\n");
    let multipart = Ask::new(Method::POST, PATH).header("content-type", "multipart/form-data; boundary=x");
    for answer in [post(&daemon, &fields).await, daemon.send(multipart.body(parts)).await] {
        is_page(&answer, 200);
        let token = token_in(&answer);
        assert_eq!(daemon.send(Ask::get(FEED).header("token", token)).await.status, 200);
        // The token has no scope, like one from the JSON route: it may clear the cache.
        let clear = Ask::new(Method::DELETE, &FEED.replace("/v1/feed", "/v1/clear_cache/feed"));
        assert_eq!(daemon.send(clear.header("token", token)).await.status, 200);
        assert!(answer.text().contains(&token_crypto::token_sha256(token)));
    }
}

/// For example a log server's token: it looks up values and reads no feed.
#[tokio::test(flavor = "multi_thread")]
async fn a_purpose_on_the_form_makes_a_token_that_reads_no_feeds() {
    let daemon = Daemon::start().await;
    let form = daemon.send(Ask::get(PATH)).await;
    for purpose in ["lookup", "sightings", "stream", "operate"] {
        assert!(
            form.text().contains(&format!("<option value=\"{purpose}\">")),
            "{purpose}"
        );
    }
    let mut fields = order(&daemon);
    fields.push(("only", "lookup".to_owned()));
    let made = post(&daemon, &fields).await;
    is_page(&made, 200);
    assert!(made.text().contains("it reads no feeds") && made.text().contains("/v1/lookup?value="));
    let token = token_in(&made);
    let status = async |path: &str| daemon.send(Ask::get(path).header("token", token)).await.status.as_u16();
    assert_eq!(
        (status("/v1/lookup?value=192.0.2.1").await, status(FEED).await),
        (200, 403)
    );
    fields.push(("only", "everything".to_owned()));
    let wrong = post(&daemon, &fields).await;
    is_page(&wrong, 422);
    assert!(wrong.text().contains("Choose one of the purposes.") && wrong.text().contains("id=\"only-wrong\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_form_is_shown_and_can_be_asked_for_by_head() {
    let daemon = Daemon::start().await;
    let page = daemon.send(Ask::get(PATH)).await;
    is_page(&page, 200);
    let head = daemon.send(Ask::new(Method::HEAD, PATH)).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    let put = daemon.send(Ask::new(Method::PUT, PATH)).await;
    assert_eq!((put.status.as_u16(), put.header("allow")), (405, "GET, HEAD, POST"));
}

#[tokio::test(flavor = "multi_thread")]
async fn mistakes_are_422_and_the_page_keeps_the_input_as_text() {
    let daemon = Daemon::start().await;
    let mut fields = order(&daemon);
    fields.extend([
        ("label", "\"><script>alert(1)</script>\u{7}".to_owned()),
        ("networks", "</textarea><b>".to_owned()),
        ("domain", "' onfocus='x".to_owned()),
        ("permissions", "<i>root".to_owned()),
    ]);
    let answer = post(&daemon, &fields).await;
    is_page(&answer, 422);
    for hostile in ["<script>alert", "</textarea><b>", "' onfocus=", "<i>root"] {
        assert!(!answer.text().contains(hostile), "{hostile}");
    }
    assert!(answer.text().contains("&lt;script&gt;") || answer.text().contains("&#60;script&#62;"));
    for body in ["", "x=y", "port=&auth=&proto=%ff%fe"] {
        let answer = daemon.send(ask(body.to_owned())).await;
        is_page(&answer, 422);
        assert!(answer.text().contains("id=\"auth-wrong\""));
    }
    assert_eq!(daemon.sim.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_with_a_page() {
    let daemon = Daemon::start().await;
    for (content_type, body, status) in [
        (URLENCODED, "a".repeat(33 * 1024), 413),
        ("application/json", "{}".to_owned(), 415),
        ("multipart/form-data", "a=b".to_owned(), 400),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n".to_owned(),
            400,
        ),
        (URLENCODED, "&=".repeat(16 * 1024), 422),
        (URLENCODED, format!("networks={}", "x+".repeat(10_000)), 422),
        (
            URLENCODED,
            "types_which=some&".to_owned() + &"types=x&".repeat(4_000),
            422,
        ),
    ] {
        let answer = daemon
            .send(
                Ask::new(Method::POST, PATH)
                    .header("content-type", content_type)
                    .body(body),
            )
            .await;
        is_page(&answer, status);
        assert!(answer.body.len() < 128 * 1024, "{} bytes", answer.body.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_pages_and_forms_of_our_own_page_are_taken() {
    let daemon = Daemon::start().await;
    let form = urlencoded(&order(&daemon));
    for (name, value, status) in [
        ("sec-fetch-site", "cross-site", 403),
        ("x-forwarded-host", "evil.example.org", 403),
        ("sec-fetch-site", "same-origin", 200),
        ("origin", "https://cratos.example.net", 200),
    ] {
        is_page(&daemon.send(ask(form.clone()).header(name, value)).await, status);
    }
    let plain = Ask::new(Method::POST, PATH).header("content-type", "text/plain");
    is_page(&daemon.send(plain.body(form)).await, 415);
    assert_eq!(daemon.sim.count("/users/view/me"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn sites_are_listed_only_for_callers_who_may_use_all_of_them() {
    let listed = async |core: &str| {
        let daemon = Daemon::with(Setup {
            core: core.to_owned(),
            ..Setup::default()
        })
        .await;
        daemon.write("sites/misp.example.net.yaml", SITE);
        daemon.write("sites/off.example.net.yaml", &format!("{SITE}enabled: False\n"));
        daemon.store.reload();
        let page = daemon.send(Ask::get(PATH)).await;
        is_page(&page, 200);
        (
            page.text().contains("misp.example.net</option>"),
            page.text().contains("off.example.net"),
        )
    };
    assert_eq!(listed("").await, (true, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_misp_keeps_the_form_and_its_status() {
    let daemon = Daemon::start().await;
    for (fault, status) in [
        (Fault::Refuse, 503),
        (Fault::Html { status: 200 }, 503),
        (Fault::Hang, 504),
    ] {
        daemon.sim.set_fault(fault);
        let answer = post(&daemon, &order(&daemon)).await;
        is_page(&answer, status);
        assert!(answer.header("retry-after").parse::<u64>().unwrap() >= 1);
        assert!(answer.text().contains("could not be checked"));
        assert!(
            answer
                .text()
                .contains(&format!("value=\"{}\"", daemon.sim.addr().port()))
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_counts_against_the_same_limit_as_the_json_route() {
    let daemon = Daemon::start().await;
    let mut refused = None;
    for _ in 0..50 {
        let answer = post(&daemon, &order(&daemon)).await;
        if answer.status == 429 {
            refused = Some(answer);
            break;
        }
    }
    let refused = refused.expect("fifty in a row are too many");
    is_page(&refused, 429);
    assert!(refused.header("retry-after").parse::<u64>().unwrap() >= 1);
    assert!(refused.text().contains("Try again in"));
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_that_may_not_mint_get_no_form() {
    let daemon = Daemon::with(Setup {
        core: "token_minting: { allowed_ips: [\"192.0.2.0/24\"] }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    for answer in [daemon.send(Ask::get(PATH)).await, post(&daemon, &order(&daemon)).await] {
        is_page(&answer, 403);
        assert!(!answer.text().contains("<form"));
    }
    assert_eq!(daemon.sim.requests().len(), 0);
}

/// A select works without scripts; the error stands beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_tlp_level_is_chosen_on_the_page() {
    let daemon = Daemon::start().await;
    let page = daemon.send(Ask::get(PATH)).await;
    assert!(
        page.text().contains("<option value=\"red\" selected>"),
        "no limit at first"
    );
    let mut fields = order(&daemon);
    fields.push(("max_tlp", "amber".to_owned()));
    let made = post(&daemon, &fields).await;
    is_page(&made, 200);
    assert!(made.text().contains("amber and more open"));
    let answer = daemon.send(Ask::get(FEED).header("token", token_in(&made))).await;
    // The only indicator has no TLP tag.
    assert_eq!(answer.feed(), (200, ""));
    fields.pop();
    fields.push(("max_tlp", "<b>orange".to_owned()));
    let refused = post(&daemon, &fields).await;
    is_page(&refused, 422);
    assert!(refused.text().contains("id=\"max_tlp-wrong\"") && refused.text().contains("href=\"#max_tlp\""));
    assert!(!refused.text().contains("<b>orange"));
    // The page keeps the chosen level after an error in another field.
    fields.pop();
    fields.push(("max_tlp", "green".to_owned()));
    fields.push(("port", "x".to_owned()));
    let again = post(&daemon, &fields).await;
    is_page(&again, 422);
    assert!(again.text().contains("<option value=\"green\" selected>"));
}
