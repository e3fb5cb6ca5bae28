//! `/v1/warninglist/…` and `/v1/statistics`.

use misp_sim::{Fault, Sim, Warninglist, WarninglistKind};
use serde_json::json;
use token_crypto::Scope;

use crate::support::{Daemon, Setup, event};

async fn daemon() -> Daemon {
    let ranges = ["203.0.113.192/26", "2001:db8:ffff::/48", "203.0.113.192/26"];
    let names = ["b.example.net", "a.example.org"];
    let sim = Sim::builder()
        .event(event("block", &["198.51.100.7"]))
        .warninglist(Warninglist::new(
            "Own <ranges> & more",
            WarninglistKind::Cidr,
            &["ip-src", "ip-dst"],
            &ranges,
        ))
        .warninglist(Warninglist::new(
            "Hosting",
            WarninglistKind::Hostname,
            &["domain"],
            &names,
        ));
    Daemon::with(Setup {
        sim,
        ..Setup::default()
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_entries_of_a_list_come_sorted_and_once() {
    let daemon = daemon().await;
    for (output, content_type, body) in [
        (
            "txt",
            "text/plain; charset=utf-8",
            "2001:db8:ffff::/48\r\n203.0.113.192/26\r\n",
        ),
        (
            "json",
            "application/json",
            r#"["2001:db8:ffff::/48", "203.0.113.192/26"]"#,
        ),
        (
            "xml",
            "text/xml; charset=utf-8",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists>\
             <item><id>1002</id><value>2001:db8:ffff::/48</value><warninglist_id>1</warninglist_id><comment></comment></item>\
             <item><id>1001</id><value>203.0.113.192/26</value><warninglist_id>1</warninglist_id><comment></comment></item></Warninglists>",
        ),
        (
            "yaml",
            "text/plain; charset=utf-8",
            "---\n- '2001:db8:ffff::/48'\n- '203.0.113.192/26'\n",
        ),
    ] {
        let answer = daemon.get(&format!("/v1/warninglist/id/1/output/{output}")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("content-type")),
            (200, content_type)
        );
        assert_eq!(answer.text(), body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn number_zero_is_the_list_of_the_lists() {
    let daemon = daemon().await;
    let get = async |output: &str| daemon.get(&format!("/v1/warninglist/id/0/output/{output}")).await;
    let lists = get("json").await.json();
    assert_eq!(lists.as_array().unwrap().len(), 2);
    assert_eq!(
        lists[0]["Warninglist"],
        json!({
            "id": "1", "name": "Own <ranges> & more", "type": "cidr", "description": lists[0]["Warninglist"]["description"],
            "version": "1", "enabled": true, "default": true, "category": "false_positive", "warninglist_entry_count": "3",
            "valid_attributes": "ip-src, ip-dst",
        })
    );
    let txt = get("txt").await;
    assert!(txt.text().contains("id: 2\r\nname: Hosting\r\ntype: hostname\r\n"));
    assert!(txt.text().contains("enabled: True\r\n") && txt.text().ends_with("valid_attributes: domain\r\n\r\n"));
    let xml = get("xml").await;
    assert!(
        xml.text()
            .contains("<item><Warninglist><id>1</id><name>Own &lt;ranges&gt; &amp; more</name>")
    );
    let yaml = get("yaml").await;
    assert!(
        yaml.text()
            .starts_with("---\n- Warninglist:\n    id: '1'\n    name: 'Own <ranges> & more'\n")
    );
    assert!(yaml.text().contains("    enabled: true\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_numbers_and_outputs_are_named() {
    let daemon = daemon().await;
    let answer = daemon.get("/v1/warninglist/id/1001/output/csv").await;
    assert_eq!(answer.status, 422);
    let wrong = answer.detail();
    assert_eq!(wrong[0]["loc"], json!(["path", "warninglistId"]));
    assert_eq!(wrong[1]["loc"], json!(["path", "returnedDataType"]));
    let absent = daemon.get("/v1/warninglist/id/77/output/txt").await;
    assert_eq!(
        (absent.status.as_u16(), absent.detail()),
        (404, json!("MISP has no warninglist with the number 77."))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn statistics_pass_on_what_misp_counts() {
    let daemon = daemon().await;
    let answer = daemon.get("/v1/statistics").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.json(),
        json!({ "status_code": 200, "encoding": "UTF-8", "content": { "ip-dst": "1" }, "misp_host": daemon.sim.url() })
    );
    assert!(answer.text().starts_with("{\"status_code\":200,\"encoding\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn trouble_with_misp_is_never_an_authentication_failure() {
    let daemon = daemon().await;
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
        for path in [
            "/v1/statistics",
            "/v1/warninglist/id/0/output/txt",
            "/v1/warninglist/id/1/output/json",
        ] {
            let answer = daemon.get(path).await;
            assert_eq!(
                (answer.status.as_u16(), answer.header("retry-after")),
                (status, "30"),
                "{fault:?} {path}"
            );
            assert!(!answer.text().contains(Sim::READER_KEY));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_for_some_feeds_covers_nothing_about_the_whole_site() {
    let daemon = daemon().await;
    let list = "/v1/warninglist/id/1/output/json";
    for scope in [Scope::new().with_feeds(["block"]), Scope::new().with_types(["ipv4"])] {
        let claims = daemon.claims().with_scope(scope);
        for (path, missing) in [("/v1/statistics", "the statistics of the site"), (list, "warninglists")] {
            let answer = daemon.get_as(&claims, path).await;
            let words = format!("This token does not cover {missing}.");
            assert_eq!((answer.status.as_u16(), answer.detail()), (403, json!(words)));
        }
    }
    let outputs = daemon.claims().with_scope(Scope::new().with_outputs(["txt"]));
    assert_eq!(
        daemon.get_as(&outputs, list).await.detail(),
        "This token does not cover output `json`."
    );
    assert_eq!(daemon.get_as(&outputs, &list.replace("json", "txt")).await.status, 200);
    assert_eq!(daemon.get_as(&outputs, "/v1/statistics").await.status, 200);
    assert_eq!(daemon.send(crate::support::Ask::get(list)).await.status, 401);
}
