//! Lists of kind `regex`.

use regex::bytes::{Regex, RegexBuilder};

use super::php_expression::{PhpExpression, Refusal};
use super::translation::translate;
use super::unjudged::UnjudgedReason;

/// The most bytes that one expression may have, as text.
const MAX_TEXT: usize = 8 << 10;
/// The most bytes that one expression may take when it is compiled.
const MAX_PROGRAM: usize = 128 << 10;
/// How deep groups may nest.
const MAX_DEPTH: u32 = 64;

/// The expressions of one list.
#[derive(Debug, Default)]
pub(super) struct Expressions(Vec<Expression>);

#[derive(Debug)]
struct Expression {
    as_stored: Box<str>,
    regex: Regex,
}

impl Expressions {
    /// Adds an entry. One that PHP refuses is skipped, since MISP never finds it.
    pub(super) fn push(&mut self, entry: &str) -> Result<(), UnjudgedReason> {
        let expression = match PhpExpression::read(entry) {
            Ok(expression) => expression,
            Err(Refusal::ByPhp) => return Ok(()),
            Err(Refusal::Here(part)) => return Err(UnjudgedReason::Expression(part)),
        };
        if entry.len() > MAX_TEXT {
            return Err(UnjudgedReason::ExpressionTooLarge);
        }
        let pattern = translate(expression.pattern, expression.modifiers).map_err(UnjudgedReason::Expression)?;
        let regex = RegexBuilder::new(&pattern)
            .size_limit(MAX_PROGRAM)
            .dfa_size_limit(MAX_PROGRAM)
            .nest_limit(MAX_DEPTH)
            .build();
        self.0.push(Expression {
            as_stored: entry.into(),
            regex: regex.map_err(|error| reason(&error))?,
        });
        Ok(())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns an entry, as MISP stores it, that matches the value.
    pub(super) fn find(&self, value: &str) -> Option<&str> {
        let found = self
            .0
            .iter()
            .find(|expression| expression.regex.is_match(value.as_bytes()));
        found.map(|expression| &*expression.as_stored)
    }
}

fn reason(error: &regex::Error) -> UnjudgedReason {
    match error {
        regex::Error::CompiledTooBig(_) => UnjudgedReason::ExpressionTooLarge,
        _ => UnjudgedReason::Expression("regex does not take it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_is_returned_as_misp_stores_it() {
        let mut list = Expressions::default();
        for entry in ["/^b/", r"#example\.(org|net)$#i", "/a/g"] {
            list.push(entry).unwrap();
        }
        assert_eq!(list.len(), 2, "PHP refuses the modifier g");
        assert_eq!(list.find("WWW.EXAMPLE.NET"), Some(r"#example\.(org|net)$#i"));
        assert_eq!(list.find("a"), None);
    }

    #[test]
    fn expressions_that_cannot_be_held_are_refused_with_a_reason() {
        let mut list = Expressions::default();
        let too_large = Err(UnjudgedReason::ExpressionTooLarge);
        assert_eq!(list.push(&format!("/{}/", "a".repeat(MAX_TEXT))), too_large);
        assert_eq!(list.push("/((a{1000}){1000}){1000}/"), too_large);
        assert!(matches!(list.push("/a)/"), Err(UnjudgedReason::Expression(_))));
        let deep = format!("/{}a{}/", "(".repeat(500), ")".repeat(500));
        assert!(matches!(list.push(&deep), Err(UnjudgedReason::Expression(_))));
        assert_eq!(list.len(), 0);
    }
}
