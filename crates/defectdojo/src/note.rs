//! The note that a finding gets for an event, and the marker by which it is found again.
//!
//! DefectDojo renders notes as Markdown, sends mail to users who are named with an `@`, and sends notes on to an issue
//! tracker. The texts of MISP come from many people, so all mark-up in them is defused: see [`defused`].

use std::fmt::Write as _;

use url::Url;
use uuid::Uuid;

use crate::cve::Cve;
use crate::dojo::Note;
use crate::look_up::Event;

/// The beginning of the marker line of a note.
const MARKER: &str = "cratos-event: ";

/// The longest text of MISP that goes into a note, in characters.
const MAX_TEXT: usize = 300;

/// The longest address that goes into a note, in bytes.
const MAX_URL: usize = 500;

/// How many CVEs a note names.
const MAX_CVES: usize = 20;

/// Returns the text of the note. The marker comes first, so it stays when a user shortens the note.
pub(crate) fn text(event: &Event, cves: &[Cve]) -> String {
    let mut text = format!("{MARKER}{}\n\n", event.uuid);
    let mut names: Vec<&str> = cves.iter().take(MAX_CVES).map(Cve::as_str).collect();
    if cves.len() > MAX_CVES {
        names.push("and more");
    }
    let _ = writeln!(
        text,
        "According to MISP, this is being exploited: {}.\n",
        names.join(", ")
    );
    let mut line = |name: &str, value: &str| {
        if !value.is_empty() {
            let _ = writeln!(text, "- {name}: {value}");
        }
    };
    line("Event", &shown(event));
    line("Threat actors", &defused(&event.threat_actor));
    line("TLP", &defused(&event.tlp));
    line("In MISP", &address(&event.url).unwrap_or_default());
    text.truncate(text.trim_end().len());
    text
}

/// Returns the notes about an event, the oldest first.
pub(crate) fn about(notes: &[Note], event: Uuid) -> impl Iterator<Item = &Note> {
    notes
        .iter()
        .filter(move |note| marked(&note.entry).any(|uuid| uuid == event))
}

/// Returns whether one of the notes is about an event of MISP.
pub(crate) fn any_marked(notes: &[Note]) -> bool {
    notes.iter().any(|note| marked(&note.entry).next().is_some())
}

/// Returns the events that a note has whole marker lines of.
fn marked(entry: &str) -> impl Iterator<Item = Uuid> {
    entry
        .lines()
        .filter_map(|line| Uuid::parse_str(line.trim_end().strip_prefix(MARKER)?).ok())
}

/// Returns number and subject of an event, as a note and a log can show them.
pub(crate) fn shown(event: &Event) -> String {
    let (id, info) = (defused(&event.id), defused(&event.info));
    match (id.is_empty(), info.is_empty()) {
        (false, false) => format!("{id}, {info}"),
        (true, false) => info,
        (false, true) => id,
        (true, true) => event.uuid.to_string(),
    }
}

/// Returns a text on one bounded line without mark-up: characters with a meaning become their full-width forms, for
/// example `＠` for `@`.
fn defused(text: &str) -> String {
    let mut safe = String::new();
    let mut length = 0;
    for word in text.split(|char: char| char.is_whitespace() || is_unseen(char)) {
        if word.is_empty() {
            continue;
        }
        if length > 0 {
            safe.push(' ');
            length += 1;
        }
        for char in word.chars() {
            if length >= MAX_TEXT {
                safe.push('…');
                return safe;
            }
            safe.push(harmless(char));
            length += 1;
        }
    }
    // Programs turn these into links without mark-up.
    safe.replace("://", ":／／").replace("www.", "www．")
}

/// Characters that are invisible or change how others look: control characters, zero width, direction, tags.
fn is_unseen(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}'
            | '\u{E0000}'..='\u{E0FFF}')
}

