//! The header in which a proxy names its client.

mod rfc7239;

use std::net::IpAddr;

use ipnet::IpNet;
use regex::Regex;

use crate::error::ForwardingError;
use crate::node;

/// How to read the header of the proxy in front.
#[derive(Clone, Copy, Debug)]
pub struct Forwarding<'c> {
    expression: &'c Regex,
    group: usize,
    hops: &'c [IpNet],
    is_rfc7239: bool,
}

impl<'c> Forwarding<'c> {
    /// Reads the header with this name. In its value, group number `group` of the expression is an address, or several
    /// with commas between them. Addresses in `hops` are those of proxies and are skipped.
    ///
    /// The header `Forwarded` (in any case) is read by the grammar of RFC 7239, without the expression.
    #[must_use]
    pub fn new(header: &str, expression: &'c Regex, group: usize, hops: &'c [IpNet]) -> Self {
        Self {
            expression,
            group,
            hops,
            is_rfc7239: header.eq_ignore_ascii_case("forwarded"),
        }
    }

    /// Returns the client's address, or `None` if the request has no such header. `values` are the values of all its
    /// lines, from top to bottom: they are one list.
    ///
    /// Of several addresses the right-most one counts that is not a hop: our own proxies wrote the addresses to its
    /// right, and any client could have sent the ones to its left. If all are hops the left-most one counts. Where the
    /// expression picks an address with others to its right, those must be hops; otherwise the right-most of them that
    /// is not a hop counts.
    ///
    /// # Errors
    /// If the address that counts cannot be read. The entries to its left are not read at all (in `Forwarded` they must
    /// keep to the grammar, because an open quote would reach into the entries that follow).
    pub fn client<'v>(&self, values: impl IntoIterator<Item = &'v [u8]>) -> Result<Option<IpAddr>, ForwardingError> {
        let Some(value) = joined(values)? else {
            return Ok(None);
        };
        if self.is_rfc7239 {
            let elements = rfc7239::elements(&value)?;
            return self
                .nearest(elements.iter().rev().map(rfc7239::Element::node))
                .map(Some);
        }
        let found = self.expression.captures(&value).and_then(|found| found.get(self.group));
        let found = found.ok_or(ForwardingError::NoMatch)?;
        // The rest up to the first comma belongs to the entry that was found, for example a port.
        let rest = value.get(found.end()..).unwrap_or_default();
        let later = rest.split_once(',').map_or("", |(_, later)| later);
        for entry in later.rsplit(',').filter(|entry| !entry.trim().is_empty()) {
            // An entry that cannot be read may be the client, who then wrote everything to its left.
            let address = node::address(entry).ok_or(ForwardingError::NotAnAddress)?;
            if !self.is_hop(address) {
                return Ok(Some(address));
            }
        }
        self.nearest(found.as_str().rsplit(',')).map(Some)
    }

    /// Returns the first address of a list, from right to left, that is not a hop.
    fn nearest<'e>(&self, entries: impl Iterator<Item = &'e str>) -> Result<IpAddr, ForwardingError> {
        let mut last = None;
        // A list may have empty entries: RFC 9110, 5.6.1.
        for entry in entries.filter(|entry| !entry.trim().is_empty()) {
            let address = node::address(entry).ok_or(ForwardingError::NotAnAddress)?;
            if !self.is_hop(address) {
                return Ok(address);
            }
            last = Some(address);
        }
        last.ok_or(ForwardingError::Empty)
    }

    fn is_hop(&self, address: IpAddr) -> bool {
        self.hops.iter().any(|network| network.contains(&address))
    }
}

/// Returns the hosts that the header `Forwarded` names (`host=`), in the order of its elements: those that the callers
/// of the proxies asked for. `values` are the values of all its lines, from top to bottom.
///
/// ```
/// let value = b"for=192.0.2.7;host=feeds.example.net, for=10.0.0.4";
/// assert_eq!(client_address::forwarded_hosts([&value[..]])?, ["feeds.example.net"]);
/// # Ok::<(), client_address::ForwardingError>(())
/// ```
///
/// # Errors
/// If the header is not text, or breaks the grammar of RFC 7239.
pub fn forwarded_hosts<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Vec<String>, ForwardingError> {
    let Some(value) = joined(values)? else {
        return Ok(Vec::new());
    };
    let elements = rfc7239::elements(&value)?;
    Ok(elements.into_iter().filter_map(|element| element.host).collect())
}

