//! `/attributes/restSearch`.

use std::time::Duration;

use http::{Method, StatusCode, header};
use serde_json::{Map, Value};

use super::{PageRequest, Twist, auth};
use crate::{
    answer::Answer,
    model::{Role, User},
    query::{Query, Refusal, number, truthy},
    search::search,
    shared::Shared,
    store::Reader,
};

const BAD_JSON: &str = "Invalid JSON input. Make sure that the JSON input is a correctly formatted JSON string. This request has been blocked to avoid an unfiltered request.";
const NO_FILTER_BY_GET: &str = "Restsearch queries using GET and no parameters are not allowed. If you have passed parameters via a JSON body, make sure you use POST requests.";

impl From<&User> for Reader {
    fn from(user: &User) -> Self {
        Self {
            organisation: user.organisation,
            sees_everything: user.role == Role::SiteAdmin,
        }
    }
}

pub(super) fn attributes(shared: &Shared, request: &PageRequest, user: &User, twist: Twist) -> Answer {
    let limited = match auth::count_search(shared, request, user) {
        Ok(headers) => headers,
        Err(refused) => return *refused,
    };
    let mut answer = match filters(request) {
        Ok(filters) => found(shared, request, user, twist, &filters),
        Err(refused) => *refused,
    };
    answer.add(limited);
    answer
}

fn found(shared: &Shared, request: &PageRequest, user: &User, twist: Twist, filters: &Map<String, Value>) -> Answer {
    let nothing = Map::new();
    let filters = if twist.unfiltered { &nothing } else { filters };
    match Query::read(filters, shared.clock.now()) {
        Ok(query) => {
            let found = search(&shared.read(), &query, user.into(), twist.stringify, twist.rows);
            let mut answer = Answer::json(found.body);
            answer.add(vec![
                ("x-result-count", found.count.to_string()),
                ("x-export-module-used", "json".to_owned()),
                ("x-response-format", "json".to_owned()),
                ("x-skipped-elements-count", found.skipped.to_string()),
            ]);
            answer
        }
        Err(Refusal::Internal) => Answer::usual_error(StatusCode::INTERNAL_SERVER_ERROR, &request.path_as_sent()),
        Err(Refusal::Format) => Answer::error(StatusCode::NOT_FOUND, "Invalid output format.", &request.path_as_sent()),
    }
}

/// Returns how long the warninglists take for the rows of this answer, those that they took out included.
pub(super) fn warninglist_time(shared: &Shared, request: &PageRequest, answer: &Answer) -> Duration {
    let per_row = shared.state().warninglist_time;
    if per_row.is_zero() || !request.path.starts_with("/attributes/restSearch") {
        return Duration::ZERO;
    }
    let filters = filters(request).unwrap_or_default();
    if !filters.get("enforceWarninglist").is_some_and(truthy) {
        return Duration::ZERO;
    }
    // One more than the page has when another page follows (fact 35).
    let count = answer
        .headers
        .get("x-result-count")
        .and_then(|count| count.to_str().ok()?.parse().ok());
    let limit = number(filters.get("limit")).and_then(|limit| u32::try_from(limit).ok());
    per_row * count.unwrap_or(0_u32).min(limit.unwrap_or(u32::MAX))
}

/// Reads the filters from path, JSON or form. A body that MISP does not understand means "no filter": everything that
/// the key may see (fact 10).
pub(super) fn filters(request: &PageRequest) -> Result<Map<String, Value>, Box<Answer>> {
    let mut filters = request.named();
    if request.method == Method::GET || request.method == Method::HEAD {
        if filters.is_empty() {
            return Err(Box::new(Answer::error(
                StatusCode::BAD_REQUEST,
                NO_FILTER_BY_GET,
                &request.path_as_sent(),
            )));
        }
        return Ok(filters);
    }
    if request.method != Method::POST {
        return Ok(filters);
    }
    let content_type = request.header(header::CONTENT_TYPE);
    if content_type.starts_with("application/json") {
        let body = request.plain_body();
        if !body.iter().all(u8::is_ascii_whitespace) {
            match serde_json::from_slice(&body) {
                Ok(Value::Object(map)) => filters.extend(map),
                Ok(_) => {}
                Err(_) => {
                    return Err(Box::new(Answer::error(
                        StatusCode::METHOD_NOT_ALLOWED,
                        BAD_JSON,
                        &request.path_as_sent(),
                    )));
                }
            }
        }
    } else if content_type.starts_with("application/x-www-form-urlencoded") {
        filters.extend(request.form());
    }
    Ok(filters)
}
