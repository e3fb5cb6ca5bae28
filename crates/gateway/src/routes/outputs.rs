//! `GET /v1/outputs`: the catalogue of outputs, for people and programs that configure a consumer.

use std::num::NonZeroU32;

use feed_classification::export::Example;
use feed_classification::{About, ExportOption, Exporter, IndicatorType, Registry};
use feed_engine::FeedEngine;
use http::header::{self, HeaderValue};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::feed_options;
use super::route::{Call, Handler, READ, Route};
use crate::assets;
use crate::openapi::{JSON, Operation};
use crate::reject::Reject;
use crate::reply::Reply;
use crate::stored_body::StoredBody;

/// Open as the OpenAPI document is: it says what the program can do and nothing of an installation.
pub(super) const ROUTE: Route = Route {
    template: "/v1/outputs",
    methods: READ,
    handler: Handler::Open(|call| Box::pin(get(call))),
    words,
};

/// The catalogue of outputs.
#[derive(Serialize, JsonSchema)]
struct Outputs<'a> {
    /// Every output of this daemon.
    outputs: Vec<OutputWords<'a>>,
}

/// One output.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Output")]
struct OutputWords<'a> {
    /// The name in URLs, as `output` and as `vendor`.
    #[schemars(example = &"rpz")]
    name: &'a str,
    /// The format, in one line.
    summary: &'a str,
    /// The programs and devices that read it; missing for a format of none in particular.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(with = "String")]
    consumer: &'a str,
    /// The URLs of a feed in this output, from their path on. A URL may end in the extension: `…/output/rpz.zone`.
    urls: [String; 2],
    /// The types that it carries.
    types: Vec<&'static str>,
    /// The `Content-Type` of an answer.
    media_type: &'a str,
    /// The file extension without the dot.
    extension: &'a str,
    /// The most indicators of a body: of a longer feed the newest stay; missing without such a limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "u32")]
    most: Option<NonZeroU32>,
    /// What the consumer refuses, and the size of a list that it takes; missing where nothing is known.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(with = "String")]
    limits: &'a str,
    /// How to make the consumer fetch the URL and send the token, in Markdown; missing for formats that any HTTP client
    /// fetches. `/openapi.json` lists every way to send a token.
    #[serde(skip_serializing_if = "str::is_empty")]
    #[schemars(with = "String")]
    pull: &'a str,
    /// The choices that a query can make.
    options: Vec<OptionWords>,
    /// The beginning of a body.
    example: ExampleBody,
}

/// A choice that the query of a feed can make.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutputOption")]
struct OptionWords {
    /// The name in the query.
    #[schemars(example = &"action")]
    name: &'static str,
    /// What it changes.
    meaning: &'static str,
    /// The value of a query without it, as a query would write it.
    #[schemars(example = &"nxdomain")]
    default: String,
    /// The values that it takes, in words.
    #[schemars(example = &"'nxdomain', 'nodata', 'passthru' or 'drop'")]
    expects: String,
    /// The values that it takes, as JSON Schema.
    #[schemars(with = "serde_json::Map<String, Value>")]
    schema: Value,
}

/// The beginning of a body with values that are kept for documentation, with the defaults of the options.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "OutputExample")]
struct ExampleBody {
    /// The type of the feed.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The first lines.
    body: String,
    /// Whether the body ends with them.
    is_whole: bool,
}

impl<'a> OutputWords<'a> {
    fn of(exporter: &'a dyn Exporter) -> Self {
        let about: &About = exporter.about();
        let name = about.name;
        let example = Example::of(exporter);
        Self {
            name,
            summary: about.summary,
            consumer: about.consumer,
            urls: [
                format!("/v1/feed/{{feed}}/type/{{type}}/age/{{age}}/output/{name}"),
                format!("/v1/vendor/{name}/feed/{{feed}}/type/{{type}}/age/{{age}}"),
            ],
            types: about.accepts.iter().map(IndicatorType::as_str).collect(),
            media_type: about.content_type,
            extension: about.extension,
            most: about.most,
            limits: about.limits,
            pull: about.pull,
            options: about.options.iter().map(OptionWords::of).collect(),
            example: ExampleBody {
                kind: example.kind.as_str(),
                body: example.body,
                is_whole: example.is_whole,
            },
        }
    }
}

