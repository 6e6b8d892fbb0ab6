//! A Parquet file laid out as the cells that a table with its columns would have.
//!
//! Text stays as it is, numbers, decimals and booleans become text, dates and timestamps RFC 3339
//! (those without a zone are UTC), lists of those become lists, null is absent. Only columns that are
//! asked for are read, a page of each at a time. The line of a row is its number in the file, from 1.
//!
//! The library bounds nothing, so this room does, before a page is decoded: bytes and rows by the
//! file's length, items of lists by the headers of their pages. Texts are views of their page, so a
//! long one that many rows share is there once. Where the library panics over damaged bytes the file
//! is refused. What a forged page header says of its own size is believed, up to 2 GiB a column.

use std::{
    any::Any,
    fmt::{self, Write as _},
    fs::File,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::Arc,
};

use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, RecordBatch, StringViewArray,
    cast::AsArray as _,
    types::{
        Date32Type, Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type, DecimalType,
        Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type,
        TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
        TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type,
    },
};
use arrow_schema::{DataType, FieldRef, Fields, Schema, TimeUnit};
use parquet::{
    arrow::{
        ProjectionMask,
        arrow_reader::{
            ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader,
            ParquetRecordBatchReaderBuilder,
        },
    },
    errors::ParquetError,
    file::{reader::FileReader as _, serialized_reader::SerializedFileReader},
};

use super::{
    SourceError,
    csv::check_unique,
    ndjson::Kind,
    table::{Cells, ITEM_END, to_u32},
};
use crate::model::{
    finding::FindingCode,
    instant,
    limits::{
        EXPANSION_FREE_BYTES, EXPANSION_RATIO_MAX, EXPORT_COLUMNS_MAX, PARQUET_FREE_ROWS,
        PARQUET_LIST_ITEMS_MAX, PARQUET_ROWS_PER_BYTE_MAX, ROW_BYTES_MAX,
    },
    record::{FileId, Location, RecordSink},
};

/// Rows that are decoded at once.
const BATCH_ROWS: usize = 1 << 10;
const DAY_S: i64 = 86_400;

/// A column of the rows that are decoded.
enum Decoded {
    /// Not asked for, or null in each of them.
    Empty,
    Texts(StringViewArray),
    Other(ArrayRef),
}

impl Decoded {
    fn of(array: &ArrayRef) -> Self {
        if array.null_count() == array.len() {
            return Self::Empty;
        }
        let texts = array.as_string_view_opt().cloned();
        texts.map_or_else(|| Self::Other(Arc::clone(array)), Self::Texts)
    }
}

/// Reads rows of a file.
pub(crate) struct ParquetRows {
    path: PathBuf,
    file: Option<File>,
    metadata: ArrowReaderMetadata,
    columns: Vec<String>,
    reader: Option<ParquetRecordBatchReader>,
    /// Of the rows that are decoded, by column.
    decoded: Vec<Decoded>,
    decoded_rows: usize,
    /// The next of them.
    next: usize,
    /// Rows read so far.
    row: u64,
}

