//! The access log of the core file, as the HTTP front takes it, and the facts of cratosd in its lines.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use gateway::Facts;
use http::Response;
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

/// Gives the front the facts that only the gateway knows. The gateway does not know the front, so cratosd translates.
pub(crate) fn add_details<B>(response: &mut Response<B>) {
    if let Some(facts) = response.extensions_mut().remove::<Arc<Facts>>() {
        response.extensions_mut().insert(details(&facts));
    }
}

fn details(facts: &Facts) -> AccessDetails {
    let notes = &facts.notes;
    let mut details = AccessDetails::default();
    details.client = Some(facts.client);
    details.route = facts.route;
    details.account = notes.site().map(str::to_owned);
    // In the words of Cratos FastAPI.
    details.no_account = Some(if notes.has_come() {
        "Token does not open"
    } else {
        "No valid token set"
    });
    details.token_id = notes.token_id().map(|id| id.to_string());
    details.token_label = notes.label().map(str::to_owned);
    details.reason = notes.reason().map(str::to_owned);
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

    use gateway::RequestNotes;
    use token_crypto::TokenId;

    use super::*;

    fn details_of(notes: RequestNotes) -> AccessDetails {
        let facts = Facts {
            client: Ipv4Addr::new(192, 0, 2, 7).into(),
            route: Some("/v1/check"),
            notes,
        };
        let mut response = Response::new(());
        response.extensions_mut().insert(Arc::new(facts));
        add_details(&mut response);
        response.extensions().get::<AccessDetails>().unwrap().clone()
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
        let details = details_of(notes);
        assert_eq!(details.account.as_deref(), Some("misp.example.net"));
        assert_eq!(details.token_id.as_deref(), Some("abababababababab"));
        assert_eq!(details.token_label.as_deref(), Some("fw1"));
        assert_eq!(
            (details.client, details.route),
            (Some([192, 0, 2, 7].into()), Some("/v1/check"))
        );
    }

    #[test]
    fn a_request_without_a_token_and_one_whose_token_does_not_open_have_the_words_of_cratos_fastapi() {
        assert_eq!(
            details_of(RequestNotes::default()).no_account,
            Some("No valid token set")
        );
        let notes = RequestNotes::default();
        notes.came();
        notes.refused("the seal of the token is broken");
        let details = details_of(notes);
        assert_eq!(details.no_account, Some("Token does not open"));
        assert_eq!(details.reason.as_deref(), Some("the seal of the token is broken"));
    }
}
