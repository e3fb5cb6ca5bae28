//! Replays recordings of a real MISP 2.5.1 and compares answer by answer.
//!
//! `tests/data/recordings/` holds copies of recorded exchanges (request, answer, when); `tests/data/*.json` the data
//! they ran against, rebuilt from the same answers. Every file there is replayed; the comparison is of the whole text
//! of the body with its key order, of the status, of the length, and of the headers that a client goes by.
//!
//! | numbers | what | compared |
//! | --- | --- | --- |
//! | 010–033 | version, keys, own user | exactly; 030 and 031 by key names and rights, since their dates are ours |
//! | 100–152 | tags, published, to_ids, deleted, visibility | exactly |
//! | 160–179 | time filters | exactly, with the clock at the time of the recording |
//! | 200–235 | shapes, types, categories | exactly |
//! | 250–299 | organisation, values, events, forms of the request | exactly |
//! | 300–318, 704 | decay scores and models | exactly, with the clock at the time of the answer; the models are those of 317 |
//! | 330–347 | paging and order | exactly |
//! | 350–366 | the event of 20,000 attributes | ids and headers: its UUIDs and texts are not in the recordings |
//! | 419, 420 | output formats | exactly |
//! | 440, 460, 461, 530, 533, 534, 547–549, 553 | whole events, single attributes, feeds | exactly |
//! | 501–503 | statistics | form only: the recordings count attributes that they do not show |
//! | 521, 705 | tags by a part of their name | exactly, but for the counts: the recordings count events and attributes that they do not show |
//! | 206, 554, 555, 557 | sightings | exactly, but for the number and UUID of the sighting |
//! | 570–576 | event index | exactly, but for seven public events and for the `ETag`, which is ours |
//! | 600–640 | bodies, methods, Content-Types | exactly; "everything" by its first rows and by the number of rows in the sample |
//! | 650–656, 665–667, 670 | rate limit, maintenance, disabled user | exactly |
//! | 700 | numbers without quotes | exactly |
//! | 710–731 | one edit after the other on one event | exactly |
//! | 738–749 | wildcards, odd forms | exactly |
//! | 801–806, 810–815, 822–824 | another 2.5.1: protected events, counts that drifted, metadata | exactly, but for correlations, and in 803 for the number of the use of a tag |
//! | 820, 821, 825 | marks by warninglists, with `MISP.warning_for_all` and without | exactly; lists and values that are not ours have other names in the copies |
//!
//! Not copied at all: warninglists and their hits (207, 240–248, 510–519), which name lists that are not ours; 221,
//! 733–737, whose order or rows depend on indexes and data that the recordings do not show; 400–438 and 441–459 other
//! formats, 205, 215–217, 504–507, 520, 522–529, 531, 532, 535–546, 550–552, 556 and 558–563 pages that the stand-in
//! does not have, or that name things it does not know; 631, 100 kB of values; 660–663, 680–690
//! faults of the server behind MISP (see `Fault`); 732, the allowedlist.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test ends at the first thing that goes wrong"
)]

mod support;

use std::{collections::BTreeMap, fs, path::PathBuf};