/// Joins all lines of a header to one list.
fn joined<'v>(values: impl IntoIterator<Item = &'v [u8]>) -> Result<Option<String>, ForwardingError> {
    let mut joined: Option<String> = None;
    for value in values {
        let text = std::str::from_utf8(value).map_err(|_| ForwardingError::NotText)?;
        if !text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
            return Err(ForwardingError::NotText);
        }
        match &mut joined {
            Some(joined) => {
                joined.push_str(", ");
                joined.push_str(text);
            }
            None => joined = Some(text.to_owned()),
        }
    }
    Ok(joined)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn client_of(
        header: &str,
        expression: &str,
        hops: &[&str],
        lines: &[&str],
    ) -> Result<Option<String>, ForwardingError> {
        let expression = Regex::new(expression).unwrap();
        let hops: Vec<IpNet> = hops.iter().map(|hop| hop.parse().unwrap()).collect();
        let group = expression.captures_len() - 1;
        let client =
            Forwarding::new(header, &expression, group, &hops).client(lines.iter().map(|line| line.as_bytes()));
        client.map(|client| client.map(|client| client.to_string()))
    }

    fn x_forwarded_for(lines: &[&str]) -> Result<Option<String>, ForwardingError> {
        client_of("X-Forwarded-For", "^(.*)$", &["127.0.0.0/8", "10.0.0.0/24"], lines)
    }

    /// The expression finds an entry that the client wrote, and the proxy appended an entry that is not an address.
    #[test]
    fn an_unreadable_entry_to_the_right_of_the_found_one_is_refused() {
        for appended in ["unix:", "unknown", "fe80::1%eth0"] {
            let line = format!("10.0.0.8, {appended}");
            let outcome = client_of("X-Forwarded-For", "([0-9.]+)", &["127.0.0.0/8"], &[&line]);
            assert_eq!(outcome, Err(ForwardingError::NotAnAddress), "{line}");
        }
    }

    #[test]
    fn the_right_most_address_that_is_not_one_of_our_proxies_counts() {
        for (lines, client) in [
            (&["192.0.2.7"][..], "192.0.2.7"),
            (&["198.51.100.66, 192.0.2.7"], "192.0.2.7"),
            (&["198.51.100.66,192.0.2.7 , 10.0.0.3,10.0.0.4:80"], "192.0.2.7"),
            (&["10.0.0.9, 192.0.2.7, 10.0.0.3"], "192.0.2.7"),
            (&["198.51.100.66", "192.0.2.7", "10.0.0.3"], "192.0.2.7"),
            (&["nonsense, 192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7, , 10.0.0.3,"], "192.0.2.7"),
            (&["", "192.0.2.7"], "192.0.2.7"),
            (&["[2001:db8::7]:443, ::ffff:10.0.0.3"], "2001:db8::7"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
        ] {
            assert_eq!(x_forwarded_for(lines), Ok(Some(client.to_owned())), "{lines:?}");
        }
    }

    #[test]
    fn where_all_are_proxies_the_outermost_is_the_client() {
        assert_eq!(
            x_forwarded_for(&["10.0.0.9, 10.0.0.3"]),
            Ok(Some("10.0.0.9".to_owned()))
        );
        assert_eq!(x_forwarded_for(&["10.0.0.3"]), Ok(Some("10.0.0.3".to_owned())));
    }

    #[test]
    fn without_the_header_the_client_is_unknown() {
        assert_eq!(x_forwarded_for(&[]), Ok(None));
    }

    #[test]
    fn an_unreadable_address_is_an_error_and_not_the_next_best_one() {
        for (lines, error) in [
            (&[""][..], ForwardingError::Empty),
            (&[" , ,"], ForwardingError::Empty),
            (&["192.0.2.7, unknown"], ForwardingError::NotAnAddress),
            (&["192.0.2.7, unknown, 10.0.0.3"], ForwardingError::NotAnAddress),
            (&["192.0.2.7", "gw.example.net"], ForwardingError::NotAnAddress),
            (&["unknown, 10.0.0.3"], ForwardingError::NotAnAddress),
            (&["192.0.2.7; 192.0.2.8"], ForwardingError::NotAnAddress),
            (&["192.0.2.7\u{e9}"], ForwardingError::NotText),
            (&["192.0.2.7\0"], ForwardingError::NotText),
        ] {
            assert_eq!(x_forwarded_for(lines), Err(error), "{lines:?}");
        }
    }

    #[test]
    fn the_expression_finds_the_address_in_a_value_of_any_shape() {
        let real_ip = |value| client_of("X-Client", "client=([^;]+);", &[], &[value]);
        assert_eq!(
            real_ip("tls=1;client=192.0.2.7:4711;x=y"),
            Ok(Some("192.0.2.7".to_owned()))
        );
        assert_eq!(real_ip("tls=1"), Err(ForwardingError::NoMatch));
        assert_eq!(real_ip("client=me;"), Err(ForwardingError::NotAnAddress));
        // A group that takes no part in the match.
        assert_eq!(client_of("X", "x|(y)", &[], &["x"]), Err(ForwardingError::NoMatch));
    }

    #[test]
    fn an_expression_that_takes_the_first_address_does_not_make_it_true() {
        let first = |value| client_of("X-Forwarded-For", "^([^,]+)", &["10.0.0.0/24"], &[value]);
        assert_eq!(first("192.0.2.7"), Ok(Some("192.0.2.7".to_owned())));
        assert_eq!(first("192.0.2.7, 10.0.0.3"), Ok(Some("192.0.2.7".to_owned())));
        assert_eq!(first("198.51.100.66, 192.0.2.7"), Ok(Some("192.0.2.7".to_owned())));
        assert_eq!(
            first("198.51.100.66, 192.0.2.7, 10.0.0.3"),
            Ok(Some("192.0.2.7".to_owned()))
        );
        let last = |value| client_of("X-Forwarded-For", "([^, ]+)$", &[], &[value]);
        assert_eq!(last("198.51.100.66, 192.0.2.7"), Ok(Some("192.0.2.7".to_owned())));
    }

    #[test]
    fn forwarded_is_read_by_its_own_grammar() {
        let forwarded = |lines| client_of("forwarded", "^(.*)$", &["10.0.0.0/24"], lines);
        for (lines, client) in [
            (&["for=192.0.2.7"][..], "192.0.2.7"),
            (&["proto=https;For=\"[2001:db8::7]:4711\";by=10.0.0.3"], "2001:db8::7"),
            (
                &["for=198.51.100.66, for=192.0.2.7;proto=https", "for=10.0.0.4"],
                "192.0.2.7",
            ),
            (&["for=unknown, for=192.0.2.7"], "192.0.2.7"),
        ] {
            assert_eq!(forwarded(lines), Ok(Some(client.to_owned())), "{lines:?}");
        }
        assert_eq!(
            forwarded(&["for=192.0.2.7, for=_hidden"]),
            Err(ForwardingError::NotAnAddress)
        );
        assert_eq!(
            forwarded(&["for=192.0.2.7, proto=https"]),
            Err(ForwardingError::NotAnAddress)
        );
        assert_eq!(forwarded(&["192.0.2.7"]), Err(ForwardingError::Malformed));
        assert_eq!(forwarded(&[""]), Err(ForwardingError::Empty));
    }

    #[test]
    fn a_quote_that_a_caller_leaves_open_brings_nothing_in() {
        // The proxy copies the caller's `Host` into its own element; the caller opens a quote before it.
        let forged = "for=\", for=192.0.2.7;host=\"x, for=198.51.100.66;y=\"";
        assert_eq!(
            client_of("Forwarded", "^(.*)$", &[], &[forged]),
            Err(ForwardingError::Malformed)
        );
        let honest = "for=192.0.2.7;host=\"x, for=198.51.100.66;y=z\"";
        assert_eq!(
            client_of("Forwarded", "^(.*)$", &[], &[honest]),
            Ok(Some("192.0.2.7".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn nothing_that_a_caller_sends_changes_what_the_proxy_appends(forged in "[ -~]{0,80}") {
            for expression in ["^(.*)$", "^([^,]+)", "([0-9a-f.:]+)$"] {
                let value = format!("{forged}, 192.0.2.7");
                let client = client_of("X-Forwarded-For", expression, &["10.0.0.0/24"], &[&value]);
                prop_assert!(client.is_err() || client == Ok(Some("192.0.2.7".to_owned())), "{expression}: {client:?}");
            }
        }

        #[test]
        fn no_bytes_panic(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
            let expression = Regex::new("^(.*)$").unwrap();
            for header in ["X-Forwarded-For", "Forwarded"] {
                let _ = Forwarding::new(header, &expression, 1, &[]).client(lines.iter().map(Vec::as_slice));
            }
        }
    }
}
