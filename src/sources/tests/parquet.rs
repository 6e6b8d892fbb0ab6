//! Parquet says what CSV says, whatever types its columns have; and no bytes make it panic.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, Float32Array, Float64Array,
    Int32Array, Int64Array, ListArray, NullArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray, UInt16Array,
    builder::{BooleanBuilder, ListBuilder, StringBuilder},
    types::Int32Type,
};
use arrow_schema::{DataType, Field};
use parquet::{
    arrow::ArrowWriter,
    basic::{Compression, ZstdLevel},
    file::properties::WriterProperties,
};

use super::{Collected, read, refused};
use crate::{
    model::finding::FindingCode,
    sources::{SourceError, format},
};

/// A file with these columns.
fn file(columns: &[(&str, ArrayRef)]) -> Vec<u8> {
    packed(columns, Compression::SNAPPY)
}

fn packed(columns: &[(&str, ArrayRef)], compression: Compression) -> Vec<u8> {
    let batch = RecordBatch::try_from_iter(columns.iter().cloned()).unwrap();
    let properties = WriterProperties::builder().set_compression(compression).build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.into_inner().unwrap()
}

fn texts<const N: usize>(texts: [Option<&str>; N]) -> ArrayRef {
    Arc::new(StringArray::from(texts.to_vec()))
}

fn list(items: &[&str]) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new());
    builder.append_value(items.iter().map(Some));
    Arc::new(builder.finish())
}

/// Records without their rows: the header of a CSV file is a line.
fn said(collected: &Collected) -> Vec<String> {
    collected.records.iter().map(|(_, record)| format!("{record:?}")).collect()
}

#[test]
fn typed_columns_say_what_cells_of_a_table_say() {
    let products: Vec<(&str, ArrayRef)> = vec![
        ("id", texts([Some("a"), Some("b")])),
        ("title", Arc::new(BinaryArray::from(vec!["Größe".as_bytes(), b"B"]))),
        (
            "price",
            Arc::new(
                Decimal128Array::from(vec![Some(1250), None])
                    .with_precision_and_scale(9, 2)
                    .unwrap(),
            ),
        ),
        ("currency", texts([Some("EUR"), None])),
        ("read_at", Arc::new(TimestampMicrosecondArray::from(vec![1_767_225_600_500_000, -1]))),
        ("variant_position", Arc::new(UInt16Array::from(vec![Some(7), None]))),
        ("popularity", Arc::new(Float64Array::from(vec![1.5, 2.0]))),
        ("eco_grade", Arc::new(Int64Array::from(vec![Some(2), None]))),
        ("deleted", Arc::new(BooleanArray::from(vec![None, Some(false)]))),
    ];
    let relations: Vec<(&str, ArrayRef)> = vec![
        ("source", texts([Some("a")])),
        ("type", texts([Some("related")])),
        ("target", texts([Some("b")])),
        ("position", Arc::new(Int32Array::from(vec![3]))),
        ("score", Arc::new(Float32Array::from(vec![0.1]))),
        ("valid_from", Arc::new(Date32Array::from(vec![20_454]))),
        ("two_way", Arc::new(BooleanArray::from(vec![true]))),
        ("markets", list(&["eu", "us"])),
        ("stages", Arc::new(NullArray::new(1))),
    ];
    let csv_products = "id,title,price,currency,read_at,variant_position,popularity,eco_grade,deleted\n\
                        a,Größe,12.50,EUR,2026-01-01T00:00:00Z,7,1.5,2,\n\
                        b,B,,,1969-12-31T23:59:59Z,,2,,false\n";
    let csv_relations = "source,type,target,position,score,valid_from,two_way,markets,stages\n\
                         a,related,b,3,0.1,2026-01-01,true,eu|us,\n";
    let expected = read(
        "kindred",
        &[("products.csv", csv_products.as_bytes()), ("relations.csv", csv_relations.as_bytes())],
    );
    let found = read(
        "kindred",
        &[("products.parquet", &file(&products)), ("relations.parquet", &file(&relations))],
    );
    assert_eq!((&found.findings, said(&found)), (&expected.findings, said(&expected)));
    assert_eq!(found.records[1].0, "products.parquet:2", "rows are numbered from 1");
}

#[test]
fn every_packing_in_use_is_read() {
    let columns = [("id", texts([Some("a"), Some("b")]))];
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let all = [Compression::UNCOMPRESSED, Compression::SNAPPY, zstd, Compression::LZ4_RAW];
    for compression in all {
        let found = read("kindred", &[("products.parquet", &packed(&columns, compression))]);
        assert_eq!(found.products().len(), 2, "{compression:?}");
    }
}

