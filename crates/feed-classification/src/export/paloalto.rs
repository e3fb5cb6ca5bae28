//! `paloalto`: external dynamic lists of PAN-OS.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::export::txt::{LINES_OF_RULES, Txt};
use crate::export::{About, Exporter, QuarantineReason, web_request};
use crate::{Indicator, IndicatorType, TypeSet};

/// One entry per line as in `txt`. URLs are written without their scheme and its default port, and are sorted and
/// unique in that form.
///
/// In an entry of a URL list a space ends the entry, and `*` and `^` are wildcards. An entry has at most 255
/// characters, with the slash that the firewall appends to a bare name. Entries name their host as requests do: in
/// punycode and without a dot at its end. Other text outside of ASCII never matches, since requests encode it. The
/// firewall compares host, path and query of HTTP and HTTPS requests. So an entry with a port, with user information or
/// with a fragment never matches, and one of an `ftp` URL would match web requests. Such URLs are left out. Lists of
/// addresses and of names never hold such values. For types without a list on the firewall the bytes are those of
/// `txt`, as in Cratos FastAPI.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PaloAlto;

/// The longest entry of a URL list.
const MAX_CHARACTERS: usize = 255;

const TOO_LONG: QuarantineReason = QuarantineReason::because("too_long");

impl Exporter for PaloAlto {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("paloalto", "One entry per line, for external dynamic lists of PAN-OS.")
            .consumer("Palo Alto firewalls and Panorama (external dynamic lists)")
            .limits(
                "All lists of a firewall share one capacity that depends on the model, for example 50 000 addresses \
                 with PAN-OS 7.1; it skips entries above and logs that. An entry of a URL list has at most 255 \
                 characters.",
            )
            .pull(
                "Objects > External Dynamic Lists: the URL as the source, a certificate profile, and client \
                 authentication with the user `cratos` and the token as the password (PAN-OS 8.0 and later). After a \
                 refused token the firewall stops enforcing the list; it keeps the list while the server cannot be \
                 reached. Steps: `docs/recipes/palo-alto.md`.",
            )
            .version(3)
            .multiline(LINES_OF_RULES)
            .rewrites(TypeSet::of(&[IndicatorType::Url]));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        if item.kind != IndicatorType::Url {
            return None;
        }
        let entry = web_request::entry_without_scheme(item.value);
        let slash = usize::from(!entry.contains('/'));
        let is_long = || (entry.len() + slash > MAX_CHARACTERS).then_some(TOO_LONG);
        web_request::refuses(item.value, &entry, &['*', '^'])
            .or_else(|| web_request::refuses_port(item.value))
            .or_else(is_long)
    }

    fn rewrite<'v>(&self, item: &Indicator<'v>) -> Cow<'v, str> {
        web_request::entry_without_scheme(item.value)
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        Txt.entry(item, out)
    }

    fn separator(&self) -> &'static str {
        Txt.separator()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{ExportCounts, FeedInfo};
    use crate::{Extractor, IndicatorSet};
    use proptest::prelude::*;

    fn urls(values: &[&str]) -> (String, ExportCounts) {
        let set = IndicatorSet::of(IndicatorType::Url, values.iter().copied());
        let mut out = Vec::new();
        let info = FeedInfo::new(IndicatorType::Url, "test");
        let exported = PaloAlto.export(&info, &mut set.indicators(), &mut out).unwrap();
        (String::from_utf8(out).unwrap(), exported)
    }

    #[test]
    fn urls_lose_their_scheme_before_they_are_sorted() {
        let (text, exported) = urls(&[
            "https://a.example/x",
            "http://b.example/",
            "http://a.example/x",
            "HTTPS://c.example",
        ]);
        assert_eq!(text, "a.example/x\r\nb.example/\r\nc.example");
        assert_eq!((exported.written, exported.quarantined), (4, 0));
        assert_eq!(urls(&[]).0, "");
    }

    #[test]
    fn a_scheme_inside_of_a_url_is_kept() {
        for url in [
            "c.example/?u=http://d.example/",
            "c.example/http://x",
            "c.example/a/b://c",
        ] {
            assert_eq!(urls(&[url]).0, url);
        }
    }

    #[test]
    fn the_default_port_is_not_written() {
        let (text, exported) = urls(&["http://a.example:80/x", "https://b.example:443", "http://c.example:/?q"]);
        assert_eq!(text, "a.example/x\r\nb.example\r\nc.example/?q");
        assert_eq!((exported.written, exported.quarantined), (3, 0));
    }

    /// A set keeps one spelling of a URL, the first in order, which may be one that no request has.
    #[test]
    fn a_url_is_listed_with_the_host_of_requests_in_any_spelling() {
        let (text, exported) = urls(&["http://bücher.example/x", "http://xn--bcher-kva.example/x"]);
        assert_eq!((text.as_str(), exported.written), ("xn--bcher-kva.example/x", 1));
        let (text, exported) = urls(&["http://a.example./x", "http://a.example/x"]);
        assert_eq!((text.as_str(), exported.written), ("a.example/x", 1));
        assert_eq!(urls(&["Bücher.example.:80/x"]).1.quarantined, 1, "a port is a port");
    }

    #[test]
    fn urls_that_the_firewall_would_misread_are_left_out() {
        let long = format!("http://a.example/{}", "x".repeat(246));
        let name = format!("http://{}", "a.".repeat(127) + "b");
        for (url, reason) in [
            ("http://a.example/b c", "unrepresentable"),
            ("http://a.example/ünï", "unrepresentable"),
            ("http://*.example/", "wildcard"),
            ("http://a.example:8080/x", "port"),
            ("https://a.example:80/", "port"),
            ("a.example:80/x", "port"),
            ("http://user:secret@a.example/", "user_information"),
            ("http://a.example/x#part", "fragment"),
            ("ftp://a.example/x", "scheme"),
            ("ssh://a.example/", "scheme"),
            ("http://a.example/^", "wildcard"),
            (&long, "too_long"),
            (&name, "too_long"),
        ] {
            let item = Indicator::new(IndicatorType::Url, url);
            assert_eq!(
                PaloAlto.refuses(&item).map(QuarantineReason::reason),
                Some(reason),
                "{url}"
            );
            let (text, exported) = urls(&[url, "http://z.example/"]);
            assert_eq!((&*text, exported.written, exported.quarantined), ("z.example/", 1, 1));
        }
        let fits = format!("http://a.example/{}", "x".repeat(245));
        assert_eq!(urls(&[&fits]).0.len(), 255);
    }

    proptest! {
        #[test]
        fn lines_of_any_urls_are_sorted_unique_and_plain(
            values in prop::collection::vec("(https?://)?[a-c]\\.example(:80)?(/[a-c*^ é/?=:]{0,6})?", 0..20)
        ) {
            let mut found = Vec::new();
            for value in &values {
                let _ = Extractor::new(IndicatorType::Url).extract("url", value, &mut |url| found.push(url.to_owned()));
            }
            let refs: Vec<&str> = found.iter().map(String::as_str).collect();
            let (text, _) = urls(&refs);
            let lines: Vec<&str> = text.split("\r\n").filter(|line| !line.is_empty()).collect();
            prop_assert!(lines.is_sorted_by(|a, b| a < b));
            for line in lines {
                prop_assert!(line.bytes().all(|byte| byte.is_ascii_graphic()) && !line.starts_with("http"));
                prop_assert!(refs.iter().any(|url| url.replace(":80", "").ends_with(line)));
            }
        }
    }
}
