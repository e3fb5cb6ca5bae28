//! Names that go into a search, refused where MISP would read them as something else.

use crate::{Error, ErrorKind};

/// Checks the name of an attribute type.
pub(super) fn attribute_type(name: String) -> Result<String, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'|' | b' ' | b'/');
    if is_short_and_trimmed(&name) && name.bytes().all(allowed) && !name.contains("||") {
        Ok(name)
    } else {
        Err(invalid("not the name of an attribute type", &name))
    }
}

/// Checks the name of a category, such as `Network activity`.
pub(super) fn category(name: String) -> Result<String, Error> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b' ' | b'/');
    if is_short_and_trimmed(&name) && name.bytes().all(allowed) {
        Ok(name)
    } else {
        Err(invalid("not the name of a category", &name))
    }
}

/// Checks the name of a tag.
pub(crate) fn tag(name: String) -> Result<String, Error> {
    let misread = name.is_empty()
        || name.starts_with('!')
        || name.trim() != name
        || name.contains('%')
        || name.contains("||")
        || name.contains("&&")
        || name.chars().any(char::is_control)
        || name.bytes().all(|b| b.is_ascii_digit())
        || name.chars().count() > 255;
    if misread {
        Err(invalid("not a tag name that MISP can search for", &name))
    } else {
        Ok(name)
    }
}

fn is_short_and_trimmed(name: &str) -> bool {
    !name.is_empty() && name.trim() == name && name.len() <= 100
}

fn invalid(reason: &str, name: &str) -> Error {
    Error::new(ErrorKind::InvalidSearch).with_detail(format!("{reason}: {name:?}"))
}
