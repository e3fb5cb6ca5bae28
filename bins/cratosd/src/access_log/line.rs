//! One line: the fields of the reference in its order, with the token's id and label and the reason of a refusal behind them; or the same
//! as JSON.

use std::net::IpAddr;
use std::time::Duration;

use http::header::{self, HeaderMap, HeaderName};
use http::{StatusCode, Uri, Version};
use serde::Serialize;
use site_config::AccessLogFormat;

use super::anonymous;
use crate::noted::Noted;

/// One answer, as the log sees it.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// Who asked.
    pub(crate) client: IpAddr,
    /// What became known of the token.
    pub(crate) noted: &'a Noted,
    /// One of the methods that exist.
    pub(crate) method: &'a str,
    /// What was asked for.
    pub(crate) uri: &'a Uri,
    /// Template of the route; none for a path that is no route.
    pub(crate) route: Option<&'static str>,
    /// How it was asked.
    pub(crate) version: Version,
    /// How it was answered.
    pub(crate) status: StatusCode,
    /// What `Content-Length` said.
    pub(crate) bytes: u64,
    /// Those of the request.
    pub(crate) headers: &'a HeaderMap,
    /// Until the answer was ready.
    pub(crate) took: Duration,
    /// When it was ready.
    pub(crate) now: jiff::Timestamp,
}

#[derive(Serialize)]
struct Json<'a> {
    time: String,
    client: IpAddr,
    site: Option<&'a str>,
    token_id: Option<String>,
    token_label: Option<String>,
    method: &'a str,
    url: String,
    route: Option<&'static str>,
    http_version: &'a str,
    status: u16,
    bytes: u64,
    referer: Option<String>,
    user_agent: Option<String>,
    seconds: f64,
    reason: Option<String>,
}

