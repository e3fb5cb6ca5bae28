//! A small HTTP server whose answers can be made to fail in every way.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::Value;

/// A request, as far as the stand-ins look at it.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: Vec<(String, String)>,
    pub(crate) authorization: String,
    pub(crate) content_type: String,
    pub(crate) body: Option<Value>,
}

impl Request {
    pub(crate) fn asks(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }
}

/// An answer.
pub(crate) type Reply = (u16, Value);

/// What goes wrong with an answer.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// This status, with this head beside, instead of doing anything.
    Status(u16, &'static str),
    /// This body with the status 200, instead of doing anything.
    Body(&'static str),
    /// The connection ends before anything is done.
    CutBefore,
    /// The request is done, but its answer does not arrive.
    CutAfter,
    /// The answer ends in the middle.
    CutBody,
    /// No answer, for longer than any client waits.
    Silence,
}

#[derive(Debug)]
struct Planned {
    method: &'static str,
    path: String,
    after: usize,
    times: usize,
    fault: Fault,
}

/// The faults of the server, and the requests that it got.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    planned: Arc<Mutex<Vec<Planned>>>,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Log {
    /// Makes the next so many answers to what fits fail.
    pub(crate) fn fail(&self, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.fail_after(0, method, path, times, fault);
    }

    /// As [`Self::fail`], but lets some pass before.
    pub(crate) fn fail_after(&self, after: usize, method: &'static str, path: &str, times: usize, fault: Fault) {
        self.planned.lock().unwrap().push(Planned {
            method,
            path: path.to_owned(),
            after,
            times,
            fault,
        });
    }

    pub(crate) fn heal(&self) {
        self.planned.lock().unwrap().clear();
    }

    /// Returns how often something was asked for.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        let seen = self.seen.lock().unwrap();
        let fits = |request: &&Request| request.method == method && request.path.contains(path);
        seen.iter().filter(fits).count()
    }

    pub(crate) fn forget(&self) {
        self.seen.lock().unwrap().clear();
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    fn fault(&self, request: &Request) -> Option<Fault> {
        self.seen.lock().unwrap().push(request.clone());
        let mut planned = self.planned.lock().unwrap();
        let found = planned
            .iter_mut()
            .find(|plan| plan.times > 0 && plan.method == request.method && request.path.contains(&plan.path))?;
        if found.after > 0 {
            found.after -= 1;
            return None;
        }
        found.times -= 1;
        Some(found.fault.clone())
    }
}

/// Serves until the test ends; returns the address.
pub(crate) fn serve(log: &Log, answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (answer, log) = (Arc::new(answer), log.clone());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (answer, log) = (Arc::clone(&answer), log.clone());
            // A client may leave at any time.
            thread::spawn(move || drop(talk(&stream, &log, &*answer)));
        }
    });
    url
}

fn talk(mut stream: &TcpStream, log: &Log, answer: &dyn Fn(&Request) -> Reply) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader)? {
        match log.fault(&request) {
            None => stream.write_all(&written(&answer(&request), ""))?,
            Some(Fault::Status(status, head)) => stream.write_all(&written(&(status, Value::Null), head))?,
            Some(Fault::Body(body)) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(head.as_bytes())?;
            }
            Some(Fault::CutBefore) => return stream.shutdown(Shutdown::Both),
            Some(Fault::CutAfter) => {
                answer(&request);
                return stream.shutdown(Shutdown::Both);
            }
            Some(Fault::CutBody) => {
                let whole = written(&answer(&request), "");
                stream.write_all(whole.get(..whole.len() - 5).unwrap_or_default())?;
                return stream.shutdown(Shutdown::Both);
            }
            Some(Fault::Silence) => thread::sleep(Duration::from_secs(3600)),
        }
    }
    Ok(())
}

fn read(reader: &mut BufReader<&TcpStream>) -> std::io::Result<Option<Request>> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if reader.read_line(&mut head)? == 0 {
            return Ok(None);
        }
    }
    let field = |name: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    let length = field("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    let mut words = head.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let url = url::Url::parse(&format!("http://stand.in{target}")).unwrap();
    Ok(Some(Request {
        method,
        path: url.path().to_owned(),
        query: url.query_pairs().into_owned().collect(),
        authorization: field("authorization").unwrap_or_default(),
        content_type: field("content-type").unwrap_or_default(),
        body: serde_json::from_slice(&body).ok(),
    }))
}

fn written((status, body): &Reply, more: &str) -> Vec<u8> {
    let body = if *status == 204 {
        String::new()
    } else {
        body.to_string()
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status} Status\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{more}\r\n{body}"
    )
    .into_bytes()
}
