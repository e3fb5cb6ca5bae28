//! What cratosd says about an answer that is none: the `detail` of its errors.

use std::fmt;

use config_file::SecretFile;
use reqwest::Response;
use secrecy::ExposeSecret as _;
use serde_json::Value;

use crate::refusals::printable;

/// More than any error of cratosd has.
const MAX_BYTES: usize = 16 << 10;

/// So many characters are shown.
const MOST_CHARACTERS: usize = 300;

/// The reason that cratosd gave, if it gave one: one line, bounded, without the token.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detail(Option<String>);

impl Detail {
    /// Reads the body of an error. A body that is not an error of cratosd gives no reason.
    pub(super) async fn read(mut response: Response, token: &SecretFile) -> Self {
        let mut body = Vec::new();
        // The time-out of the question holds for this too.
        while let Ok(Some(chunk)) = response.chunk().await {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Self::default();
            }
        }
        Self::of(&body, token)
    }

    fn of(body: &[u8], token: &SecretFile) -> Self {
        let Ok(body) = serde_json::from_slice::<Value>(body) else {
            return Self::default();
        };
        let text = match body.get("detail") {
            Some(Value::String(text)) => text.clone(),
            // Of a 422: one object for each part of the question that is wrong.
            Some(Value::Array(parts)) => {
                let messages = parts.iter().filter_map(|part| part.get("msg")?.as_str());
                messages.collect::<Vec<_>>().join("; ")
            }
            _ => return Self::default(),
        };
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        // Taken out before it is cut, so that no half of it stays. Without the token there is nothing to compare with, and nothing is shown.
        let Ok(secret) = token.read() else {
            return Self::default();
        };
        let text = text.replace(secret.expose_secret(), "(the token)");
        Self((!text.is_empty()).then(|| printable(&text, MOST_CHARACTERS)))
    }
}

impl fmt::Display for Detail {
    /// Writes `: ` and the reason, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(body: &str) -> String {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "a-token").unwrap();
        Detail::of(body.as_bytes(), &SecretFile::new(path)).to_string()
    }

    #[test]
    fn the_reason_of_cratosd_is_one_line_without_control_characters() {
        assert_eq!(
            shown(r#"{"detail": "the token ended on 2026-11-01"}"#),
            ": the token ended on 2026-11-01"
        );
        assert_eq!(
            shown(r#"{"detail": "a\u001b[2J\r\nb\u202e"}"#),
            ": a\\u{1b}[2J b\\u{202e}"
        );
        let parts = r#"{"detail": [{"loc": ["path"], "msg": "no such age"}, {"msg": "no such type"}]}"#;
        assert_eq!(shown(parts), ": no such age; no such type");
    }

    #[test]
    fn the_reason_is_bounded_and_never_holds_the_token() {
        let long = shown(&format!(r#"{{"detail": "{}"}}"#, "x".repeat(5000)));
        assert!(long.chars().count() < 310 && long.ends_with('…'), "{long}");
        assert_eq!(
            shown(r#"{"detail": "Bearer a-token is over"}"#),
            ": Bearer (the token) is over"
        );
        let edge = shown(&format!(
            r#"{{"detail": "{}a-token"}}"#,
            "x".repeat(MOST_CHARACTERS - 3)
        ));
        assert!(!edge.contains("a-t"), "{edge}");
    }

    #[test]
    fn what_is_not_an_error_of_cratosd_gives_no_reason() {
        for body in [
            "",
            "no",
            "<html>",
            "[]",
            r#"{"detail": 7}"#,
            r#"{"detail": ""}"#,
            r#"{"error": "x"}"#,
        ] {
            assert_eq!(shown(body), "", "{body}");
        }
    }
}
