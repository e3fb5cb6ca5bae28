//! The list of the warninglists.

use std::io::{self, Write};

use feed_classification::export::escape;
use misp_client::Warninglist;

use super::Form;

/// The value of a key of a list.
enum Cell<'l> {
    Text(&'l str),
    Flag(bool),
}

/// Writes all lists without their entries, by number, with the keys and in the shapes of the reference.
pub(super) fn write(lists: &[Warninglist], form: Form, out: &mut dyn Write) -> io::Result<()> {
    let mut lists: Vec<&Warninglist> = lists.iter().collect();
    lists.sort_by_key(|list| list.id);
    let texts: Vec<[String; 3]> = lists.iter().map(|list| texts(list)).collect();
    let rows: Vec<_> = lists.iter().zip(&texts).map(|(list, texts)| row(list, texts)).collect();
    match form {
        Form::Txt => rows.iter().try_for_each(|row| txt(row, out)),
        Form::Json => json(&rows, out),
        Form::Xml => xml(&rows, out),
        Form::Yaml => yaml(&rows, out),
    }
}

type Row<'l> = [(&'static str, Cell<'l>); 10];

/// Numbers are texts to MISP, and types one text.
fn texts(list: &Warninglist) -> [String; 3] {
    [
        list.id.to_string(),
        list.entry_count.map(|count| count.to_string()).unwrap_or_default(),
        list.attribute_types.join(", "),
    ]
}

fn row<'l>(list: &'l Warninglist, [id, count, types]: &'l [String; 3]) -> Row<'l> {
    [
        ("id", Cell::Text(id)),
        ("name", Cell::Text(&list.name)),
        ("type", Cell::Text(&list.kind)),
        ("description", Cell::Text(&list.description)),
        ("version", Cell::Text(&list.version)),
        ("enabled", Cell::Flag(list.enabled)),
        ("default", Cell::Flag(list.is_default)),
        ("category", Cell::Text(&list.category)),
        ("warninglist_entry_count", Cell::Text(count)),
        ("valid_attributes", Cell::Text(types)),
    ]
}

/// One line a key and an empty line behind each list. A text of several lines goes on one: it is for people.
fn txt(row: &Row<'_>, out: &mut dyn Write) -> io::Result<()> {
    for (key, cell) in row {
        match cell {
            Cell::Text(text) => write!(out, "{key}: {}\r\n", text.replace(['\r', '\n'], " "))?,
            Cell::Flag(true) => write!(out, "{key}: True\r\n")?,
            Cell::Flag(false) => write!(out, "{key}: False\r\n")?,
        }
    }
    out.write_all(b"\r\n")
}

fn json(rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"[")?;
    for (position, row) in rows.iter().enumerate() {
        out.write_all(if position == 0 { b"" } else { b", " })?;
        out.write_all(b"{\"Warninglist\": {")?;
        for (position, (key, cell)) in row.iter().enumerate() {
            out.write_all(if position == 0 { b"" } else { b", " })?;
            write!(out, "\"{key}\": ")?;
            match cell {
                Cell::Text(text) => escape::json_str(text, out)?,
                Cell::Flag(flag) => write!(out, "{flag}")?,
            }
        }
        out.write_all(b"}}")?;
    }
    out.write_all(b"]")
}

/// Characters that XML cannot hold are left out of the texts, which are descriptions.
fn xml(rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    out.write_all(b"<?xml version=\"1.0\" encoding=\"UTF-8\"?><Warninglists>")?;
    for row in rows {
        out.write_all(b"<item><Warninglist>")?;
        for (key, cell) in row {
            write!(out, "<{key}>")?;
            match cell {
                Cell::Text(text) => {
                    let text: String = text
                        .chars()
                        .filter(|char| escape::is_xml_text(char.encode_utf8(&mut [0; 4])))
                        .collect();
                    escape::xml_text(&text, out)?;
                }
                Cell::Flag(flag) => write!(out, "{flag}")?,
            }
            write!(out, "</{key}>")?;
        }
        out.write_all(b"</Warninglist></item>")?;
    }
    out.write_all(b"</Warninglists>")
}

fn yaml(rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
    if rows.is_empty() {
        return out.write_all(b"--- []\n");
    }
    out.write_all(b"---\n")?;
    for row in rows {
        out.write_all(b"- Warninglist:\n")?;
        for (key, cell) in row {
            write!(out, "    {key}: ")?;
            match cell {
                Cell::Text(text) => escape::yaml_str(text, out)?,
                Cell::Flag(flag) => write!(out, "{flag}")?,
            }
            out.write_all(b"\n")?;
        }
    }
    Ok(())
}
