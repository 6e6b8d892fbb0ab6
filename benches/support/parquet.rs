//! The tables of a synthetic shop with their relations as Parquet.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader},
    path::Path,
    sync::Arc,
};

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use parquet::arrow::ArrowWriter;

/// Rows of one batch of the writer.
const BATCH_ROWS: usize = 1 << 16;

/// Writes the tables into an empty directory once more: the relations as `relations.parquet`, of strings as
/// databases export them, the others as they are. What it holds does not grow with the tables.
pub(crate) fn with_parquet(tables: &Path, made: &Path) {
    for table in fs::read_dir(tables).expect("the tables are there") {
        let table = table.expect("a table");
        if table.file_name() != "relations.csv" {
            fs::copy(table.path(), made.join(table.file_name())).expect("a copy");
        }
    }
    let csv = File::open(tables.join("relations.csv")).expect("the relations are there");
    let mut lines = BufReader::with_capacity(1 << 20, csv).lines().map(|line| line.expect("text"));
    let header = lines.next().expect("a header");
    let names = header.split(',').collect::<Vec<_>>();
    let fields = names.iter().map(|name| Field::new(*name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let file = File::create_new(made.join("relations.parquet")).expect("an empty file");
    let mut writer = ArrowWriter::try_new(file, Arc::clone(&schema), None).expect("a writer");
    loop {
        let batch = lines.by_ref().take(BATCH_ROWS).collect::<Vec<_>>();
        if batch.is_empty() {
            break;
        }
        // No cell of a synthetic table is quoted.
        let column = |at| {
            let cells =
                batch.iter().map(|line| line.split(',').nth(at).filter(|cell| !cell.is_empty()));
            Arc::new(cells.collect::<StringArray>()) as ArrayRef
        };
        let columns = (0..names.len()).map(column).collect();
        let batch =
            RecordBatch::try_new(Arc::clone(&schema), columns).expect("columns of one length");
        writer.write(&batch).expect("written");
    }
    writer.close().expect("written");
}