impl ParquetRows {
    /// Reads the footer of a file that is called `path` in errors.
    pub(crate) fn open(path: &Path, file: File) -> Result<Self, SourceError> {
        let len = file.metadata().map_err(|error| SourceError::io(path, error))?.len();
        // Types as the file states them, not as the program that wrote it held them in memory.
        let options = ArrowReaderOptions::new().with_skip_arrow_metadata(true);
        let metadata = guarded(path, || {
            let metadata = ArrowReaderMetadata::load(&file, options.clone()).map_err(explained)?;
            let views =
                Schema::new(metadata.schema().fields().iter().map(viewed).collect::<Fields>());
            let options = options.with_schema(Arc::new(views));
            ArrowReaderMetadata::try_new(Arc::clone(metadata.metadata()), options)
                .map_err(explained)
        })?;
        let columns = metadata.schema().fields().iter().map(|field| field.name().trim().to_owned());
        let columns = columns.collect::<Vec<_>>();
        if columns.len() > EXPORT_COLUMNS_MAX {
            return Err(SourceError::TooManyColumns { path: path.to_owned(), line: 1 });
        }
        check_unique(path, &columns)?;
        let unpacked = metadata.metadata().row_groups().iter().map(|group| {
            let sizes = group.columns().iter().map(|column| column.uncompressed_size());
            sizes.fold(0_u64, |sum, size| {
                sum.saturating_add(u64::try_from(size).unwrap_or(u64::MAX))
            })
        });
        let unpacked = unpacked.fold(0, u64::saturating_add);
        let unpacked_max =
            len.saturating_mul(EXPANSION_RATIO_MAX).saturating_add(EXPANSION_FREE_BYTES);
        if unpacked > unpacked_max {
            let found = format!(
                "{unpacked} bytes out of {len}, more than {EXPANSION_RATIO_MAX} times as many; \
                 write it anew if it is sound"
            );
            return Err(SourceError::Parquet { path: path.to_owned(), found });
        }
        let rows = u64::try_from(metadata.metadata().file_metadata().num_rows()).unwrap_or(0);
        let rows_max =
            len.saturating_mul(PARQUET_ROWS_PER_BYTE_MAX).saturating_add(PARQUET_FREE_ROWS);
        if rows > rows_max {
            let found = format!(
                "{rows} rows in {len} bytes, more than {PARQUET_ROWS_PER_BYTE_MAX} a byte beyond \
                 {PARQUET_FREE_ROWS}; rows with ids take more"
            );
            return Err(SourceError::Parquet { path: path.to_owned(), found });
        }
        Ok(Self {
            path: path.to_owned(),
            file: Some(file),
            metadata,
            columns,
            reader: None,
            decoded: Vec::new(),
            decoded_rows: 0,
            next: 0,
            row: 0,
        })
    }

    /// The name of the file in errors.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// The names of the columns.
    pub(crate) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Reads the next row; `false` at the end. Columns that are not asked for are empty.
    pub(crate) fn read(
        &mut self,
        asked: &[bool],
        cells: &mut Cells,
        file: FileId,
        sink: &mut dyn RecordSink,
    ) -> Result<bool, SourceError> {
        while self.next == self.decoded_rows {
            if !self.decode(asked)? {
                return Ok(false);
            }
        }
        let at = Location { file, line: to_u32(self.row + 1) };
        cells.begin(self.row + 1);
        for (column, decoded) in self.columns.iter().zip(&self.decoded) {
            let kind = match decoded {
                Decoded::Empty => Kind::Single,
                Decoded::Texts(texts) => {
                    if texts.is_valid(self.next) {
                        cells.text_mut().push_str(texts.value(self.next));
                    }
                    Kind::Single
                }
                Decoded::Other(array) => {
                    let kind = push_cell(cells.text_mut(), array, self.next);
                    kind.unwrap_or_else(|found| {
                        let text =
                            format!("expected text, a number or a list of those, found {found}");
                        sink.finding(FindingCode::BadValue, at, column, &text);
                        Kind::Single
                    })
                }
            };
            cells.end_cell(kind == Kind::List);
            if cells.text_mut().len() > ROW_BYTES_MAX {
                let (path, line) = (self.path.clone(), self.row + 1);
                return Err(SourceError::RowTooLong { path, line });
            }
        }
        self.next += 1;
        self.row += 1;
        Ok(true)
    }

    /// Goes to the next batch; `false` after the last.
    fn decode(&mut self, asked: &[bool]) -> Result<bool, SourceError> {
        let Self { path, file, metadata, reader, .. } = self;
        let batch = guarded(path, || {
            if let Some(file) = file.take() {
                check_lists(&file, metadata, asked)?;
                *reader = Some(build(file, metadata, asked).map_err(explained)?);
            }
            let next = reader.as_mut().and_then(Iterator::next);
            next.transpose().map_err(|error| error.to_string())
        })?;
        let is_there = batch.is_some();
        self.decoded_rows = batch.as_ref().map_or(0, RecordBatch::num_rows);
        self.next = 0;
        let mut arrays = batch.iter().flat_map(RecordBatch::columns);
        let decoded = asked.iter().map(|asked| {
            let array = if *asked { arrays.next() } else { None };
            array.map_or(Decoded::Empty, Decoded::of)
        });
        self.decoded = decoded.collect();
        Ok(is_there)
    }
}

