//! `export::testkit::check` fails for exporters that break a consumer's file.

use std::io::{self, Write};
use std::sync::Arc;

use feed_classification::export::{ExportOption, Multiline, Options, QuarantineReason, TextForm, escape, testkit};
use feed_classification::{About, ExportCounts, Exporter, FeedInfo, Indicator, IndicatorType, TypeSet};

/// Writes each value between two texts, with nothing escaped.
#[derive(Debug)]
struct Raw {
    about: About,
    before: &'static str,
    after: &'static str,
}

impl Exporter for Raw {
    fn about(&self) -> &About {
        &self.about
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "{}{}{}", self.before, item.value, self.after)
    }
}

const CSV: About = About::new("raw-csv", "Values and a score.").extension("csv");
const TEXTS: TypeSet = TypeSet::of(&[IndicatorType::UserAgent, IndicatorType::Filename]);

fn raw(about: About, before: &'static str, after: &'static str) -> Raw {
    Raw { about, before, after }
}

#[test]
#[should_panic(expected = "not escaped")]
fn a_csv_that_writes_rule_texts_raw_fails() {
    testkit::check(&raw(CSV.accepts(TypeSet::RULES), "", ",1\n"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn a_csv_that_claims_to_escape_rule_texts_and_writes_them_raw_fails() {
    testkit::check(&raw(
        CSV.accepts(TypeSet::RULES).multiline(Multiline::Escaped),
        "",
        ",1\n",
    ));
}

/// Found by the fuzz target `exporters`.
#[test]
fn a_rule_with_a_line_end_of_its_own_may_stand_before_one() {
    let rules = About::new("raw-rules", "Rules as they are.").accepts(TypeSet::RULES);
    let rules = rules.multiline(Multiline::Verbatim(TypeSet::RULES));
    testkit::check_value(&raw(rules, "", "\r\n"), &Indicator::new(IndicatorType::Yara, "z\rT"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn a_csv_of_one_column_that_writes_texts_raw_fails() {
    testkit::check(&raw(CSV.accepts(TEXTS), "", "\n"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn quotes_around_a_raw_text_do_not_pass_as_escaping() {
    testkit::check(&raw(About::new("raw-quoted", "Quoted.").accepts(TEXTS), "\"", "\"\n"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn a_raw_field_behind_a_separator_fails() {
    testkit::check(&raw(About::new("raw-tabs", "Tabs.").accepts(TEXTS), "1\t", "\n"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn raw_text_in_an_xml_element_fails() {
    let about = About::new("raw-xml", "XML.").content_type("text/xml").accepts(TEXTS);
    testkit::check(&raw(about, "<v>", "</v>"));
}

#[test]
#[should_panic(expected = "not escaped")]
fn raw_text_in_a_yaml_list_fails() {
    testkit::check(&raw(
        About::new("raw-yaml", "YAML.").extension("yaml").accepts(TEXTS),
        "- ",
        "\n",
    ));
}

#[test]
#[should_panic(expected = "json")]
fn an_array_without_its_end_fails() {
    #[derive(Debug)]
    struct Open;

    impl Exporter for Open {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("open", "Open.")
                .content_type("application/json")
                .accepts(TEXTS)
                .multiline(Multiline::Escaped);
            &ABOUT
        }
        fn header(&self, _: &FeedInfo<'_>, out: &mut dyn Write) -> io::Result<()> {
            out.write_all(b"[")
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            escape::json_str(item.value, out)
        }
        fn separator(&self) -> &'static str {
            ","
        }
    }
    testkit::check(&Open);
}

/// A format with its own `export` that does not call `leaves_out`.
#[derive(Debug)]
struct OwnExport;

impl Exporter for OwnExport {
    fn about(&self) -> &About {
        static ABOUT: About = About::new("own-export", "Rules in base64.").accepts(TypeSet::RULES);
        &ABOUT
    }

    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:?}", item.value)
    }

    fn export(
        &self,
        _: &FeedInfo<'_>,
        items: &mut dyn Iterator<Item = Indicator<'_>>,
        out: &mut dyn Write,
    ) -> io::Result<ExportCounts> {
        let mut exported = ExportCounts::default();
        for item in items.filter(|item| TypeSet::RULES.contains(item.kind)) {
            self.entry(&item, out)?;
            exported.written += 1;
        }
        Ok(exported)
    }
}

#[test]
#[should_panic(expected = "left something behind")]
fn an_overridden_export_that_writes_values_of_several_lines_undeclared_fails() {
    testkit::check(&OwnExport);
}

#[test]
fn a_csv_with_quotes_and_separators_escaped_passes() {
    #[derive(Debug)]
    struct Quoted;

    impl Exporter for Quoted {
        fn about(&self) -> &About {
            static ABOUT: About = About::new("quoted-csv", "Values and a score.")
                .content_type("text/csv; charset=utf-8")
                .extension("csv")
                .multiline(Multiline::LeftOut);
            &ABOUT
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            write!(out, "\"{}\",1\r\n", item.value.replace('"', "\"\""))
        }
    }
    testkit::check(&Quoted);
}

#[test]
fn values_of_several_lines_are_left_out_and_counted_unless_the_format_takes_them() {
    let rules = [
        Indicator::new(IndicatorType::Yara, "rule a {\n}"),
        Indicator::new(IndicatorType::Yara, "rule b {}"),
    ];
    for (multiline, body, quarantined) in [
        (Multiline::LeftOut, "<rule b {}>", 1),
        (Multiline::Escaped, "<rule a {\n}><rule b {}>", 0),
        (Multiline::Verbatim(TypeSet::RULES), "<rule a {\n}><rule b {}>", 0),
        (Multiline::Verbatim(TypeSet::NAMES), "<rule b {}>", 1),
    ] {
        let exporter = raw(About::new("rules", "Rules.").multiline(multiline), "<", ">");
        let mut out = Vec::new();
        let info = FeedInfo::new(IndicatorType::Yara, "alert-yara-1w");
        let exported = exporter.export(&info, &mut rules.iter().copied(), &mut out);
        assert_eq!(String::from_utf8_lossy(&out), body, "{multiline:?}");
        let counts = exported.map(|exported| (exported.written, exported.quarantined)).ok();
        assert_eq!(counts, Some((2 - quarantined, quarantined)), "{multiline:?}");
        assert_eq!(exporter.count(&mut rules.iter().copied()).quarantined, quarantined);
    }
}

/// Lines that begin with a text that may be chosen; `applies` says what becomes of the choice.
#[derive(Clone, Debug)]
struct Prefixed {
    about: About,
    prefix: String,
    applies: Applies,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Applies {
    Yes,
    Never,
    /// The choice is taken and has no effect.
    Nowhere,
    /// The description changes with the choice.
    WithAnotherAbout,
}

const PREFIX: ExportOption = ExportOption::text("prefix", "Begins each line.", "x", TextForm::up_to(4).also("-"));

impl Prefixed {
    fn of(options: &'static [ExportOption], applies: Applies) -> Self {
        let about = About::new("prefixed", "Lines with a prefix.").accepts(TypeSet::NAMES);
        Self {
            about: about.options(options),
            prefix: "x".to_owned(),
            applies,
        }
    }
}

impl Exporter for Prefixed {
    fn about(&self) -> &About {
        &self.about
    }
    fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
        let mut other = self.clone();
        match self.applies {
            Applies::Never => return None,
            Applies::Nowhere => {}
            Applies::Yes => other.prefix = options.text("prefix").to_owned(),
            Applies::WithAnotherAbout => other.about = other.about.extension("other"),
        }
        Some(Arc::new(other))
    }
    fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{} {}", self.prefix, item.value)
    }
}

#[test]
fn an_option_that_is_applied_passes() {
    testkit::check(&Prefixed::of(&[PREFIX], Applies::Yes));
}

#[test]
#[should_panic(expected = "does not apply")]
fn declared_options_that_are_never_applied_fail() {
    testkit::check(&Prefixed::of(&[PREFIX], Applies::Never));
}

#[test]
#[should_panic(expected = "changes no byte")]
fn an_option_without_effect_fails() {
    testkit::check(&Prefixed::of(&[PREFIX], Applies::Nowhere));
}

#[test]
#[should_panic(expected = "changes the description")]
fn an_option_that_changes_the_description_fails() {
    testkit::check(&Prefixed::of(&[PREFIX], Applies::WithAnotherAbout));
}

#[test]
#[should_panic(expected = "does not take its default")]
fn a_default_out_of_bounds_fails() {
    const LONG: ExportOption = ExportOption::text("prefix", "Begins each line.", "abcde", TextForm::up_to(4));
    testkit::check(&Prefixed::of(&[LONG], Applies::Yes));
}

#[test]
#[should_panic(expected = "the name of another part of the query")]
fn an_option_with_the_name_of_the_token_fails() {
    const TOKEN: ExportOption = ExportOption::word("token", "Begins each line.", &["x", "y"]);
    testkit::check(&Prefixed::of(&[TOKEN], Applies::Yes));
}

/// The format is sound only as long as nothing is chosen.
#[test]
#[should_panic(expected = "it is not escaped")]
fn a_format_that_a_choice_breaks_fails() {
    #[derive(Debug)]
    struct Broken(bool);
    impl Exporter for Broken {
        fn about(&self) -> &About {
            const QUOTED: &[ExportOption] = &[ExportOption::word("quoted", "Quotes values.", &["yes", "no"])];
            static ABOUT: About = About::new("broken", "Broken.").accepts(TEXTS).options(QUOTED);
            &ABOUT
        }
        fn configured(&self, options: &Options) -> Option<Arc<dyn Exporter>> {
            Some(Arc::new(Self(options.word("quoted") == "yes")))
        }
        fn refuses(&self, item: &Indicator<'_>) -> Option<QuarantineReason> {
            (self.0 && !item.value.bytes().all(|byte| byte.is_ascii_alphanumeric()))
                .then_some(QuarantineReason::UNREPRESENTABLE)
        }
        fn entry(&self, item: &Indicator<'_>, out: &mut dyn Write) -> io::Result<()> {
            writeln!(out, "{}", item.value.replace('-', "\n"))
        }
    }
    testkit::check(&Broken(true));
}
