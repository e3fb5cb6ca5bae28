//! One line of the log, as text or as JSON.

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, Version};
use serde::ser::{Serialize, SerializeMap as _, Serializer};

use super::record::Record;
use super::{AccessDetails, AccessLogFormat, AccessLogSettings, clf_time, redaction};
use service_kit::{digits, write_address, write_number};

/// One answer, as the log sees it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) request: &'a Record,
    pub(super) details: &'a AccessDetails<'a>,
    pub(super) status: StatusCode,
    /// The `Content-Length` of the answer.
    pub(super) bytes: u64,
    /// The time until the answer was ready.
    pub(super) took: Duration,
    /// The moment at which it was ready.
    pub(super) now: jiff::Timestamp,
}

impl Line<'_> {
    /// Writes the line with its line end.
    pub(super) fn write(&self, settings: &AccessLogSettings, line: &mut Vec<u8>) {
        match settings.format {
            AccessLogFormat::Text => self.combined(settings, line),
            AccessLogFormat::Json => line.extend_from_slice(self.json(settings).as_bytes()),
        }
    }

    /// Writes the line from left to right into one text, since every answer has one.
    fn combined(&self, settings: &AccessLogSettings, line: &mut Vec<u8>) {
        let (request, details) = (self.request, self.details);
        write_address(line, self.client());
        line.extend_from_slice(b" - \"");
        printable(line, details.account.or(details.no_account));
        line.extend_from_slice(b"\" [");
        clf_time::write(line, self.now);
        line.extend_from_slice(b"] \"");
        line.extend_from_slice(method(&request.method).as_bytes());
        line.push(b' ');
        self.url(settings, line);
        line.extend_from_slice(b" HTTP/");
        line.extend_from_slice(self.http_version().as_bytes());
        line.extend_from_slice(b"\" ");
        for number in [u64::from(self.status.as_u16()), self.bytes] {
            write_number(line, number);
            line.push(b' ');
        }
        line.push(b'"');
        match &request.referer {
            Some(referer) => redaction::origin(referer.as_bytes(), line),
            None => line.push(b'-'),
        }
        line.extend_from_slice(b"\" \"");
        redacted(line, request.user_agent.as_ref().map(HeaderValue::as_bytes));
        line.extend_from_slice(b"\" ");
        let part = u64::from(self.took.subsec_micros());
        let hundredths = self
            .took
            .as_secs()
            .saturating_mul(100)
            .saturating_add((part + 5_000) / 10_000);
        write_number(line, hundredths / 100);
        let mut part = *b".00 ";
        digits(&mut part[1..3], hundredths % 100);
        line.extend_from_slice(&part);
        printable(line, details.token_id);
        line.extend_from_slice(b" \"");
        redacted(line, details.token_label.map(str::as_bytes));
        line.extend_from_slice(b"\" \"");
        redacted(line, details.reason.map(str::as_bytes));
        line.extend_from_slice(b"\"\n");
    }

    fn json(&self, settings: &AccessLogSettings) -> String {
        // Strings and numbers: writing them cannot fail.
        let mut line = serde_json::to_string(&Json { line: self, settings }).unwrap_or_default();
        line.push('\n');
        line
    }

    fn client(&self) -> IpAddr {
        self.details.client.unwrap_or(self.request.peer)
    }

    fn url(&self, settings: &AccessLogSettings, out: &mut Vec<u8>) {
        redaction::url(
            &self.request.uri,
            settings.secret_prefix,
            self.details.route.is_some(),
            out,
        );
    }

    fn http_version(&self) -> &'static str {
        match self.request.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        }
    }
}

/// The fields of a line in their order. A map and not a struct, since the settings name one key.
struct Json<'a> {
    line: &'a Line<'a>,
    settings: &'a AccessLogSettings,
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { line, settings } = self;
        let details = line.details;
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut text = Vec::new();
            write(&mut text);
            // Always so: it is ASCII.
            String::from_utf8(text).unwrap_or_default()
        };
        let printable =
            |text: Option<&str>| text.map(|text| written(&|out| redaction::printable(text.as_bytes(), out)));
        let redacted = |text: Option<&[u8]>| text.map(|text| written(&|out| redaction::text(text, out)));
        let referer = line.request.referer.as_ref().map(HeaderValue::as_bytes);
        let origin = referer.map(|referer| written(&|out| redaction::origin(referer, out)));
        let user_agent = line.request.user_agent.as_ref().map(HeaderValue::as_bytes);
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("time", &format!("{:.3}", line.now))?;
        map.serialize_entry("client", &line.client())?;
        map.serialize_entry(settings.account_key, &printable(details.account))?;
        map.serialize_entry("token_id", &printable(details.token_id))?;
        map.serialize_entry("token_label", &redacted(details.token_label.map(str::as_bytes)))?;
        map.serialize_entry("method", method(&line.request.method))?;
        map.serialize_entry("url", &written(&|out| line.url(settings, out)))?;
        map.serialize_entry("route", &details.route)?;
        map.serialize_entry("http_version", line.http_version())?;
        map.serialize_entry("status", &line.status.as_u16())?;
        map.serialize_entry("bytes", &line.bytes)?;
        map.serialize_entry("referer", &origin)?;
        map.serialize_entry("user_agent", &redacted(user_agent))?;
        map.serialize_entry("seconds", &((line.took.as_secs_f64() * 1e6).round() / 1e6))?;
        map.serialize_entry("reason", &redacted(details.reason.map(str::as_bytes)))?;
        map.end()
    }
}

