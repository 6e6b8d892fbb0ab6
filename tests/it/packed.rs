//! The same tables packed or as Parquet give the same snapshot.

use std::{fs, io::Write as _, path::Path};

use flate2::{Compression, write::GzEncoder};

use crate::{
    shop::{DEMO_TABLES, Shop},
    shuffle::{TABLES, identity, table},
};

/// A shop with the demo's declarations and no table.
fn declared() -> Shop {
    Shop::with(&[
        ("catalog.toml", &table("catalog.toml")),
        ("placements.toml", &table("placements.toml")),
    ])
}

#[test]
fn tables_in_gzip_give_the_same_snapshot() {
    let shop = declared();
    for name in TABLES {
        let text = fs::read(Path::new(DEMO_TABLES).join(format!("{name}.csv"))).unwrap();
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(&text).unwrap();
        shop.write(&format!("{name}.csv.gz"), encoder.finish().unwrap());
    }
    shop.published();
    assert_eq!(identity(&shop), identity(&Shop::demo()));
}

#[cfg(feature = "parquet")]
mod parquet {
    use std::sync::Arc;

    use arrow_array::{
        ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
        builder::{ListBuilder, StringBuilder},
    };
    use parquet::arrow::ArrowWriter;

    use super::{Shop, TABLES, declared, identity, table};
    use crate::csv;

    /// A column as a program with types would write it; an empty cell is null.
    fn column(name: &str, cells: &[Option<&str>]) -> ArrayRef {
        let numbers = || cells.iter().map(|cell| cell.map(|text| text.parse::<f64>().unwrap()));
        match name {
            "tags" | "markets" | "stages" | "category" => {
                let mut builder = ListBuilder::new(StringBuilder::new());
                for cell in cells {
                    builder.append_option(cell.map(|text| text.split('|').map(Some)));
                }
                Arc::new(builder.finish())
            }
            "position" | "variant_position" | "min" | "max" | "option_position" => {
                let number = |text: &str| text.parse::<i64>().unwrap();
                Arc::new(Int64Array::from_iter(cells.iter().map(|cell| cell.map(number))))
            }
            "score" | "quantity" | "popularity" | "price" => {
                Arc::new(Float64Array::from_iter(numbers()))
            }
            "active" | "two_way" | "listed" | "required" | "default" => {
                let word = |text: &str| text == "true";
                Arc::new(BooleanArray::from_iter(cells.iter().map(|cell| cell.map(word))))
            }
            _ => Arc::new(StringArray::from(cells.to_vec())),
        }
    }

    fn written(name: &str) -> Vec<u8> {
        let rows = csv::rows(&table(&format!("{name}.csv")));
        let (header, rows) = rows.split_first().unwrap();
        let columns = header.iter().enumerate().map(|(at, name)| {
            let cells =
                rows.iter().map(|row| Some(row[at].as_str()).filter(|text| !text.is_empty()));
            let cells = cells.collect::<Vec<_>>();
            (name, column(name, &cells))
        });
        let batch = RecordBatch::try_from_iter_with_nullable(
            columns.map(|(name, column)| (name, column, true)),
        );
        let batch = batch.unwrap();
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None).unwrap();
        writer.write(&batch).unwrap();
        writer.into_inner().unwrap()
    }

    #[test]
    fn tables_as_parquet_give_the_same_snapshot() {
        let shop = declared();
        for name in TABLES {
            shop.write(&format!("{name}.parquet"), written(name));
        }
        shop.published();
        assert_eq!(identity(&shop), identity(&Shop::demo()));
    }
}
