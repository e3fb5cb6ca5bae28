//! The command socket of a running Suricata.

use std::io::{BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

/// An answer of Suricata is a short line.
const MAX_ANSWER: u64 = 64 << 10;

/// Makes Suricata reload its rules over the socket, and waits until it has.
pub(super) fn reload_rules(socket: &Path, timeout: Duration) -> std::io::Result<()> {
    let stream = UnixStream::connect(socket)?;
    stream.set_read_timeout(Some(timeout))?;
    stream.set_write_timeout(Some(timeout))?;
    // The end of the JSON value ends an answer: only some versions of Suricata send a line end behind it.
    let answers = BufReader::new(stream.try_clone()?.take(MAX_ANSWER));
    let mut answers = serde_json::Deserializer::from_reader(answers).into_iter::<Value>();
    let mut ask = |question: Value| {
        (&stream).write_all(format!("{question}\n").as_bytes())?;
        match answers.next() {
            Some(Ok(answer)) if answer["return"] == "OK" => Ok(()),
            Some(Err(error)) => Err(error.into()),
            _ => Err(std::io::Error::other("suricata refuses")),
        }
    };
    ask(json!({ "version": "0.2" }))?;
    ask(json!({ "command": "reload-rules" }))
}
