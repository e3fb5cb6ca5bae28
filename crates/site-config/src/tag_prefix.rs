//! The prefix of a site's tags, as an operator types it.

/// Checks the text before `:incident-classification=` in the tags of a MISP, for example `example`. MISP and a site
/// file take more characters than this; in a prefix they are a mistake.
///
/// # Errors
/// A sentence that says what to write instead.
pub fn check_tag_prefix(text: &str) -> Result<(), String> {
    let right = "write letters, digits, `.`, `_` and `-` only, such as `example` for the tag `example:incident-classification=block`";
    let fits = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || ".-_".contains(c));
    if fits(text) {
        return Ok(());
    }
    Err(match text.split_once(':') {
        Some((prefix, _)) if fits(prefix) => {
            format!("this is a whole tag: write the text before its first colon only, `{prefix}`")
        }
        _ => format!("this cannot be the prefix of a tag: {right}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_cannot_be_a_tag_prefix_is_refused_with_an_example() {
        for right in ["example", "ACME-2.cert_x", "sørby"] {
            assert_eq!(check_tag_prefix(right), Ok(()));
        }
        for whole in ["example:incident-classification=block", "example:"] {
            assert!(check_tag_prefix(whole).unwrap_err().ends_with("`example`"), "{whole}");
        }
        for wrong in [
            "",
            " ",
            "two words",
            "!example",
            "a%",
            "\"example\"",
            "a=b",
            "a\nb",
            ":x",
        ] {
            assert!(
                check_tag_prefix(wrong)
                    .unwrap_err()
                    .ends_with("such as `example` for the tag `example:incident-classification=block`"),
                "{wrong}"
            );
        }
    }
}
