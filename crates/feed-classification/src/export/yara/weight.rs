//! What it costs to compile the strings of a rule.

use boreal_parser::hex_string::Token;
use boreal_parser::regex::{Node, RepetitionKind, RepetitionRange};
use boreal_parser::rule::{Rule, VariableDeclarationValue as Value};

/// Returns about how many bytes and states a compiler makes of the strings of the rule: bytes of a text, once for each
/// key of `xor`; repetitions written out, jumps too.
pub(super) fn of_strings(rule: &Rule) -> u64 {
    let weights = rule.variables.iter().map(|variable| {
        let own = match &variable.value {
            Value::Bytes(bytes) => bytes.len() as u64,
            Value::Regex(regex) => of_node(&regex.ast),
            Value::HexString(tokens) => of_tokens(tokens),
        };
        let keys = variable
            .modifiers
            .xor
            .map_or(1, |(from, to)| u64::from(to.abs_diff(from)) + 1);
        let wide = if variable.modifiers.wide { 2 } else { 1 };
        own.saturating_mul(keys).saturating_mul(wide)
    });
    weights.fold(0, u64::saturating_add)
}

/// The parser bounds the depth.
pub(super) fn of_node(node: &Node) -> u64 {
    let sum = |nodes: &[Node]| nodes.iter().map(of_node).fold(1, u64::saturating_add);
    match node {
        Node::Alternation(nodes) | Node::Concat(nodes) => sum(nodes),
        Node::Group(node) => of_node(node),
        Node::Repetition { node, kind, .. } => {
            let times = match kind {
                RepetitionKind::Range(
                    RepetitionRange::Exactly(times)
                    | RepetitionRange::AtLeast(times)
                    | RepetitionRange::Bounded(_, times),
                ) => u64::from(*times) + 1,
                RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
            };
            of_node(node).saturating_mul(times)
        }
        Node::Assertion(_) | Node::Class(_) | Node::Dot | Node::Empty | Node::Literal(_) | Node::Char(_) => 1,
    }
}

fn of_tokens(tokens: &[Token]) -> u64 {
    let weights = tokens.iter().map(|token| match token {
        Token::Alternatives(all) => all.iter().map(|tokens| of_tokens(tokens)).fold(1, u64::saturating_add),
        Token::Jump(jump) => u64::from(jump.to.unwrap_or(jump.from)) + 1,
        Token::Byte(_) | Token::NotByte(_) | Token::MaskedByte(..) | Token::NotMaskedByte(..) => 1,
    });
    weights.fold(0, u64::saturating_add)
}
