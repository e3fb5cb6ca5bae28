//! The access log of the core file, as the HTTP front takes it, and the facts of cratosd in its lines.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::Facts;
use http::Extensions;
use http_front::{AccessDetails, AccessLogFormat, AccessLogSettings};
use site_config::{AccessLog, Problem};

/// Returns the settings of the front.
pub(crate) fn settings(log: &AccessLog) -> AccessLogSettings {
    let mut settings = AccessLogSettings::off();
    settings.path = log.path.clone();
    settings.format = match log.format {
        site_config::AccessLogFormat::Json => AccessLogFormat::Json,
        _ => AccessLogFormat::Text,
    };
    settings.max_bytes = log.max_bytes;
    settings.rotations = log.rotations;
    settings.account_key = "site";
    // A token may stand in the path: `/t/{token}/v1/…`.
    settings.secret_prefix = Some("t");
    settings
}

/// Returns the facts about a request that only the gateway knows. The gateway does not know the front, so cratosd
/// translates.
pub(crate) fn details(extensions: &Extensions) -> AccessDetails<'_> {
    let mut details = AccessDetails::default();
    let Some(facts) = extensions.get::<Arc<Facts>>() else {
        return details;
    };
    let notes = &facts.notes;
    details.client = Some(facts.client);
    details.route = facts.route;
    details.account = notes.site();
    // In the words of Cratos FastAPI.
    details.no_account = Some(if notes.has_come() {
        "Token does not open"
    } else {
        "No valid token set"
    });
    details.token_id = notes.token_id_text();
    details.token_label = notes.label();
    details.reason = notes.reason();
    details
}

/// Returns the problem that `check` and `serve` report for an access log that cannot be written.
pub(crate) fn problem(log: &AccessLog, core_file: PathBuf, error: &io::Error) -> Problem {
    let (line, column) = log.place;
    Problem {
        file: core_file,
        line,
        column,
        key: "access_log".to_owned(),
        what: format!("cannot be written by this user: {error}"),
        instead: "make its directory writable for the user that runs the daemon, or name another file".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use http::Response;

    use gateway::RequestNotes;
    use token_crypto::TokenId;

    use super::*;

    fn response(notes: RequestNotes) -> Response<()> {
        let facts = Facts {
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            route: Some("/v1/check"),
            notes,
        };
        let mut response = Response::new(());
        response.extensions_mut().insert(Arc::new(facts));
        response
    }

    #[test]
    fn the_site_and_the_token_of_a_request_stand_in_its_line() {
        let notes = RequestNotes::default();
        notes.came();
        notes.token(
            TokenId::from_bytes([0xab; 8]),
            Some("fw1".to_owned()),
            "misp.example.net".to_owned(),
        );
        let response = response(notes);
        let details = details(response.extensions());
        assert_eq!(details.account, Some("misp.example.net"));
        assert_eq!(details.token_id, Some("abababababababab"));
        assert_eq!(details.token_label, Some("fw1"));
        assert_eq!(
            (details.client, details.route),
            (Some([192, 0, 2, 7].into()), Some("/v1/check"))
        );
    }

    #[test]
    fn a_request_without_a_token_and_one_whose_token_does_not_open_have_the_words_of_cratos_fastapi() {
        let none = response(RequestNotes::default());
        assert_eq!(details(none.extensions()).no_account, Some("No valid token set"));
        let notes = RequestNotes::default();
        notes.came();
        notes.refused("the seal of the token is broken");
        let response = response(notes);
        let details = details(response.extensions());
        assert_eq!(details.no_account, Some("Token does not open"));
        assert_eq!(details.reason, Some("the seal of the token is broken"));
    }
}
