//! Zero copy is shown, not said: a catalog of more than a gibibyte opens and answers while the
//! process's own memory hardly grows, and places beyond four gibibytes are read like any other.
//!
//! Memory is `RssAnon` of `/proc/self/status`: pages of the mapped file do not count, copies of
//! them would. The tests take turns, and need 8 GiB of free disk or say that they did nothing.

mod synthetic;

use std::{
    env, fs,
    fs::File,
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::Instant,
};

use kindred::index::{
    BlobWriter, Catalog, Ordinal, Role,
    layout::{
        AttributeRecord, Edge, FLAG_PARENT, Key, KeyGroup, NO_PRICE, NONE, ProductRecord,
        ReverseRecord, RunHeader, Section, VariantGroupRecord,
    },
};
use xxhash_rust::xxh3::xxh3_64_with_seed;
use zerocopy::{
    IntoBytes as _,
    little_endian::{U32, U64},
};

const PRODUCTS: u32 = 3_500_000;
const RELATIONS_PER_TYPE: u32 = 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
/// Length of the title that everything after it lies beyond.
const BEYOND: u64 = 4 * GIB + 16 * MIB;
/// Where the process that writes the large catalog is to put it.
const LARGE_CATALOG: &str = "KINDRED_TEST_LARGE_CATALOG";

static TURN: Mutex<()> = Mutex::new(());

/// A directory on the disk of the build, which `/tmp` need not be; `None` if it is too full.
fn roomy_directory() -> Option<tempfile::TempDir> {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let output = Command::new("df").arg("-Pk").arg(parent).output().expect("df is part of Linux");
    let table = String::from_utf8(output.stdout).expect("numbers and a path");
    let cells = table.lines().nth(1).and_then(|line| line.split_whitespace().nth(3));
    let free_kib = cells.and_then(|cell| cell.parse::<u64>().ok()).expect("a column of free space");
    if free_kib < 8 * GIB / 1024 {
        return None;
    }
    Some(tempfile::tempdir_in(parent).expect("a temporary directory"))
}

fn own_memory_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux tells");
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).expect("a line of it");
    kib.trim().parse::<u64>().expect("a number") * 1024
}

/// Not a test of its own: `a_gibibyte_opens_in_place` starts it in another process, so that memory
/// which the writer used and gave back cannot hide what opening takes.
#[test]
fn the_large_catalog_is_written_where_asked() {
    let Some(path) = env::var_os(LARGE_CATALOG).map(PathBuf::from) else { return };
    let file = File::create_new(&path).expect("an empty file");
    synthetic::write(file, &path, PRODUCTS, RELATIONS_PER_TYPE).expect("it is written");
}

#[test]
fn a_gibibyte_opens_in_place() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(directory) = roomy_directory() else {
        return skip();
    };
    let (path, start) = (directory.path().join("catalog"), Instant::now());
    let written = Command::new(env::current_exe().expect("this test"))
        .args(["the_large_catalog_is_written_where_asked", "--exact"])
        .env(LARGE_CATALOG, &path)
        .output()
        .expect("a second process");
    assert!(written.status.success(), "{}", String::from_utf8_lossy(&written.stdout));
    let (before, written_after) = (own_memory_bytes(), start.elapsed());

    let catalog = Catalog::open(&path, None).expect("what was written opens");
    let view = catalog.view();
    assert!(catalog.blob().size_bytes() >= GIB, "{} bytes", catalog.blob().size_bytes());
    assert_eq!(view.meta().relation_count.to_native(), u64::from(PRODUCTS) * 30);
    for step in 0..10_000 {
        let source = step * (PRODUCTS / 10_000);
        let ordinal = view.find(&synthetic::id(source)).expect("every product is found");
        assert_eq!(ordinal, Ordinal(source));
        let relations = view.block(ordinal).runs().flat_map(|run| run.relations());
        let targets = relations.map(|relation| relation.edge.target.get());
        assert!(targets.eq((0..30).map(|at| synthetic::target(PRODUCTS, source, at))));
    }

    let grown = own_memory_bytes().saturating_sub(before);
    let (size, after) = (catalog.blob().size_bytes() / MIB, start.elapsed());
    println!(
        "{size} MiB: own memory grew by {grown} bytes; written {written_after:?}, all {after:?}"
    );
    assert!(grown <= 64 * MIB, "own memory grew by {grown} bytes");
}

/// Where CI is set, a proof that did not run is no proof.
#[expect(clippy::print_stdout, reason = "a test that does not run says so")]
fn skip() {
    assert!(env::var_os("CI").is_none(), "less than 8 GiB of free disk");
    println!("skipped: less than 8 GiB of free disk");
}

