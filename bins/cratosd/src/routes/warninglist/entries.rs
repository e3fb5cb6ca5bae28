//! The entries of one warninglist.

use std::io::{self, Write};

use feed_classification::export::escape;

use super::Form;

/// Writes the entries by code point, each once.
///
/// In `txt` every line ends in CRLF, the last one too. An entry that would be two lines there, or that XML cannot hold, is left out.
pub(super) fn write(mut entries: Vec<String>, form: Form, out: &mut dyn Write) -> io::Result<()> {
    entries.sort_unstable();
    entries.dedup();
    match form {
        Form::Txt => {
            let mut lines = entries.iter().filter(|entry| !entry.contains(['\n', '\r']));
            lines.try_for_each(|entry| write!(out, "{entry}\r\n"))
        }
        Form::Json => {
            out.write_all(b"[")?;
            for (position, entry) in entries.iter().enumerate() {
                out.write_all(if position == 0 { b"" } else { b", " })?;
                escape::json_str(entry, out)?;
            }
            out.write_all(b"]")
        }
        Form::Xml => {
            out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists>")?;
            for entry in entries.iter().filter(|entry| escape::is_xml_text(entry)) {
                out.write_all(b"<item><value>")?;
                escape::xml_text(entry, out)?;
                out.write_all(b"</value></item>")?;
            }
            out.write_all(b"</Warninglists>")
        }
        Form::Yaml if entries.is_empty() => out.write_all(b"--- []\n"),
        Form::Yaml => {
            out.write_all(b"---\n")?;
            for entry in &entries {
                out.write_all(b"- ")?;
                escape::yaml_str(entry, out)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(entries: &[&str], form: Form) -> String {
        let mut out = Vec::new();
        write(entries.iter().map(|&entry| entry.to_owned()).collect(), form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn entries_come_sorted_and_once_in_every_form() {
        let entries = ["b<&\u{e6}", "10.0.0.0/8", "b<&\u{e6}"];
        insta::assert_snapshot!(
            Form::ALL
                .map(|form| format!("{}: {:?}", form.as_str(), written(&entries, form)))
                .join("\n"),
            @r#"
        txt: "10.0.0.0/8\r\nb<&æ\r\n"
        json: "[\"10.0.0.0/8\", \"b<&\\u00e6\"]"
        xml: "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists><item><value>10.0.0.0/8</value></item><item><value>b&lt;&amp;æ</value></item></Warninglists>"
        yaml: "---\n- '10.0.0.0/8'\n- \"b<&\\xE6\"\n"
        "#
        );
    }

    #[test]
    fn a_list_without_entries_is_an_empty_document() {
        assert_eq!(written(&[], Form::Txt), "");
        assert_eq!(written(&[], Form::Json), "[]");
        assert_eq!(written(&[], Form::Yaml), "--- []\n");
        assert!(written(&[], Form::Xml).ends_with("<Warninglists></Warninglists>"));
    }

    #[test]
    fn an_entry_never_becomes_two() {
        assert_eq!(written(&["a\r\nb", "c"], Form::Txt), "c\r\n");
        assert_eq!(written(&["a\nb"], Form::Json), r#"["a\nb"]"#);
        assert!(!written(&["a\u{0}", "c"], Form::Xml).contains("<value>a"));
        assert_eq!(written(&["a\nb"], Form::Yaml).lines().count(), 2);
    }
}
