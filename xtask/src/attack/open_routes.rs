//! What a request to each route without a token costs.

use super::target::Target;
use crate::bench::connection::Connection;

/// The word that chooses this on the command line.
pub(super) const NAME: &str = "routes";

/// Requests of each kind.
const REQUESTS: u32 = 2_000;

/// Method, path, headers and body of a request.
type Kind = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static str,
);

/// Each kind of request that needs no token, with the forms of its answer.
const KINDS: &[Kind] = &[
    ("GET", "/healthz", &[], ""),
    ("GET", "/readyz", &[], ""),
    ("GET", "/metrics", &[], ""),
    ("GET", "/v1/status", &[], ""),
    ("GET", "/", &[], ""),
    ("GET", "/", &[("accept", "text/html")], ""),
    ("GET", "/robots.txt", &[], ""),
    ("GET", "/openapi.json", &[], ""),
    ("GET", "/openapi.json", &[("accept-encoding", "br")], ""),
    ("GET", "/v1/openapi.json", &[("accept-encoding", "gzip")], ""),
    ("GET", "/v1/help", &[], ""),
    ("GET", "/redoc", &[], ""),
    ("GET", "/favicon.ico", &[], ""),
    (
        "GET",
        "/static/swagger-ui-bundle.js",
        &[("accept-encoding", "zstd")],
        "",
    ),
    ("GET", "/v1/generate_token_form", &[], ""),
    ("POST", "/v1/generate_token_json", &[], "{}"),
    ("GET", "/no/such/route", &[], ""),
    ("GET", "/v1/check", &[], ""),
    ("GET", "/v1/check", &[("token", "not-a-token")], ""),
];

/// Prints the processor time that one request of each kind takes.
pub(super) fn measure(target: &Target) -> anyhow::Result<()> {
    println!("\n| request without a token | status | bytes | first request | processor time of each |");
    println!("| --- | --- | --- | --- | --- |");
    for (method, path, headers, body) in KINDS {
        let mut connection = Connection::open(&target.address.to_string())?;
        let first = connection.ask(method, path, headers, body)?;
        let before = target.processor_seconds()?;
        for _ in 0..REQUESTS {
            connection.ask(method, path, headers, body)?;
        }
        let each = (target.processor_seconds()? - before) / f64::from(REQUESTS);
        let shown: Vec<String> = headers
            .iter()
            .map(|(name, value)| format!(" `{name}: {value}`"))
            .collect();
        println!(
            "| `{method} {path}`{} | {} | {} | {:.2} ms | {:.0} µs |",
            shown.concat(),
            first.status,
            first.body.len(),
            first.first_byte.as_secs_f64() * 1e3,
            each * 1e6
        );
    }
    Ok(())
}
