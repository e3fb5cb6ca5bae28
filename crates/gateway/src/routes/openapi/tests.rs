//! The document against the tables that it is made from.

use std::collections::BTreeSet;

use feed_classification::{Age, FeedName, IndicatorType, Registry};
use http::Method;
use serde_json::{Value, json};

use crate::routes::{ROUTES, document};

fn whole() -> Value {
    serde_json::to_value(document(&Registry::builtin())).unwrap()
}

/// Every operation with its path and method.
fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            found.push((path.clone(), method.clone(), operation.clone()));
        }
    }
    found
}

#[test]
fn every_path_and_method_is_described_and_nothing_else() {
    let described: BTreeSet<_> = operations(&whole())
        .into_iter()
        .map(|(path, method, _)| (path, method))
        .collect();
    let answered: BTreeSet<_> = ROUTES
        .iter()
        .flat_map(|route| {
            // `HEAD` is described once for all paths.
            let methods = route.methods.iter().filter(|method| **method != Method::HEAD);
            methods.map(move |method| (route.template.to_owned(), method.as_str().to_ascii_lowercase()))
        })
        .collect();
    assert_eq!(described, answered);
}

#[test]
fn every_variable_part_of_a_path_is_a_parameter_and_the_other_way_round() {
    for (path, method, operation) in operations(&whole()) {
        let in_template: BTreeSet<&str> = path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let described: BTreeSet<&str> = parameters
            .iter()
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(described, in_template, "{method} {path}");
    }
}

#[test]
fn every_operation_has_a_name_of_its_own() {
    let operations = operations(&whole());
    let names: BTreeSet<&str> = operations
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap())
        .collect();
    assert_eq!(names.len(), operations.len());
}

#[test]
fn the_words_of_a_feed_path_and_the_media_types_are_those_of_the_tables() {
    let document = whole();
    let feed = &document["paths"]["/v1/feed/{feed}/type/{type}/age/{age}/output/{output}"]["get"];
    let listed = |name: &str| {
        let parameters = feed["parameters"].as_array().unwrap();
        let parameter = parameters.iter().find(|parameter| parameter["name"] == name).unwrap();
        parameter["schema"]["enum"].clone()
    };
    assert_eq!(listed("feed"), json!(FeedName::NAMES));
    assert_eq!(listed("type"), json!(IndicatorType::NAMES));
    assert_eq!(listed("age"), json!(Age::NAMES));
    let registry = Registry::builtin();
    assert_eq!(listed("output"), json!(registry.names().collect::<Vec<_>>()));
    let content = feed["responses"]["200"]["content"].as_object().unwrap();
    for about in registry.iter().map(|exporter| exporter.about()) {
        let described = content[about.content_type]["schema"]["description"].as_str().unwrap();
        assert!(described.contains(&format!("`{}`: ", about.name)), "{}", about.name);
    }
}

#[test]
fn an_exporter_of_another_crate_is_described_too() {
    use feed_classification::{About, Exporter, Indicator};
    #[derive(Debug)]
    struct Own;
    impl Exporter for Own {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("own-list", "Ours.").content_type("text/x-own");
            &ABOUT
        }
        fn entry(&self, _: &Indicator<'_>, _: &mut dyn std::io::Write) -> std::io::Result<()> {
            Ok(())
        }
    }
    let document = serde_json::to_value(document(&Registry::builtin().with(Own))).unwrap();
    let vendor = &document["paths"]["/v1/vendor/{vendor}/feed/{feed}/type/{type}/age/{age}"]["get"];
    assert!(vendor["responses"]["200"]["content"]["text/x-own"].is_object());
    assert!(
        vendor["parameters"][0]["schema"]["enum"]
            .as_array()
            .unwrap()
            .contains(&json!("own-list"))
    );
}

#[test]
fn a_route_with_a_token_names_every_way_to_send_it() {
    let document = whole();
    let schemes = document["components"]["securitySchemes"].as_object().unwrap();
    for (path, method, operation) in operations(&document) {
        let Some(security) = operation["security"].as_array() else {
            continue;
        };
        let named: BTreeSet<&String> = security
            .iter()
            .flat_map(|one| one.as_object().unwrap().keys())
            .collect();
        assert_eq!(named, schemes.keys().collect(), "{method} {path}");
        let servers = operation["servers"].as_array().unwrap();
        assert!(
            servers.iter().any(|server| server["url"] == "/t/{token}"),
            "{method} {path}"
        );
        for status in ["401", "403", "503"] {
            assert!(operation["responses"][status].is_object(), "{method} {path} {status}");
        }
    }
}

#[test]
fn head_is_described_once_and_not_for_every_path() {
    assert!(operations(&whole()).iter().all(|(_, method, _)| method != "head"));
    let document = whole();
    let description = document["info"]["description"].as_str().unwrap();
    assert!(description.contains("`HEAD` works wherever `GET` does"));
}

#[test]
fn feeds_come_first() {
    let text = serde_json::to_string(&document(&Registry::builtin())).unwrap();
    let paths = text.split_once("\"paths\":{").unwrap().1;
    assert!(
        paths.starts_with("\"/v1/feed/{feed}/type/"),
        "{}",
        paths.get(..80).unwrap()
    );
}

/// Swagger UI fills forms in with these, so that a request can be tried at once.
#[test]
fn every_required_parameter_has_a_list_an_example_or_bounds() {
    for (path, method, operation) in operations(&whole()) {
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let schema = &parameter["schema"];
            let is_filled_in = !schema["enum"].is_null() || !parameter["example"].is_null();
            assert!(
                parameter["required"] != true || is_filled_in,
                "{method} {path} {parameter}"
            );
        }
    }
}

/// A new route that returns indicators must not forget the limits of the token.
#[test]
fn whatever_tells_of_indicators_can_be_limited() {
    for (path, method, operation) in operations(&whole()) {
        let tells = path.contains("/type/") || path.starts_with("/v1/lookup");
        let empty = Vec::new();
        let parameters = operation["parameters"].as_array().unwrap_or(&empty);
        let is_limited = parameters
            .iter()
            .any(|parameter| parameter["in"] == "query" && parameter["name"] == "max_tlp");
        assert_eq!(is_limited, tells, "{method} {path}");
    }
}