fn harmless(char: char) -> char {
    match char {
        '<' | '>' | '[' | ']' | '{' | '}' | '`' | '*' | '_' | '|' | '~' | '#' | '\\' | '!' | '&' | '@' | '^' | '$'
        | '%' => {
            // Full-width forms stand at one distance from ASCII, all of them.
            char::from_u32(u32::from(char) + 0xFEE0).unwrap_or(' ')
        }
        _ => char,
    }
}

/// Returns an address that can stand in a note as it is, so that it can be clicked: of a web server, without a secret
/// or a mark-up.
fn address(text: &str) -> Option<String> {
    let url = Url::parse(text).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none()
    })?;
    let url = String::from(url);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-?=,".contains(&byte);
    (url.len() <= MAX_URL && url.bytes().all(plain)).then_some(url)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event() -> Event {
        Event {
            uuid: Uuid::parse_str("5f2c2d8a-0000-4000-8000-000000000001").unwrap(),
            id: "77".to_owned(),
            info: "Ransomware against hospitals".to_owned(),
            url: "https://misp.example.net/events/view/77".to_owned(),
            tlp: "amber".to_owned(),
            threat_actor: "APT X, APT Y".to_owned(),
        }
    }

    fn note(id: u64, entry: &str) -> Note {
        let entry = entry.to_owned();
        Note { id, entry }
    }

    #[test]
    fn a_note_says_what_is_known() {
        let cve = "CVE-2026-0001".parse().unwrap();
        insta::assert_snapshot!(text(&event(), &[cve]));
    }

    #[test]
    fn hostile_text_means_nothing() {
        let cve = "CVE-2026-0001".parse().unwrap();
        let hostile = Event {
            info: "<script>x</script>\r\n\r\ncratos-event: 5f2c2d8a-0000-4000-8000-000000000002\u{2028}# [a](javascript:b) ![c](http://www.evil.example) @admin \u{202E}*b*"
                .to_owned(),
            threat_actor: format!("`{}`", "A".repeat(1000)),
            url: "javascript:alert(1)".to_owned(),
            tlp: "red\n- TLP: clear".to_owned(),
            id: "7&lt;7".to_owned(),
            ..event()
        };
        let text = text(&hostile, &[cve]);
        assert_eq!(marked(&text).collect::<Vec<_>>(), [hostile.uuid]);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn notes_are_known_by_a_whole_line() {
        let event = event();
        let marker = format!("{MARKER}{}", event.uuid);
        let notes = [
            note(1, "seen"),
            note(2, &format!("> {marker}")),
            note(3, &format!("{marker} or so")),
            note(4, &format!("{marker}\r\n\r\ntext")),
            note(5, &marker),
        ];
        let ids: Vec<u64> = about(&notes, event.uuid).map(|note| note.id).collect();
        assert_eq!(ids, [4, 5]);
        assert!(!any_marked(&notes[..3]));
    }

    #[test]
    fn only_plain_addresses_are_given() {
        assert!(address("https://misp.example.net/events/view/77").is_some());
        for wrong in [
            "",
            "events/view/77",
            "javascript:alert(1)",
            "https://user:secret@misp.example.net/",
            "https://misp.example.net/a_b_c",
            "https://misp.example.net/)[x](y",
            "https://misp.example.net/#@admin",
        ] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn whatever_stands_in_misp_the_note_keeps_its_shape(info in "(?s).{0,400}", actor in "(?s).{0,50}", url in "(?s).{0,50}", tlp in "(?s).{0,20}") {
            let event = Event { info, threat_actor: actor, url, tlp, ..event() };
            let cve = "CVE-2026-0001".parse().unwrap();
            let text = text(&event, &[cve]);
            prop_assert_eq!(marked(&text).collect::<Vec<_>>(), vec![event.uuid]);
            prop_assert!(text.lines().count() <= 8, "{}", text);
            prop_assert!(text.chars().count() < 2000);
            prop_assert!(!text.contains(['<', '>', '[', '`', '*', '@', '\0', '\r']), "{}", text);
            for line in text.lines().skip(4) {
                prop_assert!(line.starts_with("- "), "{}", text);
            }
        }
    }
}
