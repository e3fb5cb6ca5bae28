//! Formats that a parser knows: how many fields an output has.

use crate::export::About;

/// A format with a parser of its own. An exporter names it with its content type or its file extension.
#[derive(Debug, Clone, Copy)]
pub(super) enum Format {
    Csv,
    Json,
    JsonLines,
    Xml,
    Yaml,
}

impl Format {
    /// Returns the format of the exporter's output, or `None` for one that no parser here knows.
    pub(super) fn of(about: &About) -> Option<Self> {
        let media = about.content_type.split(';').next().unwrap_or_default().trim();
        match (media, about.extension) {
            ("text/csv", _) | (_, "csv") => Some(Self::Csv),
            ("application/json", _) | (_, "json") => Some(Self::Json),
            ("application/x-ndjson", _) | (_, "jsonl" | "ndjson") => Some(Self::JsonLines),
            ("text/xml" | "application/xml", _) | (_, "xml") => Some(Self::Xml),
            ("application/yaml", _) | (_, "yaml" | "yml") => Some(Self::Yaml),
            _ => None,
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Json => "json",
            Self::JsonLines => "json lines",
            Self::Xml => "xml",
            Self::Yaml => "yaml",
        }
    }

    /// Counts the fields of an output: those of all records in CSV, strings in JSON and YAML, elements in XML.
    pub(super) fn fields(self, bytes: &[u8]) -> Result<usize, String> {
        match self {
            Self::Csv => csv_fields(bytes),
            Self::Json => serde_json::from_slice(bytes)
                .map(|value| strings(&value))
                .map_err(|error| error.to_string()),
            Self::JsonLines => json_lines(bytes),
            Self::Xml => elements(bytes),
            Self::Yaml => documents(bytes).map(|documents| documents.iter().map(strings).sum()),
        }
    }
}

/// The documents of a YAML file; a file without any is not a fault.
fn documents(bytes: &[u8]) -> Result<Vec<serde_json::Value>, String> {
    let text = std::str::from_utf8(bytes).map_err(|error| error.to_string())?;
    if text.is_empty() {
        return Ok(Vec::new());
    }
    serde_yaml::from_multiple(text).map_err(|error| error.to_string())
}

fn csv_fields(bytes: &[u8]) -> Result<usize, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(bytes);
    reader
        .byte_records()
        .map(|record| record.map(|record| record.len()).map_err(|error| error.to_string()))
        .sum()
}

/// Only LF ends a line; other line breaks of Unicode may stand in a string.
fn json_lines(bytes: &[u8]) -> Result<usize, String> {
    bytes
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| {
            serde_json::from_slice(line)
                .map(|value| strings(&value))
                .map_err(|error| error.to_string())
        })
        .sum()
}

fn strings(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::String(_) => 1,
        serde_json::Value::Array(values) => values.iter().map(strings).sum(),
        serde_json::Value::Object(members) => members.values().map(|value| 1 + strings(value)).sum(),
        _ => 0,
    }
}

fn elements(bytes: &[u8]) -> Result<usize, String> {
    use quick_xml::events::Event;

    let mut reader = quick_xml::Reader::from_reader(bytes);
    let mut elements = 0;
    loop {
        match reader.read_event().map_err(|error| error.to_string())? {
            Event::Start(_) | Event::Empty(_) => elements += 1,
            Event::Eof => return Ok(elements),
            _ => {}
        }
    }
}
