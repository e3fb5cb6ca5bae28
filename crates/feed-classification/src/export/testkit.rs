//! The tests that every exporter has to pass, built-in ones and those of other crates (feature `testkit`).
//!
//! Call the functions from a test: they panic for a fault. Values pass through the grammar of their type first, so an
//! exporter is checked with values that it can get.

use std::io;

use crate::export::escape::has_line_break;
use crate::export::{About, ExportCounts, Exporter, FeedInfo, Multiline};
use crate::{Indicator, IndicatorType, TypeSet};

mod builtin;
mod declared;
mod million;
mod structure;
mod values;
mod writers;

use super::samples::samples as harmless;
pub use builtin::{body, chosen, writable};
pub use million::{check_million, million};
use structure::Format;
use values::hostile;
pub use values::values;
use writers::{FullAfter, OneByteAtATime};

/// Reads the values back out of an exporter's output; for [`check_round_trip`].
///
/// ```
/// use feed_classification::Registry;
/// use feed_classification::export::testkit::{Reader, check_round_trip};
///
/// let read: Reader = &|body| serde_json::from_slice(body).unwrap();
/// check_round_trip(Registry::builtin().by_name("json").unwrap().as_ref(), read);
/// ```
pub type Reader<'r> = &'r dyn Fn(&[u8]) -> Vec<String>;

/// Asserts the rules for every exporter:
///
/// - it describes itself in a way that fits into URLs and headers;
/// - the same indicators give the same bytes, also through a writer that takes one byte at a time;
/// - a feed without indicators can be written, and is well-formed CSV, JSON, XML or YAML if the format is one of them;
/// - counting gives the same numbers as writing;
/// - the feed's name and the time of the last change are written only by an exporter that declares it
///   ([`About::titled`], [`About::dated`]);
/// - nothing of a type that it does not accept appears or is counted;
/// - a value that is left out leaves no byte behind and is counted, for example one of several lines that
///   [`About::multiline`] does not take;
/// - a hostile value is escaped: the output does not have it beside a delimiter that it holds itself (`a,b` in front of
///   a comma). CSV, JSON, XML and YAML have as many fields as with a harmless value, other formats as many lines, or
///   fewer where entries merge. The format is known by its content type or extension;
/// - an error of the writer comes back, wherever it happens, also in a feed without indicators;
/// - each of its [options](About::options) has a default within its bounds and changes the bytes of some type, and all
///   of the above holds with the extremes of each option, and of all together.
///
/// [`check_million`] asserts the rules for a large feed.
pub fn check(exporter: &dyn Exporter) {
    check_about(exporter);
    declared::check(exporter.about().options);
    check_configured(exporter);
    for option in exporter.about().options {
        let configured = declared::extremes(exporter, option);
        let has_effect = configured.iter().any(|other| differs(exporter, other.as_ref()));
        assert!(has_effect, "the option {} changes no byte", option.name);
        configured.iter().for_each(|other| check_configured(other.as_ref()));
    }
    if let Some(all) = declared::all_at_once(exporter) {
        check_configured(all.as_ref());
    }
}

fn check_configured(exporter: &dyn Exporter) {
    for kind in exporter.about().accepts.iter() {
        let values = harmless(kind);
        check_bytes(exporter, kind, &values);
        check_empty(exporter, kind);
        check_writer_errors(exporter, kind, &values);
        check_writer_errors(exporter, kind, &[]);
        for value in hostile(kind) {
            check_hostile(exporter, kind, &values, &value);
        }
    }
    check_types(exporter);
}

/// Asserts for one value what [`check`] asserts for hostile ones, for fuzzers: the exporter escapes it, or leaves it
/// out and counts it.
///
/// The value has to be one that the grammar of its type gives. A value of a type that the exporter does not accept
/// passes.
pub fn check_value(exporter: &dyn Exporter, item: &Indicator<'_>) {
    if exporter.about().accepts.contains(item.kind) {
        check_hostile(exporter, item.kind, &harmless(item.kind), item.value);
    }
}

/// Asserts that `read` gives back exactly the values that were written, for every accepted type, harmless and hostile
/// ones together.
pub fn check_round_trip(exporter: &dyn Exporter, read: Reader<'_>) {
    for kind in exporter.about().accepts.iter() {
        let values = values(kind);
        let (bytes, _) = export(exporter, kind, &values);
        let expected: Vec<_> = values
            .into_iter()
            .filter(|value| exporter.leaves_out(&Indicator::new(kind, value)).is_none())
            .collect();
        assert_eq!(
            read(&bytes),
            expected,
            "{kind}: other values came back than were written"
        );
        assert_eq!(
            read(&export(exporter, kind, &[]).0),
            Vec::<String>::new(),
            "{kind}: an empty feed has values"
        );
    }
}