use misp_sim::{
    Attribute, Bulk, Clock, DecayingModel, Event, Moment, Organisation, Publication, RunningSim, Sim, User,
    Warninglist, WarninglistKind,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use support::{Got, send};

#[derive(Deserialize)]
struct Exchange {
    request: Request,
    response: Response,
    meta: Meta,
    #[serde(skip)]
    number: u32,
}

#[derive(Deserialize)]
struct Request {
    method: String,
    path: String,
    headers: BTreeMap<String, String>,
    body: Box<RawValue>,
}

#[derive(Deserialize)]
struct Response {
    status: u16,
    headers: BTreeMap<String, String>,
    body: Box<RawValue>,
}

#[derive(Deserialize)]
struct Meta {
    recorded_at: serde_json::Value,
    body_shortened: Option<String>,
    taken_out: Option<u64>,
}

const READER: &str = "feedsreaderkeyfeedsreaderkeyfeedsread003";

fn data(name: &str) -> String {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Reads the recordings of these numbers, in order.
fn recordings(numbers: impl Fn(u32) -> bool) -> Vec<Exchange> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/recordings");
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut found = Vec::new();
    for name in names {
        let number: u32 = name.split_once('-').unwrap().0.parse().unwrap();
        if numbers(number) {
            let mut exchange: Exchange = serde_json::from_str(&data(&format!("recordings/{name}"))).unwrap();
            exchange.number = number;
            found.push(exchange);
        }
    }
    found
}

/// The organisations and users of the recorded instance.
fn instance() -> misp_sim::SimBuilder {
    let uuid = |text: &str| text.parse().unwrap();
    let expired = User {
        key_expires: Some(1),
        ..User::reader(
            "expired@cert.example.org",
            2,
            "expiredkeyexpiredkeyexpiredkeyexpired008",
        )
    };
    let locked = User {
        allowed_addresses: vec!["192.0.2.1".parse().unwrap()],
        ..User::reader("locked@cert.example.org", 2, "iplockedkeyiplockedkeyiplockedkeyiplo007")
    };
    Sim::empty()
        .organisation(Organisation::new(
            "ORGNAME",
            uuid("2b227ad6-c7d7-498e-973f-006697943f68"),
        ))
        .organisation(Organisation::new(
            "Example CERT",
            uuid("5c0ba7a0-0001-4000-8000-000000000001"),
        ))
        .organisation(Organisation::new(
            "Partner Research",
            uuid("5c0ba7a0-0002-4000-8000-000000000002"),
        ))
        .user(User::site_admin(
            "admin@admin.test",
            1,
            "siteadminkeysiteadminkeysiteadminkey0001",
        ))
        .user(User::site_admin(
            "cert-admin@cert.example.org",
            2,
            "certadminkeycertadminkeycertadminkey0002",
        ))
        .user(User::reader("feeds-reader@cert.example.org", 2, READER))
        .user(User::reader(
            "partner-reader@partner.example.org",
            3,
            "partnerreaderkeypartnerreaderkeypart0005",
        ))
        .user(User::reader(
            "read-only@cert.example.org",
            2,
            "readonlykeyreadonlykeyreadonlykeyread006",
        ))
        .user(expired)
        .user(locked)
        .clock(Clock::fixed(0))
        .event_text("tags.json", data("tags.json"))
}

fn start(builder: misp_sim::SimBuilder) -> RunningSim {
    builder.start_now().unwrap()
}

fn seconds(value: &serde_json::Value) -> i64 {
    value
        .as_i64()
        .unwrap_or_else(|| value.as_str().unwrap().parse::<jiff::Timestamp>().unwrap().as_second())
}

/// Sends the recorded request, with the clock at the time of the recording.
fn replay(sim: &RunningSim, exchange: &Exchange) -> Got {
    sim.clock().set(seconds(&exchange.meta.recorded_at));
    let request = &exchange.request;
    let body: Vec<u8> = match (exchange.number, request.body.get()) {
        (604, _) => b"null".to_vec(),
        (_, "null") => Vec::new(),
        // Recorded as text because they are not JSON.
        (600 | 608, text) => serde_json::from_str::<String>(text).unwrap().into_bytes(),
        (623, _) => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            std::io::Write::write_all(&mut gzip, br#"{"returnFormat":"json","eventid":"73"}"#).unwrap();
            gzip.finish().unwrap()
        }
        (624, text) => format!("\u{feff}{text}").into_bytes(),
        (_, text) => text.as_bytes().to_vec(),
    };
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| *name != "Content-Length")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    send(sim.addr(), &request.method, &request.path, &headers, &body)
        .unwrap_or_else(|| panic!("{}: no answer", exchange.number))
}

/// Takes white space out, except in texts, so that only content and order count.
fn compact(json: &[u8]) -> String {
    let mut out = Vec::with_capacity(json.len());
    let (mut inside, mut escaped) = (false, false);
    for byte in json {
        if inside {
            inside = *byte != b'"' || escaped;
            escaped = *byte == b'\\' && !escaped;
            out.push(*byte);
        } else if !byte.is_ascii_whitespace() {
            inside = *byte == b'"';
            out.push(*byte);
        }
    }
    String::from_utf8(out).unwrap()
}

fn headers_agree(exchange: &Exchange, got: &Got, problems: &mut Vec<String>) {
    for name in [
        "Content-Type",
        "X-Result-Count",
        "X-Skipped-Elements-Count",
        "X-Export-Module-Used",
        "X-Response-Format",
        "X-Rate-Limit-Limit",
        "X-Rate-Limit-Remaining",
        "X-Rate-Limit-Reset",
    ] {
        let taken_out = exchange.meta.taken_out.unwrap_or(0);
        let mut want = exchange.response.headers.get(name).cloned();
        if let (Some(count), "X-Result-Count", 1..) = (&mut want, name, taken_out) {
            *count = (count.parse::<u64>().unwrap() - taken_out).to_string();
        }
        if got.header(name) != want.as_deref() {
            problems.push(format!(
                "{}: {name}: got {:?}, recorded {want:?}",
                exchange.number,
                got.header(name)
            ));
        }
    }
    let has = |name: &str| exchange.response.headers.contains_key(name);
    if has("Location") && !got.header("Location").is_some_and(|to| to.ends_with("/users/login")) {
        problems.push(format!("{}: no way to the login page", exchange.number));
    }
}

