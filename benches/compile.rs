//! How many relations a second `kindred compile` takes from CSV to a published snapshot, beside what
//! splitting the same bytes into cells costs. `cargo bench --bench compile`; the size is
//! `-- --products N --relations N`.
//!
//! The program that ships is run, so that reading, sorting, writing, verifying and publishing count.
//! The baseline is `csv-core` over the relations, on one thread, in the same round: a ratio of two
//! medians, which another machine can be held against. With the relations as Parquet, the other tables
//! stay as they are.

#![expect(
    clippy::print_stdout,
    clippy::panic,
    reason = "a bench prints, and fails where it cannot go on"
)]

use std::{
    env,
    fs::{self, File},
    io::Read as _,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use csv_core::{ReadRecordResult, Reader};

#[path = "support/parquet.rs"]
mod parquet;

const ROUNDS: usize = 5;
const PRODUCTS: &str = "50000";
const RELATIONS: &str = "30";

fn main() {
    let is_test = env::args().any(|arg| arg == "--test");
    let option = |name: &str| env::args().skip_while(|arg| arg != name).nth(1);
    let products = option("--products");
    let products = products.unwrap_or_else(|| if is_test { "200" } else { PRODUCTS }.to_owned());
    let relations = option("--relations").unwrap_or_else(|| RELATIONS.to_owned());
    let rounds = if is_test { 1 } else { ROUNDS };

    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    let (tables, store) = (directory.path().join("tables"), directory.path().join("store"));
    let generate = ["generate", "--products", &products, "--relations", &relations, "--out"];
    kindred(&generate, &tables);
    let csv = tables.join("relations.csv");
    let rows = split(&csv).1 - 1;
    let with_parquet = directory.path().join("parquet");
    fs::create_dir(&with_parquet).expect("a directory");
    parquet::with_parquet(&tables, &with_parquet);
    let forms = [("csv", tables), ("parquet", with_parquet)];

    let (mut splits, mut compiles) = (Vec::new(), [Vec::new(), Vec::new()]);
    for _ in 0..rounds {
        splits.push(split(&csv).0);
        for ((_, tables), times) in forms.iter().zip(&mut compiles) {
            if store.exists() {
                fs::remove_dir_all(&store).expect("the store is ours");
            }
            let from = format!("kindred={}", tables.display());
            let begun = Instant::now();
            kindred(&["compile", "--from", &from, "--store"], &store);
            times.push(begun.elapsed());
        }
    }
    let split = median(splits);
    let rate = |took: Duration| rows as f64 / took.as_secs_f64() / 1e6;
    println!("{rows} relations, medians of {rounds}");
    println!("split/csv: {:.2} s, {:.2} M rows/s", split.as_secs_f64(), rate(split));
    for ((form, _), times) in forms.iter().zip(compiles) {
        let compile = median(times);
        println!(
            "compile/{form}/{products} x {relations}: {:.2} s, {:.2} M relations/s, {:.1} times the split",
            compile.as_secs_f64(),
            rate(compile),
            compile.as_secs_f64() / split.as_secs_f64(),
        );
    }
}

fn kindred(args: &[&str], path: &Path) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_kindred"));
    let output = program.args(args).arg(path).output().expect("the program runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// How long splitting a table takes, and its rows, the header counted.
fn split(path: &Path) -> (Duration, u64) {
    let begun = Instant::now();
    let mut file = File::open(path).expect("the table is there");
    let mut reader = Reader::new();
    let (mut bytes, mut text, mut ends) = (vec![0; 64 << 10], [0; 4 << 10], [0; 64]);
    let mut rows = 0;
    loop {
        let len = file.read(&mut bytes).expect("the table is read");
        let mut rest = bytes.get(..len).unwrap_or_default();
        loop {
            let (result, read, _, _) = reader.read_record(rest, &mut text, &mut ends);
            rest = rest.get(read..).unwrap_or_default();
            match result {
                ReadRecordResult::Record => rows += 1,
                ReadRecordResult::End => return (begun.elapsed(), rows),
                ReadRecordResult::InputEmpty => break,
                ReadRecordResult::OutputFull | ReadRecordResult::OutputEndsFull => {
                    panic!("a row of a synthetic table is short");
                }
            }
        }
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