/// Two products: the title of the first is a little over 4 GiB of zeros, which the file system keeps as a hole.
/// The second one's title and every later section lie beyond.
#[test]
fn places_beyond_four_gibibytes_are_read() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(directory) = roomy_directory() else {
        return skip();
    };
    let (path, start, before) =
        (directory.path().join("sparse"), Instant::now(), own_memory_bytes());
    write_sparse(&path, BEYOND);
    let written_after = start.elapsed();

    let catalog = Catalog::open(&path, None).expect("what was written opens");
    let view = catalog.view();
    assert!(catalog.blob().size_bytes() > BEYOND);
    let (first, second) = (view.find("a"), view.find("b"));
    assert_eq!((first, second), (Some(Ordinal(0)), Some(Ordinal(1))));
    assert_eq!(view.title_bytes(Ordinal(1)), b"beyond");
    assert_eq!(view.title_bytes(Ordinal(0)).len() as u64, BEYOND);
    assert_eq!(view.variants(Ordinal(0)), [U32::new(1)]);
    assert_eq!(view.incoming(Ordinal(1)).first().map(|relation| relation.source.get()), Some(0));
    assert_eq!(view.meta().markets.first().map(|market| market.id.as_str()), Some("default"));
    assert!(own_memory_bytes().saturating_sub(before) <= 64 * MIB);
    println!("sparse: written {written_after:?}, all {:?}", start.elapsed());
}

/// By `FORMAT.md` alone: `CatalogWriter` takes titles as text in memory.
fn write_sparse(path: &Path, title_len: u64) {
    let sections = sections(title_len);
    let file = File::create_new(path).expect("an empty file");
    let mut blob = BlobWriter::new(file, path, Role::Catalog).expect("a header's room");
    for section in Section::CATALOG {
        blob.begin(*section).expect("the sections come in order");
        if *section == Section::TitleHeap {
            blob.put_zeros(title_len).expect("a hole");
        }
        let bytes = sections.iter().find(|(found, _)| found == section);
        blob.put(bytes.map_or(&[], |(_, bytes)| bytes)).expect("written");
        blob.end();
    }
    blob.finish().expect("written");
}

/// What is not empty in a catalog of two products, of which `b` is `a`'s variant and accessory.
fn sections(title_len: u64) -> Vec<(Section, Vec<u8>)> {
    let run = RunHeader { relation_type: 6, has_rare: 0, count: 1.into() };
    let edge = Edge { target: 1.into(), score: 65535.into(), meta: (7 << 5).into() };
    let products = [product(b'a', 1 << 40, NONE, FLAG_PARENT), product(b'b', 0, 0, 0)];
    let attributes = AttributeRecord {
        price: NO_PRICE.into(),
        tags: 0.into(),
        assortment: 0.into(),
        brand: NONE.into(),
        category: NONE.into(),
        read_at_s: 0.into(),
        reserved: 0.into(),
    };
    let group = VariantGroupRecord { parent: 0.into(), first: 0.into(), count: 1.into() };
    let incoming = ReverseRecord { source: 0.into(), relation_type: 6, reserved: [0; 3] };
    let mut meta = synthetic::shape::declarations();
    meta.relation_types.truncate(1);
    let declared = meta.relation_types.first_mut().expect("there are types");
    (declared.number, declared.reverse, declared.relation_count) = (6, 1, 1);
    meta.relation_count = 1;
    let archive = rkyv::to_bytes::<rkyv::rancor::Error>(&meta).expect("in memory");
    vec![
        (Section::Edges, [run.as_bytes(), &[0; 4], edge.as_bytes()].concat()),
        (Section::Products, products.as_bytes().to_vec()),
        (Section::Keys, key_group(&[b"a", b"b"]).as_bytes().to_vec()),
        (Section::Attributes, [attributes; 2].as_bytes().to_vec()),
        (Section::TitleEnds, [title_len, title_len + 6].map(U64::new).as_bytes().to_vec()),
        (Section::TitleHeap, b"beyond".to_vec()),
        (Section::VariantGroups, group.as_bytes().to_vec()),
        (Section::VariantMembers, U32::new(1).as_bytes().to_vec()),
        // No category: the list of the whole catalog alone, and nothing in it.
        (Section::PopularEnds, U64::new(0).as_bytes().to_vec()),
        (Section::ReverseEnds, [0, 1].map(U64::new).as_bytes().to_vec()),
        (Section::Reverse, incoming.as_bytes().to_vec()),
        (Section::Meta, archive.to_vec()),
    ]
}

fn product(id: u8, edges: u64, parent: u32, flags: u8) -> ProductRecord {
    let mut bytes = [0; 15];
    bytes[0] = id;
    ProductRecord {
        key: Key { len: 1, bytes },
        edges: edges.into(),
        parent: parent.into(),
        flags,
        eco_grade: 0,
        availability: 0,
        reserved: 0,
    }
}

/// The key table as `FORMAT.md` describes it, of so few ids that they have one group.
fn key_group(ids: &[&[u8]]) -> KeyGroup {
    let mut group = KeyGroup { tags: [0; 12], reserved: [0; 4], entries: [0.into(); 12] };
    for (entry, id) in (0_u32..).zip(ids) {
        let [low, ..] = xxh3_64_with_seed(id, 0).to_le_bytes();
        group.tags[entry as usize] = low.max(1);
        group.entries[entry as usize] = entry.into();
    }
    group
}
