//! The options of outputs in the query of a feed, each as the exporter declares it.

use std::collections::BTreeMap;

use feed_classification::export::{OptionKind, WrongOption};
use feed_classification::{ExportOption, Exporter, Options, Registry};
use serde_json::{Value, json};

use crate::invalid::Invalid;
use crate::query::Query;

/// Reads the options of the output. Mistakes are added to `wrong`; names that the output does not declare are ignored,
/// as all unknown names are.
pub(super) fn read(exporter: Option<&dyn Exporter>, query: Query<'_>, wrong: &mut Vec<Invalid>) -> Options {
    let Some(exporter) = exporter else {
        return Options::default();
    };
    Options::read(exporter.about().options, |name| query.last(name)).unwrap_or_else(|mistakes| {
        wrong.extend(mistakes.iter().map(invalid));
        Options::default()
    })
}

fn invalid(wrong: &WrongOption) -> Invalid {
    let (option, given) = (wrong.option, &*wrong.given);
    let place = ["query", option.name];
    if let OptionKind::Word { words } = option.kind {
        return Invalid::not_one_of(&place, given, words.iter().copied());
    }
    let (kind, context) = match option.kind {
        OptionKind::Number { least, most, .. } => (number_mistake(given, least), json!({ "ge": least, "le": most })),
        OptionKind::Text { form, .. } => ("string_pattern_mismatch", json!({ "pattern": form.pattern() })),
        // The enum is open; the message has the values in words in any case.
        _ => ("value_error", json!({ "expected": option.expects() })),
    };
    Invalid::new(kind, &place, format!("Input should be {}", option.expects()))
        .input(given)
        .context(context)
}

fn number_mistake(given: &str, least: u64) -> &'static str {
    if given.is_empty() || !given.bytes().all(|byte| byte.is_ascii_digit()) {
        return "int_parsing";
    }
    match given.parse::<u64>() {
        Ok(number) if number < least => "greater_than_equal",
        _ => "less_than_equal",
    }
}

/// Returns the options of all outputs as parameters of the query: one for each name, with every output that takes it.
pub(super) fn parameters(registry: &Registry) -> Vec<Value> {
    let mut by_name: BTreeMap<&str, Vec<(&str, &ExportOption)>> = BTreeMap::new();
    for about in registry.iter().map(|exporter| exporter.about()) {
        for option in about.options {
            by_name.entry(option.name).or_default().push((about.name, option));
        }
    }
    by_name
        .into_iter()
        .map(|(name, takers)| parameter(name, &takers))
        .collect()
}

fn parameter(name: &str, takers: &[(&str, &ExportOption)]) -> Value {
    let lines: Vec<String> = takers
        .iter()
        .map(|(output, option)| {
            let default = match &*option.default_text() {
                "" => "empty".to_owned(),
                text => format!("`{text}`"),
            };
            format!("- `{output}`: {} Default: {default}.", option.meaning)
        })
        .collect();
    let mut schemas: Vec<Value> = Vec::new();
    for (_, option) in takers {
        let schema = schema(option);
        if !schemas.contains(&schema) {
            schemas.push(schema);
        }
    }
    let schema = match schemas.pop() {
        Some(only) if schemas.is_empty() => only,
        last => json!({ "anyOf": schemas.into_iter().chain(last).collect::<Vec<_>>() }),
    };
    json!({
        "name": name, "in": "query", "schema": schema,
        "description": format!("For these outputs; others ignore it.\n\n{}", lines.join("\n")),
    })
}