impl OptionWords {
    fn of(option: &ExportOption) -> Self {
        Self {
            name: option.name,
            meaning: option.meaning,
            default: option.default_text().into_owned(),
            expects: option.expects(),
            schema: feed_options::schema(option),
        }
    }
}

async fn get(call: Call<'_>) -> Result<Reply, Reject> {
    let Call { app, request, .. } = call;
    let body = app.outputs().get_or_try_init(|| made(app.engine().clone())).await?;
    let reply = body.answer(request.headers, assets::changed_at()).await?;
    Ok(reply.header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache")))
}

/// Makes the catalogue. Exporters of other programs render their examples, so it happens once and on a thread that
/// serves no sockets.
async fn made(engine: FeedEngine) -> Result<StoredBody, Reject> {
    let catalogue = tokio::task::spawn_blocking(move || serde_json::to_vec(&catalogue(engine.registry())));
    let catalogue = catalogue
        .await
        .map_err(|error| Reject::internal("describing the outputs", &error))?
        .map_err(|error| Reject::internal("writing the catalogue of outputs", &error))?;
    Ok(StoredBody::text(JSON, catalogue.into()))
}

fn catalogue(registry: &Registry) -> Outputs<'_> {
    let outputs = registry.iter().map(|exporter| OutputWords::of(exporter.as_ref()));
    Outputs {
        outputs: outputs.collect(),
    }
}

fn words(operation: Operation<'_>) -> Operation<'_> {
    operation
        .named("outputs", "feeds", "The catalogue of outputs")
        .description("What each output is for, its types, options and limits, an example, and how a consumer fetches it. Needs no token and stays the same while the daemon runs.")
        .answers_with::<Outputs<'_>>(200, "Every output of this daemon.")
        .conditional()
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use feed_classification::Indicator;
    use serde_json::json;

    use super::*;

    fn shown(name: &str) -> Value {
        let all = serde_json::to_value(catalogue(&Registry::builtin())).unwrap();
        let outputs = all["outputs"].as_array().unwrap();
        outputs.iter().find(|output| output["name"] == name).unwrap().clone()
    }

    #[test]
    fn every_output_is_listed_with_an_example() {
        let all = serde_json::to_value(catalogue(&Registry::builtin())).unwrap();
        let outputs = all["outputs"].as_array().unwrap();
        let names: Vec<&str> = outputs.iter().map(|output| output["name"].as_str().unwrap()).collect();
        assert!(Registry::builtin().names().eq(names));
        for output in outputs {
            assert_ne!(output["example"]["body"], "", "{output}");
        }
    }

    #[test]
    fn an_output_has_its_options_with_defaults_and_bounds() {
        assert_eq!(
            shown("ipset")["options"][1],
            json!({
                "name": "ttl",
                "meaning": "Seconds after which the kernel removes an entry that was not loaded again; 0 keeps it until the next file.",
                "default": "0",
                "expects": "a whole number from 0 to 2147483",
                "schema": { "type": "integer", "minimum": 0, "maximum": 2_147_483 },
            })
        );
        assert_eq!(shown("txt")["options"], json!([]));
    }

    /// A format of another program that says nothing about its consumer.
    #[derive(Debug)]
    struct Silent;

    impl Exporter for Silent {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("silent", "One value per line.");
            &ABOUT
        }

        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            writeln!(out, "{}", item.value)
        }
    }

    #[test]
    fn what_is_not_known_of_an_output_is_missing() {
        let silent = serde_json::to_value(OutputWords::of(&Silent)).unwrap();
        for name in ["consumer", "limits", "pull"] {
            assert!(silent.get(name).is_none(), "{name}");
        }
        assert_eq!(shown("suricata")["consumer"], "Suricata");
    }
}
