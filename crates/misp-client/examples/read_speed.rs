//! Prints how fast the answer of a large search is read on one core: `cargo run --release --example read_speed --
//! 100000`.

#[path = "../benches/reading/generated.rs"]
mod generated;

use std::time::Instant;

use misp_client::{AttributeReader, Error};

fn main() -> Result<(), Error> {
    let rows = std::env::args()
        .nth(1)
        .and_then(|rows| rows.parse().ok())
        .unwrap_or(100_000);
    let body = generated::answer(rows);
    let mut reader = AttributeReader::new();
    let mut batch = Vec::new();
    let mut bytes_of_values = 0;
    let began = Instant::now();
    for piece in body.chunks(16_384) {
        reader.push(piece, &mut batch)?;
        bytes_of_values += batch.drain(..).map(|row| row.value.len()).sum::<usize>();
    }
    reader.finish(&mut batch)?;
    report("attributes", reader.rows(), &body, bytes_of_values, began);
    let mut reader = AttributeReader::new();
    bytes_of_values = 0;
    let began = Instant::now();
    for piece in body.chunks(16_384) {
        reader.push_rows(piece, |row| bytes_of_values += row.value.len())?;
    }
    reader.finish_rows(|row| bytes_of_values += row.value.len())?;
    report("rows where they lie", reader.rows(), &body, bytes_of_values, began);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
fn report(what: &str, rows: u64, body: &[u8], bytes_of_values: usize, began: Instant) {
    let took = began.elapsed();
    let megabytes = body.len() as f64 / 1e6;
    println!(
        "{rows} {what}, {megabytes:.1} MB ({bytes_of_values} bytes of values) in {took:.0?}: {:.0} MB/s",
        megabytes / took.as_secs_f64()
    );
}
