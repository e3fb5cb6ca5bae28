//! The second port, on which a test edits the data of the stand-in in another process.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
};

use misp_sim::{Edit, Fault, FaultRule, LoggedRequest, RandomEdits, RunningSim};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{Failed, journal::Journal};

/// The largest body; an event with thousands of attributes is below.
const MAX_BODY: u64 = 16 << 20;

/// The running stand-in and the journal of its edits.
pub(crate) struct Control {
    sim: RunningSim,
    journal: Option<Journal>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Edits {
    One(Edit),
    Many(Vec<Edit>),
}

#[derive(Deserialize)]
struct Random {
    seed: u64,
    count: usize,
    #[serde(default)]
    tags: Vec<String>,
}

#[derive(Deserialize)]
struct Rule {
    fault: Option<Fault>,
    path: Option<String>,
    #[serde(default)]
    after: usize,
    times: Option<usize>,
}

impl Control {
    pub(crate) fn new(sim: RunningSim, journal: Option<Journal>) -> Self {
        Self { sim, journal }
    }

    /// Answers one connection after the other, for ever.
    pub(crate) fn serve(mut self, listener: &TcpListener) {
        for stream in listener.incoming().flatten() {
            // A client that hangs up early asks again.
            let _answered = self.exchange(&stream);
        }
    }

    fn exchange(&mut self, stream: &TcpStream) -> Result<(), Failed> {
        let mut reader = BufReader::new(stream);
        let mut first = String::new();
        reader.read_line(&mut first)?;
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line)? == 0 || line == "\r\n" {
                break;
            }
            if let Some((name, value)) = line.split_once(':')
                && name.eq_ignore_ascii_case("content-length")
            {
                length = value.trim().parse()?;
            }
        }
        let mut body = Vec::new();
        reader.take(MAX_BODY.min(length)).read_to_end(&mut body)?;
        let mut words = first.split(' ');
        let (status, page) = match self.answer(words.next().unwrap_or(""), words.next().unwrap_or(""), &body) {
            Ok(page) => ("200 OK", page),
            Err(error) => ("400 Bad Request", json!({"error": error.to_string()})),
        };
        let page = page.to_string();
        let mut stream = stream;
        write!(
            stream,
            "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
            page.len()
        )?;
        Ok(())
    }

    fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Value, Failed> {
        match (method, path) {
            ("POST", "/sim/edit") => {
                let edits = match serde_json::from_slice(body)? {
                    Edits::One(edit) => vec![edit],
                    Edits::Many(edits) => edits,
                };
                let mut added = Vec::with_capacity(edits.len());
                for edit in &edits {
                    added.push(self.apply(edit)?);
                }
                Ok(json!({"added": added}))
            }
            ("POST", "/sim/random") => {
                let random: Random = serde_json::from_slice(body)?;
                let tags: Vec<&str> = random.tags.iter().map(String::as_str).collect();
                let mut source = RandomEdits::new(random.seed, &tags);
                let mut edits = Vec::with_capacity(random.count.min(10_000));
                for _ in 0..random.count.min(10_000) {
                    let edit = self.sim.with_store(|store| source.draw(store));
                    self.apply(&edit)?;
                    edits.push(edit);
                }
                Ok(serde_json::to_value(edits)?)
            }
            ("POST", "/sim/fault") => self.misbehave(serde_json::from_slice(body)?),
            ("POST", "/sim/clock") => {
                let asked: Value = serde_json::from_slice(body)?;
                self.sim
                    .clock()
                    .advance(asked["advance"].as_i64().ok_or("advance: write seconds")?);
                Ok(json!({"now": self.sim.clock().now()}))
            }
            ("GET", "/sim/requests") => Ok(self.sim.requests().iter().map(written).collect()),
            ("POST", "/sim/traffic") => {
                self.sim.clear_requests();
                Ok(json!({}))
            }
            ("GET", "/sim/traffic") => {
                let (all, rows) = (self.sim.traffic(|_| true), self.sim.traffic(LoggedRequest::is_search));
                Ok(json!({
                    "requests": all.requests, "request_bytes": all.request_bytes, "answer_bytes": all.answer_bytes,
                    "searches": rows.requests, "search_bytes": rows.answer_bytes,
                }))
            }
            _ => Err(format!("{method} {path}: see the head of examples/serve/main.rs").into()),
        }
    }

    /// Carries out an edit and writes it down before the answer says so.
    fn apply(&mut self, edit: &Edit) -> Result<Option<u64>, Failed> {
        let (now, added) = self.sim.edit(|store| (store.now(), store.apply(edit)));
        let added = added?;
        if let Some(journal) = &mut self.journal {
            journal.add(now, edit)?;
        }
        Ok(added)
    }

    #[expect(clippy::unnecessary_wraps, reason = "an answer like the others")]
    fn misbehave(&self, rule: Rule) -> Result<Value, Failed> {
        self.sim.clear_fault();
        if let Some(fault) = rule.fault {
            let mut wanted = FaultRule::from(fault).after(rule.after);
            if let Some(path) = rule.path {
                wanted = wanted.on(&path);
            }
            if let Some(times) = rule.times {
                wanted = wanted.times(times);
            }
            self.sim.set_fault(wanted);
        }
        Ok(json!({}))
    }
}

/// Returns a request as JSON.
fn written(request: &LoggedRequest) -> Value {
    json!({
        "method": request.method,
        "path": request.path,
        "body": request.body,
        "status": request.status,
        "body_bytes": request.body_bytes,
        "answer_bytes": request.answer_bytes,
    })
}