/// Compares everything; returns what differs.
fn agrees(exchange: &Exchange, got: &Got, problems: &mut Vec<String>) {
    let number = exchange.number;
    if got.status != exchange.response.status {
        problems.push(format!(
            "{number}: status {} instead of {}",
            got.status, exchange.response.status
        ));
        return;
    }
    headers_agree(exchange, got, problems);
    if exchange.meta.body_shortened.is_some() {
        problems.extend(kept_rows_agree(exchange, got));
        return;
    }
    let (want, have) = (exchange.response.body.get(), compact(&got.body));
    // An answer with no body is recorded as an empty text.
    let want = if want == "\"\"" { "" } else { want };
    let want = compact(want.as_bytes());
    // Errors escape slashes, which the recorder undid.
    let have = if got.status >= 400 {
        have.replace("\\/", "/")
    } else {
        have
    };
    if want != have {
        let at = want.bytes().zip(have.bytes()).take_while(|(a, b)| a == b).count();
        let near = |text: &str| {
            String::from_utf8_lossy(&text.as_bytes()[at.saturating_sub(120)..text.len().min(at + 80)]).into_owned()
        };
        problems.push(format!(
            "{number}: body differs at {at}:\n  recorded …{}\n  got      …{}",
            near(&want),
            near(&have)
        ));
    } else if let (Some(length), None) = (exchange.response.headers.get("Content-Length"), exchange.meta.taken_out)
        && got.header("Content-Length") != Some(length)
    {
        problems.push(format!(
            "{number}: length {:?} instead of {length}",
            got.header("Content-Length")
        ));
    }
}

#[derive(Deserialize)]
struct Rows<'a> {
    #[serde(borrow)]
    response: Attributes<'a>,
}

#[derive(Deserialize)]
struct Attributes<'a> {
    #[serde(borrow, rename = "Attribute")]
    rows: Vec<&'a RawValue>,
}

fn rows(body: &str) -> Vec<&str> {
    let rows: Rows<'_> = serde_json::from_str(body).unwrap();
    rows.response.rows.into_iter().map(RawValue::get).collect()
}

/// Of a shortened recording, every row that was kept must be there, in that order.
fn kept_rows_agree(exchange: &Exchange, got: &Got) -> Option<String> {
    let (want, have) = (compact(exchange.response.body.get().as_bytes()), compact(&got.body));
    let mut have = rows(&have).into_iter();
    let missing = rows(&want).into_iter().find(|row| !have.any(|other| other == *row))?;
    Some(format!("{}: row missing or out of order: {missing}", exchange.number))
}

fn all_agree(sim: &RunningSim, exchanges: &[Exchange]) -> usize {
    let mut problems = Vec::new();
    for exchange in exchanges {
        agrees(exchange, &replay(sim, exchange), &mut problems);
    }
    assert!(
        problems.is_empty(),
        "{} differences:\n{}",
        problems.len(),
        problems.join("\n")
    );
    exchanges.len()
}

/// Requests that MISP answers with everything the key may see.
fn asks_for_everything(number: u32) -> bool {
    matches!(number, 601..=607 | 609 | 611..=613 | 619)
}

fn is_plain(number: u32) -> bool {
    let has_test_of_its_own = asks_for_everything(number)
        || matches!(number, 30 | 31 | 300..=318 | 350..=366 | 440..=461 | 500..=503 | 521 | 530 | 554..=557 | 570..=576 | 650..=731 | 738 | 801..=825);
    !has_test_of_its_own
}

#[test]
fn searches_pages_and_refusals_are_as_recorded() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    let replayed = all_agree(&sim, &recordings(is_plain));
    assert!(replayed >= 150, "{replayed}");
}

