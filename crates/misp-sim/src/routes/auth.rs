//! The user of a request, and whether it is admitted (facts 1 to 3 and 7).

use http::{StatusCode, header};

use super::PageRequest;
use crate::{
    answer::Answer,
    model::{Role, User},
    shared::Shared,
};

/// MISP says this for a missing, empty, unknown, too short or expired key alike.
const NOT_AUTHENTICATED: &str = "Authentication failed. Please make sure you pass the API key of an API enabled user along in the Authorization header.";

/// How long the window of the rate limit is.
const WINDOW_SECONDS: i64 = 900;

/// Returns the user whose key the request carries, also when the key is of no use.
pub(super) fn user_of(shared: &Shared, request: &PageRequest) -> Option<User> {
    let key = request.header(header::AUTHORIZATION);
    if key.is_empty() {
        return None;
    }
    shared.read().users.iter().find(|user| user.key == key).cloned()
}

/// Returns the user, or the answer that refuses the request.
pub(super) fn admit<'a>(
    shared: &Shared,
    request: &PageRequest,
    user: Option<&'a User>,
) -> Result<&'a User, Box<Answer>> {
    let refuse = |message: &str| Box::new(Answer::error(StatusCode::FORBIDDEN, message, &request.path_as_sent()));
    let Some(user) = user else {
        return Err(if request.is_program() {
            refuse(NOT_AUTHENTICATED)
        } else {
            Box::new(Answer::login(&request.host()))
        });
    };
    if user.key_expires.is_some_and(|end| end <= shared.clock.now()) {
        return Err(refuse(NOT_AUTHENTICATED));
    }
    if !user.allowed_addresses.is_empty() && !user.allowed_addresses.contains(&request.peer) {
        return Err(refuse("It is not possible to use this Auth key from your IP address"));
    }
    if user.disabled {
        return Err(refuse("Authentication failed. Your user account has been disabled."));
    }
    let shut = shared.state().maintenance && user.role != Role::SiteAdmin;
    if shut || !request.is_program() {
        return Err(Box::new(Answer::login(&request.host())));
    }
    Ok(user)
}

/// Counts a search of a user with a rate limit and returns the headers that say so.
///
/// # Errors
/// The 429 answer when the window is used up.
pub(super) fn count_search(
    shared: &Shared,
    request: &PageRequest,
    user: &User,
) -> Result<Vec<(&'static str, String)>, Box<Answer>> {
    let Some(limit) = user.rate_limit else {
        return Ok(Vec::new());
    };
    let now = shared.clock.now();
    let mut state = shared.state();
    let (start, used) = state.used.entry(user.id).or_insert((now, 0));
    if now - *start >= WINDOW_SECONDS {
        (*start, *used) = (now, 0);
    }
    let headers = |used: u32, start: i64| {
        vec![
            ("x-rate-limit-limit", limit.to_string()),
            ("x-rate-limit-remaining", limit.saturating_sub(used).to_string()),
            ("x-rate-limit-reset", (WINDOW_SECONDS - (now - start)).to_string()),
        ]
    };
    if *used >= limit {
        let mut answer = Answer::usual_error(StatusCode::TOO_MANY_REQUESTS, &request.path_as_sent());
        answer.add(headers(*used, *start));
        return Err(Box::new(answer));
    }
    *used += 1;
    Ok(headers(*used, *start))
}
