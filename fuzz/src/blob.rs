//! Bytes as a blob file. Checksums are repaired first, else every change would end at them: what is
//! behind them has to bear any bytes, too.

use std::path::Path;

use kindred::{
    index::{
        Blob, BlobHash, Catalog, Dropped, Ordinal, Provenance, Role, Text, UnverifiedBlob, View,
        layout::{HEADER_BYTES, Header, TRAILER_BYTES, Trailer},
    },
    policy::{OverridesDoc, PolicyDoc},
};
use xxhash_rust::xxh3::xxh3_128;
use zerocopy::{FromBytes as _, IntoBytes as _};

/// The catalogs that a provenance blob may belong to.
const CATALOGS: [&[u8]; 2] = [
    include_bytes!("../../tests/data/format-1.catalog.kdx"),
    include_bytes!("../../tests/data/format-2.catalog.kdx"),
];

/// Opens the bytes as they are, then with repaired checksums, and reads all that opens.
///
/// # Panics
/// A reader panicked.
pub fn run(data: &[u8]) {
    read(data);
    let mut bytes = data.to_vec();
    if repair(&mut bytes).is_some() {
        read(&bytes);
    }
}

fn read(bytes: &[u8]) {
    let Ok(blob) = open(bytes) else { return };
    let text = |blob: Blob, role| Text::from_blob(blob, role).map(|text| text.text().to_owned());
    match blob.role() {
        Role::Catalog => {
            if let Ok(catalog) = Catalog::from_blob(blob) {
                walk(&catalog.view());
            }
        }
        Role::Policy => {
            if let Ok(text) = text(blob, Role::Policy) {
                drop(PolicyDoc::parse("policy", &text));
            }
        }
        Role::Overrides => {
            if let Ok(text) = text(blob, Role::Overrides) {
                drop(OverridesDoc::parse("overrides", &text));
            }
        }
        Role::Provenance => CATALOGS.into_iter().for_each(|catalog| trace(bytes, catalog)),
        Role::Dropped => {
            if let Ok(dropped) = Dropped::from_blob(blob) {
                std::hint::black_box(dropped.get());
            }
        }
    }
}

fn open(bytes: &[u8]) -> Result<Blob, kindred::index::IndexError> {
    UnverifiedBlob::from_bytes(Path::new("fuzzed"), bytes)?.verify(None)
}

/// Reads everything that a catalog answers.
fn walk(view: &View<'_>) {
    for product in view.ordinals() {
        let id = view.id(product);
        assert_eq!(view.find(id), Some(product), "a product is found by its id");
        for run in view.block(product).runs() {
            for relation in run.relations() {
                let target = Ordinal(relation.edge.target.get());
                assert!(view.product(target).is_some(), "a relation leads to a product");
            }
        }
        std::hint::black_box((view.title_bytes(product), view.parent(product)));
        std::hint::black_box((view.incoming(product), view.variants(product)));
        std::hint::black_box((view.market_prices(product), view.attributes(product)));
        let categories = view.extra_categories(product).collect::<Vec<_>>();
        std::hint::black_box(categories.iter().filter(|at| view.is_within(product, **at)).count());
    }
    for bundle in view.bundles() {
        for option in view.options(bundle) {
            std::hint::black_box((view.option_name(option), view.selections(option)));
        }
    }
    for (alias, product) in view.aliases() {
        assert_eq!(view.find(alias), Some(product), "a product is found by its alias");
    }
}

/// Reads where each relation of a golden catalog came from.
fn trace(bytes: &[u8], golden: &[u8]) {
    let catalog = open(golden).and_then(Catalog::from_blob).expect("the golden catalog opens");
    let view = catalog.view();
    let Ok(blob) = open(bytes) else { return };
    let Ok(provenance) = Provenance::from_blob(blob, &view, BlobHash::of(golden)) else { return };
    for product in view.ordinals() {
        for index in 0..view.block(product).runs().map(|run| run.edges().len()).sum() {
            std::hint::black_box(provenance.place(product, index));
        }
    }
}

/// Makes length and checksums right for what the bytes say, if they have a header at all.
fn repair(bytes: &mut [u8]) -> Option<()> {
    let file_len = u64::try_from(bytes.len()).ok()?;
    let (head, _) = bytes.split_at_checked(usize::try_from(HEADER_BYTES).ok()?)?;
    let mut header = Header::read_from_bytes(head).ok()?;
    header.file_len = file_len.into();
    let count = usize::try_from(header.section_count.get()).ok()?;
    for entry in header.sections.iter_mut().take(count) {
        let begin = usize::try_from(entry.offset.get()).ok()?;
        let end = begin.checked_add(usize::try_from(entry.len.get()).ok()?)?;
        if let Some(section) = bytes.get(begin..end) {
            entry.checksum = xxh3_128(section).to_le_bytes();
        }
    }
    let whole = header.as_bytes();
    header.checksum = xxh3_128(whole.get(..whole.len() - 16)?).to_le_bytes();
    bytes.get_mut(..header.as_bytes().len())?.copy_from_slice(header.as_bytes());
    let trailer_at = bytes.len().checked_sub(usize::try_from(TRAILER_BYTES).ok()?)?;
    let mut trailer = Trailer::read_from_bytes(bytes.get(trailer_at..)?).ok()?;
    trailer.file_len = file_len.into();
    trailer.header_checksum = header.checksum;
    bytes.get_mut(trailer_at..)?.copy_from_slice(trailer.as_bytes());
    Some(())
}
