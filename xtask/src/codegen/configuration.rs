//! `docs/configuration-reference.md`: every key of every configuration file, from the tables that its readers use.

use site_config::{ConfigFile, Key, Origin};

/// Returns the page.
pub(crate) fn page() -> String {
    let mut page = String::from(
        "# Configuration reference\n\n\
         Written by `cargo xtask codegen` from the tables in `crates/site-config/src/`\n\
         (`core.rs`, `core/sightings.rs`, `mappings.rs`, `site.rs`); change them there.\n\n\
         Every key is optional unless its default says `required`. An unknown key is an error that names the closest known one.\n\
         Keys marked † are ours: Cratos FastAPI does not have them.\n",
    );
    for (file, heading, about) in FILES {
        page.push_str(&format!("\n## {heading}\n\n{about}\n\n"));
        page.push_str("| key | value | default | meaning |\n| --- | --- | --- | --- |\n");
        for key in site_config::reference().filter(|key| key.file == *file) {
            page.push_str(&row(&key));
        }
    }
    page
}

const FILES: &[(ConfigFile, &str, &str)] = &[
    (
        ConfigFile::Core,
        "`config/config.yaml`",
        "What holds for the whole daemon. It does not start while this file has a problem.",
    ),
    (
        ConfigFile::Mappings,
        "`config/mappings.yaml`",
        "Which MISP attribute types make up an indicator type.",
    ),
    (
        ConfigFile::Site,
        "`sites/<fqdn>.yaml`",
        "One MISP; the file is named after its host. A problem disables this site only, and on a reload its previous good version stays.",
    ),
];

fn row(key: &Key) -> String {
    let mark = match key.origin {
        Origin::Reference => "",
        Origin::Ours => " †",
    };
    let [value, default, meaning] = [key.value, key.default, key.meaning].map(cell);
    format!("| `{}`{mark} | {value} | {default} | {meaning} |\n", key.name)
}

/// Returns `text` as it may stand in a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_has_a_row() {
        let page = page();
        for key in site_config::reference() {
            assert!(page.contains(&format!("| `{}`", key.name)), "{} is missing", key.name);
        }
    }

    #[test]
    fn a_bar_in_a_text_does_not_end_the_cell() {
        assert_eq!(cell("a|b"), "a\\|b");
    }
}
