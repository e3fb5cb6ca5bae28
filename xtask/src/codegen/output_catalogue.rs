//! `docs/outputs.md`: the built-in outputs with their options, limits and an example, from their descriptions.

use feed_classification::export::Example;
use feed_classification::{About, ExportOption, Exporter, Registry};

use super::outputs;

pub(crate) const PATH: &str = "docs/outputs.md";

const HEAD: &str = "\
# Catalogue of outputs

<!-- `cargo xtask codegen` writes this page from the exporters in crates/feed-classification/src/export. -->

What each output is for, and how a consumer fetches it. `GET /v1/outputs` of a daemon gives the same as JSON, without a
token. [formats.md](formats.md) explains the formats, and [tokens.md](tokens.md) every way to send a token. `URL` stands
for the URL of a feed, for example `https://cratos.example.net/v1/feed/block/type/ip/age/1w/output/nftables`. The
examples have the defaults of all options.
";

/// Returns the page.
pub(crate) fn page() -> String {
    let sections: String = Registry::builtin()
        .iter()
        .map(|exporter| section(exporter.as_ref()))
        .collect();
    format!("{HEAD}{sections}")
}

fn section(exporter: &dyn Exporter) -> String {
    let About {
        name,
        summary,
        consumer,
        content_type,
        extension,
        accepts,
        most,
        limits,
        pull,
        options,
        ..
    } = *exporter.about();
    let types = outputs::types(accepts);
    let pull = linked(pull);
    let most = most.map_or(String::new(), |most| {
        format!("{most} indicators, the newest of a longer feed")
    });
    let content_type = format!("`{content_type}`, files end in `.{extension}`");
    let rows: String = [
        ("for", consumer),
        ("types", &types),
        ("content type", &content_type),
        ("at most", &most),
        ("limits", limits),
        ("fetching", &pull),
    ]
    .into_iter()
    .filter(|(_, text)| !text.is_empty())
    .map(|(word, text)| format!("| {word} | {text} |\n"))
    .collect();
    format!(
        "\n## {name}\n\n{summary}\n\n| | |\n| --- | --- |\n{rows}{}{}",
        option_table(options),
        example(exporter)
    )
}

/// Returns the text with a link for each page that it names: `docs/recipes/x.md` is [x.md](recipes/x.md) here.
fn linked(text: &str) -> String {
    let mut parts = text.split('`');
    let mut linked = parts.next().unwrap_or_default().to_owned();
    for (at, part) in parts.enumerate() {
        let page = part.strip_prefix("docs/").filter(|_| at % 2 == 0);
        match page {
            Some(page) => {
                let name = page.rsplit('/').next().unwrap_or(page);
                linked.push_str(&format!("[{name}]({page})"));
            }
            None if at % 2 == 0 => linked.push_str(&format!("`{part}`")),
            None => linked.push_str(part),
        }
    }
    linked
}

fn option_table(options: &[ExportOption]) -> String {
    if options.is_empty() {
        return String::new();
    }
    let rows: String = options.iter().map(option_row).collect();
    format!("\n| option | | values | default |\n| --- | --- | --- | --- |\n{rows}")
}

fn option_row(option: &ExportOption) -> String {
    let default = match &*option.default_text() {
        "" => "empty".to_owned(),
        text => format!("`{text}`"),
    };
    let (name, meaning, values) = (option.name, option.meaning, option.expects());
    format!(
        "| `{name}` | {meaning} | {} | {default} |\n",
        values.replace('|', "\\|")
    )
}

fn example(exporter: &dyn Exporter) -> String {
    let Example {
        kind, body, is_whole, ..
    } = Example::of(exporter);
    let lines: String = body.lines().map(|line| format!("{}\n", line.trim_end())).collect();
    let more = if is_whole { "" } else { "…\n" };
    format!("\nThe beginning of a feed of the type `{kind}`:\n\n```text output\n{lines}{more}```\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_has_the_consumer_the_options_and_an_example() {
        let registry = Registry::builtin();
        let rpz = section(registry.by_name("rpz").unwrap().as_ref());
        for part in [
            "\n## rpz\n",
            "\n| for | Unbound,",
            "\n| `action` | ",
            " | 'nxdomain', 'nodata', 'passthru' or 'drop' | `nxdomain` |\n",
            "```text output\n$TTL 300\n",
            "*.c.example.org CNAME .\n```\n",
        ] {
            assert!(rpz.contains(part), "{part} in {rpz}");
        }
    }

    #[test]
    fn a_page_that_is_named_is_linked() {
        assert_eq!(
            linked("Run `a`. Steps: `docs/recipes/b.md`, or `c`."),
            "Run `a`. Steps: [b.md](recipes/b.md), or `c`."
        );
        assert_eq!(linked(""), "");
    }

    #[test]
    fn every_output_has_a_section_and_no_table_is_broken() {
        let page = page();
        for name in Registry::builtin().names() {
            assert!(page.contains(&format!("\n## {name}\n")), "{name}");
        }
        for text in Registry::builtin().iter().flat_map(|exporter| {
            let about = exporter.about();
            [about.summary, about.consumer, about.limits, about.pull]
        }) {
            assert!(!text.contains(['|', '\n']), "{text}");
        }
    }
}
