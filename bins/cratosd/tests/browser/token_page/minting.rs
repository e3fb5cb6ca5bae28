//! Tokens made on the page.

use misp_sim::Sim;

use super::{SEND, complaints, fill_in, open};
use crate::browser::Browser;
use crate::support::{Ask, Daemon, FEED, Setup};

pub(crate) async fn a_token_made_on_the_page_opens_its_feeds_and_no_others(browser: &Browser) {
    let daemon = Daemon::start().await;
    open(browser, &daemon).await;
    fill_in(browser, &daemon).await;
    browser.click("#expires-365").await;
    browser.click("#feeds-some").await;
    browser.click("input[name=feeds][value=block]").await;
    browser.click("#max_tlp option[value=amber]").await;
    browser.write("#networks", "127.0.0.0/8").await;
    browser.write("#label", "fw1").await;
    browser.submit(SEND).await;
    assert_eq!(browser.text("h1").await, "Your token is ready");

    let token = browser.text("#token").await;
    assert_eq!(browser.text("#sha256").await, token_crypto::token_sha256(&token));
    let status = async |path: &str| {
        daemon
            .send(Ask::get(path).header("token", &token))
            .await
            .status
            .as_u16()
    };
    assert_eq!(status(FEED).await, 200);
    assert_eq!(status(&FEED.replace("block", "alert")).await, 403);

    // The shell lines lead to feeds that the token opens, and do not contain the token.
    let commands = browser
        .ask("return [...document.querySelectorAll('[id^=command-]')].map(code => code.textContent)")
        .await;
    let commands: Vec<&str> = commands
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(commands.len(), 3);
    for command in commands {
        let (_, target) = command.split_once(&format!("'http://{}", daemon.addr)).unwrap();
        assert_eq!(status(target.trim_end_matches('\'')).await, 200, "{command}");
        assert!(!command.contains(&token));
    }

    let facts = browser.text("dl").await;
    for fact in [
        "fw1",
        "block",
        "amber and more open",
        "127.0.0.0/8",
        "reading feeds only",
    ] {
        assert!(facts.contains(fact), "{facts}");
    }
    assert!(
        !browser.source().await.contains(Sim::READER_KEY),
        "the key is never sent back"
    );
    assert!(!browser.url().await.contains(&token));
    assert_eq!(complaints(browser).await, [""; 0]);
}

pub(crate) async fn copying_puts_the_token_on_the_clipboard(browser: &Browser) {
    let daemon = Daemon::start().await;
    open(browser, &daemon).await;
    fill_in(browser, &daemon).await;
    browser.submit(SEND).await;
    browser.click("[data-copy=token]").await;
    browser
        .until(
            "it says so",
            "return document.querySelector('.made .status').textContent === 'Copied.'",
        )
        .await;
    // The test pastes it into a field, as a person would.
    let token = browser.text("#token").await;
    open(browser, &daemon).await;
    browser.click("#networks").await;
    browser.paste().await;
    assert_eq!(
        browser.ask("return document.getElementById('networks').value").await,
        token
    );
}

pub(crate) async fn works_without_scripts(browser: &Browser) {
    let daemon = Daemon::start().await;
    browser.run_scripts(false).await;
    open(browser, &daemon).await;
    let hidden = "return [...document.querySelectorAll('[data-reveal], [data-copy]')].every(button => button.hidden)";
    assert_eq!(browser.ask(hidden).await, true, "buttons that do nothing are not shown");
    browser.write("#port", "0").await;
    browser.click("#expires-date").await;
    browser
        .ask("document.getElementById('expire').value = '2031-01-31'")
        .await;
    browser.click("#types-some").await;
    browser.click("input[name=types][value=ipv4]").await;
    browser.click("input[name=types][value=domain]").await;
    browser.submit(SEND).await;
    assert!(browser.title().await.starts_with("Error: "));
    let focused = "return document.activeElement.className";
    assert_eq!(browser.ask(focused).await, "mistakes");
    let ticked = "return [...document.querySelectorAll('[name=types]:checked')].map(box => box.value).join()";
    assert_eq!(browser.ask(ticked).await, "ipv4,domain");
    fill_in(browser, &daemon).await;
    browser.submit(SEND).await;
    let text = browser.text("main").await;
    assert!(
        text.contains("2031-01-31 at 00:00 UTC") && text.contains("domain, ipv4"),
        "{text}"
    );
    assert_eq!(browser.ask(hidden).await, true);
    let token = browser.text("#token").await;
    assert_eq!(daemon.send(Ask::get(FEED).header("token", token)).await.status, 200);
}

pub(crate) async fn an_address_that_may_not_sees_why(browser: &Browser) {
    let daemon = Daemon::with(Setup {
        core: "token_minting: { allowed_ips: [\"192.0.2.0/24\"] }\n".to_owned(),
        ..Setup::default()
    })
    .await;
    open(browser, &daemon).await;
    assert_eq!(browser.text("h1").await, "Tokens cannot be made from your address");
    let text = browser.text("main").await;
    assert!(text.contains("127.0.0.1") && text.contains("token_minting.allowed_ips"));
    assert_eq!(browser.ask("return document.forms.length").await, 0);
}