impl Line<'_> {
    /// Returns the line with its end.
    pub(super) fn written(&self, format: AccessLogFormat) -> String {
        match format {
            AccessLogFormat::Json => self.json(),
            _ => self.reference(),
        }
    }

    fn reference(&self) -> String {
        let dash = || "-".to_owned();
        format!(
            "{} - \"{}\" [{} +0000] \"{} {} HTTP/{}\" {} {} \"{}\" \"{}\" {:.2} {} \"{}\" \"{}\"\n",
            self.client,
            self.site(),
            self.now.strftime("%d/%b/%Y:%H:%M:%S"),
            self.method,
            self.url(),
            self.http_version(),
            self.status.as_u16(),
            self.bytes,
            self.referer().unwrap_or_else(dash),
            self.user_agent().unwrap_or_else(dash),
            self.took.as_secs_f64(),
            self.noted.token_id().map_or_else(dash, |id| id.to_string()),
            self.label().unwrap_or_else(dash),
            self.reason().unwrap_or_else(dash),
        )
    }

    /// The site of the token, in the words of the reference where no token came.
    fn site(&self) -> &str {
        let none = if self.noted.has_come() {
            "Token does not open"
        } else {
            "No valid token set"
        };
        self.noted.site().unwrap_or(none)
    }

    fn json(&self) -> String {
        let fields = Json {
            time: format!("{:.3}", self.now),
            client: self.client,
            site: self.noted.site(),
            token_id: self.noted.token_id().map(|id| id.to_string()),
            token_label: self.label(),
            method: self.method,
            url: self.url(),
            route: self.route,
            http_version: self.http_version(),
            status: self.status.as_u16(),
            bytes: self.bytes,
            referer: self.referer(),
            user_agent: self.user_agent(),
            seconds: (self.took.as_secs_f64() * 1e6).round() / 1e6,
            reason: self.reason(),
        };
        // Strings and numbers: writing them cannot fail.
        let mut line = serde_json::to_string(&fields).unwrap_or_default();
        line.push('\n');
        line
    }

    fn url(&self) -> String {
        anonymous::url(self.uri, self.route.is_some())
    }

    fn http_version(&self) -> &'static str {
        match self.version {
            Version::HTTP_10 => "1.0",
            Version::HTTP_2 => "2",
            _ => "1.1",
        }
    }

    fn referer(&self) -> Option<String> {
        self.header(&header::REFERER).map(anonymous::origin)
    }

    fn user_agent(&self) -> Option<String> {
        self.header(&header::USER_AGENT).map(anonymous::text)
    }

    fn header(&self, name: &HeaderName) -> Option<&[u8]> {
        self.headers.get(name).map(http::HeaderValue::as_bytes)
    }

    fn reason(&self) -> Option<String> {
        self.noted.reason().map(|reason| anonymous::text(reason.as_bytes()))
    }

    /// Whoever made the token chose it.
    fn label(&self) -> Option<String> {
        self.noted.label().map(|label| anonymous::text(label.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use token_crypto::TokenId;

    use super::*;

    fn written(noted: &Noted, format: AccessLogFormat) -> String {
        let headers = [(header::USER_AGENT, "PAN-OS \"x\"".parse().unwrap())]
            .into_iter()
            .collect();
        let uri = "/v1/check?token=secret".parse().unwrap();
        let line = Line {
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            noted,
            method: "GET",
            uri: &uri,
            route: Some("/v1/check"),
            version: Version::HTTP_11,
            status: StatusCode::OK,
            bytes: 42,
            headers: &headers,
            took: Duration::from_micros(23_456),
            now: "2026-11-05T08:09:10.5Z".parse().unwrap(),
        };
        line.written(format)
    }

    fn noted() -> Noted {
        let noted = Noted::default();
        noted.came();
        let label = Some("fw1 \u{1b}".to_owned());
        noted.token(TokenId::from_bytes([0xab; 8]), label, "misp.example.net".to_owned());
        noted
    }

    #[test]
    fn the_fields_of_the_reference_come_first_and_in_its_order() {
        insta::assert_snapshot!(written(&noted(), AccessLogFormat::Reference), @r#"192.0.2.7 - "misp.example.net" [05/Nov/2026:08:09:10 +0000] "GET /v1/check?token=ANONYMIZED HTTP/1.1" 200 42 "-" "PAN-OS \x22x\x22" 0.02 abababababababab "fw1 \x1B" "-""#);
        insta::assert_snapshot!(written(&Noted::default(), AccessLogFormat::Reference), @r#"192.0.2.7 - "No valid token set" [05/Nov/2026:08:09:10 +0000] "GET /v1/check?token=ANONYMIZED HTTP/1.1" 200 42 "-" "PAN-OS \x22x\x22" 0.02 - "-" "-""#);
    }

    #[test]
    fn a_refused_request_has_its_reason_and_what_is_known_of_the_token() {
        let expired = noted();
        expired.refused("The security token has expired.");
        let line = written(&expired, AccessLogFormat::Reference);
        assert!(line.starts_with("192.0.2.7 - \"misp.example.net\" ["), "{line}");
        let end = " abababababababab \"fw1 \\x1B\" \"The security token has expired.\"\n";
        assert!(line.ends_with(end), "{line}");
        let closed = Noted::default();
        closed.came();
        closed.refused("the seal of the token is broken");
        let line = written(&closed, AccessLogFormat::Reference);
        assert!(line.starts_with("192.0.2.7 - \"Token does not open\" ["), "{line}");
        let json = written(&closed, AccessLogFormat::Json);
        assert!(
            json.contains(",\"reason\":\"the seal of the token is broken\"}"),
            "{json}"
        );
    }

    #[test]
    fn json_has_the_same_fields() {
        insta::assert_snapshot!(written(&noted(), AccessLogFormat::Json), @r#"{"time":"2026-11-05T08:09:10.500Z","client":"192.0.2.7","site":"misp.example.net","token_id":"abababababababab","token_label":"fw1 \\x1B","method":"GET","url":"/v1/check?token=ANONYMIZED","route":"/v1/check","http_version":"1.1","status":200,"bytes":42,"referer":null,"user_agent":"PAN-OS \\x22x\\x22","seconds":0.023456,"reason":null}"#);
    }
}