/// Returns whether two exporters write other bytes for some type that they accept.
fn differs(one: &dyn Exporter, other: &dyn Exporter) -> bool {
    let mut kinds = one.about().accepts.iter();
    kinds.any(|kind| export(one, kind, &values(kind)).0 != export(other, kind, &values(kind)).0)
}

fn check_about(exporter: &dyn Exporter) {
    let about = exporter.about();
    let is_name = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
    };
    assert!(is_name(about.name), "the name {:?} does not fit into a url", about.name);
    assert!(
        is_name(about.extension),
        "the extension {:?} is no file extension",
        about.extension
    );
    assert!(
        about.content_type.contains('/') && about.content_type.is_ascii(),
        "{:?} is no content type",
        about.content_type
    );
    assert!(
        !(about.merges && about.writes_every_value),
        "an output that merges indicators has fewer entries than values"
    );
    assert!(
        !about.summary.is_empty() && !about.summary.contains('\n'),
        "the summary has to be one line"
    );
    assert!(
        !about.accepts.is_empty(),
        "an exporter that accepts no type is of no use"
    );
}

fn check_bytes(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) {
    let (bytes, exported) = export(exporter, kind, values);
    assert_eq!(
        export(exporter, kind, values),
        (bytes.clone(), exported),
        "{kind}: the same indicators gave other bytes"
    );
    let total = exported.written + exported.quarantined;
    assert_eq!(
        total,
        values.len() as u64,
        "{kind}: an indicator is neither written nor quarantined"
    );

    let counted = exporter.count(&mut indicators(kind, values));
    assert_eq!(counted, exported, "{kind}: counting gives other numbers than writing");

    let about = exporter.about();
    let info = info(kind);
    for (is_declared, other) in [
        (
            about.titled,
            FeedInfo {
                name: "another",
                ..info
            },
        ),
        (about.dated, info.changed_at(jiff::Timestamp::MAX)),
    ] {
        let mut told = Vec::new();
        let outcome = exporter.export(&other, &mut indicators(kind, values), &mut told);
        assert!(outcome.is_ok(), "{kind}: it cannot be written");
        assert!(
            is_declared || told == bytes,
            "{kind}: the bytes depend on a fact that the exporter does not declare"
        );
    }

    let mut slow = OneByteAtATime(Vec::new());
    let result = exporter.export(&info, &mut indicators(kind, values), &mut slow);
    assert!(
        result.is_ok_and(|again| again == exported),
        "{kind}: a slow writer changes the counts"
    );
    assert_eq!(slow.0, bytes, "{kind}: a slow writer changes the bytes");
}

fn check_empty(exporter: &dyn Exporter, kind: IndicatorType) {
    let (bytes, exported) = export(exporter, kind, &[]);
    assert_eq!(exported, ExportCounts::default(), "{kind}: an empty feed has entries");
    if let Some(format) = Format::of(exporter.about()) {
        let fields = format.fields(&bytes);
        let name = format.name();
        assert!(
            fields.is_ok(),
            "{kind}: an empty feed is no {name} ({})",
            fields.as_ref().err().map_or("", String::as_str)
        );
    }
}

fn check_types(exporter: &dyn Exporter) {
    let accepts = exporter.about().accepts;
    let Some(kind) = accepts.iter().next() else {
        return;
    };
    let values = harmless(kind);
    let foreign: Vec<_> = TypeSet::ALL
        .without(accepts)
        .iter()
        .map(|other| (other, harmless(other)))
        .collect();
    let foreign = || foreign.iter().flat_map(|(other, values)| indicators(*other, values));
    let mut bytes = Vec::new();
    let mut mixed = foreign().chain(indicators(kind, &values)).chain(foreign());
    let exported = exporter.export(&info(kind), &mut mixed, &mut bytes).ok();
    assert_eq!(
        Some((bytes, exported.unwrap_or_default())),
        Some(export(exporter, kind, &values)),
        "a type that is not accepted shows"
    );
}