#[test]
fn whole_events_are_as_recorded() {
    // The events were rebuilt from attributes, which show neither the creator nor, of event 73, the analysis.
    let mut events: serde_json::Value = serde_json::from_str(&data("events.json")).unwrap();
    for event in events.as_array_mut().unwrap() {
        event["Event"]["event_creator_email"] = "cert-admin@cert.example.org".into();
        if event["Event"]["id"] == 73 {
            event["Event"]["analysis"] = "1".into();
        }
    }
    let sim = start(instance().event_text("events.json", events.to_string()));
    let whole = recordings(|number| matches!(number, 440..=461 | 530));
    assert_eq!(all_agree(&sim, &whole), 4);
}

#[test]
fn a_body_that_is_not_understood_brings_everything() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    // The reader sees all events but for soft deleted attributes.
    let sees = sim.with_store(|store| store.attributes().filter(|attribute| !attribute.deleted()).count());
    let mut problems = Vec::new();
    let exchanges = recordings(asks_for_everything);
    assert_eq!(exchanges.len(), 12);
    for exchange in &exchanges {
        let got = replay(&sim, exchange);
        assert_eq!((got.status, got.column("id").len()), (200, sees), "{}", exchange.number);
        assert_eq!(
            got.header("X-Result-Count"),
            Some(sees.to_string().as_str()),
            "{}",
            exchange.number
        );
        problems.extend(kept_rows_agree(exchange, &got));
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn the_own_user_is_described_as_recorded() {
    let sim = start(instance());
    for exchange in recordings(|number| matches!(number, 30 | 31)) {
        let want: serde_json::Value = serde_json::from_str(exchange.response.body.get()).unwrap();
        let got = replay(&sim, &exchange).json();
        for section in ["User", "Role", "Organisation"] {
            let keys =
                |page: &serde_json::Value| page[section].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
            assert_eq!(keys(&got), keys(&want), "{} {section}", exchange.number);
        }
        for (key, right) in got["Role"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, value)| value.is_boolean())
        {
            assert_eq!(right, &want["Role"][key], "{} {key}", exchange.number);
        }
        for pointer in [
            "/User/id",
            "/User/email",
            "/User/org_id",
            "/Role/name",
            "/Role/id",
            "/Organisation/name",
            "/Organisation/uuid",
        ] {
            let expected = want.pointer(pointer);
            assert!(
                expected.is_some() && got.pointer(pointer) == expected,
                "{} {pointer}",
                exchange.number
            );
        }
    }
}

/// Event 70: its numbers start at 4200 and every second attribute has a tag of its own.
fn event_of_twenty_thousand() -> Event {
    let mut event = Event::new("bulk")
        .tag("example:bulk=event")
        .tag("tlp:green")
        .changed(Moment::At(1_795_307_626));
    event.id = 70;
    for number in 0..20_000_u64 {
        let kind = match number {
            0..8_000 => "ip-dst",
            8_000..14_000 => "domain",
            14_000..18_000 => "sha256",
            _ => "url",
        };
        let mut attribute = Attribute::new(kind, format!("bulk {number}"));
        attribute.id = 4_200 + number;
        if number % 2 == 0 {
            attribute = attribute.tag("example:bulk=attr");
        }
        event = event.attribute(attribute);
    }
    event
}

