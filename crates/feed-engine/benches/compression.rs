//! What each level of each compression makes of feeds, and what it costs.
//!
//! Prints a table in Markdown: the size against the plain body, and the processor time for 10 MB of it.

#![expect(clippy::print_stdout, reason = "a bench talks to the terminal")]

use std::io::{self, Write as _};

use feed_classification::{FeedInfo, IndicatorSet, IndicatorType, Registry};
use rustix::time::ClockId;

/// Values of each feed. They are random: neither runs of addresses nor names in a series, which compress far better.
const VALUES: usize = 100_000;

/// Words of which names are made.
const WORDS: [&str; 32] = [
    "account", "alpha", "bank", "blue", "cdn", "cloud", "data", "delta", "download", "express", "free", "global",
    "home", "info", "login", "mail", "market", "mobile", "news", "online", "pay", "portal", "prime", "secure",
    "server", "shop", "soft", "support", "update", "verify", "web", "world",
];
const ENDS: [&str; 12] = [
    "com", "net", "org", "info", "xyz", "top", "ru", "cn", "online", "site", "shop", "co.uk",
];

fn main() -> io::Result<()> {
    println!("| feed | plain | form | size | processor time for 10 MB |");
    println!("| --- | --- | --- | --- | --- |");
    for (name, output, kind) in [
        ("domains", "txt", IndicatorType::Domain),
        ("IPv4", "txt", IndicatorType::Ipv4),
        ("SHA-256", "txt", IndicatorType::FileSha256),
        ("Suricata rules of domains", "suricata", IndicatorType::Domain),
    ] {
        let plain = body(output, kind)?;
        let megabytes = plain.len() as f64 / 1e6;
        for (form, pack) in forms() {
            let before = processor_seconds();
            let packed = pack(&plain)?;
            let seconds = (processor_seconds() - before) * 10.0 / megabytes;
            let share = packed.len() as f64 * 100.0 / plain.len() as f64;
            println!("| {name} | {megabytes:.1} MB | {form} | {share:.1} % | {seconds:.3} s |");
        }
    }
    Ok(())
}

type Pack = Box<dyn Fn(&[u8]) -> io::Result<Vec<u8>>>;

fn forms() -> Vec<(String, Pack)> {
    let mut forms: Vec<(String, Pack)> = Vec::new();
    for level in [1, 4, 6, 9] {
        forms.push((format!("gzip {level}"), Box::new(move |plain| gzip(plain, level))));
    }
    for level in 1..=6 {
        forms.push((format!("brotli {level}"), Box::new(move |plain| brotli(plain, level))));
    }
    for level in [1, 3, 6, 9] {
        forms.push((format!("zstd {level}"), Box::new(move |plain| zstd(plain, level))));
    }
    forms
}

fn gzip(plain: &[u8], level: u32) -> io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::new(level));
    writer.write_all(plain)?;
    writer.finish()
}

fn brotli(plain: &[u8], quality: i32) -> io::Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams {
        quality,
        ..Default::default()
    };
    let mut writer = brotli::CompressorWriter::with_params(Vec::new(), 64 * 1024, &parameters);
    writer.write_all(plain)?;
    Ok(writer.into_inner())
}

fn zstd(plain: &[u8], level: i32) -> io::Result<Vec<u8>> {
    zstd::encode_all(plain, level)
}

fn body(output: &str, kind: IndicatorType) -> io::Result<Vec<u8>> {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let values: Vec<String> = (0..VALUES).map(|_| value(kind, &mut random)).collect();
    let set = IndicatorSet::of(kind, values.iter().map(String::as_str));
    let registry = Registry::builtin();
    let exporter = registry
        .by_name(output)
        .ok_or_else(|| io::Error::other("no such output"))?;
    let mut body = Vec::new();
    exporter.export(&FeedInfo::new(kind, "bench"), &mut set.indicators(), &mut body)?;
    Ok(body)
}

fn value(kind: IndicatorType, random: &mut Random) -> String {
    match kind {
        IndicatorType::Ipv4 => std::net::Ipv4Addr::from(random.next() as u32).to_string(),
        IndicatorType::FileSha256 => (0..4).map(|_| format!("{:016x}", random.next())).collect(),
        _ => {
            let one = random.of(&WORDS);
            let number = random.next();
            let (two, end) = (random.of(&WORDS), random.of(&ENDS));
            match number % 3 {
                0 => format!("{one}-{two}{}.{end}", number % 1_000),
                1 => format!("{one}.{:x}.{end}", number >> 32),
                _ => format!("{two}{one}{}.{end}", number % 100_000),
            }
        }
    }
}

/// xorshift64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn of(&mut self, words: &[&'static str]) -> &'static str {
        words
            .get(self.next() as usize % words.len())
            .copied()
            .unwrap_or_default()
    }
}

fn processor_seconds() -> f64 {
    let time = rustix::time::clock_gettime(ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
