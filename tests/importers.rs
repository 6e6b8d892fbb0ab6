//! Goal: an importer's own memory has a bound, however long its input is. Method: an allocator that
//! knows the most bytes its own thread held at once, generated files, and a sink that keeps nothing.
//!
//! What streams may hold a row or an item and no more; what remembers something until the end of its
//! input stays below a quarter of a gibibyte whatever that is.

#![allow(unsafe_code, reason = "a global allocator is an unsafe trait")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
    fs::{self, File},
    io::{BufWriter, Write as _},
    path::Path,
};

use kindred::{
    graph::{FileStore, GraphBuilder},
    model::{
        config::CatalogConfig,
        finding::FindingCode,
        record::{FileId, FileInfo, Location, ProductRecord, Record, RecordSink, RelationRecord},
        relation::Origin,
    },
    sources::format,
};
use tempfile::TempDir;

/// The system's allocator, with the bytes of each thread: the test harness has threads of its own.
struct Counting;

thread_local! {
    static HELD: Cell<Held> = const { Cell::new(Held { now: 0, most: 0 }) };
}

#[derive(Clone, Copy)]
struct Held {
    now: usize,
    most: usize,
}

fn hold(bytes: usize) {
    let Held { now, most } = HELD.get();
    let now = now.saturating_add(bytes);
    HELD.set(Held { now, most: most.max(now) });
}

fn release(bytes: usize) {
    let Held { now, most } = HELD.get();
    HELD.set(Held { now: now.saturating_sub(bytes), most });
}

// SAFETY: every method hands its arguments on to `System` as they are, and counting allocates
// nothing: the cell is constant and needs no drop.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: the caller keeps the promises of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        hold(layout.size());
        // SAFETY: the caller keeps the promises of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // While it copies, it holds both.
        hold(size);
        // SAFETY: the caller keeps the promises of `realloc`.
        let grown = unsafe { System.realloc(pointer, layout, size) };
        release(layout.size());
        grown
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        release(layout.size());
        // SAFETY: the caller keeps the promises of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const MIB: usize = 1 << 20;
/// What an importer may hold at most.
const BOUND: usize = 256 * MIB;
/// What one that streams a table may hold: chunks, a row, the names of columns.
const TABLE: usize = 2 * MIB;
/// What one that streams JSON may hold: a page that is not known as one yet is taken for an item.
const JSON: usize = 40 * MIB;

/// Counts what it hears.
#[derive(Default)]
struct Counter {
    records: usize,
    findings: usize,
}

impl RecordSink for Counter {
    fn open_file(&mut self, _: FileInfo) -> FileId {
        FileId(0)
    }

    fn record(&mut self, _: Location, _: Record<'_>) {
        self.records += 1;
    }

    fn finding(&mut self, _: FindingCode, _: Location, _: &str, _: &str) {
        self.findings += 1;
    }
}

/// A directory with one file of these parts: `row` makes the row of a number, and there are `count`.
fn generated(
    name: &str,
    head: &str,
    foot: &str,
    count: usize,
    row: &dyn Fn(usize) -> String,
) -> TempDir {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut file = BufWriter::new(File::create(directory.path().join(name)).unwrap());
    file.write_all(head.as_bytes()).unwrap();
    for number in 0..count {
        file.write_all(row(number).as_bytes()).unwrap();
    }
    file.write_all(foot.as_bytes()).unwrap();
    file.into_inner().unwrap();
    directory
}

/// Reads what lies there; what was heard, and the most bytes that were held meanwhile.
fn read(format_name: &str, path: &Path) -> (Counter, usize) {
    let mut heard = Counter::default();
    let before = HELD.get().now;
    HELD.set(Held { now: before, most: before });
    format(format_name).unwrap().read(path, &mut heard).unwrap();
    (heard, HELD.get().most - before)
}

/// A file of many rows of two hundred bytes or so takes no more memory than one of few. Pages are
/// longer than the largest item.
#[track_caller]
fn check(format_name: &str, name: &str, [head, foot]: [&str; 2], row: &dyn Fn(usize) -> String) {
    let is_page = foot.contains(']');
    let (len_bytes, bound) = if is_page { (20 * MIB, JSON) } else { (16 * MIB, TABLE) };
    let count = len_bytes / row(1_000_000).len();
    let directory = generated(name, head, foot, count, row);
    let size_bytes = fs::metadata(directory.path().join(name)).unwrap().len();
    let (heard, most) = read(format_name, directory.path());
    assert!(heard.records >= count, "{format_name}/{name}: {} records", heard.records);
    assert!(most <= bound, "{format_name}/{name}: {most} bytes held for {size_bytes}");
}

const PADDING: &str = "a text as long as descriptions of products are and most of them are longer \
                       than this one that holds a hundred and fifty letters or so";

