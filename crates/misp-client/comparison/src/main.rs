//! Prints the processor time of reading a large answer: by parsers that know only the wanted fields, and by this crate.
//!
//! `cargo run --release --manifest-path crates/misp-client/comparison/Cargo.toml -- 1000000` makes the answer up. With
//! the name of a file in place of the number, each line of the file is one page of MISP's answer.

#[path = "../../benches/reading/generated.rs"]
mod generated;
mod parsers;

use std::error::Error;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::time::Duration;

use misp_client::AttributeReader;
use rustix::time::{ClockId, clock_gettime};

/// Rows of a page that is made up.
const PAGE_ROWS: u64 = 10_000;

/// Bytes that a socket gives at once.
const PIECE: usize = 65_536;

/// Reads a page and returns the number of bytes in its values.
type Read = fn(&mut [u8]) -> Result<usize, Box<dyn Error>>;

const WAYS: [(&str, Read); 5] = [
    ("serde_json", parsers::serde_json),
    ("sonic-rs", parsers::sonic_rs),
    ("simd-json", parsers::simd_json),
    ("attributes of this crate", attributes),
    ("rows of this crate", rows),
];

/// The other parsers come first.
const OTHERS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let source = std::env::args().nth(1).unwrap_or_else(|| "100000".to_owned());
    let mut times = [Duration::ZERO; WAYS.len()];
    let mut bytes = 0;
    for page in pages(&source)? {
        let page = page?;
        bytes += page.len();
        let mut expected = None;
        for ((name, read), time) in WAYS.iter().zip(&mut times) {
            // simd-json writes into it.
            let mut copy = page.clone();
            let began = processor_time();
            let values = read(&mut copy)?;
            *time += processor_time().saturating_sub(began);
            if *expected.get_or_insert(values) != values {
                return Err(format!("{name} reads other values than {}", WAYS[0].0).into());
            }
        }
    }
    let fastest = times.iter().take(OTHERS).min().copied().unwrap_or_default();
    println!("{bytes} bytes of JSON");
    for ((name, _), time) in WAYS.iter().zip(times) {
        let seconds = time.as_secs_f64();
        let (speed, ratio) = (bytes as f64 / 1e6 / seconds, seconds / fastest.as_secs_f64());
        println!("{name}: {seconds:.3} s, {speed:.0} MB/s, {ratio:.2} × the fastest other parser");
    }
    println!("fastest: {:.3} s", fastest.as_secs_f64());
    Ok(())
}

type Pages = Box<dyn Iterator<Item = std::io::Result<Vec<u8>>>>;

fn pages(source: &str) -> Result<Pages, Box<dyn Error>> {
    Ok(match source.parse::<u64>() {
        Ok(rows) => {
            let page = generated::answer(PAGE_ROWS);
            Box::new((0..rows.div_ceil(PAGE_ROWS)).map(move |_| Ok(page.clone())))
        }
        Err(_) => Box::new(BufReader::new(File::open(source)?).split(b'\n')),
    })
}

fn attributes(page: &mut [u8]) -> Result<usize, Box<dyn Error>> {
    let (mut reader, mut batch, mut bytes) = (AttributeReader::new(), Vec::new(), 0);
    for piece in page.chunks(PIECE) {
        reader.push(piece, &mut batch)?;
        bytes += batch.drain(..).map(|row| row.value.len()).sum::<usize>();
    }
    reader.finish(&mut batch)?;
    Ok(bytes)
}

fn rows(page: &mut [u8]) -> Result<usize, Box<dyn Error>> {
    let (mut reader, mut bytes) = (AttributeReader::new(), 0);
    for piece in page.chunks(PIECE) {
        reader.push_rows(piece, |row| bytes += row.value.len())?;
    }
    reader.finish_rows(|row| bytes += row.value.len())?;
    Ok(bytes)
}

/// Returns the processor time of this thread so far.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
