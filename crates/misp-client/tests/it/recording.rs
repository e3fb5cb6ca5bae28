//! Exchanges with a real MISP, from `tests/data`.

use std::fs;
use std::path::PathBuf;

use misp_client::{Attribute, AttributeReader};
use serde_json::Value;

use crate::server::Reply;

/// One recorded exchange.
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Value,
}

pub(crate) fn raw(name: &str) -> Vec<u8> {
    fs::read(folder().join(name)).unwrap()
}

pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

impl Recording {
    /// Opens the recording with this number.
    pub(crate) fn open(number: u32) -> Self {
        Self::all()
            .into_iter()
            .find(|recording| recording.name.starts_with(&format!("{number:03}-")))
            .unwrap()
    }

    pub(crate) fn all() -> Vec<Self> {
        let mut names: Vec<PathBuf> = fs::read_dir(folder())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.is_file() && !path.to_string_lossy().ends_with(".raw.json"))
            .collect();
        names.sort();
        names.iter().map(Self::read).collect()
    }

    fn read(path: &PathBuf) -> Self {
        let json: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        let response = &json["response"];
        let headers = response["headers"].as_object().unwrap();
        Self {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            request: json["request"].clone(),
            status: response["status"].as_u64().unwrap() as u16,
            headers: headers
                .iter()
                .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
                .collect(),
            body: response["body"].clone(),
        }
    }

    pub(crate) fn is_search(&self) -> bool {
        self.status == 200 && self.body.pointer("/response/Attribute").is_some()
    }

    pub(crate) fn body_bytes(&self) -> Vec<u8> {
        match &self.body {
            Value::String(text) => text.clone().into_bytes(),
            json => serde_json::to_vec(json).unwrap(),
        }
    }

    pub(crate) fn reply(&self) -> Reply {
        let headers: Vec<(&str, &str)> = self
            .headers
            .iter()
            // The body is written anew, so that its length may be another one.
            .filter(|(name, _)| name != "Date" && name != "Content-Length")
            .map(|(name, value)| (&**name, &**value))
            .collect();
        Reply::new(self.status, &headers, self.body_bytes())
    }

    /// The rows of a recorded search, as this crate reads them.
    pub(crate) fn rows(&self) -> Vec<Attribute> {
        rows_of(&self.body_bytes())
    }

    /// The ids in it, as another parser reads them.
    pub(crate) fn ids(&self) -> Vec<u64> {
        let rows = self.body.pointer("/response/Attribute").unwrap().as_array().unwrap();
        rows.iter().map(|row| number(&row["id"])).collect()
    }
}

pub(crate) fn rows_of(body: &[u8]) -> Vec<Attribute> {
    let mut reader = AttributeReader::new();
    let mut rows = Vec::new();
    reader.push(body, &mut rows).unwrap();
    reader.finish(&mut rows).unwrap();
    assert_eq!(reader.unusable(), 0);
    rows
}

/// A number, or the text of one.
pub(crate) fn number(json: &Value) -> u64 {
    json.as_u64().or_else(|| json.as_str()?.parse().ok()).unwrap()
}
