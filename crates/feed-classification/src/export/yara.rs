//! `yara`: one file of rules that compiles.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::export::{About, ExportCounts, Exporter, FeedInfo, Multiline, QuarantineReason, Rivalry};
use crate::{Indicator, IndicatorType, TypeSet};

mod bounds;
mod condition;
mod names;
mod portable;
mod source;
mod weight;

use names::Names;
use source::Source;

const ACCEPTS: TypeSet = TypeSet::of(&[IndicatorType::Yara]);

/// The rules of all texts in one file, LF behind each text. An empty feed has no bytes, which YARA takes.
///
/// YARA refuses a whole file for one bad rule. So each text is compiled alone, with a compiler of YARA's language
/// (`boreal`), and a text that does not compile is left out.
///
/// - **Imports** stand once at the top of the file. A text that uses a module and forgot to import it gets the import;
///   only modules that every YARA from 4.2 on and YARA-X have are known.
/// - **Names**: where two texts have a rule of one name, each gets the first eight digits of its text's SHA-256 behind
///   it, `name_1a2b3c4d`, in the text's own conditions too. The order of the texts decides nothing.
/// - Everything else is written as it is in MISP.
///
/// Left out are also texts that compile and would do harm in a file with others:
///
/// - **global rules**: one that is false turns off every other rule of the file;
/// - `include`, which reads a file of the consumer;
/// - sets of rules with a wildcard (`any of (a*)`), which would count rules of other texts, and forbid their names;
/// - what YARA 4.2 does not have, such as `~` in hexadecimal strings;
/// - a text of more nesting or larger repetitions than a scanner should get. Time and memory of the compiler are
///   bounded by that.
///
/// Source: the documentation and the grammar of YARA 4.2 to 4.5; checked with YARA 4.2.3.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yara;

impl Exporter for Yara {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("yara", "A file of YARA rules that compiles.")
            .extension("yar")
            .consumer("YARA and YARA-X")
            .limits("Rules that YARA 4.2 does not take are left out.")
            .pull("A script fetches the file with `curl -H \"token: TOKEN\"` and compiles it with `yarac`.")
            .accepts(ACCEPTS)
            .multiline(Multiline::Verbatim(ACCEPTS));
        &ABOUT
    }

    fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
        Source::check(item.value).err()
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        match Source::check(item.value) {
            Ok(source) => write_file(&[source], out),
            Err(_) => Ok(()),
        }
    }

    fn rivalry(&self, item: &Indicator<'_>, items: &mut dyn Iterator<Item = Indicator<'_>>) -> Option<Rivalry> {
        let sources: Vec<Source<'_>> = items.filter_map(|item| Source::check(item.value).ok()).collect();
        let renamed = renamed(&sources).into_iter().zip(&sources);
        let (renamed, _) = renamed.into_iter().find(|(_, source)| source.text == item.value)?;
        let names: Vec<String> = renamed
            .iter()
            .map(|(name, given)| format!("{name} is {given}"))
            .collect();
        let names = names.join(", ");
        (!names.is_empty()).then_some(Rivalry::Renamed { names })
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let mut exported = ExportCounts::default();
        let mut sources = Vec::new();
        for item in items.filter(|item| ACCEPTS.contains(item.kind)) {
            match Source::check(item.value) {
                Ok(source) => {
                    exported.written += 1;
                    sources.push(source);
                }
                Err(_) => exported.quarantined += 1,
            }
        }
        write_file(&sources, out)?;
        Ok(exported)
    }
}

fn write_file(sources: &[Source<'_>], out: &mut dyn Write) -> io::Result<()> {
    let imports: BTreeSet<&str> = sources
        .iter()
        .flat_map(|source| source.imports.iter().copied())
        .collect();
    for module in imports {
        writeln!(out, "import \"{module}\"")?;
    }
    for (source, renamed) in sources.iter().zip(renamed(sources)) {
        writeln!(out, "{}", source.body(&renamed))?;
    }
    Ok(())
}

/// Returns the names of each text that change, with the new ones.
fn renamed<'s>(sources: &'s [Source<'_>]) -> Vec<BTreeMap<&'s str, String>> {
    let mut names = Names::of(sources.iter().flat_map(Source::names));
    let mut of_text = |source: &'s Source<'_>| {
        let given = source.names().map(|name| (name, names.give(name, source.text)));
        given.filter(|(name, given)| name != given).collect()
    };
    sources.iter().map(&mut of_text).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> (String, ExportCounts) {
        let mut out = Vec::new();
        let items = &mut std::iter::once(Indicator::new(IndicatorType::Yara, text));
        let counts = Yara.export(&FeedInfo::new(IndicatorType::Yara, ""), items, &mut out);
        (String::from_utf8(out).unwrap(), counts.unwrap())
    }

    #[test]
    fn loops_nest_as_deep_as_yara_takes_them() {
        let rule = |inner: usize| {
            let open: String = (0..inner)
                .map(|number| format!("for any i{number} in (1..2) : ( "))
                .collect();
            let close = " )".repeat(inner);
            format!("rule a {{ strings: $x = \"abcdef\" condition: for any of them : ( {open}$ at 1{close} ) }}")
        };
        assert_eq!(file(&rule(3)).1.written, 1, "{}", rule(3));
        assert_eq!(file(&rule(4)).1.written, 0, "{}", rule(4));
    }

    #[test]
    fn names_and_texts_are_as_long_as_yara_takes_them() {
        let rule = |name: usize, string: usize, text: usize, meta: usize| {
            let [name, string, text, meta] = [name, string, text, meta].map(|bytes| "x".repeat(bytes));
            format!("rule {name} {{ meta: m = \"{meta}\" strings: ${string} = \"{text}\" condition: all of them }}")
        };
        for (text, written) in [
            (rule(128, 127, 8_000, 8_000), 1),
            (rule(129, 127, 8_000, 8_000), 0),
            (rule(128, 128, 8_000, 8_000), 0),
            (rule(128, 127, 8_001, 8_000), 0),
            (rule(128, 127, 8_000, 8_001), 0),
        ] {
            assert_eq!(file(&text).1.written, written, "{text}");
        }
    }

    /// Pieces of rules, put together in any way.
    const PIECES: [&str; 20] = [
        "rule a { condition: true }",
        "private rule b { condition: false }",
        "rule c { condition: a or pe.is_pe }",
        "rule d { strings: $x = \"//\" condition: $x }",
        "rule e { strings: $x = /a\\/*/ condition: $x }",
        "rule f { strings: $x = { 01 /* */ 02 } condition: $x }",
        "rule a { condition: 1 of (a) }",
        "rule g { condition: for any a in (1..2) : ( a == 1 ) }",
        "import \"pe\"",
        "import \"math\" /* x */",
        "//",
        "/*",
        "*/",
        "\"",
        "\\",
        "/",
        "}",
        "\u{201c}",
        "\r\n",
        "\n",
    ];

    proptest! {
        #[test]
        fn a_file_is_a_text_that_is_taken_again(picks in prop::collection::vec(0..PIECES.len(), 0..8)) {
            let text: Vec<&str> = picks.iter().filter_map(|pick| PIECES.get(*pick).copied()).collect();
            let (first, counts) = file(&text.join(" "));
            if counts.written == 1 {
                let (second, counts) = file(&first);
                prop_assert_eq!(counts.written, 1, "{}", first);
                // Moved imports leave their line ends behind.
                prop_assert!(first.split_whitespace().eq(second.split_whitespace()), "{} {}", first, second);
            }
        }
    }
}
