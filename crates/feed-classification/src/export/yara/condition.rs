//! The tree of a condition.

use boreal_parser::expression::{
    Expression, ExpressionKind as Kind, ForIterator, ForSelection, Identifier, IdentifierOperationType,
};

/// Calls `visit` for an expression and everything in it. The parser bounds the depth.
pub(super) fn walk(expression: &Expression, visit: &mut dyn FnMut(&Expression)) {
    visit(expression);
    for child in children(&expression.expr) {
        walk(child, visit);
    }
}

/// Returns the identifiers that an expression names itself, not those of its children.
pub(super) fn identifier(kind: &Kind) -> Option<&Identifier> {
    match kind {
        Kind::Identifier(identifier)
        | Kind::ForIdentifiers {
            iterator: ForIterator::Identifier(identifier),
            ..
        } => Some(identifier),
        _ => None,
    }
}

fn children(kind: &Kind) -> Vec<&Expression> {
    match kind {
        Kind::ReadInteger { addr: one, .. }
        | Kind::Offset {
            occurence_number: one, ..
        }
        | Kind::Length {
            occurence_number: one, ..
        }
        | Kind::Neg(one)
        | Kind::BitwiseNot(one)
        | Kind::Not(one)
        | Kind::Defined(one)
        | Kind::Matches(one, _)
        | Kind::VariableAt { offset: one, .. } => vec![one],
        Kind::Add(left, right)
        | Kind::Sub(left, right)
        | Kind::Mul(left, right)
        | Kind::Div(left, right)
        | Kind::Mod(left, right)
        | Kind::BitwiseXor(left, right)
        | Kind::BitwiseAnd(left, right)
        | Kind::BitwiseOr(left, right)
        | Kind::ShiftLeft(left, right)
        | Kind::ShiftRight(left, right)
        | Kind::Cmp { left, right, .. }
        | Kind::Eq(left, right)
        | Kind::NotEq(left, right)
        | Kind::IEquals(left, right)
        | Kind::Contains {
            haystack: left,
            needle: right,
            ..
        }
        | Kind::StartsWith {
            expr: left,
            prefix: right,
            ..
        }
        | Kind::EndsWith {
            expr: left,
            suffix: right,
            ..
        }
        | Kind::CountInRange {
            from: left, to: right, ..
        }
        | Kind::VariableIn {
            from: left, to: right, ..
        } => vec![left, right],
        Kind::And(all) | Kind::Or(all) => all.iter().collect(),
        Kind::For { .. }
        | Kind::ForIn { .. }
        | Kind::ForAt { .. }
        | Kind::ForIdentifiers { .. }
        | Kind::ForRules { .. } => of_loop(kind),
        Kind::Identifier(identifier) => of_identifier(identifier),
        Kind::Filesize
        | Kind::Entrypoint
        | Kind::Integer(_)
        | Kind::Double(_)
        | Kind::Count(_)
        | Kind::Boolean(_)
        | Kind::Variable(_)
        | Kind::Bytes(_)
        | Kind::Regex(_) => Vec::new(),
    }
}

fn of_loop(kind: &Kind) -> Vec<&Expression> {
    let (selection, mut inside): (&ForSelection, Vec<&Expression>) = match kind {
        Kind::For { selection, body, .. } => (selection, body.iter().map(AsRef::as_ref).collect()),
        Kind::ForIn {
            selection, from, to, ..
        } => (selection, vec![from, to]),
        Kind::ForAt { selection, offset, .. } => (selection, vec![offset]),
        Kind::ForIdentifiers {
            selection,
            iterator,
            body,
            ..
        } => {
            let mut inside = of_iterator(iterator);
            inside.push(body);
            (selection, inside)
        }
        Kind::ForRules { selection, .. } => (selection, Vec::new()),
        _ => return Vec::new(),
    };
    if let ForSelection::Expr { expr, .. } = selection {
        inside.push(expr);
    }
    inside
}

fn of_iterator(iterator: &ForIterator) -> Vec<&Expression> {
    match iterator {
        ForIterator::Identifier(identifier) => of_identifier(identifier),
        ForIterator::Range { from, to } => vec![from, to],
        ForIterator::List(values) => values.iter().collect(),
    }
}

fn of_identifier(identifier: &Identifier) -> Vec<&Expression> {
    identifier
        .operations
        .iter()
        .flat_map(|operation| match &operation.op {
            IdentifierOperationType::Subscript(index) => vec![index.as_ref()],
            IdentifierOperationType::Subfield(_) => Vec::new(),
            IdentifierOperationType::FunctionCall(arguments) => arguments.iter().collect(),
        })
        .collect()
}
