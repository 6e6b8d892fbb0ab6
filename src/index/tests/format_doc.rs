//! `FORMAT.md` says what the code says: each table of it is held against the constants and types,
//! in both directions, so that neither can change alone.

use std::collections::BTreeMap;

use zerocopy::IntoBytes as _;

use super::testkit::{TOYS, catalog, model};
use crate::{
    index::{
        BlobHash, Fault, Role, UnsafeFile,
        edges::{self, Block, RunDraft},
        keys::{self, Table},
        layout,
        layout::{
            AliasRecord, AttributeRecord, BundleMemberRecord, BundleOptionRecord, BundleRecord,
            BundleSelectionRecord, Edge, ExtraCategoryRecord, Header, Key, KeyGroup,
            MarketPriceRecord, ProductRecord, ProvenanceRecord, RareRecord, ReverseRecord,
            RunHeader, Section, SectionEntry, Trailer, VariantGroupRecord,
        },
        meta::{
            ArchivedCatalogMeta as CatalogMeta, ArchivedCategoryMeta as CategoryMeta,
            ArchivedDroppedMeta as DroppedMeta, ArchivedDroppedRelation as DroppedRelation,
            ArchivedFileMeta as FileMeta, ArchivedMarketMeta as MarketMeta,
            ArchivedProvenanceMeta as ProvenanceMeta, ArchivedTypeMeta as TypeMeta,
        },
        open::sections_of,
    },
    model::{
        finding::FindingCode,
        id::IdRule,
        limits,
        relation::{Availability, Origin, Stage},
    },
};

const DOC: &str = include_str!("../FORMAT.md");

/// The rows of the table under each `###` heading, cells without back quotes.
fn tables() -> BTreeMap<String, Vec<Vec<String>>> {
    let mut tables = BTreeMap::new();
    let mut heading = String::new();
    for line in DOC.lines() {
        if let Some(text) = line.strip_prefix('#') {
            heading = text.trim_start_matches('#').trim().replace('`', "");
        } else if let Some(row) = line.strip_prefix('|') {
            let cells = row.trim_end_matches('|').split('|');
            let cells = cells.map(|cell| cell.trim().replace('`', "")).collect();
            tables.entry(heading.clone()).or_insert_with(Vec::new).push(cells);
        }
    }
    for rows in tables.values_mut() {
        rows.drain(..2);
    }
    tables
}

/// The table under a heading, its first cells only.
fn table(heading: &str, cells: usize) -> Vec<Vec<String>> {
    let rows = tables().remove(heading).unwrap_or_else(|| panic!("no table under {heading}"));
    rows.into_iter().map(|row| row[..cells].to_vec()).collect()
}

#[track_caller]
fn check<const N: usize>(heading: &str, expected: impl IntoIterator<Item = [String; N]>) {
    let expected: Vec<_> = expected.into_iter().map(Vec::from).collect();
    let found = table(heading, N);
    assert!(found == expected, "{heading}: the document says {found:#?}, the code {expected:#?}");
}

