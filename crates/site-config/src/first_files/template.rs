//! An example file into which values are put, comments kept.

use zeroize::Zeroizing;

/// The example has no such key, so it has changed and this crate was not changed with it.
#[derive(Debug)]
pub(super) struct MissingKey(pub(super) &'static str);

/// A YAML file as lines.
#[derive(Debug)]
pub(super) struct Template {
    lines: Vec<Zeroizing<String>>,
    /// A key that the file does not have.
    missing: Option<&'static str>,
}

impl Template {
    pub(super) fn new(example: &str) -> Self {
        Self {
            lines: example.lines().map(|line| Zeroizing::new(line.to_owned())).collect(),
            missing: None,
        }
    }

    /// Replaces the comment at the top of the file.
    pub(super) fn header(mut self, header: &[&str]) -> Self {
        let comment = |line: &Zeroizing<String>| line.starts_with('#');
        let Some(first) = self.lines.iter().position(comment) else {
            self.missing = Some("header");
            return self;
        };
        let length = self.lines.iter().skip(first).take_while(|line| comment(line)).count();
        self.lines.splice(
            first..first + length,
            header.iter().map(|line| Zeroizing::new((*line).to_owned())),
        );
        self
    }

    /// Sets one key at the top level to a text.
    pub(super) fn text(self, key: &'static str, value: &str) -> Self {
        self.value(key, &quoted(value))
    }

    /// Sets one key at the top level to `True` or `False`.
    pub(super) fn yes_no(self, key: &'static str, yes: bool) -> Self {
        self.value(key, if yes { "True" } else { "False" })
    }

    fn value(mut self, key: &'static str, value: &str) -> Self {
        match self.line_of(key) {
            Some(index) => self.set(index, format!("{key}: {value}")),
            None => self.missing = Some(key),
        }
        self
    }

    /// Replaces the items of a list at the top level.
    pub(super) fn list(mut self, key: &'static str, items: &[String]) -> Self {
        let Some(index) = self.line_of(key) else {
            self.missing = Some(key);
            return self;
        };
        let first = index + 1;
        let length = self
            .lines
            .iter()
            .skip(first)
            .take_while(|line| line.trim_start().starts_with("- "))
            .count();
        self.lines.splice(
            first..first + length,
            items.iter().map(|item| Zeroizing::new(format!("  - {}", quoted(item)))),
        );
        self
    }

    /// Returns the text of the file.
    pub(super) fn finish(self) -> Result<Zeroizing<String>, MissingKey> {
        if let Some(key) = self.missing {
            return Err(MissingKey(key));
        }
        let mut text = Zeroizing::new(String::with_capacity(
            self.lines.iter().map(|line| line.len() + 1).sum(),
        ));
        for line in &self.lines {
            text.push_str(line);
            text.push('\n');
        }
        Ok(text)
    }

    fn line_of(&self, key: &str) -> Option<usize> {
        self.lines
            .iter()
            .position(|line| line.strip_prefix(key).is_some_and(|rest| rest.starts_with(':')))
    }

    fn set(&mut self, index: usize, text: String) {
        if let Some(line) = self.lines.get_mut(index) {
            *line = Zeroizing::new(text);
        }
    }
}

/// Returns a text in double quotes, as YAML (and JSON) writes it.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}') => {
                quoted.push_str(&format!("\\U{:08X}", u32::from(c)))
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "---\n# How to copy this.\n# In two lines.\n\n# The tag.\ntag: example\ntags: other\n# Who may ask.\nallowed_ips:\n  - \"192.0.2.1\"\n  - \"192.0.2.2\"\n\nend: 1\n";

    #[test]
    fn values_are_replaced_and_comments_stay() {
        let filled = Template::new(EXAMPLE)
            .header(&["# New."])
            .text("tag", "a \"b\" \\ c\n")
            .list("allowed_ips", &["::1".to_owned()])
            .finish();
        assert_eq!(
            filled.unwrap().as_str(),
            "---\n# New.\n\n# The tag.\ntag: \"a \\\"b\\\" \\\\ c\\U0000000A\"\ntags: other\n# Who may ask.\nallowed_ips:\n  - \"::1\"\n\nend: 1\n"
        );
    }

    #[test]
    fn a_key_that_the_example_has_not_is_not_passed_over() {
        assert!(Template::new(EXAMPLE).text("salt", "x").finish().is_err());
        assert!(Template::new(EXAMPLE).list("salts", &[]).finish().is_err());
        assert!(Template::new("a: 1\n").header(&["# x"]).finish().is_err());
    }
}