#[test]
fn the_event_of_twenty_thousand_is_paged_as_recorded() {
    let sim = start(instance().event(event_of_twenty_thousand()));
    let mut problems = Vec::new();
    let exchanges = recordings(|number| matches!(number, 350..=366));
    assert_eq!(exchanges.len(), 15);
    for exchange in exchanges {
        let got = replay(&sim, &exchange);
        headers_agree(&exchange, &got, &mut problems);
        let want: serde_json::Value = serde_json::from_str(exchange.response.body.get()).unwrap();
        let (ids, mut place) = (got.column("id"), 0);
        for row in want["response"]["Attribute"].as_array().unwrap() {
            // The copies keep the first rows and the last, which may be one of the first.
            match ids[place.min(ids.len())..]
                .iter()
                .position(|id| row["id"] == id.as_str())
            {
                Some(step) => place += step + 1,
                None if ids.last().is_some_and(|last| row["id"] == last.as_str()) => {}
                None => problems.push(format!("{}: no {} in its place", exchange.number, row["id"])),
            }
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

#[test]
fn statistics_have_the_recorded_form() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    let counted = sim.with_store(|store| store.attributes().count());
    let exchanges = recordings(|number| matches!(number, 500..=503));
    assert_eq!(exchanges.len(), 4);
    for exchange in exchanges {
        let got = replay(&sim, &exchange);
        let page = got.json();
        let texts: Vec<&str> = page
            .as_object()
            .unwrap()
            .values()
            .map(|value| value.as_str().unwrap())
            .collect();
        if exchange.request.path.ends_with("/true") {
            assert!(
                texts
                    .iter()
                    .all(|text| text.trim_end_matches('%').parse::<f64>().is_ok() && text.ends_with('%'))
            );
        } else {
            assert_eq!(
                texts.iter().map(|text| text.parse::<usize>().unwrap()).sum::<usize>(),
                counted,
                "{}",
                exchange.number
            );
        }
        assert!(got.body.starts_with(b"{\n    \""), "{}", exchange.number);
    }
}

#[test]
fn tags_are_found_by_a_part_of_their_name_as_recorded() {
    for (number, builder) in [(521, instance()), (705, instance().stringify(false))] {
        let sim = start(builder);
        for exchange in recordings(|found| found == number) {
            let got = replay(&sim, &exchange);
            let without_counts = |text: &str| {
                let mut page: serde_json::Value = serde_json::from_str(text).unwrap();
                for tag in page["Tag"].as_array_mut().unwrap() {
                    assert!(tag["count"].is_u64() && tag["attribute_count"].is_u64());
                    tag["count"] = 0.into();
                    tag["attribute_count"] = 0.into();
                }
                page
            };
            let got = String::from_utf8(got.body).unwrap();
            assert_eq!(
                without_counts(&got),
                without_counts(exchange.response.body.get()),
                "{number}"
            );
            assert!(got.starts_with("{\"Tag\":[{\"id\":") && !got.contains('\n'), "{got}");
        }
    }
}

#[test]
fn sightings_are_answered_as_recorded() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    assert_eq!(all_agree(&sim, &recordings(|number| number == 554)), 1);
    let [recorded] = recordings(|number| number == 555).try_into().ok().unwrap();
    sim.clock().set(seconds(&recorded.meta.recorded_at));
    let got: serde_json::Value = replay(&sim, &recorded).json();
    let mut expected: serde_json::Value = serde_json::from_str(recorded.response.body.get()).unwrap();
    // The data base of the recording had its own.
    for own in ["id", "uuid"] {
        expected["Sighting"][own] = got["Sighting"][own].clone();
    }
    assert_eq!(got, expected);

    // And as a search shows it.
    let own = got["Sighting"].clone();
    let [recorded] = recordings(|number| number == 557).try_into().ok().unwrap();
    let got: serde_json::Value = replay(&sim, &recorded).json();
    let mut expected: serde_json::Value = serde_json::from_str(recorded.response.body.get()).unwrap();
    let told = &mut expected["response"]["Attribute"][0]["Sighting"][0];
    for key in ["id", "uuid"] {
        told[key] = own[key].clone();
    }
    assert_eq!(got, expected);
}

#[test]
fn the_event_index_is_as_recorded() {
    let sim = start(instance().event_text("index.json", data("index.json")));
    let mut problems = Vec::new();
    let mut etag = String::new();
    let exchanges = recordings(|number| matches!(number, 570..=576));
    assert_eq!(exchanges.len(), 7);
    for mut exchange in exchanges {
        if exchange.number == 572 {
            exchange
                .request
                .headers
                .insert("If-None-Match".to_owned(), etag.clone());
        }
        let got = replay(&sim, &exchange);
        assert_eq!(
            got.header("ETag").is_some(),
            matches!(exchange.number, 571 | 572),
            "{}",
            exchange.number
        );
        etag = got.header("ETag").unwrap_or_default().to_owned();
        if exchange.number == 572 {
            assert_eq!((got.status, got.body.len()), (304, 0));
        } else {
            agrees(&exchange, &got, &mut problems);
        }
    }
    assert!(problems.is_empty(), "{problems:#?}");
}

/// The organisation, the reader and the tags of the installation that the recordings from 801 on are of.
fn other_instance() -> misp_sim::SimBuilder {
    let tag = |id, name: &str, colour: &str| misp_sim::Tag {
        id,
        colour: colour.to_owned(),
        ..misp_sim::Tag::new(format!("example:incident-classification={name}"))
    };
    Sim::empty()
        .organisation(Organisation::new(
            "ORGNAME",
            "2b227ad6-c7d7-498e-973f-006697943f68".parse().unwrap(),
        ))
        .organisation(Organisation::new(
            "CERT",
            "d0c31897-a5a2-446f-9b1e-c801e3a0fd22".parse().unwrap(),
        ))
        .user(User::reader("feeds-reader@cert.example.org", 2, READER))
        .tag(tag(75, "block", "#03497f"))
        .tag(tag(83, "hunt", "#cdf125"))
        .clock(Clock::fixed(0))
}

#[test]
fn events_that_the_index_leaves_out_are_found_by_metadata_as_recorded() {
    let sim = start(other_instance().event_text("protected.json", data("protected.json")));
    assert_eq!(
        all_agree(&sim, &recordings(|number| matches!(number, 801 | 802 | 804..=806))),
        5
    );
}

#[test]
fn the_whole_index_lists_what_the_minimal_one_leaves_out_as_recorded() {
    let sim = start(other_instance().event_text("protected.json", data("protected.json")));
    let [recorded] = recordings(|number| number == 803).try_into().ok().unwrap();
    let got = replay(&sim, &recorded);
    let mut problems = Vec::new();
    headers_agree(&recorded, &got, &mut problems);
    assert!(problems.is_empty(), "{problems:#?}");
    // Whose uses of tags the data base of the recording numbered.
    let unnumbered = |json: &str| {
        let mut page: serde_json::Value = serde_json::from_str(json).unwrap();
        page[0]["EventTag"][0]["id"] = "0".into();
        page
    };
    let got = String::from_utf8(got.body).unwrap();
    assert_eq!(unnumbered(&got), unnumbered(recorded.response.body.get()));
}

/// An event with three values that are on lists, of which one is not for detection.
fn warned() -> misp_sim::SimBuilder {
    let attribute = |id, kind: &str, value: &str, to_ids, uuid: &str| Attribute {
        id,
        to_ids,
        uuid: Some(uuid.parse().unwrap()),
        ..Attribute::new(kind, value)
    };
    let event = Event {
        id: 8_306,
        uuid: Some("00dc88a9-769a-4b55-bdab-d566713f5a3f".parse().unwrap()),
        ..Event::new("Warninglist marks and to_ids")
    };
    let event = event
        .creator("CERT")
        .publication(Publication::Draft)
        .changed(Moment::At(1_795_896_632))
        .attribute(attribute(
            169_395,
            "domain",
            "example.com",
            true,
            "faf26030-0dd7-45b8-a2e9-6bca46a2b83d",
        ))
        .attribute(attribute(
            169_396,
            "hostname",
            "www.example.com",
            false,
            "eb8f0893-f5c5-4fe4-a80e-d3fcb9060010",
        ))
        .attribute(attribute(
            169_397,
            "ip-dst",
            "198.51.100.7",
            true,
            "6d6f9e49-4af0-4ce1-b297-b10685cca999",
        ));
    let list = |id, name: &str, kind, entries: &[&str]| Warninglist {
        id,
        ..Warninglist::new(name, kind, &["domain", "hostname", "ip-dst"], entries)
    };
    let hosts = list(2, "Example hosts", WarninglistKind::Hostname, &["example.com"]);
    let names = list(
        50,
        "Example names",
        WarninglistKind::String,
        &["example.com", "www.example.com"],
    );
    let pages = list(78, "Example pages", WarninglistKind::String, &["www.example.com"]);
    let networks = list(103, "Example networks", WarninglistKind::Cidr, &["198.51.100.0/24"]);
    [networks, pages, names, hosts]
        .into_iter()
        .fold(other_instance().event(event), misp_sim::SimBuilder::warninglist)
}

#[test]
fn warninglists_mark_attributes_for_detection_or_all_as_recorded() {
    let sim = start(warned());
    assert_eq!(all_agree(&sim, &recordings(|number| number == 825)), 1);
    sim.edit(|store| store.set_warning_for_all(true));
    assert_eq!(all_agree(&sim, &recordings(|number| matches!(number, 820 | 821))), 2);
}

#[test]
fn a_withdrawn_event_that_is_edited_looks_like_one_edited_while_published() {
    let sim = start(other_instance().event_text("protected.json", data("protected.json")));
    let check = |numbers: std::ops::RangeInclusive<u32>| {
        assert!(all_agree(&sim, &recordings(|number| numbers.contains(&number))) > 0);
    };
    check(810..=810);
    sim.edit(|store| store.unpublish(8_305).unwrap());
    check(811..=811);
    sim.clock().set(1_795_896_631);
    sim.edit(|store| store.set_info(8_305, "Withdrawn, then edited").unwrap());
    check(812..=815);
}

#[test]
fn a_local_tag_on_an_event_is_shown_and_found_as_recorded() {
    let sim = start(other_instance().event_text("local-tag.json", data("local-tag.json")));
    assert_eq!(all_agree(&sim, &recordings(|number| matches!(number, 822..=824))), 3);
}

#[test]
fn an_attribute_deleted_twice_makes_the_count_of_its_event_drift() {
    let event = Event::new("drift")
        .attribute(Attribute::new("domain", "a.example.com"))
        .attribute(Attribute::new("domain", "b.example.com"));
    let sim = start(Sim::builder().event(event));
    sim.edit(|store| {
        let attribute = store.find("a.example.com").unwrap();
        store.soft_delete(attribute).unwrap();
        store.soft_delete(attribute).unwrap();
    });
    let count = sim.with_store(|store| store.events().next().unwrap().attribute_count());
    assert_eq!(count, 0, "one attribute is alive");
}

#[test]
fn the_rate_limit_counts_searches_of_one_user() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    sim.edit(|store| store.change_user(3, |user| user.rate_limit = Some(3)));
    assert_eq!(all_agree(&sim, &recordings(|number| matches!(number, 650..=656))), 7);
}

