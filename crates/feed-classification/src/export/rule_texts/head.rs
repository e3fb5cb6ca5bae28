//! The head of a rule: action, protocol, both ends and the direction.

use super::dialect::Dialect;
use crate::export::QuarantineReason;
use crate::network_of;

const ACTION: QuarantineReason = QuarantineReason::because("rule_action");
const HEAD: QuarantineReason = QuarantineReason::because("rule_head");
const VARIABLE: QuarantineReason = QuarantineReason::because("rule_variable");

/// The longest list of addresses or ports, and the deepest nesting of lists.
const MAX_BYTES: usize = 4_096;
const MAX_DEPTH: usize = 4;

/// Variables that the configurations of both engines have.
const ADDRESSES: [&str; 9] = [
    "AIM_SERVERS",
    "DNS_SERVERS",
    "EXTERNAL_NET",
    "HOME_NET",
    "HTTP_SERVERS",
    "SMTP_SERVERS",
    "SQL_SERVERS",
    "SSH_SERVERS",
    "TELNET_SERVERS",
];
const PORTS: [&str; 5] = [
    "FILE_DATA_PORTS",
    "FTP_PORTS",
    "HTTP_PORTS",
    "ORACLE_PORTS",
    "SSH_PORTS",
];

/// Returns the head with one space between its words.
///
/// Only rules that alert are taken: `drop` and `reject` would block by the decision of another organisation, and `pass`
/// would keep other rules from alerting.
pub(super) fn check(head: &str, dialect: &Dialect) -> Result<String, QuarantineReason> {
    let words = words(head).ok_or(HEAD)?;
    let [action, protocol, ends @ ..] = words.as_slice() else {
        return Err(HEAD);
    };
    if action != "alert" {
        return Err(ACTION);
    }
    if !dialect.protocols.contains(&protocol.as_str()) {
        return Err(HEAD);
    }
    match ends {
        [] if dialect.has_services => {}
        [source, source_port, direction, target, target_port] if ["->", "<>"].contains(&direction.as_str()) => {
            for end in [source, target] {
                is_list_of(end, &is_address)?;
            }
            for port in [source_port, target_port] {
                is_list_of(port, &is_port)?;
            }
        }
        _ => return Err(HEAD),
    }
    Ok(words.join(" "))
}

/// Splits at white space outside of lists, which lose theirs.
fn words(head: &str) -> Option<Vec<String>> {
    let (mut words, mut depth) = (vec![String::new()], 0_usize);
    for char in head.chars() {
        match char {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if !char.is_whitespace() {
            words.last_mut()?.push(char);
        } else if depth == 0 {
            words.push(String::new());
        }
    }
    words.retain(|word| !word.is_empty());
    let is_short = words.iter().all(|word| word.len() <= MAX_BYTES);
    (depth == 0 && is_short).then_some(words)
}

/// Checks a value, or a list of values and lists in brackets, each with an optional `!`.
fn is_list_of(text: &str, is_value: &dyn Fn(&str) -> Result<(), QuarantineReason>) -> Result<(), QuarantineReason> {
    fn check(
        text: &str,
        depth: usize,
        is_value: &dyn Fn(&str) -> Result<(), QuarantineReason>,
    ) -> Result<(), QuarantineReason> {
        let text = text.strip_prefix('!').unwrap_or(text);
        let Some(inside) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) else {
            return is_value(text);
        };
        if depth == 0 {
            return Err(HEAD);
        }
        parts(inside)
            .ok_or(HEAD)?
            .into_iter()
            .try_for_each(|part| check(part, depth - 1, is_value))
    }
    check(text, MAX_DEPTH, is_value)
}

/// Splits at commas outside of brackets.
fn parts(text: &str) -> Option<Vec<&str>> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (place, char) in text.char_indices() {
        match char {
            '[' => depth += 1,
            ']' => depth = depth.checked_sub(1)?,
            ',' if depth == 0 => {
                parts.push(text.get(start..place)?);
                start = place + 1;
            }
            _ => {}
        }
    }
    parts.push(text.get(start..)?);
    (depth == 0).then_some(parts)
}

fn is_address(text: &str) -> Result<(), QuarantineReason> {
    match text.strip_prefix('$') {
        Some(name) if ADDRESSES.contains(&name) => Ok(()),
        Some(_) => Err(VARIABLE),
        None if text == "any" || network_of(text).is_some() => Ok(()),
        None => Err(HEAD),
    }
}

fn is_port(text: &str) -> Result<(), QuarantineReason> {
    if let Some(name) = text.strip_prefix('$') {
        return if PORTS.contains(&name) { Ok(()) } else { Err(VARIABLE) };
    }
    let number = |text: &str| {
        text.parse::<u16>()
            .ok()
            .filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_valid = match text.split_once(':') {
        Some(("", last)) => number(last).is_some(),
        Some((first, "")) => number(first).is_some(),
        Some((first, last)) => number(first).is_some() && number(first) <= number(last),
        None => text == "any" || number(text).is_some(),
    };
    is_valid.then_some(()).ok_or(HEAD)
}

#[cfg(test)]
mod tests {
    use super::super::dialect::{SNORT_3, SURICATA};
    use super::check;

    #[test]
    fn heads_of_common_rules_are_taken() {
        for (head, written) in [
            (
                "alert  tcp $HOME_NET any -> any 80",
                "alert tcp $HOME_NET any -> any 80",
            ),
            (
                "alert ip [192.0.2.1, !198.51.100.0/24] [80, 8000:8080] <> !$HOME_NET :1024",
                "alert ip [192.0.2.1,!198.51.100.0/24] [80,8000:8080] <> !$HOME_NET :1024",
            ),
            (
                "alert udp any any -> 2001:db8::/32 $HTTP_PORTS",
                "alert udp any any -> 2001:db8::/32 $HTTP_PORTS",
            ),
        ] {
            assert_eq!(check(head, &SURICATA).as_deref(), Ok(written), "{head}");
        }
        assert_eq!(check("alert http", &SNORT_3).as_deref(), Ok("alert http"));
    }

    #[test]
    fn other_heads_are_refused_with_the_reason() {
        for (head, reason) in [
            ("drop tcp any any -> any any", "rule_action"),
            ("pass tcp any any -> any any", "rule_action"),
            ("alert tcp any any any any", "rule_head"),
            ("alert tcp any any <- any any", "rule_head"),
            ("alert tcp evil.example any -> any any", "rule_head"),
            ("alert tcp any 99999 -> any any", "rule_head"),
            ("alert tcp any 90:80 -> any any", "rule_head"),
            ("alert tcp [any any -> any any", "rule_head"),
            ("alert xyz any any -> any any", "rule_head"),
            ("alert http", "rule_head"),
            ("alert tcp $MY_NET any -> any any", "rule_variable"),
            ("alert tcp any $MY_PORTS -> any any", "rule_variable"),
            ("alert", "rule_head"),
        ] {
            assert_eq!(check(head, &SURICATA).unwrap_err().reason(), reason, "{head}");
        }
    }
}