#[test]
fn values_that_no_cell_has_are_findings_and_unknown_columns_are_not_read() {
    let parts = StructArray::from(vec![(
        Arc::new(Field::new("x", DataType::Int32, true)),
        Arc::new(Int32Array::from(vec![1])) as ArrayRef,
    )]);
    let nested = ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(1), None])]);
    let found = read(
        "kindred",
        &[(
            "products.parquet",
            &file(&[
                ("id", texts([Some("a")])),
                ("title", Arc::new(parts.clone())),
                ("brand", Arc::new(BinaryArray::from(vec![b"\xff".as_slice()]))),
                ("eco_grade", Arc::new(nested)),
                ("tags", list(&["a\u{1f}b"])),
                ("colour", Arc::new(parts)),
            ]),
        )],
    );
    let place = "products.parquet:1";
    let expected = "expected text, a number or a list of those, found";
    let shown = found.findings.join("\n");
    assert_eq!(found.count(FindingCode::UnknownColumn), 1, "{shown}");
    assert_eq!(found.count(FindingCode::BadValue), 4, "{shown}");
    for text in [
        &format!("{place} bad_value title: {expected} a column of the type Struct"),
        &format!("{place} bad_value brand: {expected} bytes that are no UTF-8"),
        &format!("{place} bad_value tags: {expected} a control character in a list"),
        &format!("{place} bad_value eco_grade: expected one value, found `a list`"),
    ] {
        assert!(shown.contains(text.as_str()), "expected {text:?} in\n{shown}");
    }
    assert_eq!(found.products().len(), 1);
}

#[test]
fn more_rows_than_a_batch_are_read_in_order() {
    let ids = (0..5_000).map(|n| format!("p{n}")).collect::<Vec<_>>();
    let ids: ArrayRef = Arc::new(StringArray::from_iter_values(&ids));
    let found = read("kindred", &[("products.parquet", &file(&[("id", ids)]))]);
    assert_eq!(found.products().len(), 5_000);
    assert_eq!(found.products()[4_999].id, "p4999");
    assert_eq!(found.records[4_999].0, "products.parquet:5000");
}

#[test]
fn a_file_of_another_kind_or_twice_is_refused() {
    let good = file(&[("id", texts([Some("a")]))]);
    refused(
        "kindred",
        &[("products.csv", b"id\na\n"), ("products.parquet", &good)],
        "DIR/products.csv: expected one form of the table, found DIR/products.parquet beside it",
    );
    let error = refused_text(b"id\na\n");
    assert!(error.starts_with("expected a sound Parquet file, found "), "{error}");
    let missing = file(&[("sku", texts([Some("a")]))]);
    refused(
        "kindred",
        &[("products.parquet", &missing)],
        "DIR/products.parquet: expected a column `id`, found `sku`",
    );
}

/// What is said of this file behind its path.
fn refused_text(bytes: &[u8]) -> String {
    match outcome(bytes) {
        Ok(_) => "read".to_owned(),
        Err(error) => error.to_string().split_once(".parquet: ").unwrap().1.to_owned(),
    }
}

fn outcome(bytes: &[u8]) -> Result<Collected, SourceError> {
    let directory = super::directory(&[("products.parquet", bytes)]);
    let mut collected = Collected::default();
    format("kindred").unwrap().read(directory.path(), &mut collected).map(|()| collected)
}

#[test]
fn a_cut_file_is_refused_at_every_length() {
    let good = file(&[("id", texts([Some("a"), Some("b")])), ("title", texts([None, Some("B")]))]);
    assert!(outcome(&good).is_ok());
    for len in 0..good.len() {
        assert!(outcome(&good[..len]).is_err(), "the first {len} bytes are read");
    }
}

#[test]
fn changed_bytes_never_panic() {
    let good = file(&[
        ("id", texts([Some("a"), Some("b")])),
        ("tags", {
            let mut builder = ListBuilder::new(StringBuilder::new());
            builder.append_value([Some("x"), None]);
            builder.append_null();
            Arc::new(builder.finish())
        }),
    ]);
    let mut refused = 0;
    for place in 0..good.len() {
        for change in [0xff, 0x80, 0x01] {
            let mut bytes = good.clone();
            bytes[place] ^= change;
            refused += usize::from(outcome(&bytes).is_err());
        }
    }
    assert!(refused > good.len(), "{refused} of {} changes were seen", 3 * good.len());
}

#[test]
fn more_rows_than_bytes_can_hold_are_refused() {
    let nulls: ArrayRef = Arc::new(StringArray::new_null(3 << 20));
    let text = refused_text(&file(&[("id", nulls)]));
    assert!(
        text.contains("3145728 rows in ") && text.contains("rows with ids take more"),
        "{text}"
    );
}

#[test]
fn a_list_longer_than_memory_is_refused_before_it_is_decoded() {
    let mut builder = ListBuilder::new(BooleanBuilder::new());
    builder.values().append_n(9 << 20, true);
    builder.append(true);
    let long: ArrayRef = Arc::new(builder.finish());
    let bytes = file(&[("id", texts([Some("a")])), ("tags", Arc::clone(&long))]);
    let text = refused_text(&bytes);
    assert!(text.contains("more than 8388608 items of lists"), "{text}");
    // Nobody asks for a column of another name.
    assert!(outcome(&file(&[("id", texts([Some("a")])), ("colour", long)])).is_ok());
}

#[test]
fn a_file_that_says_it_unpacks_to_too_much_is_refused() {
    let many = (0..2_000_000).map(|_| Some("the same text over and over, again and again"));
    let texts: ArrayRef = Arc::new(StringArray::from_iter(many));
    let batch = RecordBatch::try_from_iter([("id", texts)]).unwrap();
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_dictionary_enabled(false)
        .build();
    let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    let bytes = writer.into_inner().unwrap();
    let text = refused_text(&bytes);
    assert!(text.contains("more than ") && text.contains("times as many"), "{text}");
}