#[test]
fn tables_of_any_length_are_streamed() {
    check("kindred", "relations.csv", ["source,type,target,position,note\n", ""], &|n| {
        format!("product-{n},related,product-{},{},{PADDING}\n", n * 7 % 1_000, n % 10)
    });
    check("akeneo", "p.csv", ["sku;family;enabled;name;X_SELL-products;P-groups\n", ""], &|n| {
        format!("product-{n};f;1;{PADDING};a,b,c;\n")
    });
    check("magento", "p.csv", ["sku,store_view_code,name,crosssell_skus\n", ""], &|n| {
        format!("product-{n},,{PADDING},\"a,b,c\"\n")
    });
    let header = "Handle,Title,Variant SKU,Option1 Value,\
                  product.metafields.shopify--discovery--product_recommendation.related_products\n";
    check("shopify", "p.csv", [header, ""], &|n| {
        format!("product-{},{PADDING},sku-{n},v{n},a;b;c\n", n / 3)
    });
    check(
        "shopware",
        "p.csv",
        ["id;name;product_id;active;position;assigned_products\n", ""],
        &|n| format!("{n};Set {};product-{n}{PADDING:.80};1;1;a|b|c\n", n % 50),
    );
    check("woocommerce", "p.csv", ["ID,Type,SKU,Name,Upsells,Cross-sells\n", ""], &|n| {
        format!("{n},simple,product-{n},{PADDING},\"a, b\",c\n")
    });
    check("wisepim", "p.csv", ["sku,name,cross_sells\n", ""], &|n| {
        format!("product-{n},{PADDING},\"a,b,c\"\n")
    });
}

#[test]
fn json_of_any_length_is_streamed() {
    check("kindred", "products.ndjson", ["", ""], &|n| {
        format!("{{\"id\":\"product-{n}\",\"title\":\"{PADDING}\"}}\n")
    });
    check("akeneo", "p.json", ["{\"_embedded\":{\"items\":[", "{}]}}"], &|n| {
        format!(
            "{{\"identifier\":\"product-{n}\",\"enabled\":true,\"values\":{{\"name\":[{{\"data\":\"{PADDING}\"}}]}},\
             \"associations\":{{\"X_SELL\":{{\"products\":[\"a\",\"b\"]}}}}}},"
        )
    });
    check("magento", "p.json", ["{\"items\":[", "{}]}"], &|n| {
        format!(
            "{{\"sku\":\"product-{n}\",\"type_id\":\"simple\",\"name\":\"{PADDING}\",\"product_links\":\
             [{{\"sku\":\"x\",\"link_type\":\"related\",\"linked_product_sku\":\"a\",\"position\":1}}]}},"
        )
    });
    check(
        "salsify",
        "p.json",
        ["[{\"header\":{\"scope\":[\"all\"]}},{\"products\":[", "]}]"],
        &|n| {
            format!(
                "{{\"salsify:id\":\"product-{n}\",\"Name\":\"{PADDING}\",\"salsify:relations\":[{{\
             \"relation_type\":\"Part\",\"salsify:target_product_id\":\"a\"}}]}},"
            )
        },
    );
    check("shopify", "p.json", ["{\"products\":[", "]}"], &|n| {
        format!(
            "{{\"id\":{n},\"handle\":\"product-{n}\",\"vendor\":\"V\",\"title\":\"{PADDING}\",\
             \"variants\":[{{\"id\":{n}7,\"sku\":\"s-{n}\"}}]}},"
        )
    });
    check("woocommerce", "p.json", ["[", "]"], &|n| {
        format!(
            "{{\"id\":{n},\"sku\":\"product-{n}\",\"type\":\"simple\",\"name\":\"{PADDING}\",\
             \"upsell_ids\":[1,2],\"cross_sell_ids\":[3]}},"
        )
    });
    check("wisepim", "p.json", ["{\"products\":[", "]}"], &|n| {
        format!("{{\"sku\":\"product-{n}\",\"name\":\"{PADDING}\",\"cross_sells\":[\"a\",\"b\"]}},")
    });
}

/// The item that takes the most memory for its bytes: maps of one map, as many as an item may have.
#[test]
fn the_largest_item_of_json_stays_below_the_bound() {
    let heads = [
        ("akeneo", "{\"identifier\":\"a\",\"enabled\":true,\"values\":{}"),
        ("magento", "{\"sku\":\"a\",\"type_id\":\"simple\",\"product_links\":[]"),
        ("salsify", "{\"salsify:id\":\"a\""),
        ("shopify", "{\"id\":1,\"handle\":\"a\",\"vendor\":\"V\",\"variants\":[]"),
        ("woocommerce", "{\"id\":1,\"sku\":\"a\",\"upsell_ids\":[],\"cross_sell_ids\":[]"),
        ("wisepim", "{\"sku\":\"a\",\"name\":\"A\""),
    ];
    for (format_name, head) in heads {
        let head = format!("[{head},\"zz\":[");
        let row = |_| format!("{}{{}}{},", "{\"k\":".repeat(98), "}".repeat(98));
        let directory = generated("p.json", &head, "{}]}]", 2_000, &row);
        let (heard, most) = read(format_name, directory.path());
        assert!(heard.records > 0, "{format_name}");
        assert!((64 * MIB..BOUND).contains(&most), "{format_name}: {most} bytes held");
    }
}

