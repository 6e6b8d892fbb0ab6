//! The same statements give the same snapshot, in whatever order and form they come.

use std::{fs, path::Path};

use kindred::index::Role;
use serde_json::{Value, json};

use crate::{
    csv,
    shop::{DEMO_TABLES, Shop},
};

/// The demo's tables.
pub(crate) const TABLES: [&str; 5] =
    ["aliases", "bundles", "product_markets", "products", "relations"];

/// A sequence of numbers that look random and are the same each time (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % count as u64).unwrap()
    }

    fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// A table of the demo.
pub(crate) fn table(name: &str) -> String {
    fs::read_to_string(Path::new(DEMO_TABLES).join(name)).unwrap()
}

/// The hash of the live catalog, and the snapshot's id.
pub(crate) fn identity(shop: &Shop) -> (String, String) {
    let snapshot = shop.snapshot();
    let catalog = snapshot.manifest().blob(Role::Catalog).unwrap().hash;
    (catalog.to_string(), snapshot.id().to_owned())
}

#[test]
fn shuffled_rows_and_columns_give_the_same_snapshot() {
    let expected = identity(&Shop::demo());
    let mut random = Random(2);
    for round in 0..5 {
        let shop = Shop::with(&[
            ("catalog.toml", &table("catalog.toml")),
            ("placements.toml", &table("placements.toml")),
        ]);
        for name in TABLES {
            let mut rows = csv::rows(&table(&format!("{name}.csv")));
            random.shuffle(&mut rows[1..]);
            let mut columns = (0..rows[0].len()).collect::<Vec<_>>();
            random.shuffle(&mut columns);
            let cell = |text: &String| format!("\"{}\"", text.replace('"', "\"\""));
            let line = |row: &Vec<String>| {
                columns.iter().map(|column| cell(&row[*column])).collect::<Vec<_>>().join(",")
            };
            let text = rows.iter().map(line).collect::<Vec<_>>().join("\r\n");
            shop.write(&format!("{name}.csv"), text);
        }
        shop.published();
        assert_eq!(identity(&shop), expected, "round {round}");
    }
}

#[test]
fn the_order_of_sources_does_not_matter() {
    let expected = identity(&Shop::demo());
    for swapped in [false, true] {
        let shop = Shop::with(&[
            ("catalog.toml", &table("catalog.toml")),
            ("placements.toml", &table("placements.toml")),
        ]);
        let mut parts = ["one", "two"].map(|part| shop.path(part));
        for (part, names) in parts.iter().zip([&TABLES[..3], &TABLES[3..]]) {
            fs::create_dir(part).unwrap();
            for name in names.iter().map(|name| format!("{name}.csv")) {
                crate::shop::write(&part.join(&name), table(&name));
            }
        }
        if swapped {
            parts.reverse();
        }
        let from = parts.map(|part| format!("demo:kindred={}", part.display()));
        let catalog = shop.table("catalog.toml");
        let policy = shop.table("placements.toml");
        let args = [
            "compile",
            "--catalog",
            catalog.to_str().unwrap(),
            "--policy",
            policy.to_str().unwrap(),
        ];
        let args = [&args[..], &["--from", &from[0], "--from"]].concat();
        shop.kindred(&[&args[..], &[from[1].as_str()]].concat()).succeeded();
        assert_eq!(identity(&shop), expected, "swapped: {swapped}");
    }
}

#[test]
fn tables_as_ndjson_give_the_same_snapshot() {
    let expected = identity(&Shop::demo());
    let shop = Shop::with(&[
        ("catalog.toml", &table("catalog.toml")),
        ("placements.toml", &table("placements.toml")),
    ]);
    for name in TABLES {
        let rows = csv::records(&table(&format!("{name}.csv"))).into_iter();
        let lines = rows.map(|row| {
            let cells = row.into_iter().filter(|(_, text)| !text.is_empty());
            Value::from_iter(cells.map(|(column, text)| (column.clone(), value(&column, text))))
        });
        let lines = lines.map(|line| format!("{line}\n")).collect::<String>();
        shop.write(&format!("{name}.ndjson"), lines);
    }
    shop.published();
    assert_eq!(identity(&shop), expected);
}

/// A cell as JSON would have it: numbers, booleans and lists where the column has such.
fn value(column: &str, text: String) -> Value {
    match column {
        "tags" | "markets" | "stages" | "category" => text.split('|').collect(),
        "position" | "score" | "quantity" | "popularity" | "variant_position" | "price"
        | "eco_grade" | "min" | "max" | "option_position" => {
            serde_json::from_str(&text).unwrap_or(Value::String(text))
        }
        "active" | "two_way" | "listed" | "required" | "default" => json!(text == "true"),
        _ => Value::String(text),
    }
}

#[test]
fn generated_tables_and_their_snapshot_depend_on_the_seed_alone() {
    let compiled = |seed: &str| {
        let shop = Shop::new();
        let out = shop.path("tables");
        let args = ["generate", "--products", "500", "--relations", "8", "--seed", seed, "--out"];
        crate::command::kindred(args.iter().chain([&out.to_str().unwrap()])).succeeded();
        shop.compile(&["--strict"]).succeeded();
        identity(&shop)
    };
    assert_eq!(compiled("7"), compiled("7"));
    assert_ne!(compiled("7"), compiled("8"));
}
