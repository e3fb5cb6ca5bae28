//! The header `Forwarded`: elements between commas, each with pairs between semicolons (RFC 7239, 4). For example,
//! `for=192.0.2.7;proto=https, for=10.0.0.4`.

use crate::error::ForwardingError;

/// One element: what one proxy says about its caller.
#[derive(Debug, Default)]
pub(super) struct Element {
    node: Option<String>,
    /// The host that the caller asked for, from `host=`.
    pub(super) host: Option<String>,
}

impl Element {
    /// Returns the value of `for=`, or `unknown`, the grammar's own word for an element without it.
    pub(super) fn node(&self) -> &str {
        self.node.as_deref().unwrap_or("unknown")
    }
}

/// Returns the elements in the order of the text. An empty one is skipped.
///
/// # Errors
/// [`ForwardingError::Malformed`] for a breach of the grammar anywhere: an open quote would hide the elements that
/// follow.
pub(super) fn elements(text: &str) -> Result<Vec<Element>, ForwardingError> {
    let mut rest = Rest(text);
    let mut elements = Vec::new();
    loop {
        rest.skip_space();
        if !rest.is_at_end() && !rest.is_next(',') {
            elements.push(element(&mut rest)?);
            rest.skip_space();
        }
        if !rest.take(',') {
            return if rest.is_at_end() {
                Ok(elements)
            } else {
                Err(ForwardingError::Malformed)
            };
        }
    }
}

fn element(rest: &mut Rest<'_>) -> Result<Element, ForwardingError> {
    let mut element = Element::default();
    loop {
        let name = rest.token()?;
        if !rest.take('=') {
            return Err(ForwardingError::Malformed);
        }
        let value = if rest.is_next('"') {
            rest.quoted()?
        } else {
            rest.token()?.to_owned()
        };
        let parameter = match name.to_ascii_lowercase().as_str() {
            "for" => Some(&mut element.node),
            "host" => Some(&mut element.host),
            _ => None,
        };
        // A parameter must not stand twice in an element.
        if parameter.is_some_and(|parameter| parameter.replace(value).is_some()) {
            return Err(ForwardingError::Malformed);
        }
        rest.skip_space();
        if !rest.take(';') {
            return Ok(element);
        }
        rest.skip_space();
    }
}

/// The text that is not read yet.
struct Rest<'t>(&'t str);

impl<'t> Rest<'t> {
    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn is_next(&self, wanted: char) -> bool {
        self.0.starts_with(wanted)
    }

    fn take(&mut self, wanted: char) -> bool {
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn skip_space(&mut self) {
        self.0 = self.0.trim_start_matches([' ', '\t']);
    }

    /// Takes a token. Beyond RFC 9110 it may have a `:`, because many proxies write an address with a port without the
    /// required quotes.
    fn token(&mut self) -> Result<&'t str, ForwardingError> {
        let is_outside = |c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:".contains(c));
        let end = self.0.find(is_outside).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        if token.is_empty() {
            return Err(ForwardingError::Malformed);
        }
        self.0 = rest;
        Ok(token)
    }

    /// Takes a text in quotes.
    fn quoted(&mut self) -> Result<String, ForwardingError> {
        let mut text = String::new();
        let mut chars = self.0.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => {
                    self.0 = self.0.get(at + 1..).unwrap_or_default();
                    return Ok(text);
                }
                '\\' => text.push(chars.next().ok_or(ForwardingError::Malformed)?.1),
                _ => text.push(c),
            }
        }
        Err(ForwardingError::Malformed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_told_apart() {
        let nodes = |text| -> Vec<String> {
            let elements = elements(text).unwrap();
            elements.iter().map(|element| element.node().to_owned()).collect()
        };
        assert_eq!(nodes("for=a"), ["a"]);
        assert_eq!(nodes("for=a ; proto=https,\tfor=\"b\", ,"), ["a", "b"]);
        assert_eq!(nodes(r#"for="a, for=b;\"c\\";by=d"#), [r#"a, for=b;"c\"#]);
        assert_eq!(nodes("for=192.0.2.7:80"), ["192.0.2.7:80"]);
        assert_eq!(nodes("proto=https, for=a"), ["unknown", "a"]);
        assert!(nodes("").is_empty() && nodes(" , ").is_empty());
    }

    #[test]
    fn what_the_grammar_does_not_have_is_refused() {
        for text in [
            "a",
            "for",
            "for=",
            "=a",
            "for =a",
            "for= a",
            "for=a b",
            "for=a;",
            "for=a;;by=b",
            "for=\"a",
            "for=\"a\\",
            "for=\"a\"b",
            "for=a\"b\"",
            "for=[::1]",
            "for=a;for=b",
            "host=a;host=b",
            "for=a=b",
            ";",
        ] {
            assert!(matches!(elements(text), Err(ForwardingError::Malformed)), "{text}");
        }
    }
}
