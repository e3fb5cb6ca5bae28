//! The entries of one warninglist.

use std::io::{self, Write};

use feed_classification::export::escape;
use misp_client::WarninglistEntry;

use super::Form;

/// Writes the entries of the list with this number by code point, each value once.
///
/// In `txt` every line ends in CRLF, the last one too. An entry that would be two lines there, or that XML cannot hold,
/// is left out. XML has the elements of the reference: of entries with the same value those of the first.
pub(super) fn write(list: u64, mut entries: Vec<WarninglistEntry>, form: Form, out: &mut dyn Write) -> io::Result<()> {
    entries.sort_unstable();
    entries.dedup_by(|later, first| later.value == first.value);
    match form {
        Form::Txt => {
            let values = entries.iter().map(|entry| &entry.value);
            let mut lines = values.filter(|value| !value.contains(['\n', '\r']));
            lines.try_for_each(|value| write!(out, "{value}\r\n"))
        }
        Form::Json => {
            out.write_all(b"[")?;
            for (position, entry) in entries.iter().enumerate() {
                out.write_all(if position == 0 { b"" } else { b", " })?;
                escape::json_str(&entry.value, out)?;
            }
            out.write_all(b"]")
        }
        Form::Xml => {
            out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists>")?;
            let mut items = entries.iter().filter(|entry| escape::is_xml_text(&entry.value));
            items.try_for_each(|entry| item(entry, list, out))?;
            out.write_all(b"</Warninglists>")
        }
        Form::Yaml if entries.is_empty() => out.write_all(b"--- []\n"),
        Form::Yaml => {
            out.write_all(b"---\n")?;
            for entry in &entries {
                out.write_all(b"- ")?;
                escape::yaml_str(&entry.value, out)?;
                out.write_all(b"\n")?;
            }
            Ok(())
        }
    }
}

/// An entry without number or comment has these elements too, with nothing in them.
fn item(entry: &WarninglistEntry, list: u64, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<item><id>")?;
    if let Some(id) = entry.id {
        write!(out, "{id}")?;
    }
    out.write_all(b"</id><value>")?;
    escape::xml_text(&entry.value, out)?;
    write!(out, "</value><warninglist_id>{list}</warninglist_id><comment>")?;
    // A comment is for people, so it loses the characters that XML cannot hold.
    let comment: String = entry
        .comment
        .chars()
        .filter(|char| escape::is_xml_text(char.encode_utf8(&mut [0; 4])))
        .collect();
    escape::xml_text(&comment, out)?;
    out.write_all(b"</comment></item>")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(entries: &[&str], form: Form) -> String {
        let mut out = Vec::new();
        let numbered = entries.iter().zip(1..).map(|(&value, id)| WarninglistEntry {
            value: value.to_owned(),
            id: Some(id),
            comment: format!("<{id}>"),
        });
        write(7, numbered.collect(), form, &mut out).unwrap();
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
        xml: "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists><item><id>2</id><value>10.0.0.0/8</value><warninglist_id>7</warninglist_id><comment>&lt;2&gt;</comment></item><item><id>1</id><value>b&lt;&amp;æ</value><warninglist_id>7</warninglist_id><comment>&lt;1&gt;</comment></item></Warninglists>"
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