fn check_hostile(exporter: &dyn Exporter, kind: IndicatorType, values: &[String], hostile: &str) {
    let [first, middle, last] = values else {
        return;
    };
    let with = |middle: &str| export(exporter, kind, &[first.clone(), middle.to_owned(), last.clone()]);
    let (bytes, exported) = with(hostile);
    if exporter.leaves_out(&Indicator::new(kind, hostile)).is_some() {
        assert!(
            !exporter.about().writes_every_value,
            "{kind}: the value {hostile:?} is left out of an output that says it writes every value"
        );
        let (without, harmless) = export(exporter, kind, &[first.clone(), last.clone()]);
        assert_eq!(
            bytes, without,
            "{kind}: the value {hostile:?}, which is left out, left something behind"
        );
        assert_eq!(
            exported.quarantined,
            harmless.quarantined + 1,
            "{kind}: the value {hostile:?} is left out and not counted"
        );
        return;
    }
    let about = exporter.about();
    check_ends(about, kind, &bytes, hostile);
    let (size, harmless, unit) = if let Some(format) = Format::of(about) {
        let fields = |bytes: &[u8], value: &str| {
            let fields = format.fields(bytes);
            let name = format.name();
            assert!(
                fields.is_ok(),
                "{kind}: with the value {value:?} the output is no {name} ({}): it is not escaped",
                fields.as_ref().err().map_or("", String::as_str)
            );
            fields.unwrap_or_default()
        };
        (fields(&bytes, hostile), fields(&with(middle).0, middle), "fields")
    } else if is_verbatim(about, kind) && has_line_break(hostile) {
        return;
    } else {
        (lines(&bytes), lines(&with(middle).0), "lines")
    };
    // A value that covers its neighbours takes their lines away.
    let fits = if about.merges {
        size <= harmless
    } else {
        size == harmless
    };
    assert!(
        fits,
        "{kind}: the value {hostile:?} takes {size} {unit} and not {harmless}: it is not escaped"
    );
}

/// Asserts that the output does not have the raw value in front of a character that the value holds too.
///
/// For example `a,b` in front of a comma, or `a"b` between quotes: a reader stops too early. Only values that begin and
/// end with a letter or digit are looked at, since the others also occur as a part of an escaped value. Where a rule is
/// written unchanged, its line ends do not end it.
fn check_ends(about: &About, kind: IndicatorType, bytes: &[u8], value: &str) {
    /// Characters that stand between fields, so one before a field would also end it.
    const SEPARATORS: [char; 4] = [',', ';', '\t', '|'];
    /// Characters that end a field. A dot is not among them: `192.0.2.1` may stand in front of one.
    const ENDS: [char; 12] = [',', ';', '\t', '|', '\n', '\r', ' ', '"', '\'', '<', ')', ']'];
    let is_word = |char: char| char.is_ascii_alphanumeric();
    let has_lines = is_verbatim(about, kind);
    let is_end = |char: &char| ENDS.contains(char) && !(has_lines && matches!(char, '\n' | '\r'));
    if !value.starts_with(is_word) || !value.ends_with(is_word) {
        return;
    }
    let text = String::from_utf8_lossy(bytes);
    for (start, found) in text.match_indices(value) {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(start + found.len()..).and_then(|after| after.chars().next());
        let before = before.filter(|char| SEPARATORS.contains(char));
        let after = after.filter(is_end);
        for delimiter in before.into_iter().chain(after) {
            assert!(
                !value.contains(delimiter),
                "{kind}: the value {value:?} stands beside {delimiter:?} and holds it too: it is not escaped"
            );
        }
    }
}

fn is_verbatim(about: &About, kind: IndicatorType) -> bool {
    matches!(about.multiline, Multiline::Verbatim(types) if types.contains(kind))
}

fn lines(bytes: &[u8]) -> usize {
    let ends = |byte: &&u8| matches!(byte, b'\n' | b'\r' | b'\0');
    bytes.iter().filter(ends).count()
}

fn check_writer_errors(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) {
    let (bytes, _) = export(exporter, kind, values);
    for room in 0..bytes.len() {
        let mut out = FullAfter(room);
        let result = exporter.export(&info(kind), &mut indicators(kind, values), &mut out);
        let kept = result.is_err_and(|error| error.kind() == io::ErrorKind::StorageFull);
        assert!(
            kept,
            "{kind}: the error of a writer that is full after {room} bytes is lost"
        );
    }
}

fn info(kind: IndicatorType) -> FeedInfo<'static> {
    FeedInfo::new(kind, "testkit")
}

fn indicators(kind: IndicatorType, values: &[String]) -> impl Iterator<Item = Indicator<'_>> {
    values.iter().map(move |value| Indicator::new(kind, value))
}

fn export(exporter: &dyn Exporter, kind: IndicatorType, values: &[String]) -> (Vec<u8>, ExportCounts) {
    let mut bytes = Vec::new();
    let result = exporter.export(&info(kind), &mut indicators(kind, values), &mut bytes);
    assert!(result.is_ok(), "{kind}: writing to memory failed");
    (bytes, result.unwrap_or_default())
}
