//! `GET` and `POST /v1/generate_token_form`: the page on which people make a token.
//!
//! The page has the fields of the JSON route and checks them by the same rules; only the words differ. It works without
//! scripts. Callers that may not make tokens get a refusal in its place. Every answer is a page, with the status of the
//! JSON route, also for missing fields, where Cratos FastAPI answers with JSON.

mod entries;
mod examples;
mod input;
mod mistakes;
mod page;

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{self, HeaderValue};
use http::{Method, StatusCode};

use self::entries::Unreadable;
use self::input::Input;
use self::mistakes::Mistakes;
use self::page::{FormPage, MadePage, RefusedPage};
use super::minting::{self, MintedToken};
use super::order::Order;
use super::sender;
use crate::app::App;
use crate::body;
use crate::configuration::Snapshot;
use crate::origin;
use crate::reject::Reject;
use crate::reply::Reply;
use crate::request::Request;
use crate::routes::Call;

/// The largest form, in bytes: everything ticked, as multipart, and some hundred networks.
const MAX_FORM_BYTES: usize = 32 * 1024;

/// Shows the form, or makes a token of it.
pub(super) async fn answer(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let snapshot = &Arc::clone(&request.snapshot);
    if let Err(unwelcome) = sender::check(&request) {
        let (page, reject) = (RefusedPage::unwelcome(&unwelcome), Reject::from(unwelcome));
        request.notes.refused(reject.words());
        return refused(&page, reject.status());
    }
    if *request.method == Method::POST {
        return post(app, snapshot, request).await;
    }
    let input = Input::default();
    FormPage::new(app, snapshot, request.client, &input, &Mistakes::default()).reply(StatusCode::OK)
}

async fn post(app: &App, snapshot: &Snapshot, request: Request<'_>) -> Result<Reply, Reject> {
    let body = match body::read(request.headers, request.body, MAX_FORM_BYTES).await {
        Ok(body) => body,
        Err(reject) => return refused(&RefusedPage::unread(reject.words()), reject.status()),
    };
    let entries = match entries::read(request.headers.get(header::CONTENT_TYPE), body).await {
        Ok(entries) => entries,
        Err(unreadable) => return refused(&RefusedPage::unread(unreadable.words()), status_of(unreadable)),
    };
    let input = Input::read(entries);
    match mint(app, snapshot, request.client, &input).await {
        Ok(minted) => {
            let base = origin::base(request.headers);
            MadePage::new(app, snapshot, request.client, &minted, &base).reply()
        }
        Err(refusal) => {
            let page = FormPage::new(app, snapshot, request.client, &input, &refusal.mistakes);
            let reply = page.reply(refusal.status)?;
            Ok(match refusal.retry_after {
                Some(seconds) => reply.header(header::RETRY_AFTER, HeaderValue::from(seconds)),
                None => reply,
            })
        }
    }
}

/// Why the form comes back.
struct Refusal {
    status: StatusCode,
    retry_after: Option<u64>,
    mistakes: Mistakes,
}

async fn mint(app: &App, snapshot: &Snapshot, client: IpAddr, input: &Input) -> Result<MintedToken, Refusal> {
    let mut mistakes = Mistakes::default();
    let fields = input.fields(jiff::Timestamp::now(), &mut mistakes);
    let order = match Order::of(&fields, app.engine().registry(), jiff::Timestamp::now()) {
        Ok(order) if mistakes.is_empty() => order,
        Ok(_) => return Err(Refusal::of_fields(mistakes)),
        Err(wrong) => {
            mistakes.add(&wrong, input.key_length());
            return Err(Refusal::of_fields(mistakes));
        }
    };
    match minting::mint(app, snapshot, client, order).await {
        Ok(minted) => Ok(minted),
        Err(Reject::Invalid(wrong)) => {
            mistakes.add(&wrong, input.key_length());
            Err(Refusal::of_fields(mistakes))
        }
        Err(reject) => {
            mistakes.add_trouble(&reject);
            Err(Refusal {
                status: reject.status(),
                retry_after: reject.retry_after().map(|wait| wait.as_secs().max(1)),
                mistakes,
            })
        }
    }
}

impl Refusal {
    fn of_fields(mistakes: Mistakes) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            retry_after: None,
            mistakes,
        }
    }
}

fn refused(page: &RefusedPage, status: StatusCode) -> Result<Reply, Reject> {
    Ok(page.reply()?.status(status))
}

fn status_of(unreadable: Unreadable) -> StatusCode {
    match unreadable {
        Unreadable::NoForm => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Unreadable::Broken => StatusCode::BAD_REQUEST,
    }
}
