//! Prints how fast the answer of a large search is read on one core: `cargo run --release --example read_speed --
//! 100000`.

#[path = "../benches/reading/generated.rs"]
mod generated;

use std::time::Instant;

use misp_client::{AttributeReader, Error};

#[expect(clippy::print_stdout, reason = "printing is what this program is for")]
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
    let took = began.elapsed();
    let megabytes = body.len() as f64 / 1e6;
    println!(
        "{} rows, {megabytes:.1} MB ({bytes_of_values} bytes of values) in {took:.0?}: {:.0} MB/s",
        reader.rows(),
        megabytes / took.as_secs_f64()
    );
    Ok(())
}
