//! What names cost Suricata: `cargo run -p cratos-enforcement --release --example suricata_load -- 100000`.
//!
//! It writes the files of the agent for so many names, as lists and then as rules, and lets `suricata -T` load them.
//! With `datasets` or `rules` as a second argument it does one of both.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use enforcement::target::Rendered;
use enforcement::{Config, Values};
use feed_classification::{IndicatorSet, IndicatorType, Registry};

/// A name in ten has this many labels before its own: most lists are of this kind.
const MORE_LABELS: [usize; 10] = [0, 0, 0, 0, 1, 1, 1, 2, 2, 3];

/// The clock of `/proc/PID/stat` ticks so often a second on every Linux.
const TICKS: f64 = 100.0;

fn main() -> Result<(), Box<dyn Error>> {
    let mut words = std::env::args().skip(1);
    let count: usize = words.next().map_or(Ok(100_000), |word| word.parse())?;
    let only = words.next();
    let names: Vec<String> = (0..count).map(name).collect();
    let set = IndicatorSet::of(IndicatorType::Domain, names.iter().map(String::as_str));
    let values: Values = [set].into_iter().collect();
    for form in ["datasets", "rules"] {
        if only.as_deref().is_none_or(|only| only == form) {
            measure(form, &values)?;
        }
    }
    Ok(())
}

/// A name like those of domain generators: the same at each run, and in no order.
fn name(number: usize) -> String {
    let mixed = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let more = MORE_LABELS[number % MORE_LABELS.len()];
    format!("{}{:x}{number}.example", "a.".repeat(more), mixed >> 36)
}

fn measure(form: &str, values: &Values) -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let rendered = render(folder.path(), form, values)?;
    let mut bytes = 0;
    for part in &rendered.parts {
        bytes += part.bytes.len();
        fs::write(folder.path().join(&part.name), &part.bytes)?;
    }
    drop(rendered);
    let at = folder.path().display();
    let configuration = format!("%YAML 1.1\n---\ndefault-rule-path: {at}\nrule-files: [cratos.rules]\n");
    fs::write(folder.path().join("suricata.yaml"), configuration)?;
    let loaded = load(folder.path())?;
    println!(
        "{form}: {} names, {:.1} MB of files, loaded in {:.1} s, {:.1} s of processor time, {} MiB at most",
        values.len(),
        bytes as f64 / 1e6,
        loaded.took.as_secs_f64(),
        loaded.processor,
        loaded.peak_kib / 1024
    );
    Ok(())
}

/// Returns the files of a target that the configuration describes.
fn render(folder: &Path, form: &str, values: &Values) -> Result<Rendered, Box<dyn Error>> {
    let (file, token) = (folder.join("agent.yaml"), folder.join("token"));
    fs::write(&token, "token")?;
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600))?;
    let text = format!(
        "server: http://127.0.0.1:1\ntoken_file: {}\nfeeds: [{{name: names, feed: block, type: domain, age: 1w}}]\n\
         targets: [{{name: ids, feeds: [names], suricata: {{directory: /rules, names: {form}}}}}]\n",
        token.display()
    );
    fs::write(&file, text)?;
    let config = Config::read(&file, &Registry::builtin())?;
    let assignment = config.targets.first().ok_or("there is no target")?;
    Ok(assignment.target.render(values)?)
}

struct Loaded {
    took: Duration,
    processor: f64,
    peak_kib: u64,
}

/// Runs `suricata -T`, and looks at it until it has ended and before it is gone.
fn load(folder: &Path) -> Result<Loaded, Box<dyn Error>> {
    let began = Instant::now();
    let mut suricata = Command::new("suricata")
        .args(["-T", "-c", "suricata.yaml", "-l", "."])
        .current_dir(folder)
        .stdout(Stdio::null())
        .spawn()?;
    let process = Path::new("/proc").join(suricata.id().to_string());
    let mut loaded = Loaded {
        took: Duration::ZERO,
        processor: 0.0,
        peak_kib: 0,
    };
    loop {
        let stat = fs::read_to_string(process.join("stat"))?;
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks = |field: usize| fields.get(field).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
        loaded.processor = (ticks(11) + ticks(12)) as f64 / TICKS;
        if fields.first() == Some(&"Z") {
            break;
        }
        let status = fs::read_to_string(process.join("status"))?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:")?.split_whitespace().next());
        loaded.peak_kib = peak.and_then(|text| text.parse().ok()).unwrap_or(loaded.peak_kib);
        thread::sleep(Duration::from_millis(10));
    }
    loaded.took = began.elapsed();
    match suricata.wait()? {
        status if status.success() => Ok(loaded),
        status => Err(format!("suricata ended with {status}").into()),
    }
}
