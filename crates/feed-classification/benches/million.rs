//! What a feed of 1 000 000 values costs in each output: processor time, also as a multiple of that for the same values
//! in plain lines, memory beyond the set of values, and the time for counting what the format leaves out, after which
//! an answer begins.
//!
//! Prints a table in Markdown and fails if an output misses an aim. Names of outputs as arguments limit it to these.

#![expect(clippy::print_stdout, reason = "a bench talks to the terminal")]

use std::io::{self, Write};
use std::process::ExitCode;

use feed_classification::export::testkit::million;
use feed_classification::{Exporter, FeedInfo, IndicatorSet, IndicatorSetBuilder, IndicatorType, Registry, TypeSet};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

const AIM_SECONDS: f64 = 1.5;
const AIM_BYTES: usize = 64 << 20;

/// One run is disturbed by other processes now and then; the table has the median.
const RUNS: usize = 3;

/// Short work is repeated until it has taken so long: the clock has steps of some milliseconds.
const LONG_ENOUGH_SECONDS: f64 = 0.1;

/// A type of each kind of text: addresses, networks, names, long values, fixed length, free text, rules.
const TYPES: [IndicatorType; 10] = [
    IndicatorType::Ipv4,
    IndicatorType::Cidr6,
    IndicatorType::Domain,
    IndicatorType::Url,
    IndicatorType::FileSha256,
    IndicatorType::EmailAddress,
    IndicatorType::UserAgent,
    IndicatorType::Snort,
    IndicatorType::Yara,
    IndicatorType::Sigma,
];

fn main() -> ExitCode {
    // `cargo bench` adds options of its own.
    let names: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let registry = Registry::builtin();
    let is_wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    let exporters: Vec<&dyn Exporter> = registry
        .iter()
        .map(AsRef::as_ref)
        .filter(|exporter| is_wanted(exporter.about().name))
        .collect();
    let mut costs: Vec<Vec<Cost>> = exporters.iter().map(|_| Vec::new()).collect();
    for kind in TYPES {
        let takes = |exporter: &&dyn Exporter| exporter.about().accepts.contains(kind);
        if !exporters.iter().any(takes) {
            continue;
        }
        let values = values(kind);
        let plain_seconds = match plain_seconds(&values) {
            Ok(seconds) => seconds,
            Err(error) => return failed("plain lines", &error),
        };
        for (exporter, costs) in exporters.iter().zip(&mut costs).filter(|(exporter, _)| takes(exporter)) {
            match measured(*exporter, &values, plain_seconds) {
                Ok(cost) => costs.push(cost),
                Err(error) => return failed(exporter.about().name, &error),
            }
        }
    }
    print(&exporters, &costs)
}

/// What one output of one type took.
#[derive(Clone, Copy)]
struct Cost {
    kind: IndicatorType,
    seconds: f64,
    /// Of the same values in plain lines.
    plain_seconds: f64,
    count_milliseconds: f64,
    peak_bytes: usize,
    body_bytes: usize,
}

/// Returns the processor time of a list without a format, copied into memory.
fn plain_seconds(values: &IndicatorSet) -> io::Result<f64> {
    let mut body = Vec::new();
    repeated(|| {
        body.clear();
        for value in values.iter() {
            body.extend_from_slice(value.as_bytes());
            body.push(b'\n');
        }
        std::hint::black_box(&mut body);
    })
}

/// Returns the processor time of some work.
fn repeated(mut work: impl FnMut()) -> io::Result<f64> {
    let (mut times, before) = (0.0, processor_seconds()?);
    loop {
        work();
        times += 1.0;
        let spent = processor_seconds()? - before;
        if spent >= LONG_ENOUGH_SECONDS {
            return Ok(spent / times);
        }
    }
}

