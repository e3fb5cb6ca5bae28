//! DefectDojo's API, version 2, as its own sources say: `FindingViewSet`, `ApiFindingFilter` and its pagination.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::http::{Log, Reply, Request, serve};

/// The key of the user that most tests are.
pub(crate) const KEY: &str = "0123456789abcdef0123456789abcdef01234567";

/// The key of another user, who may only remove own notes.
pub(crate) const OTHER_KEY: &str = "ffff456789abcdef0123456789abcdef01234567";

/// The key of a user who may only read.
pub(crate) const READ_KEY: &str = "eeee456789abcdef0123456789abcdef01234567";

/// A finding with its notes.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) active: bool,
    pub(crate) severity: &'static str,
    pub(crate) cves: Vec<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) notes: Vec<NoteRow>,
}

#[derive(Clone, Debug)]
pub(crate) struct NoteRow {
    pub(crate) id: u64,
    pub(crate) entry: String,
    pub(crate) private: bool,
    author: &'static str,
}

#[derive(Debug, Default)]
struct State {
    rows: Vec<Row>,
    notes: u64,
    /// What addresses of further pages begin with, when it is not the way to us.
    next_base: Option<String>,
    ignores_tags: bool,
    /// How many questions for notes wait for each other.
    gate: usize,
    waiting: usize,
}