/// Returns the values of an option as JSON Schema. It has no default, since readers of the document would send it.
pub(super) fn schema(option: &ExportOption) -> Value {
    match option.kind {
        OptionKind::Number { least, most, .. } => json!({ "type": "integer", "minimum": least, "maximum": most }),
        OptionKind::Word { words } => json!({ "type": "string", "enum": words }),
        OptionKind::Text { form, .. } => json!({ "type": "string", "pattern": form.pattern() }),
        OptionKind::Address { .. } => {
            json!({ "type": "string", "anyOf": [{ "format": "ipv4" }, { "format": "ipv6" }] })
        }
        _ => json!({ "type": "string" }),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write};

    use feed_classification::export::{RESERVED_NAMES, TextForm};
    use feed_classification::{About, Indicator};

    use super::*;

    /// An output with an option of each kind.
    #[derive(Debug)]
    struct Chosen;

    const OPTIONS: &[ExportOption] = &[
        ExportOption::number("ttl", "Seconds.", 60, 10..=3600),
        ExportOption::word("action", "What is done.", &["deny", "log"]),
        ExportOption::text(
            "list",
            "The list.",
            "blocked",
            TextForm::up_to(9).also("_-").letter_first(),
        ),
    ];

    impl Exporter for Chosen {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("chosen", "An output with options.").options(OPTIONS);
            &ABOUT
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            writeln!(out, "{}", item.value)
        }
    }

    fn ask(query: &str) -> Result<Options, Vec<Value>> {
        let mut wrong = Vec::new();
        let options = read(Some(&Chosen), Query::new(Some(query)), &mut wrong);
        let shown = |wrong: &Invalid| serde_json::to_value(wrong).unwrap();
        if wrong.is_empty() {
            Ok(options)
        } else {
            Err(wrong.iter().map(shown).collect())
        }
    }

    #[test]
    fn the_last_of_two_values_counts_and_unknown_names_are_ignored() {
        let options = ask("ttl=10&TTL=x&other=y&ttl=20&list=a%2Db").unwrap();
        assert_eq!(options.to_string(), "ttl=20&list=a-b");
        assert!(ask("").unwrap().is_default());
    }

    #[test]
    fn a_wrong_value_names_the_parameter_and_what_is_allowed() {
        let wrong = ask("ttl=1&action=drop&list=1%0a").unwrap_err();
        insta::assert_snapshot!(serde_json::to_string_pretty(&wrong).unwrap(), @r#"
        [
          {
            "ctx": {
              "ge": 10,
              "le": 3600
            },
            "input": "1",
            "loc": [
              "query",
              "ttl"
            ],
            "msg": "Input should be a whole number from 10 to 3600",
            "type": "greater_than_equal"
          },
          {
            "ctx": {
              "expected": "'deny' or 'log'"
            },
            "input": "drop",
            "loc": [
              "query",
              "action"
            ],
            "msg": "Input should be 'deny' or 'log'",
            "type": "enum"
          },
          {
            "ctx": {
              "pattern": "^[A-Za-z][A-Za-z0-9_\\-]{0,8}$"
            },
            "input": "1\n",
            "loc": [
              "query",
              "list"
            ],
            "msg": "Input should be 1 to 9 ASCII letters, digits or any of \"_-\", a letter first",
            "type": "string_pattern_mismatch"
          }
        ]
        "#);
    }

    #[test]
    fn a_wrong_number_is_no_number_too_small_or_too_large() {
        for (text, kind) in [
            ("", "int_parsing"),
            ("1h", "int_parsing"),
            ("-1", "int_parsing"),
            ("9", "greater_than_equal"),
            ("3601", "less_than_equal"),
            ("99999999999999999999999", "less_than_equal"),
        ] {
            assert_eq!(ask(&format!("ttl={text}")).unwrap_err()[0]["type"], kind, "{text}");
        }
    }

    #[test]
    fn a_parameter_lists_every_output_that_takes_it() {
        let registry = Registry::empty().with(Chosen);
        let parameters = parameters(&registry);
        let names: Vec<_> = parameters.iter().map(|parameter| &parameter["name"]).collect();
        assert_eq!(names, ["action", "list", "ttl"]);
        assert_eq!(
            parameters[2]["schema"],
            json!({ "type": "integer", "minimum": 10, "maximum": 3600 })
        );
        let description = parameters[2]["description"].as_str().unwrap();
        assert!(
            description.ends_with("- `chosen`: Seconds. Default: `60`."),
            "{description}"
        );
    }

    #[test]
    fn outputs_whose_values_differ_are_alternatives() {
        let (short, long) = (ExportOption::number("ttl", "Short.", 1, 1..=9), OPTIONS[0]);
        let one = parameter("ttl", &[("a", &short), ("b", &short)]);
        assert_eq!(one["schema"], schema(&short));
        let two = parameter("ttl", &[("a", &short), ("b", &long), ("c", &short)]);
        assert_eq!(two["schema"], json!({ "anyOf": [schema(&short), schema(&long)] }));
    }

    /// An option with such a name would take the text of another part of the query, or of a token.
    #[test]
    fn every_other_parameter_of_a_feed_is_a_reserved_name() {
        let document = serde_json::to_value(crate::routes::document(&Registry::empty())).unwrap();
        let paths = document["paths"].as_object().unwrap();
        for (path, item) in paths
            .iter()
            .filter(|(path, _)| path.contains("{output}") || path.contains("{vendor}"))
        {
            for parameter in item["get"]["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                assert!(
                    parameter["in"] != "query" || RESERVED_NAMES.contains(&name),
                    "{path} {name}"
                );
            }
        }
        assert!(RESERVED_NAMES.contains(&"token"));
    }
}