/// Counts the items of lists that are asked for, page by page; decoding would hold them all if they
/// stood in one row.
fn check_lists(file: &File, metadata: &ArrowReaderMetadata, asked: &[bool]) -> Result<(), String> {
    let file = file.try_clone().map_err(|error| error.to_string())?;
    let reader = SerializedFileReader::new(file).map_err(explained)?;
    let schema = metadata.parquet_schema();
    let is_list = |leaf: usize| schema.column(leaf).max_rep_level() > 0;
    let is_asked = |leaf: usize| asked.get(schema.get_column_root_idx(leaf)).copied() == Some(true);
    let lists = (0..schema.num_columns()).filter(|leaf| is_list(*leaf) && is_asked(*leaf));
    for leaf in lists {
        for group in 0..reader.num_row_groups() {
            let group = reader.get_row_group(group).map_err(explained)?;
            let mut pages = group.get_column_page_reader(leaf).map_err(explained)?;
            let mut items = 0_usize;
            while let Some(page) = pages.peek_next_page().map_err(explained)? {
                items = items.saturating_add(page.num_levels.unwrap_or(0));
                if items > PARQUET_LIST_ITEMS_MAX {
                    return Err(format!(
                        "more than {PARQUET_LIST_ITEMS_MAX} items of lists in one row group of \
                         column `{}`; write smaller row groups",
                        schema.column(leaf).path()
                    ));
                }
                pages.skip_next_page().map_err(explained)?;
            }
        }
    }
    Ok(())
}

/// The same field, its texts as views of their page.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others hold no text")]
fn viewed(field: &FieldRef) -> FieldRef {
    let viewed_type = match field.data_type() {
        DataType::Utf8 => DataType::Utf8View,
        DataType::Binary => DataType::BinaryView,
        DataType::List(item) => DataType::List(viewed(item)),
        _ => return Arc::clone(field),
    };
    Arc::new(field.as_ref().clone().with_data_type(viewed_type))
}

fn build(
    file: File,
    metadata: &ArrowReaderMetadata,
    asked: &[bool],
) -> Result<ParquetRecordBatchReader, ParquetError> {
    let asked = asked.iter().enumerate().filter(|(_, asked)| **asked).map(|(column, _)| column);
    let mask = ProjectionMask::roots(metadata.parquet_schema(), asked);
    ParquetRecordBatchReaderBuilder::new_with_metadata(file, metadata.clone())
        .with_projection(mask)
        .with_batch_size(BATCH_ROWS)
        .build()
}

/// Runs the library; what it says or panics over becomes an error about the file.
fn guarded<T>(path: &Path, work: impl FnOnce() -> Result<T, String>) -> Result<T, SourceError> {
    let found = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(done)) => return Ok(done),
        Ok(Err(found)) => found,
        Err(panicked) => format!("damage: {}", panic_text(panicked.as_ref())),
    };
    Err(SourceError::Parquet { path: path.to_owned(), found })
}

fn panic_text(panicked: &(dyn Any + Send)) -> &str {
    let text = panicked.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panicked.downcast_ref::<&str>().copied()).unwrap_or("no reason given")
}

fn explained(error: ParquetError) -> String {
    error.to_string()
}