/// Links to groups wait until every product of the groups is known.
#[test]
fn groups_of_akeneo_stay_below_the_bound_and_what_finds_no_room_is_told() {
    let header = "sku;family;enabled;groups;PACK-groups\n";
    let row = |n| format!("product-{n};f;1;group-{};group-{}\n", n / 10, n / 10);
    let directory = generated("p.csv", header, "", 500_000, &row);
    let (heard, most) = read("akeneo", directory.path());
    assert!(heard.findings > 0 && heard.records > 500_000);
    assert!((64 * MIB..BOUND).contains(&most), "{most} bytes held");
}

/// A line of a bulk operation says nothing of its variants: products are remembered.
#[test]
fn a_product_of_a_bulk_operation_takes_less_than_two_hundred_bytes() {
    let row = |n| format!("{{\"id\":\"gid://shopify/Product/{n}\",\"handle\":\"product-{n}\"}}\n");
    let directory = generated("p.jsonl", "", "", 100_000, &row);
    let (heard, most) = read("shopify", directory.path());
    assert_eq!(heard.findings, 0);
    assert!((10 * MIB..100_000 * 200).contains(&most), "{most} bytes held");
}

/// Configurable products name rows that come anywhere behind them.
#[test]
fn a_million_variants_of_magento_stay_below_the_bound() {
    let row = |n: usize| {
        let rows: Vec<String> = (n * 1_000..(n + 1) * 1_000).map(|row| row.to_string()).collect();
        let rows = rows.join(",");
        format!(
            "{{\"sku\":\"parent-{n}\",\"type_id\":\"configurable\",\"extension_attributes\":\
             {{\"configurable_product_links\":[{rows}]}}}},"
        )
    };
    let directory = generated("p.json", "{\"items\":[", "{}]}", 1_010, &row);
    let (heard, most) = read("magento", directory.path());
    // A million that no product is, the one that says so, and the empty object.
    assert_eq!(heard.findings, 1_000_002);
    assert!((32 * MIB..BOUND).contains(&most), "{most} bytes held");
}

/// Parquet unpacks and remembers texts by the page.
#[cfg(feature = "parquet")]
#[test]
fn a_long_text_that_many_rows_of_parquet_share_is_held_once() {
    use std::sync::Arc;

    use arrow_array::{ArrayRef, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;

    const ROWS: usize = 400;
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let long = "a long text ".repeat(70_000);
    let file = File::create(directory.path().join("products.parquet")).unwrap();
    let columns = |from: usize| {
        let ids = (from..from + 100).map(|number| format!("p{number}"));
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(ids));
        let titles: ArrayRef = Arc::new(StringArray::from_iter_values([long.as_str(); 100]));
        RecordBatch::try_from_iter([("id", ids), ("title", titles)]).unwrap()
    };
    let mut writer = ArrowWriter::try_new(file, columns(0).schema(), None).unwrap();
    for from in (0..ROWS).step_by(100) {
        writer.write(&columns(from)).unwrap();
    }
    writer.close().unwrap();
    let (heard, most) = read("kindred", directory.path());
    // Each title is cut, and told so.
    assert_eq!((heard.records, heard.findings), (ROWS, ROWS));
    assert!(most < 16 * MIB, "{most} bytes for a text of {} bytes", long.len());
}

/// What sorting may take is said by its caller; only products and ids come on top.
#[test]
fn sorting_relations_takes_no_more_memory_than_it_is_given() {
    const RELATIONS: u32 = 400_000;
    let bytes = FileStore::MEMORY_BYTES_MIN;
    let store = FileStore::in_dir(Path::new(env!("CARGO_TARGET_TMPDIR"))).unwrap();
    let mut builder = GraphBuilder::new(CatalogConfig::default(), store.with_memory(bytes));
    let file = builder.open_file(FileInfo { name: "relations.csv".to_owned(), modified_s: None });
    let ids = (0..1_000).map(|number| format!("p{number}")).collect::<Vec<_>>();
    for id in &ids {
        let product = ProductRecord { id, ..ProductRecord::default() };
        builder.record(Location { file, line: 1 }, Record::Product(product));
    }
    let before = HELD.get().now;
    HELD.set(Held { now: before, most: before });
    for line in 0..RELATIONS {
        let number = usize::try_from(line).unwrap();
        let (source, target) =
            (&ids[number / 400], &ids[(number / 400 + 1 + number % 400) % 1_000]);
        let link = RelationRecord::new(source, "related", target, Origin::Imported);
        let link = RelationRecord { two_way: Some(true), ..link };
        builder.record(Location { file, line }, Record::Relation(link));
    }
    let graph = builder.finish().unwrap();
    let most = u64::try_from(HELD.get().most - before).unwrap();
    assert_eq!(graph.counts.read(), u64::from(RELATIONS));
    let beside = u64::try_from(2 * MIB).unwrap();
    assert!(most < bytes + beside, "{most} bytes held");
    // The bound is one that is used: all relations at once would take more than twice of it.
    assert!(most > bytes / 4 && u64::from(RELATIONS) * 2 * 64 > 3 * bytes, "{most} bytes held");
}
