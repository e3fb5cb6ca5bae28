//! The command socket of a running Suricata.

use std::io::{BufReader, Read as _, Take, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::de::IoRead;
use serde_json::{Deserializer, StreamDeserializer, Value, json};

/// An answer of Suricata is a short line.
const MAX_ANSWER: u64 = 64 << 10;

/// A version of Suricata.
pub(super) type Version = [u32; 3];

/// Makes Suricata reload its rules over the socket, and waits until it has.
pub(super) fn reload_rules(socket: &Path, timeout: Duration) -> std::io::Result<()> {
    Conversation::begin(socket, timeout)?.ask("reload-rules").map(drop)
}

/// Refuses a Suricata that is older than `least`: it would skip rules that it does not know, and still answer that all
/// is well.
pub(super) fn require(socket: &Path, timeout: Duration, least: Version) -> std::io::Result<()> {
    let told = Conversation::begin(socket, timeout)?.ask("version")?;
    check_version(told["message"].as_str().unwrap_or_default(), least)
}

/// Questions and answers over one connection.
struct Conversation {
    stream: UnixStream,
    answers: StreamDeserializer<'static, IoRead<BufReader<Take<UnixStream>>>, Value>,
}

impl Conversation {
    fn begin(socket: &Path, timeout: Duration) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        // The end of the JSON value ends an answer: only some versions of Suricata send a line end behind it.
        let answers = BufReader::new(stream.try_clone()?.take(MAX_ANSWER));
        let answers = Deserializer::from_reader(answers).into_iter();
        let mut begun = Self { stream, answers };
        begun.send(&json!({ "version": "0.2" }))?;
        Ok(begun)
    }

    fn ask(&mut self, command: &str) -> std::io::Result<Value> {
        self.send(&json!({ "command": command }))
    }

    fn send(&mut self, question: &Value) -> std::io::Result<Value> {
        self.stream.write_all(format!("{question}\n").as_bytes())?;
        match self.answers.next() {
            Some(Ok(answer)) if answer["return"] == "OK" => Ok(answer),
            Some(Err(error)) => Err(error.into()),
            _ => Err(std::io::Error::other("suricata refuses")),
        }
    }
}

/// Refuses an older version. A text without a version passes.
fn check_version(told: &str, least: Version) -> std::io::Result<()> {
    if version(told).is_none_or(|version| version >= least) {
        return Ok(());
    }
    let [major, minor, patch] = least;
    Err(std::io::Error::other(format!(
        "Suricata {told} does not know the rules for lists of names; install {major}.{minor}.{patch} or newer, or write `names: rules`"
    )))
}

/// Reads a version at the beginning of a text, for example `7.0.10 RELEASE`.
fn version(text: &str) -> Option<Version> {
    let number = text.split([' ', '-']).next()?;
    let mut parts = number.split('.').map(|part| part.parse().ok());
    let (major, minor) = (parts.next()??, parts.next()??);
    Some([major, minor, parts.next().flatten().unwrap_or(0)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suricata_that_is_too_old_is_refused_by_its_version() {
        for old in ["6.0.10 RELEASE", "7.0.2 RELEASE", "7.0.0-dev (rev 1)", "4.1.2"] {
            let error = check_version(old, [7, 0, 3]).unwrap_err();
            assert!(error.to_string().contains("`names: rules`"), "{error}");
        }
        for good in ["7.0.3 RELEASE", "7.0.10 RELEASE", "8.0.0", "8.0.1-dev", "", "unknown"] {
            check_version(good, [7, 0, 3]).unwrap();
        }
    }
}
