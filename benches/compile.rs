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
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::{Duration, Instant},
};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use csv_core::{ReadRecordResult, Reader};
use parquet::arrow::ArrowWriter;

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
    let forms = [("csv", tables.clone()), ("parquet", with_parquet(&tables, directory.path()))];

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

/// The same tables, their relations as Parquet.
fn with_parquet(tables: &Path, directory: &Path) -> PathBuf {
    let made = directory.join("parquet");
    fs::create_dir(&made).expect("a directory");
    for table in fs::read_dir(tables).expect("the tables are there") {
        let table = table.expect("a table");
        if table.file_name() != "relations.csv" {
            fs::copy(table.path(), made.join(table.file_name())).expect("a copy");
        }
    }
    let text = fs::read_to_string(tables.join("relations.csv")).expect("text");
    let mut lines = text.lines();
    let names = lines.next().expect("a header").split(',').collect::<Vec<_>>();
    let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let file = File::create_new(made.join("relations.parquet")).expect("an empty file");
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None).expect("a writer");
    let lines = lines.collect::<Vec<_>>();
    for lines in lines.chunks(1 << 16) {
        // No cell of a synthetic table is quoted.
        let column = |at| {
            let cells =
                lines.iter().map(|line| line.split(',').nth(at).filter(|cell| !cell.is_empty()));
            Arc::new(cells.collect::<StringArray>()) as ArrayRef
        };
        let columns = (0..names.len()).map(column).collect();
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns of one length");
        writer.write(&batch).expect("written");
    }
    writer.close().expect("written");
    made
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