#[derive(Debug)]
pub(crate) struct Dojo {
    url: String,
    pub(crate) log: Log,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Row {
    /// An active critical finding.
    pub(crate) fn new(id: u64, cves: &[&str]) -> Self {
        Self {
            id,
            active: true,
            severity: "Critical",
            cves: cves.iter().map(|cve| (*cve).to_owned()).collect(),
            tags: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// How many notes are about an event.
    pub(crate) fn about(&self, event: u32) -> usize {
        let marker = format!("cratos-event: {}", super::cratos::uuid(event));
        let is_about = |note: &&NoteRow| note.entry.lines().any(|line| line == marker);
        self.notes.iter().filter(is_about).count()
    }
}

impl Dojo {
    pub(crate) fn start(rows: Vec<Row>) -> Self {
        let log = Log::default();
        let state = State {
            rows,
            notes: 100,
            ..State::default()
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        let url = Arc::new(Mutex::new(String::new()));
        let own = Arc::clone(&url);
        let started = serve(&log, move |request| {
            let own = own.lock().unwrap().clone();
            answer(&shared, &own, request)
        });
        started.clone_into(&mut url.lock().unwrap());
        Self {
            url: started,
            log,
            state,
        }
    }

    pub(crate) fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn row(&self, id: u64) -> Row {
        let state = self.state.0.lock().unwrap();
        state.rows.iter().find(|row| row.id == id).unwrap().clone()
    }

    pub(crate) fn change(&self, id: u64, change: impl FnOnce(&mut Row)) {
        let mut state = self.state.0.lock().unwrap();
        change(state.rows.iter_mut().find(|row| row.id == id).unwrap());
    }

    /// Gives addresses of further pages that begin otherwise, as behind a proxy that was forgotten in the settings.
    pub(crate) fn next_begins_with(&self, base: &str) {
        self.state.0.lock().unwrap().next_base = Some(base.to_owned());
    }

    pub(crate) fn ignore_tags(&self) {
        self.state.0.lock().unwrap().ignores_tags = true;
    }

    /// Holds readers of notes back until this many have come.
    pub(crate) fn notes_wait_for(&self, many: usize) {
        self.state.0.lock().unwrap().gate = many;
    }
}

fn answer(shared: &(Mutex<State>, Condvar), url: &str, request: &Request) -> Reply {
    let user = match request.authorization.strip_prefix("Token ") {
        Some(KEY) => "cratos",
        Some(OTHER_KEY) => "other",
        Some(READ_KEY) => "reader",
        Some(_) => return (401, json!({ "detail": "Invalid token." })),
        None => {
            return (
                401,
                json!({ "detail": "Authentication credentials were not provided." }),
            );
        }
    };
    let Some(path) = request.path.strip_prefix("/api/v2/findings/") else {
        return (404, json!({ "detail": "Not found." }));
    };
    if request.method != "GET" && request.content_type != "application/json" {
        return (415, json!({ "detail": "Unsupported media type in request." }));
    }
    let mut state = shared.0.lock().unwrap();
    if path.is_empty() {
        return list(&state, url, request);
    }
    let Some((id, what)) = path.split_once('/') else {
        return (404, json!({ "detail": "Not found." }));
    };
    let Some(place) = state.rows.iter().position(|row| row.id.to_string() == id) else {
        return (404, json!({ "detail": "No Finding matches the given query." }));
    };
    if request.method != "GET" && user == "reader" {
        return (
            403,
            json!({ "detail": "You do not have permission to perform this action." }),
        );
    }
    let body = request.body.clone().unwrap_or_default();
    match (request.method.as_str(), what) {
        ("GET", "notes/") => {
            let notes: Vec<Value> = state.rows[place].notes.iter().rev().map(note).collect();
            let reply = (200, json!({ "finding_id": state.rows[place].id, "notes": notes }));
            if state.gate > 0 {
                state.waiting += 1;
                shared.1.notify_all();
                let bound = Duration::from_secs(30);
                let (mut state, _) = shared
                    .1
                    .wait_timeout_while(state, bound, |state| state.waiting < state.gate)
                    .unwrap();
                state.gate = 0;
            }
            reply
        }
        ("POST", "notes/") => add_note(&mut state, place, user, &body),
        ("PATCH", "remove_note/") => remove_note(&mut state.rows[place], user, &body),
        ("GET", "tags/") => (200, json!({ "tags": state.rows[place].tags })),
        ("POST", "tags/") => add_tags(&mut state.rows[place], &body),
        ("PUT" | "PATCH", "remove_tags/") => remove_tags(&mut state.rows[place], &body),
        (_, "notes/" | "remove_note/" | "tags/" | "remove_tags/") => (405, json!({ "detail": "Method not allowed." })),
        _ => (404, json!({ "detail": "Not found." })),
    }
}

/// Filters that are not known are ignored, `cve` among them.
fn list(state: &State, url: &str, request: &Request) -> Reply {
    if request.method != "GET" {
        return (405, json!({ "detail": "Method not allowed." }));
    }
    let known = ["id", "active", "date", "severity", "title"];
    if let Some(order) = request.asks("o")
        && !known.contains(&order.trim_start_matches('-'))
    {
        return (
            400,
            json!({ "o": [format!("Select a valid choice. {order} is not one of the available choices.")] }),
        );
    }
    let wanted = |name: &str| {
        request
            .asks(name)
            .map(|text| text.split(',').map(str::to_owned).collect::<Vec<_>>())
    };
    let (severities, tags) = (wanted("severity"), wanted("tags").filter(|_| !state.ignores_tags));
    let fits = |row: &&Row| {
        request
            .asks("active")
            .is_none_or(|active| row.active == (active == "true"))
            && severities
                .as_ref()
                .is_none_or(|wanted| wanted.iter().any(|severity| severity == row.severity))
            && tags
                .as_ref()
                .is_none_or(|wanted| row.tags.iter().any(|tag| wanted.contains(tag)))
    };
    let rows: Vec<&Row> = state.rows.iter().filter(fits).collect();
    let number = |name: &str, default: usize| request.asks(name).and_then(|text| text.parse().ok()).unwrap_or(default);
    let (limit, offset) = (number("limit", 25), number("offset", 0));
    let page: Vec<Value> = rows.iter().skip(offset).take(limit).map(|row| finding(row)).collect();
    let next = (offset + limit < rows.len()).then(|| {
        let base = state.next_base.as_deref().unwrap_or(url);
        format!("{base}/api/v2/findings/?limit={limit}&offset={}", offset + limit)
    });
    (
        200,
        json!({ "count": rows.len(), "next": next, "previous": null, "results": page, "prefetch": {} }),
    )
}

fn finding(row: &Row) -> Value {
    let ids: Vec<Value> = row.cves.iter().map(|cve| json!({ "vulnerability_id": cve })).collect();
    json!({ "id": row.id, "title": "a finding", "severity": row.severity, "active": row.active, "verified": false,
        "vulnerability_ids": ids, "tags": row.tags, "notes": [] })
}

fn note(note: &NoteRow) -> Value {
    json!({ "id": note.id, "author": { "id": 1, "username": note.author }, "editor": null, "history": [], "entry": note.entry,
        "date": "2026-11-25T12:00:00Z", "private": note.private, "edited": false, "edit_time": null, "note_type": null })
}

fn add_note(state: &mut State, place: usize, author: &'static str, body: &Value) -> Reply {
    let Some(entry) = body.get("entry") else {
        return (400, json!({ "entry": ["This field is required."] }));
    };
    let Some(entry) = entry.as_str().map(str::trim) else {
        return (400, json!({ "entry": ["Not a valid string."] }));
    };
    if entry.is_empty() || entry.contains('\0') {
        return (400, json!({ "entry": ["This field may not be blank."] }));
    }
    let Some(private) = body.get("private").map_or(Some(false), Value::as_bool) else {
        return (400, json!({ "private": ["Must be a valid boolean."] }));
    };
    state.notes += 1;
    let row = NoteRow {
        id: state.notes,
        entry: entry.to_owned(),
        private,
        author,
    };
    state.rows[place].notes.push(row);
    // The real one answers without the number of the note, too.
    (
        201,
        json!({ "id": null, "author": { "username": author }, "entry": entry, "private": private }),
    )
}

fn remove_note(row: &mut Row, user: &str, body: &Value) -> Reply {
    let Some(id) = body.get("note_id").and_then(Value::as_u64) else {
        return (400, json!({ "error": "('note_id') parameter missing" }));
    };
    let Some(place) = row.notes.iter().position(|note| note.id == id) else {
        return (404, json!({ "detail": "No Notes matches the given query." }));
    };
    if row.notes[place].author != user {
        return (400, json!({ "error": "Delete Failed, You are not the Note's author" }));
    }
    row.notes.remove(place);
    (204, Value::Null)
}

fn tags_in(body: &Value) -> Result<Vec<String>, Reply> {
    let tags = body.get("tags").and_then(Value::as_array);
    let tags = tags.and_then(|tags| {
        tags.iter()
            .map(|tag| tag.as_str().map(str::to_lowercase))
            .collect::<Option<Vec<_>>>()
    });
    tags.ok_or_else(|| (400, json!({ "tags": ["Expected a list of items."] })))
}

fn add_tags(row: &mut Row, body: &Value) -> Reply {
    let tags = match tags_in(body) {
        Ok(tags) => tags,
        Err(reply) => return reply,
    };
    for tag in tags {
        // A tag with blanks or commas becomes several.
        for part in tag.split([' ', ',']).filter(|part| !part.is_empty()) {
            if !row.tags.iter().any(|there| there == part) {
                row.tags.push(part.to_owned());
            }
        }
    }
    (200, json!({ "tags": row.tags }))
}

fn remove_tags(row: &mut Row, body: &Value) -> Reply {
    let tags = match tags_in(body) {
        Ok(tags) => tags,
        Err(reply) => return reply,
    };
    if tags.is_empty() {
        return (400, json!({ "error": "Empty Tag List Not Allowed" }));
    }
    for tag in &tags {
        if !row.tags.contains(tag) {
            return (400, json!({ "error": format!("'{tag}' is not a valid tag in list") }));
        }
    }
    row.tags.retain(|tag| !tags.contains(tag));
    (204, Value::Null)
}
