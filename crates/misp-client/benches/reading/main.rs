//! How fast the rows come out of an answer, in pieces as a socket gives them.

#![expect(clippy::expect_used, reason = "a measurement of a broken answer is worth nothing")]

mod generated;

use divan::counter::BytesCount;
use misp_client::AttributeReader;

fn main() {
    divan::main();
}

#[divan::bench(args = [4_096, 16_384, 65_536], sample_count = 10)]
fn rows_of_an_answer(bencher: divan::Bencher<'_, '_>, piece: usize) {
    let body = generated::answer(10_000);
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let mut reader = AttributeReader::new();
        let mut rows = Vec::new();
        for piece in body.chunks(piece) {
            reader.push(piece, &mut rows).expect("the answer is well formed");
            rows.clear();
        }
        reader.finish(&mut rows).expect("the answer is whole");
        reader.rows()
    });
}