#[test]
fn maintenance_mode_lets_only_site_admins_in() {
    let sim = start(instance().event_text("events.json", data("events.json")));
    sim.set_maintenance(true);
    assert_eq!(all_agree(&sim, &recordings(|number| matches!(number, 665..=667))), 3);
}

#[test]
fn a_disabled_user_is_refused() {
    let sim = start(instance());
    sim.edit(|store| store.change_user(4, |user| user.disabled = true));
    assert_eq!(all_agree(&sim, &recordings(|number| number == 670)), 1);
}

#[test]
fn numbers_come_without_quotes_when_told() {
    let sim = start(
        instance()
            .event_text("events.json", data("events.json"))
            .stringify(false),
    );
    assert_eq!(all_agree(&sim, &recordings(|number| number == 700)), 1);
}

/// The models of the recorded instance.
fn with_models(sim: misp_sim::SimBuilder) -> misp_sim::SimBuilder {
    let uuid = |text: &str| Some(text.parse().unwrap());
    let quick = |id, name: &str, types: &[&str]| DecayingModel {
        id,
        lifetime: 3.0,
        decay_speed: 2.3,
        ..DecayingModel::new(name, types)
            .weight("estimative-language:confidence-in-analytic-judgment", 0.25)
            .weight("estimative-language:likelihood-probability", 0.25)
            .weight("phishing:psychological-acceptability", 0.25)
            .weight("phishing:state", 0.25)
    };
    let nids = DecayingModel::nids();
    let names: Vec<&str> = nids.attribute_types.iter().take(9).map(String::as_str).collect();
    let vishing = DecayingModel {
        lifetime: 10.0,
        enabled: false,
        uuid: uuid("1097c0fe-06eb-4741-94d9-8098301d92f4"),
        description: "Simple model to rapidly decay voice scamming, vishing relying on phone-numbers.".to_owned(),
        ..quick(1, "Vishing model", &["phone-number", "prtn"])
    };
    let phishing = DecayingModel {
        version: 2,
        uuid: uuid("dbbd7ba7-6559-48fc-ab58-cc499d1b1143"),
        description: "Simple model to rapidly decay phishing website.".to_owned(),
        ..quick(2, "Phishing model", &names)
    };
    sim.decaying_model(vishing)
        .decaying_model(phishing)
        .decaying_model(nids)
}

