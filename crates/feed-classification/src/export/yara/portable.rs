//! What YARA 4.2 does not take though later versions do, and its limits.

use std::collections::BTreeSet;

use boreal_parser::expression::IdentifierOperationType::Subfield;
use boreal_parser::expression::{
    Expression, ExpressionKind as Kind, ForIterator, ForSelection, Identifier, VariableSet,
};
use boreal_parser::hex_string::Token;
use boreal_parser::rule::{MetadataValue, Rule, VariableDeclaration, VariableDeclarationValue as Value};

use super::condition::walk;
use super::names::MAX_BYTES;

/// The longest text or regular expression; the lexer of YARA has a buffer of 8 192 bytes.
const MAX_LITERAL: usize = 8_000;

/// The deepest nesting of loops.
const MAX_LOOPS: usize = 4;

/// Fields of modules that came after YARA 4.2, also those within others. Found by asking YARA 4.2.3 for each field.
const NEWER_FIELDS: &[(&str, &[&str])] = &[
    ("dotnet", &["classes", "number_of_classes"]),
    ("elf", &["import_md5", "telfhash"]),
    ("math", &["to_string"]),
    (
        "pe",
        &[
            "certificates",
            "countersignatures",
            "delayed_import_details",
            "delayed_import_rva",
            "digest",
            "digest_alg",
            "file_digest",
            "import_rva",
            "is_signed",
            "number_of_certificates",
            "number_of_countersignatures",
            "signer_info",
            "verified",
        ],
    ),
];

/// Returns whether YARA 4.2 has everything that the rule uses.
pub(super) fn is_portable(rule: &Rule) -> bool {
    let has_newer_syntax = rule.variables.iter().any(is_newer);
    !has_newer_syntax && fits(rule) && all_are_used(rule) && is_portable_condition(&rule.condition)
}

fn is_newer(variable: &VariableDeclaration) -> bool {
    fn is_newer(token: &Token) -> bool {
        match token {
            Token::NotByte(_) | Token::NotMaskedByte(..) => true,
            Token::Alternatives(all) => all.iter().flatten().any(is_newer),
            Token::Byte(_) | Token::MaskedByte(..) | Token::Jump(_) => false,
        }
    }
    matches!(&variable.value, Value::HexString(tokens) if tokens.iter().any(is_newer))
}

/// Returns whether identifiers and texts have no more than YARA's lengths.
fn fits(rule: &Rule) -> bool {
    let names = [rule.name.as_str()].into_iter();
    let tags = rule.tags.iter().map(|tag| tag.tag.as_str());
    let metadata = rule.metadatas.iter().map(|metadata| metadata.name.as_str());
    // The `$` counts.
    let strings = rule.variables.iter().all(|variable| variable.name.len() < MAX_BYTES);
    let values = rule.metadatas.iter().all(|metadata| match &metadata.value {
        MetadataValue::Bytes(bytes) => bytes.len() <= MAX_LITERAL,
        MetadataValue::Integer(_) | MetadataValue::Boolean(_) => true,
    });
    let literals = rule.variables.iter().all(|variable| match &variable.value {
        Value::Bytes(bytes) => bytes.len() <= MAX_LITERAL,
        Value::Regex(regex) => regex.span.len() <= MAX_LITERAL,
        Value::HexString(_) => true,
    });
    strings && values && literals && names.chain(tags).chain(metadata).all(|name| name.len() <= MAX_BYTES)
}

/// Returns whether the condition uses each string whose name begins with `_`. Later versions take such a string unused;
/// the compiler refuses all others that are not used.
fn all_are_used(rule: &Rule) -> bool {
    let mut used = BTreeSet::new();
    let mut all = false;
    let mut prefixes = Vec::new();
    let mut take = |set: &VariableSet| {
        all |= set.elements.is_empty();
        for element in &set.elements {
            if element.is_wildcard {
                prefixes.push(element.name.clone());
            } else {
                used.insert(element.name.clone());
            }
        }
    };
    walk(&rule.condition, &mut |expression| match &expression.expr {
        Kind::For { set, .. } | Kind::ForIn { set, .. } | Kind::ForAt { set, .. } => take(set),
        _ => {}
    });
    walk(&rule.condition, &mut |expression| match &expression.expr {
        Kind::Variable(name)
        | Kind::Count(name)
        | Kind::CountInRange {
            variable_name: name, ..
        }
        | Kind::Offset {
            variable_name: name, ..
        }
        | Kind::Length {
            variable_name: name, ..
        }
        | Kind::VariableAt {
            variable_name: name, ..
        }
        | Kind::VariableIn {
            variable_name: name, ..
        } => drop(used.insert(name.clone())),
        _ => {}
    });
    let mut hidden = rule.variables.iter().filter(|variable| variable.name.starts_with('_'));
    all || hidden.all(|variable| {
        used.contains(&variable.name) || prefixes.iter().any(|prefix| variable.name.starts_with(prefix))
    })
}

fn is_portable_condition(condition: &Expression) -> bool {
    let mut is_portable = loops(condition) <= MAX_LOOPS;
    walk(condition, &mut |expression| {
        is_portable &= match &expression.expr {
            Kind::ForAt { .. } => false,
            Kind::ForIdentifiers {
                iterator: ForIterator::List(values),
                ..
            } => !values.iter().any(|value| matches!(value.expr, Kind::Bytes(_))),
            Kind::Bytes(bytes) => bytes.len() <= MAX_LITERAL,
            Kind::Regex(regex) | Kind::Matches(_, regex) => regex.span.len() <= MAX_LITERAL,
            Kind::Identifier(identifier) => identifier.name.len() <= MAX_BYTES && !has_newer_field(identifier),
            _ => true,
        };
    });
    is_portable
}

fn has_newer_field(identifier: &Identifier) -> bool {
    let newer = NEWER_FIELDS.iter().find(|(module, _)| *module == identifier.name);
    newer.is_some_and(|(_, fields)| {
        identifier
            .operations
            .iter()
            .any(|operation| matches!(&operation.op, Subfield(field) if fields.contains(&field.as_str())))
    })
}

/// Returns how deep loops nest.
fn loops(expression: &Expression) -> usize {
    match &expression.expr {
        Kind::ForIdentifiers { body, .. } => 1 + loops(body),
        Kind::For { body: Some(body), .. } => 1 + loops(body),
        Kind::For { selection, .. } | Kind::ForIn { selection, .. } => match selection {
            ForSelection::Expr { expr, .. } => loops(expr),
            _ => 0,
        },
        Kind::And(all) | Kind::Or(all) => all.iter().map(loops).max().unwrap_or_default(),
        Kind::Not(one) | Kind::Defined(one) => loops(one),
        _ => 0,
    }
}