/// Writes a text that may hold a secret: for example, a user may have chosen the label of a token.
fn redacted(line: &mut Vec<u8>, text: Option<&[u8]>) {
    redaction::text(text.unwrap_or(b"-"), line);
}

/// Writes a name that the service knows, for example that of an account.
fn printable(line: &mut Vec<u8>, text: Option<&str>) {
    redaction::printable(text.unwrap_or("-").as_bytes(), line);
}

/// Returns the name of a method; unknown methods may be any text.
fn method(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::DELETE | Method::PUT | Method::PATCH | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Request;
    use http::header::USER_AGENT;

    use super::*;
    use crate::AccessLog;

    fn text(details: &AccessDetails<'_>, format: AccessLogFormat) -> String {
        let request = Request::get("/v1/check?token=secret").header(USER_AGENT, "PAN-OS \"x\"");
        let log = AccessLog::start(AccessLogSettings::off()).unwrap();
        let peer = Ipv4Addr::new(192, 0, 2, 7).into();
        let mut settings = AccessLogSettings::off();
        settings.format = format;
        settings.account_key = "site";
        let line = Line {
            request: &Record::begin(log, &request.body(()).unwrap(), peer, std::time::Instant::now()),
            details,
            status: StatusCode::OK,
            bytes: 42,
            took: Duration::from_micros(23_456),
            now: "2026-11-05T08:09:10.5Z".parse().unwrap(),
        };
        let mut text = Vec::new();
        line.write(&settings, &mut text);
        String::from_utf8(text).unwrap()
    }

    fn details() -> AccessDetails<'static> {
        AccessDetails {
            route: Some("/v1/check"),
            account: Some("misp.example.net"),
            token_id: Some("abababababababab"),
            token_label: Some("fw1 \u{1b}"),
            ..AccessDetails::default()
        }
    }

    fn no_account(words: &'static str) -> AccessDetails<'static> {
        AccessDetails {
            no_account: Some(words),
            ..AccessDetails::default()
        }
    }

    #[test]
    fn the_fields_of_the_combined_format_come_first_and_in_its_order() {
        insta::assert_snapshot!(text(&details(), AccessLogFormat::Text), @r#"192.0.2.7 - "misp.example.net" [05/Nov/2026:08:09:10 +0000] "GET /v1/check?token=ANONYMIZED HTTP/1.1" 200 42 "-" "PAN-OS \x22x\x22" 0.02 abababababababab "fw1 \x1B" "-""#);
        insta::assert_snapshot!(text(&no_account("No valid token set"), AccessLogFormat::Text), @r#"192.0.2.7 - "No valid token set" [05/Nov/2026:08:09:10 +0000] "GET /v1/check?token=ANONYMIZED HTTP/1.1" 200 42 "-" "PAN-OS \x22x\x22" 0.02 - "-" "-""#);
    }

    #[test]
    fn a_service_without_details_has_the_address_of_the_connection_and_dashes() {
        let line = text(&AccessDetails::default(), AccessLogFormat::Text);
        assert!(line.starts_with("192.0.2.7 - \"-\" ["), "{line}");
    }

    #[test]
    fn the_client_that_the_service_names_takes_the_place_of_the_peer() {
        let mut details = details();
        details.client = Some(Ipv4Addr::new(198, 51, 100, 9).into());
        let line = text(&details, AccessLogFormat::Text);
        assert!(line.starts_with("198.51.100.9 - \"misp.example.net\" ["), "{line}");
    }

    #[test]
    fn a_refused_request_has_its_reason_and_its_token() {
        let mut expired = details();
        expired.reason = Some("The security token has expired.");
        let line = text(&expired, AccessLogFormat::Text);
        assert!(line.starts_with("192.0.2.7 - \"misp.example.net\" ["), "{line}");
        let end = " abababababababab \"fw1 \\x1B\" \"The security token has expired.\"\n";
        assert!(line.ends_with(end), "{line}");
        let mut closed = no_account("Token does not open");
        closed.reason = Some("the seal of the token is broken");
        let line = text(&closed, AccessLogFormat::Text);
        assert!(line.starts_with("192.0.2.7 - \"Token does not open\" ["), "{line}");
        let json = text(&closed, AccessLogFormat::Json);
        assert!(
            json.contains(",\"reason\":\"the seal of the token is broken\"}"),
            "{json}"
        );
    }

    #[test]
    fn json_has_the_same_fields() {
        insta::assert_snapshot!(text(&details(), AccessLogFormat::Json), @r#"{"time":"2026-11-05T08:09:10.500Z","client":"192.0.2.7","site":"misp.example.net","token_id":"abababababababab","token_label":"fw1 \\x1B","method":"GET","url":"/v1/check?token=ANONYMIZED","route":"/v1/check","http_version":"1.1","status":200,"bytes":42,"referer":null,"user_agent":"PAN-OS \\x22x\\x22","seconds":0.023456,"reason":null}"#);
    }
}