/// When MISP reckoned: some recordings were asked for in one second and answered in the next.
fn at_the_time_of_the_answer(mut exchange: Exchange) -> Exchange {
    let date = jiff::fmt::rfc2822::parse(&exchange.response.headers["Date"]).unwrap();
    exchange.meta.recorded_at = date.timestamp().as_second().into();
    exchange
}

#[test]
fn decay_scores_are_reckoned_to_the_last_digit() {
    let events = || with_models(instance().event_text("events.json", data("events.json")));
    let (sim, unquoted) = (start(events()), start(events().stringify(false)));
    let exchanges = |numbers: fn(u32) -> bool| -> Vec<Exchange> {
        recordings(numbers).into_iter().map(at_the_time_of_the_answer).collect()
    };
    assert_eq!(all_agree(&sim, &exchanges(|number| matches!(number, 300..=318))), 19);
    assert_eq!(all_agree(&unquoted, &exchanges(|number| number == 704)), 1);
}

/// The event that the recorded edits were made on.
fn edited_event() -> Event {
    let uuids = [
        "38a05a12-0aa1-4d3b-8f34-fc4cfeff6ed3",
        "6efe48ff-ab85-41f3-8a7f-34def1e26e12",
        "5b3c55f3-4dc9-4b04-85a0-cecd48e0cf1e",
        "42b3ff7a-ba06-4e7c-918d-3f176ab2c655",
    ];
    let mut event = Event::new("EX-DELTA polling for changes")
        .creator("Example CERT")
        .changed(Moment::At(1_794_445_785))
        .publication(Publication::Published(Some(Moment::At(1_795_309_790))));
    (event.id, event.uuid, event.analysis) = (79, Some("a33b210d-3d66-4579-905a-3510a23135f0".parse().unwrap()), 0);
    event.date = Some("2026-11-22".to_owned());
    for ((number, id), uuid) in (1..).zip(24_236..).zip(uuids) {
        let mut attribute =
            Attribute::new("domain", format!("delta{number}.example.com")).tag("example:incident-classification=block");
        (attribute.id, attribute.uuid) = (id, Some(uuid.parse().unwrap()));
        event = event.attribute(attribute);
    }
    event
}