/// Adds a cell as text; `Err` says what stands there instead, and nothing is added.
#[expect(clippy::wildcard_enum_match_arm, reason = "all others are no lists")]
fn push_cell(text: &mut String, array: &ArrayRef, row: usize) -> Result<Kind, String> {
    if array.is_null(row) {
        return Ok(Kind::Single);
    }
    let items = match array.data_type() {
        DataType::List(_) => array.as_list::<i32>().value(row),
        DataType::LargeList(_) => array.as_list::<i64>().value(row),
        _ => return push_value(text, array, row).map(|()| Kind::Single),
    };
    let begin = text.len();
    for item in 0..items.len() {
        let item_begin = text.len();
        let pushed = push_value(text, &items, item);
        let is_split = text.get(item_begin..).is_some_and(|item| item.contains(ITEM_END));
        if pushed.is_err() || is_split {
            text.truncate(begin);
        }
        pushed?;
        if is_split {
            return Err("a control character in a list".to_owned());
        }
        text.push(ITEM_END);
    }
    Ok(Kind::List)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "types that no cell has are refused alike, and there are many"
)]
fn push_value(text: &mut String, array: &ArrayRef, row: usize) -> Result<(), String> {
    if array.is_null(row) {
        return Ok(());
    }
    match array.data_type() {
        DataType::Utf8 => text.push_str(array.as_string::<i32>().value(row)),
        DataType::LargeUtf8 => text.push_str(array.as_string::<i64>().value(row)),
        DataType::Utf8View => text.push_str(array.as_string_view().value(row)),
        // Older programs do not say that bytes are text.
        DataType::Binary => push_bytes(text, array.as_binary::<i32>().value(row))?,
        DataType::LargeBinary => push_bytes(text, array.as_binary::<i64>().value(row))?,
        DataType::BinaryView => push_bytes(text, array.as_binary_view().value(row))?,
        DataType::Boolean => {
            text.push_str(if array.as_boolean().value(row) { "true" } else { "false" });
        }
        DataType::Int8 => push_number::<Int8Type>(text, array, row),
        DataType::Int16 => push_number::<Int16Type>(text, array, row),
        DataType::Int32 => push_number::<Int32Type>(text, array, row),
        DataType::Int64 => push_number::<Int64Type>(text, array, row),
        DataType::UInt8 => push_number::<UInt8Type>(text, array, row),
        DataType::UInt16 => push_number::<UInt16Type>(text, array, row),
        DataType::UInt32 => push_number::<UInt32Type>(text, array, row),
        DataType::UInt64 => push_number::<UInt64Type>(text, array, row),
        DataType::Float32 => push_number::<Float32Type>(text, array, row),
        DataType::Float64 => push_number::<Float64Type>(text, array, row),
        DataType::Decimal32(..) => push_decimal::<Decimal32Type>(text, array, row),
        DataType::Decimal64(..) => push_decimal::<Decimal64Type>(text, array, row),
        DataType::Decimal128(..) => push_decimal::<Decimal128Type>(text, array, row),
        DataType::Decimal256(..) => push_decimal::<Decimal256Type>(text, array, row),
        DataType::Date32 => {
            let days = array.as_primitive::<Date32Type>().value(row);
            push_instant(text, i64::from(days) * DAY_S)?;
        }
        DataType::Timestamp(unit, _) => push_instant(text, seconds(array, *unit, row))?,
        DataType::Null => {}
        other => return Err(format!("a column of the type {other}")),
    }
    Ok(())
}

fn push_bytes(text: &mut String, bytes: &[u8]) -> Result<(), String> {
    let found = str::from_utf8(bytes).map_err(|_| "bytes that are no UTF-8".to_owned())?;
    text.push_str(found);
    Ok(())
}

fn push_number<T: ArrowPrimitiveType<Native: fmt::Display>>(
    text: &mut String,
    array: &ArrayRef,
    row: usize,
) {
    let number = array.as_primitive::<T>().value(row);
    write!(text, "{number}").expect("a text in memory takes what is written");
}

fn push_decimal<T: DecimalType>(text: &mut String, array: &ArrayRef, row: usize) {
    text.push_str(&array.as_primitive::<T>().value_as_string(row));
}

fn seconds(array: &ArrayRef, unit: TimeUnit, row: usize) -> i64 {
    match unit {
        TimeUnit::Second => array.as_primitive::<TimestampSecondType>().value(row),
        TimeUnit::Millisecond => {
            array.as_primitive::<TimestampMillisecondType>().value(row).div_euclid(1_000)
        }
        TimeUnit::Microsecond => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).div_euclid(1_000_000)
        }
        TimeUnit::Nanosecond => {
            array.as_primitive::<TimestampNanosecondType>().value(row).div_euclid(1_000_000_000)
        }
    }
}

fn push_instant(text: &mut String, at_s: i64) -> Result<(), String> {
    let shown = instant::show(at_s).ok_or_else(|| format!("an instant {at_s} s from 1970"))?;
    text.push_str(&shown);
    Ok(())
}

impl fmt::Debug for ParquetRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetRows").field("path", &self.path).finish_non_exhaustive()
    }
}
