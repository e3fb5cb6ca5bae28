//! The page is usable by keyboard, with a screen reader, on a phone and in dark colours.

use std::collections::BTreeSet;

use misp_sim::Sim;
use serde_json::{Value, json};

use super::{SEND, fill_in, open, open_with_mistakes};
use crate::browser::{Browser, DESKTOP, PHONE, TAB};
use crate::support::Daemon;

/// Returns the visible elements that can have the focus, in the order of the document; of a group of radio buttons only
/// the chosen one.
const REACHABLE: &str = "return [...document.querySelectorAll('a, button, input, select, textarea, pre')] \
    .filter(e => e.checkVisibility() && !e.disabled && (e.type !== 'radio' || e.checked)) \
    .map(e => [e.tagName, e.id, e.name, e.value, e.textContent].join('|'))";

const FOCUSED: &str =
    "const e = document.activeElement; return [e.tagName, e.id, e.name, e.value, e.textContent].join('|')";

/// Returns each visible text whose contrast to its background is below 4.5 to 1 (WCAG 2.2, 1.4.3), each field whose
/// edge has less than 3 to 1 (1.4.11), and the number of elements examined.
const FAINT: &str = r#"
    const rgb = text => { const n = text.match(/[\d.]+/g).map(Number); return { rgb: n.slice(0, 3), alpha: n.length > 3 ? n[3] : 1 }; };
    const light = ([r, g, b]) => { const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
        return 0.2126 * x + 0.7152 * y + 0.0722 * z; };
    const contrast = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
    const ground = element => { for (let e = element; e; e = e.parentElement) {
        const { rgb: color, alpha } = rgb(getComputedStyle(e).backgroundColor);
        if (alpha === 1) return color;
        if (alpha !== 0) throw new Error('half transparent: ' + e.outerHTML); }
        return [255, 255, 255]; };
    let looked = 0; const faint = [];
    for (const e of document.body.querySelectorAll('*')) {
        if (!e.checkVisibility() || e.tagName === 'OPTION') continue;
        const style = getComputedStyle(e);
        const hasText = [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.matches('select, textarea, input:not([type=radio], [type=checkbox])');
        if (hasText && !e.classList.contains('sr')) {
            looked += 1;
            const found = contrast(rgb(style.color).rgb, ground(e));
            if (found < 4.5) faint.push([found, e.outerHTML.slice(0, 120)]);
        }
        if (e.matches('select, textarea, input:not([type=radio], [type=checkbox]), .choice')) {
            looked += 1;
            const found = contrast(rgb(style.borderTopColor).rgb, ground(e.parentElement));
            if (found < 3) faint.push([found, 'edge of ' + e.outerHTML.slice(0, 120)]);
        }
    }
    return { looked, faint };"#;

pub(crate) async fn has_names_for_every_field_and_the_keyboard_reaches_all(browser: &Browser) {
    let daemon = Daemon::start().await;
    open_with_mistakes(browser, &daemon).await;
    let labelled =
        "return [...document.querySelectorAll('input, select, textarea')].every(field => field.labels.length === 1)";
    assert_eq!(browser.ask(labelled).await, true);
    let ids =
        "const ids = [...document.querySelectorAll('[id]')].map(e => e.id); return new Set(ids).size === ids.length";
    assert_eq!(browser.ask(ids).await, true, "no id stands twice");
    assert_eq!(nameless(browser).await, [""; 0]);

    let mut reachable = texts(&browser.ask(REACHABLE).await);
    // The page opens at the list of mistakes; from there, each press of the key goes one element further.
    browser.ask("document.querySelector('.mistakes').focus()").await;
    let mut reached = Vec::new();
    for _ in 0..reachable.len() {
        browser.press(TAB).await;
        reached.push(browser.ask(FOCUSED).await.as_str().unwrap().to_owned());
    }
    // A date has three stops for the keyboard, all within one element.
    reached.dedup();
    reachable.truncate(reached.len());
    assert_eq!(reached, reachable, "in the order in which it is read");
    let all: BTreeSet<&str> = reached
        .iter()
        .map(|element| element.split('|').nth(1).unwrap())
        .collect();
    for field in [
        "domain",
        "proto",
        "port",
        "auth",
        "expires-date",
        "expire",
        "feeds-some",
        "types-all",
        "outputs-all",
        "networks",
    ] {
        assert!(all.contains(field), "{field} in {all:?}");
    }
}

pub(crate) async fn fits_a_phone_and_a_desktop(browser: &Browser) {
    let daemon = Daemon::start().await;
    let fits = "return document.documentElement.scrollWidth <= window.innerWidth && document.body.scrollWidth <= window.innerWidth";
    for size in [PHONE, DESKTOP] {
        browser.resize(size).await;
        open(browser, &daemon).await;
        assert_eq!(browser.ask("return window.innerWidth").await, size.0);
        for list in ["feeds", "types", "outputs"] {
            browser.click(&format!("#{list}-some")).await;
        }
        assert_eq!(browser.ask(fits).await, true, "the form at {size:?}");
        let small = "return [...document.querySelectorAll('button, select, textarea, .choice, input:not([type=radio], [type=checkbox])')] \
            .filter(e => e.checkVisibility() && e.getBoundingClientRect().height < 44).map(e => e.outerHTML)";
        assert_eq!(browser.ask(small).await, json!([]), "a finger can hit everything");
        open_with_mistakes(browser, &daemon).await;
        assert_eq!(browser.ask(fits).await, true, "the form with mistakes at {size:?}");
        open(browser, &daemon).await;
        fill_in(browser, &daemon).await;
        browser.submit(SEND).await;
        assert_eq!(browser.ask(fits).await, true, "the token at {size:?}");
        assert!(!browser.text("#token").await.is_empty());
    }
}

pub(crate) async fn has_contrast_in_light_and_dark(browser: &Browser) {
    let daemon = Daemon::start().await;
    let mut grounds = BTreeSet::new();
    for dark in [false, true] {
        browser.prefer_dark(dark).await;
        open_with_mistakes(browser, &daemon).await;
        is_clear(browser, 60).await;
        let ground = browser
            .ask("return getComputedStyle(document.body).backgroundColor")
            .await;
        grounds.insert(ground.to_string());
        open(browser, &daemon).await;
        fill_in(browser, &daemon).await;
        browser.submit(SEND).await;
        assert!(browser.text("#token").await != Sim::READER_KEY);
        is_clear(browser, 30).await;
    }
    assert_eq!(grounds.len(), 2, "light and dark differ: {grounds:?}");
}

async fn is_clear(browser: &Browser, at_least: u64) {
    let found = browser.ask(FAINT).await;
    assert_eq!(found["faint"], json!([]));
    assert!(found["looked"].as_u64().unwrap() >= at_least, "{found}");
}

/// Returns the elements without a name in the accessibility tree, which screen readers use.
async fn nameless(browser: &Browser) -> Vec<String> {
    let tree = browser.devtools("Accessibility.getFullAXTree", json!({})).await;
    let nodes = tree["nodes"].as_array().unwrap();
    let roles = [
        "textbox",
        "combobox",
        "checkbox",
        "radio",
        "button",
        "link",
        "group",
        "radiogroup",
        "Date",
        "heading",
    ];
    let named: Vec<&Value> = nodes
        .iter()
        .filter(|node| roles.contains(&node["role"]["value"].as_str().unwrap_or_default()))
        .collect();
    assert!(named.len() > 50, "{} elements have a role", named.len());
    let nameless = named
        .into_iter()
        .filter(|node| node["name"]["value"].as_str().unwrap_or_default().trim().is_empty());
    nameless.map(Value::to_string).collect()
}

fn texts(list: &Value) -> Vec<String> {
    list.as_array()
        .unwrap()
        .iter()
        .map(|text| text.as_str().unwrap().to_owned())
        .collect()
}