#[test]
fn every_edit_has_the_recorded_effect() {
    const FALSE_POSITIVE: &str = "example:incident-classification=false-positive";
    const QUOTED: &str = "example:quoted=\"a value, with comma & ünïcode\"";
    let sim = start(instance().event(edited_event()));
    let at = |unix: i64, edit: &dyn Fn(&mut misp_sim::Store)| {
        sim.clock().set(1_795_309_000 + unix);
        sim.edit(|store| edit(store));
    };
    let check = |from: u32, to: u32| assert!(all_agree(&sim, &recordings(|number| (from..=to).contains(&number))) > 0);
    check(710, 712);
    at(793, &|store| store.tag_attribute(24_236, FALSE_POSITIVE).unwrap());
    check(713, 714);
    at(793, &|store| store.publish(79).unwrap());
    at(796, &|store| store.tag_event(79, FALSE_POSITIVE).unwrap());
    check(715, 717);
    at(797, &|store| store.untag_event(79, FALSE_POSITIVE).unwrap());
    check(718, 718);
    at(797, &|store| store.publish(79).unwrap());
    at(799, &|store| store.set_to_ids(24_237, false).unwrap());
    check(719, 721);
    at(800, &|store| store.publish(79).unwrap());
    check(722, 722);
    at(802, &|store| store.soft_delete(24_238).unwrap());
    check(723, 724);
    at(803, &|store| store.publish(79).unwrap());
    at(805, &|store| store.hard_delete(24_239).unwrap());
    check(725, 725);
    at(808, &|store| store.publish(79).unwrap());
    at(808, &|store| store.unpublish(79).unwrap());
    check(726, 728);
    at(817, &|store| {
        store
            .tag_attribute_locally(24_236, "example:incident-classification=hunt")
            .unwrap()
    });
    check(730, 731);
    at(899, &|store| store.tag_attribute(24_237, QUOTED).unwrap());
    check(738, 738);
}

#[test]
fn a_deep_page_of_a_hundred_thousand_is_whole() {
    let sim = start(instance().bulk(Bulk::new(100_000, "domain").event_tag("example:bulk=event")));
    let body = r#"{"tags":["example:bulk=event"],"limit":10000,"page":10,"order":"Attribute.id asc"}"#;
    let got = support::search(sim.addr(), READER, body);
    assert_eq!(
        (got.header("X-Result-Count"), got.column("id").len()),
        (Some("10001"), 10_000)
    );
}

#[test]
fn every_copied_recording_is_replayed() {
    let replayed_elsewhere = |number: u32| {
        asks_for_everything(number)
            || matches!(number, 30 | 31 | 300..=318 | 350..=366 | 440..=461 | 500..=503 | 521 | 530 | 554..=557 | 570..=576 | 650..=656 | 704 | 705)
    };
    let replayed_last = |number: u32| matches!(number, 665..=667 | 670 | 700 | 710..=728 | 730 | 731 | 738 | 801..=825);
    let forgotten: Vec<u32> =
        recordings(|number| !is_plain(number) && !replayed_elsewhere(number) && !replayed_last(number))
            .iter()
            .map(|exchange| exchange.number)
            .collect();
    assert_eq!(forgotten, Vec::<u32>::new());
}
