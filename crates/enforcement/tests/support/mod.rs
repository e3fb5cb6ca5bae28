//! A cratosd stand-in that can lie, hang, cut and be silent; and an agent's configuration in a folder of its own.

#![allow(
    dead_code,
    clippy::unwrap_used,
    reason = "each test program uses its part; a test that cannot go on has failed"
)]

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// The answer to every request for one path.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A feed, whole, with an entity tag made of its values.
    Feed(Vec<String>),
    /// These bytes, head included, and then the connection ends.
    Raw(Vec<u8>),
    /// Nothing, for longer than any client waits.
    Silence,
    /// A byte now and then, without end.
    Drip,
}

impl Answer {
    pub(crate) fn feed(values: &[&str]) -> Self {
        Self::Feed(values.iter().map(|value| (*value).to_owned()).collect())
    }

    pub(crate) fn raw(head: &str, body: &[u8]) -> Self {
        Self::Raw([head.replace('\n', "\r\n").as_bytes(), b"\r\n\r\n", body].concat())
    }

    pub(crate) fn status(status: &str) -> Self {
        Self::raw(&format!("HTTP/1.1 {status}\nContent-Length: 2"), b"no")
    }
}

#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) url: String,
    answers: Arc<Mutex<HashMap<String, Answer>>>,
    /// The heads of all questions.
    pub(crate) heads: Arc<Mutex<Vec<String>>>,
}

impl StandIn {
    pub(crate) fn start() -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Self {
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Arc<Mutex<HashMap<String, Answer>>> = Arc::default();
        let heads: Arc<Mutex<Vec<String>>> = Arc::default();
        let (known, seen) = (Arc::clone(&answers), Arc::clone(&heads));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (known, seen) = (Arc::clone(&known), Arc::clone(&seen));
                // A client may leave at any time.
                thread::spawn(move || drop(serve(&stream, &known, &seen)));
            }
        });
        Self { url, answers, heads }
    }

    /// Sets the answer for paths that contain this word.
    pub(crate) fn answer(&self, word: &str, answer: Answer) {
        self.answers.lock().unwrap().insert(word.to_owned(), answer);
    }

    pub(crate) fn questions(&self) -> usize {
        self.heads.lock().unwrap().len()
    }

    pub(crate) fn last_head(&self) -> String {
        self.heads.lock().unwrap().last().cloned().unwrap_or_default()
    }
}

fn serve(
    mut stream: &TcpStream,
    answers: &Mutex<HashMap<String, Answer>>,
    heads: &Mutex<Vec<String>>,
) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head)? == 0 {
                return Ok(());
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        heads.lock().unwrap().push(head.clone());
        let answer = {
            let answers = answers.lock().unwrap();
            answers
                .iter()
                .find(|(word, _)| path.contains(word.as_str()))
                .map(|(_, answer)| answer.clone())
        };
        match answer {
            Some(Answer::Feed(values)) => stream.write_all(&feed(&values, &head))?,
            Some(Answer::Raw(bytes)) => {
                stream.write_all(&bytes)?;
                return stream.shutdown(std::net::Shutdown::Both);
            }
            Some(Answer::Silence) => thread::sleep(Duration::from_secs(3600)),
            Some(Answer::Drip) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\nX-Feed-Count: 1\r\n\r\n")?;
                loop {
                    stream.write_all(b"a")?;
                    thread::sleep(Duration::from_millis(20));
                }
            }
            None => stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?,
        }
    }
}

fn feed(values: &[String], head: &str) -> Vec<u8> {
    let body = values.join("\r\n");
    let sum: u64 = body
        .bytes()
        .fold(7, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let etag = format!("\"{sum:x}\"");
    let count = values.len();
    if head.to_ascii_lowercase().contains(&format!("if-none-match: {etag}")) {
        return format!("HTTP/1.1 304 Not Modified\r\nETag: {etag}\r\n\r\n").into_bytes();
    }
    let length = body.len();
    format!("HTTP/1.1 200 OK\r\nETag: {etag}\r\nX-Feed-Count: {count}\r\nContent-Length: {length}\r\n\r\n{body}")
        .into_bytes()
}

fn for_its_owner_only(path: &std::path::Path) {
    let mode = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o600);
    std::fs::set_permissions(path, mode).unwrap();
}

/// A folder with a configuration, a token and the files of the targets.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) dir: tempfile::TempDir,
    pub(crate) more: String,
    pub(crate) feeds: String,
    pub(crate) targets: String,
    pub(crate) url: String,
}

impl Host {
    /// A host that writes the feed `names` (domains) to `names.txt`.
    pub(crate) fn new(server: &StandIn) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("token"), "a-token\n").unwrap();
        for_its_owner_only(&dir.path().join("token"));
        let targets = format!(
            "  - {{name: names, feeds: [names], file: {{path: {}/names.txt, format: txt}}}}\n",
            dir.path().display()
        );
        Self {
            dir,
            more: "poll_interval: 1s\ntimeout: 1s\n".to_owned(),
            feeds: "  - {name: names, feed: block, type: domain, age: 1w}\n".to_owned(),
            targets,
            url: server.url.clone(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Writes the configuration and returns where it is.
    pub(crate) fn config_file(&self) -> PathBuf {
        let path = self.path("agent.yaml");
        let folder = self.dir.path().display();
        let text = format!(
            "server: {}\ntoken_file: {folder}/token\nstate_dir: {folder}/state\nmetrics_file: {folder}/agent.prom\n{}feeds:\n{}targets:\n{}",
            self.url, self.more, self.feeds, self.targets
        );
        std::fs::write(&path, text).unwrap();
        for_its_owner_only(&path);
        path
    }

    pub(crate) fn list(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("names.txt")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
