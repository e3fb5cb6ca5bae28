//! `GET /v1/warninglist/id/{id}/output/{output}`: MISP's lists of values that are probably harmless.

mod entries;
mod index;

use std::collections::BTreeMap;
use std::io;

use feed_engine::FeedError;
use misp_client::{Client, ErrorKind};
use serde_json::{Value, json};

use super::route::{Call, Handler, READ, Route};
use crate::auth::{Grant, Right};
use crate::invalid::Invalid;
use crate::openapi::{Operation, Refusal};
use crate::query::integer;
use crate::reject::Reject;
use crate::reply::Reply;

/// The largest number of a list, as in Cratos FastAPI.
const MAX_ID: u64 = 1_000;

pub(super) const ROUTE: Route = Route {
    template: "/v1/warninglist/id/{id}/output/{output}",
    methods: READ,
    handler: Handler::Granted(Right::Feeds, |call, grant| Box::pin(get(call, grant))),
    words,
};

/// The formats of warninglists, which are those of Cratos FastAPI. Formats of single vendors are for values to block,
/// so they do not apply.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Form {
    Txt,
    Json,
    Xml,
    Yaml,
}

impl Form {
    const ALL: [Self; 4] = [Self::Txt, Self::Json, Self::Xml, Self::Yaml];

    fn as_str(self) -> &'static str {
        match self {
            Self::Txt => "txt",
            Self::Json => "json",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
        }
    }

    fn content_type(self) -> &'static str {
        match self {
            Self::Txt | Self::Yaml => "text/plain; charset=utf-8",
            Self::Json => "application/json",
            Self::Xml => "text/xml; charset=utf-8",
        }
    }
}

/// Answers the entries of one list, sorted and unique; number 0 is the list of the lists.
///
/// Warninglists are about the whole site, so a token that is limited to some feeds or types gets 403. A list of outputs
/// counts as for feeds.
async fn get(call: Call<'_>, grant: Grant) -> Result<Reply, Reject> {
    let (app, path) = (call.app, call.path);
    let (id, output) = (path.get("id"), path.get("output"));
    let (id, form) = check(id.unwrap_or_default(), output.unwrap_or_default()).map_err(Reject::Invalid)?;
    grant.check_whole_site("warninglists")?;
    if !grant.scope.permits_output(form.as_str()) {
        return Err(Reject::Forbidden(format!(
            "This token does not cover output `{}`.",
            form.as_str()
        )));
    }
    let client = app.misp().client(&grant.upstream)?;
    // The largest lists take some hundred megabytes on their way.
    let _turn = app.misp().turn_for_large_answer(&grant.upstream).await?;
    // A list may have a million entries.
    let body = app.misp().apart(async move { written(&client, id, form).await });
    Ok(Reply::body(form.content_type(), body.await??))
}

/// Asks MISP for a list, and returns the body.
async fn written(client: &Client, id: u64, form: Form) -> Result<Vec<u8>, Reject> {
    let mut body = Vec::new();
    let written = if id == 0 {
        let lists = client.warninglists().await.map_err(FeedError::from)?;
        index::write(&lists, form, &mut body)
    } else {
        let list = client.warninglist(id).await.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Reject::NoSuchThing(format!("MISP has no warninglist with the number {id}.")),
            _ => FeedError::from(error).into(),
        })?;
        entries::write(list.list.id, list.entries, form, &mut body)
    };
    written.map_err(|error: io::Error| Reject::internal("writing a warninglist", &error))?;
    Ok(body)
}

fn check(id: &str, output: &str) -> Result<(u64, Form), Vec<Invalid>> {
    let id = number(id);
    let form = Form::ALL.into_iter().find(|form| form.as_str() == output);
    let form = form.ok_or_else(|| {
        let place = ["path", "returnedDataType"];
        Invalid::not_one_of(&place, output, Form::ALL.map(Form::as_str))
    });
    match (id, form) {
        (Ok(id), Ok(form)) => Ok((id, form)),
        (id, form) => Err(id.err().into_iter().chain(form.err()).collect()),
    }
}

fn number(text: &str) -> Result<u64, Invalid> {
    let place = ["path", "warninglistId"];
    let Some(number) = integer(text) else {
        let message = "Input should be a valid integer, unable to parse string as an integer";
        return Err(Invalid::new("int_parsing", &place, message).input(text));
    };
    match u64::try_from(number) {
        Ok(number) if number <= MAX_ID => Ok(number),
        Ok(_) => {
            let message = format!("Input should be less than or equal to {MAX_ID}");
            Err(Invalid::new("less_than_equal", &place, message)
                .input(text)
                .context(json!({ "le": MAX_ID })))
        }
        Err(_) => {
            let message = "Input should be greater than or equal to 0";
            Err(Invalid::new("greater_than_equal", &place, message)
                .input(text)
                .context(json!({ "ge": 0 })))
        }
    }
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    let names: Vec<&str> = Form::ALL.into_iter().map(Form::as_str).collect();
    let content: BTreeMap<&str, Value> = Form::ALL
        .into_iter()
        .map(|form| (form.content_type(), json!({})))
        .collect();
    operation
        .named(
            "warninglist",
            "site",
            "The entries of a warninglist of MISP, sorted and unique",
        )
        .description("Not for tokens that are limited to some feeds or types.")
        .in_path(
            "id",
            "MISP's number of the list; 0 lists the lists.",
            json!({ "type": "integer", "minimum": 0, "maximum": 1000 }),
        )
        .example(0)
        .in_path("output", "The format.", json!({ "type": "string", "enum": names }))
        .answers(200, json!({ "description": "The list.", "content": content }))
        .refuses([Refusal::NotFound, Refusal::Invalid, Refusal::TimedOut])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn checked(id: &str, output: &str) -> Result<(u64, Form), Vec<Value>> {
        check(id, output).map_err(|wrong| {
            let values = wrong.iter().map(|invalid| serde_json::to_value(invalid).unwrap());
            values.collect()
        })
    }

    #[test]
    fn numbers_from_zero_to_a_thousand_and_four_outputs_are_right() {
        assert_eq!(checked("0", "txt").unwrap(), (0, Form::Txt));
        assert_eq!(checked("1000", "yaml").unwrap(), (1_000, Form::Yaml));
        assert_eq!(checked("7.0", "xml").unwrap(), (7, Form::Xml));
    }

    #[test]
    fn each_wrong_part_says_why_in_the_order_of_the_path() {
        for (id, kind) in [
            ("-1", "greater_than_equal"),
            ("1001", "less_than_equal"),
            ("99999999999999999999999", "less_than_equal"),
            ("x", "int_parsing"),
            ("", "int_parsing"),
            ("1.5", "int_parsing"),
        ] {
            let wrong = checked(id, "csv").unwrap_err();
            assert_eq!(wrong.len(), 2);
            assert_eq!(
                (&wrong[0]["type"], &wrong[0]["loc"][1]),
                (&json!(kind), &json!("warninglistId"))
            );
            assert_eq!(wrong[1]["loc"], json!(["path", "returnedDataType"]));
            assert_eq!(wrong[1]["msg"], "Input should be 'txt', 'json', 'xml' or 'yaml'");
        }
        assert_eq!(checked("1", "TXT").unwrap_err().len(), 1);
        assert_eq!(checked("1", "b64").unwrap_err().len(), 1);
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(id in ".{0,30}", output in ".{0,10}") {
            let _ = check(&id, &output);
        }
    }
}