fn measured(exporter: &dyn Exporter, values: &IndicatorSet, plain_seconds: f64) -> io::Result<Cost> {
    let info = FeedInfo::new(values.kind(), "bench");
    let mut runs = Vec::new();
    for _ in 0..RUNS {
        let mut body = Counter(0);
        MEMORY.reset_peak_usage();
        let before = (MEMORY.current_usage(), processor_seconds()?);
        exporter.export(&info, &mut values.indicators(), &mut body)?;
        let seconds = processor_seconds()? - before.1;
        let peak_bytes = MEMORY.peak_usage() - before.0;
        let count_seconds = repeated(|| {
            std::hint::black_box(exporter.count(&mut values.indicators()));
        })?;
        runs.push(Cost {
            kind: values.kind(),
            seconds,
            plain_seconds,
            count_milliseconds: count_seconds * 1e3,
            peak_bytes,
            body_bytes: body.0,
        });
    }
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    runs.get(RUNS / 2).copied().ok_or_else(|| io::Error::other("no run"))
}

fn print(exporters: &[&dyn Exporter], costs: &[Vec<Cost>]) -> ExitCode {
    let mut missed = Vec::new();
    println!(
        "| output | slowest type | processor time | × plain lines | counting | its type | most memory beyond the set | \
         its type | largest body |"
    );
    println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
    for (exporter, costs) in exporters.iter().zip(costs) {
        let name = exporter.about().name;
        let slowest = costs.iter().max_by(|one, other| one.seconds.total_cmp(&other.seconds));
        let counted = costs
            .iter()
            .max_by(|one, other| one.count_milliseconds.total_cmp(&other.count_milliseconds));
        let largest = costs.iter().max_by_key(|cost| cost.peak_bytes);
        let body_bytes = costs.iter().map(|cost| cost.body_bytes).max().unwrap_or_default();
        let (Some(slowest), Some(counted), Some(largest)) = (slowest, counted, largest) else {
            continue;
        };
        println!(
            "| `{name}` | `{}` | {} | {:.1} | {:.0} ms | `{}` | {} | `{}` | {} |",
            slowest.kind,
            marked(format!("{:.2} s", slowest.seconds), slowest.seconds >= AIM_SECONDS),
            slowest.seconds / slowest.plain_seconds,
            counted.count_milliseconds,
            counted.kind,
            marked(size(largest.peak_bytes), largest.peak_bytes >= AIM_BYTES),
            largest.kind,
            size(body_bytes),
        );
        if slowest.seconds >= AIM_SECONDS || largest.peak_bytes >= AIM_BYTES {
            missed.push(name);
        }
    }
    if missed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!(
        "\nmore than {AIM_SECONDS} s or {}: {}",
        size(AIM_BYTES),
        missed.join(", ")
    );
    ExitCode::FAILURE
}

/// Returns the figure in bold letters if it misses its aim.
fn marked(figure: String, is_missed: bool) -> String {
    if is_missed { format!("**{figure}**") } else { figure }
}

fn size(bytes: usize) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

/// Returns a million values; rules are valid in their language.
fn values(kind: IndicatorType) -> IndicatorSet {
    if !TypeSet::RULES.contains(kind) {
        return million(kind);
    }
    let mut rules = IndicatorSetBuilder::new(kind);
    for number in 0..1_000_000 {
        rules.push(&match kind {
            IndicatorType::Yara => {
                format!("rule listed_{number:07} {{\n  strings: $a = \"evil-{number:07}\"\n  condition: $a\n}}")
            }
            IndicatorType::Sigma => format!(
                "title: Listed {number:07}\nlogsource:\n  category: process_creation\ndetection:\n  selection:\n    \
                 Image|endswith: '\\evil-{number:07}.exe'\n  condition: selection\n"
            ),
            _ => format!(
                "alert tcp any any -> any any (msg:\"listed {number:07}\"; content:\"evil-{number:07}\"; \
                 sid:1{number:07}; rev:1;)"
            ),
        });
    }
    rules.finish()
}

/// Counts the bytes and keeps none, as a socket does not.
struct Counter(usize);

impl Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the processor time of this thread, the only one, so far.
fn processor_seconds() -> io::Result<f64> {
    let schedule = std::fs::read_to_string("/proc/self/schedstat")?;
    // The first field of proc(5), in nanoseconds.
    let nanoseconds = schedule
        .split_whitespace()
        .next()
        .and_then(|time| time.parse::<f64>().ok());
    nanoseconds
        .map(|time| time / 1e9)
        .ok_or_else(|| io::Error::other("no time in /proc/self/schedstat"))
}

fn failed(name: &str, error: &io::Error) -> ExitCode {
    println!("{name}: {error}");
    ExitCode::FAILURE
}