/// A type with its fields: offset, bytes, name.
struct Fields {
    name: &'static str,
    size: usize,
    rows: Vec<(usize, usize, &'static str)>,
}

fn field_size<T, F>(_: fn(&T) -> &F) -> usize {
    size_of::<F>()
}

macro_rules! fields {
    ($($name:ident { $($field:ident)* })*) => {
        vec![$(Fields {
            name: stringify!($name),
            size: size_of::<$name>(),
            rows: vec![$((
                std::mem::offset_of!($name, $field),
                field_size(|it: &$name| &it.$field),
                stringify!($field),
            ),)*],
        },)*]
    };
}

fn records() -> Vec<Fields> {
    fields! {
        Header {
            magic endian format required_features optional_features file_len role section_count
            key_seed reserved sections padding checksum
        }
        SectionEntry { kind schema offset len checksum reserved }
        Trailer { magic file_len header_checksum }
        Key { len bytes }
        ProductRecord { key edges parent flags eco_grade availability reserved }
        AliasRecord { key product }
        KeyGroup { tags reserved entries }
        RunHeader { relation_type has_rare count }
        Edge { target score meta }
        RareRecord { quantity valid_from_s valid_to_s markets }
        AttributeRecord { price tags assortment brand category read_at_s reserved }
        ExtraCategoryRecord { product category }
        MarketPriceRecord { product market reserved price read_at_s }
        VariantGroupRecord { parent first count }
        BundleRecord { product first_option option_count }
        BundleOptionRecord {
            name_offset name_len required min_selections max_selections first_selection
            selection_count
        }
        BundleSelectionRecord { product is_default quantity }
        BundleMemberRecord { product bundle }
        ReverseRecord { source relation_type reserved }
        ProvenanceRecord { file line }
    }
}

fn archives() -> Vec<Fields> {
    fields! {
        CatalogMeta {
            id_rule relation_count relation_types markets default_market inventories tags brands
            categories
        }
        TypeMeta { number code display_name two_way reverse relation_count }
        MarketMeta { id currency default_inventory product_count }
        CategoryMeta { id parent end }
        ProvenanceMeta { catalog sources files }
        FileMeta { source name confirmed_s }
        DroppedMeta { id_rule relations unlisted files sources }
        DroppedRelation { reason source relation_type target file line }
    }
}

#[test]
fn format_doc_matches_consts() {
    let all = records().into_iter().chain(archives()).collect::<Vec<_>>();
    for Fields { name, size, rows } in &all {
        let rows = rows.iter().map(|(offset, bytes, field)| {
            [offset.to_string(), bytes.to_string(), (*field).to_owned()]
        });
        check(&format!("{name}, {size} bytes"), rows);
    }
    let documented = tables().into_keys().filter(|heading| heading.ends_with(" bytes")).count();
    assert_eq!(documented, all.len(), "the document has a record that the code has not");
    // Without gaps: no field of a flat record is left out above. Archives may have padding.
    for Fields { name, size, rows } in records() {
        let end = rows.iter().fold(0, |end, (offset, bytes, field)| {
            assert_eq!(*offset, end, "{name} has a gap before {field}");
            offset + bytes
        });
        assert_eq!(end, size, "{name}");
    }
}

#[test]
fn format_doc_matches_numbers() {
    let hex =
        |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ");
    let numbers = [
        ("MAGIC", hex(&layout::MAGIC)),
        ("TRAILER_MAGIC", hex(&layout::TRAILER_MAGIC)),
        ("ENDIAN_MARK", format!("{:#010x}", layout::ENDIAN_MARK)),
        ("FORMAT", layout::FORMAT.to_string()),
        ("FORMAT_OLDEST", layout::FORMAT_OLDEST.to_string()),
        ("FEATURES_KNOWN", layout::FEATURES_KNOWN.to_string()),
        ("SECTION_ALIGN", layout::SECTION_ALIGN.to_string()),
        ("SECTIONS_MAX", layout::SECTIONS_MAX.to_string()),
        ("HEADER_BYTES", layout::HEADER_BYTES.to_string()),
        ("TRAILER_BYTES", layout::TRAILER_BYTES.to_string()),
        ("INLINE_KEY_BYTES_MAX", layout::INLINE_KEY_BYTES_MAX.to_string()),
        ("SLOTS_PER_GROUP", layout::SLOTS_PER_GROUP.to_string()),
        ("NONE", layout::NONE.to_string()),
        ("NO_PRICE", layout::NO_PRICE.to_string()),
        ("ID_BYTES_MAX", limits::ID_BYTES_MAX.to_string()),
        ("RELATIONS_PER_TYPE_MAX", limits::RELATIONS_PER_TYPE_MAX.to_string()),
        ("VARIANT_DEPTH_MAX", limits::VARIANT_DEPTH_MAX.to_string()),
        ("CATEGORY_DEPTH_MAX", limits::CATEGORY_DEPTH_MAX.to_string()),
        ("POPULAR_MAX", limits::POPULAR_MAX.to_string()),
        ("PRODUCTS_MAX", limits::PRODUCTS_MAX.to_string()),
        ("MARKETS_MAX", limits::MARKETS_MAX.to_string()),
        ("TAGS_MAX", limits::TAGS_MAX.to_string()),
        ("INVENTORIES_MAX", limits::INVENTORIES_MAX.to_string()),
        ("POLICY_BYTES_MAX", limits::POLICY_BYTES_MAX.to_string()),
        ("OVERRIDES_BYTES_MAX", limits::OVERRIDES_BYTES_MAX.to_string()),
    ];
    check("Numbers", numbers.map(|(name, value)| [name.to_owned(), value]));
}

#[test]
fn format_doc_matches_roles_and_sections() {
    let roles = Role::ALL.map(|role| {
        let shapes = if role.shapes_answers() { "yes" } else { "no" };
        [(role as u32).to_string(), role.code().to_owned(), shapes.to_owned()]
    });
    check("Roles", roles);
    let mut documented = 0;
    for role in Role::ALL {
        let rows = sections_of(role).iter().map(|section| {
            [
                (*section as u32).to_string(),
                section.code().to_owned(),
                section.schema().to_string(),
                section.record_bytes().to_string(),
            ]
        });
        check(&format!("Sections of role {}", role.code()), rows);
        documented += sections_of(role).len();
        // A blob finds its sections by their numbers.
        let numbers: Vec<_> = sections_of(role).iter().map(|section| *section as u32).collect();
        assert!(numbers.is_sorted_by(|a, b| a + 1 == *b), "{} has gaps", role.code());
    }
    assert_eq!(documented, Section::ALL.len(), "each section belongs to one role");
}

#[test]
fn format_doc_matches_bits() {
    let bit = |mask: u16, name: &str| [mask.trailing_zeros().to_string(), name.to_owned()];
    let flags = [
        (layout::FLAG_HIDDEN, "FLAG_HIDDEN"),
        (layout::FLAG_PARENT, "FLAG_PARENT"),
        (layout::FLAG_EXTRA_CATEGORIES, "FLAG_EXTRA_CATEGORIES"),
        (layout::FLAG_MARKET_PRICES, "FLAG_MARKET_PRICES"),
    ];
    check("Flags of a product", flags.map(|(mask, name)| bit(u16::from(mask), name)));
    assert_eq!(flags.iter().fold(0, |all, (mask, _)| all | mask), layout::FLAGS_KNOWN);
    let marks = [
        (layout::META_SCORED, "META_SCORED"),
        (layout::META_RARE, "META_RARE"),
        (layout::META_MARKETS, "META_MARKETS"),
        (layout::META_REVERSED, "META_REVERSED"),
    ];
    let fields =
        [["0 to 4".to_owned(), "stages".to_owned()], ["5 to 8".to_owned(), "origin".to_owned()]];
    check("Marks of an edge", fields.into_iter().chain(marks.map(|(mask, name)| bit(mask, name))));
    let known = marks.iter().fold(0b1_1111_1111, |all, (mask, _)| all | mask);
    assert_eq!((known, layout::META_ORIGIN_SHIFT), (layout::META_KNOWN, 5));
}

#[test]
fn format_doc_matches_words() {
    let row = |number: u8, code: &str| [number.to_string(), code.to_owned()];
    check("Origins", Origin::ALL.map(|origin| row(origin as u8, origin.code())));
    check("Availability", Availability::ALL.map(|state| row(state as u8, state.code())));
    check("Stages", Stage::ALL.map(|stage| row(stage as u8 - 1, stage.code())));
    let reasons = FindingCode::ALL.iter().map(|code| row(*code as u8, code.code()));
    check("Reasons of the dropped blob", reasons);
}

#[test]
fn format_doc_matches_error_codes() {
    let hash = BlobHash::of(b"");
    let faults = [
        Fault::NotAnIndex { expected: layout::MAGIC, found: [0; 8] },
        Fault::WrongEndian { found: 0 },
        Fault::FormatTooNew { found: 2, newest: 1 },
        Fault::FormatTooOld { found: 0, oldest: 1 },
        Fault::UnknownFeature { found: 1, known: 0 },
        Fault::Truncated { expected: 1, found: 0 },
        Fault::TrailingBytes { expected: 0, found: 1 },
        Fault::Checksum { part: "header" },
        Fault::WrongHash { expected: hash, found: hash },
        Fault::WrongRole { expected: "catalog", found: String::new() },
        Fault::Structure { part: "header", what: String::new() },
        Fault::TooLarge { part: "", found: 1, bytes_max: 0 },
        Fault::TooManyIds { found: 1, ids_max: 0 },
        Fault::UnsafeFile { why: UnsafeFile::NotRegular { found: "" } },
        Fault::Io { action: "", source: std::io::Error::other("") },
    ];
    check("Error codes", faults.map(|fault| [fault.code().to_owned()]));
}

/// The bytes of the fenced block under a heading, hexadecimal up to two spaces on each line.
fn example(heading: &str) -> Vec<u8> {
    let section = DOC.split(heading).nth(1).expect("the heading is there");
    let fenced = section.split("```").nth(1).expect("an example in a fence");
    let lines = fenced.lines().skip(1).filter_map(|line| line.split("  ").next());
    let digits = lines.flat_map(str::split_whitespace);
    digits.map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal")).collect()
}

#[test]
fn format_doc_example_of_a_block_reads_as_it_says() {
    let bytes = example("### A worked example");
    let block = Block::at(&bytes, 1 << 40);
    let run = block.runs().next().expect("one run");
    assert_eq!((block.headers().len(), run.relation_type().map(|t| t.number())), (1, Some(6)));
    let relations: Vec<_> = run.relations().collect();
    let [first, second] = relations[..] else { panic!("two relations") };
    assert_eq!((first.edge.target.get(), first.edge.score.get()), (2, 65535));
    assert_eq!((first.edge.origin(), first.edge.stages().bits()), (Some(Origin::Imported), 0));
    assert!(first.rare.is_none());
    assert_eq!((second.edge.target.get(), second.edge.score.get()), (300, 40000));
    assert_eq!(second.edge.origin(), Some(Origin::Curated));
    let stages: Vec<_> = second.edge.stages().stages().collect();
    assert_eq!(stages, [Stage::Discovery, Stage::PostPurchase]);
    let rare = second.rare.expect("it has a rare record");
    assert_eq!((rare.quantity.get(), rare.markets.get()), (2.0, 0));
    assert_eq!((rare.valid_from_s.get(), rare.valid_to_s.get()), (i64::MIN, 1_800_000_000));
    let edges = relations.iter().map(|relation| (*relation.edge, relation.rare.copied()));
    let mut encoded = Vec::new();
    edges::encode(&[RunDraft { relation_type: 6, edges: edges.collect() }], &mut encoded);
    assert_eq!(encoded, bytes);
}

#[test]
fn format_doc_example_of_a_group_is_the_group() {
    let row = table("A worked group", 7).remove(0);
    let number = |cell: usize| {
        let digits = row[cell].trim_start_matches("0x").replace('_', "");
        u64::from_str_radix(&digits, if row[cell].starts_with("0x") { 16 } else { 10 })
            .expect("a number")
    };
    let hash = keys::hash(IdRule::CaseFolded, 0, row[0].as_bytes());
    assert_eq!(hash, number(1));
    let (groups, home, tag, slot, entry) = (number(2), number(3), number(4), number(5), number(6));
    assert_eq!((u128::from(hash) * u128::from(groups)) >> 64, u128::from(home));
    assert_eq!(hash & 0xff, tag);
    // The toys of the tests are that catalog.
    let toys = model(TOYS);
    assert_eq!(u64::from(toys.ordinal(&row[0])), entry);
    let catalog = catalog(&toys.catalog()).expect("it opens");
    let Table::Groups(found) = catalog.view().keys() else { panic!("format 2 has groups") };
    assert_eq!(found.len() as u64, groups);
    let (group, slot) = (&found[usize::try_from(home).unwrap()], usize::try_from(slot).unwrap());
    assert_eq!((u64::from(group.tags[slot]), u64::from(group.entries[slot].get())), (tag, entry));
    let line = example("### A worked group");
    assert_eq!(group.as_bytes(), line);
}
