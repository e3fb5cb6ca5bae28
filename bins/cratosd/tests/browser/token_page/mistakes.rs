//! The messages of the page about a wrong form.

use serde_json::json;

use super::{SEND, complaints, open_with_mistakes};
use crate::browser::Browser;
use crate::support::Daemon;

pub(crate) async fn stand_beside_their_fields_and_keep_what_was_typed(browser: &Browser) {
    let daemon = Daemon::start().await;
    open_with_mistakes(browser, &daemon).await;

    assert!(browser.title().await.starts_with("Error: "));
    assert_eq!(
        browser.ask("return document.activeElement.className").await,
        "mistakes",
        "readers are told first"
    );
    let links = browser
        .ask("return [...document.querySelectorAll('.mistakes a')].map(a => a.hash)")
        .await;
    assert_eq!(
        links,
        json!(["#port", "#auth", "#expires-30", "#feeds-all", "#networks"])
    );

    // The message is beside the field, and tied to it for screen readers.
    for field in ["port", "auth", "networks"] {
        let told = format!(
            "const field = document.getElementById('{field}'); \
             const texts = field.getAttribute('aria-describedby').split(' ').map(id => document.getElementById(id)); \
             return field.getAttribute('aria-invalid') === 'true' && texts.length === 2 && texts.every(text => text.textContent.trim()) \
                && texts[1].className === 'wrong'"
        );
        assert_eq!(browser.ask(&told).await, true, "{field}");
    }
    assert!(browser.text("#port-wrong").await.contains("1 to 65535"));
    assert!(browser.text("#auth-wrong").await.contains("This one has 8 characters."));
    assert!(
        browser
            .text("#networks-wrong")
            .await
            .contains("“10.0.0.0/33” is neither an address nor a network.")
    );
    assert_eq!(
        browser
            .ask("return document.querySelectorAll('[aria-invalid]').length")
            .await,
        4,
        "the date is the fourth"
    );

    let kept = "const value = id => document.getElementById(id).value; \
                return [value('port'), value('networks').trim(), value('label'), value('auth')]";
    assert_eq!(browser.ask(kept).await, json!(["70000", "10.0.0.0/33", "fw <1>", ""]));
    let chosen = "return ['expires-date', 'feeds-some', 'types-all'].every(id => document.getElementById(id).checked)";
    assert_eq!(browser.ask(chosen).await, true);
    assert!(!browser.source().await.contains("tooshort"));

    // The link moves the focus into the field.
    browser.click(".mistakes a[href='#port']").await;
    browser
        .until(
            "the field is focused",
            "return document.activeElement.id === 'port' || location.hash === '#port'",
        )
        .await;
    assert_eq!(complaints(browser).await, [""; 0]);
    assert_eq!(daemon.sim.requests().len(), 0, "MISP is not asked");

    // A key that MISP does not know is a mistake of its field, too.
    browser.open(&super::url(&daemon)).await;
    super::fill_in(browser, &daemon).await;
    browser.write("#auth", "unknownkeyunknownkeyunknownkeyunknown000").await;
    browser.submit(SEND).await;
    assert!(browser.text("#auth-wrong").await.contains("MISP refused this key."));
}
