//! `kindred inspect` and `kindred verify`: what a blob or the current snapshot of a store holds, and
//! whether it is whole.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use super::{current, open_track, out::outln};
use crate::{
    index::{Blob, BlobHash, Catalog, Dropped, Role, Text, UnverifiedBlob, View},
    snapshot::Snapshot,
};

#[derive(Debug, Args)]
pub(super) struct InspectArgs {
    /// A blob file, or the directory of a store.
    #[arg(value_name = "BLOB-OR-STORE")]
    path: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct BlobReport {
    file: String,
    role: &'static str,
    hash: String,
    size_bytes: u64,
    sections: Vec<SectionReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    catalog: Option<CatalogReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dropped_relations: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<TextReport>,
}

/// A policy or overrides: how much there is, and how it begins.
#[derive(Debug, Serialize)]
struct TextReport {
    bytes: u64,
    lines: u64,
    first_lines: Vec<String>,
}

/// Lines of a text that are shown, and characters of each: enough to see which one it is.
const TEXT_LINES_SHOWN_MAX: usize = 5;
const LINE_CHARS_SHOWN_MAX: usize = 100;

#[derive(Debug, Serialize)]
struct SectionReport {
    name: &'static str,
    bytes: u64,
}

#[derive(Debug, Serialize)]
struct CatalogReport {
    products: u64,
    aliases: u64,
    bundles: u64,
    brands: u64,
    categories: u64,
    relations: Vec<(String, u64)>,
    markets: Vec<(String, u64)>,
}

#[derive(Debug, Serialize)]
struct Inspection {
    #[serde(skip_serializing_if = "Option::is_none")]
    snapshot_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest: Option<u64>,
    blobs: Vec<BlobReport>,
}

pub(super) fn inspect(args: &InspectArgs) -> anyhow::Result<()> {
    let inspection = look(&args.path)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&inspection)?);
        return Ok(());
    }
    if let (Some(id), Some(number)) = (&inspection.snapshot_id, inspection.manifest) {
        outln!("snapshot {id}, manifest {number}");
    }
    inspection.blobs.iter().for_each(print_blob);
    Ok(())
}

pub(super) fn verify(args: &InspectArgs) -> anyhow::Result<()> {
    let inspection = look(&args.path)?;
    if args.json {
        outln!("{}", serde_json::to_string_pretty(&inspection)?);
        return Ok(());
    }
    for blob in &inspection.blobs {
        outln!("ok {} {} {} bytes", blob.role, blob.hash, blob.size_bytes);
    }
    Ok(())
}

/// Verifies and describes: a store's current snapshot as a server would load it, or one blob.
fn look(path: &Path) -> anyhow::Result<Inspection> {
    if !path.is_dir() {
        let blob = UnverifiedBlob::open(path)?.verify(named_hash(path))?;
        let blobs = vec![describe(path, blob)?];
        return Ok(Inspection { snapshot_id: None, manifest: None, blobs });
    }
    let (store, track) = open_track(path)?;
    let current = current(&track, path)?;
    let snapshot = Snapshot::load(&store, &current)?;
    let blobs = current.blobs.iter().map(|blob| {
        let path = store.blob_path(blob);
        describe(&path, UnverifiedBlob::open(&path)?.verify(Some(blob.hash))?)
    });
    Ok(Inspection {
        blobs: blobs.collect::<anyhow::Result<_>>()?,
        snapshot_id: Some(snapshot.id().to_owned()),
        manifest: Some(current.number),
    })
}

/// The hash in the file's own name, if it is named as in a store.
fn named_hash(path: &Path) -> Option<BlobHash> {
    let name = path.file_name()?.to_str()?;
    name.strip_suffix(".kdx")?.split('.').next()?.parse().ok()
}

fn describe(path: &Path, blob: Blob) -> anyhow::Result<BlobReport> {
    let file = path.file_name().context("a blob has a file name")?;
    let sections =
        blob.sections().map(|(section, bytes)| SectionReport { name: section.code(), bytes });
    let mut report = BlobReport {
        file: file.to_string_lossy().into_owned(),
        role: blob.role().code(),
        hash: blob.hash().to_string(),
        size_bytes: blob.size_bytes(),
        sections: sections.collect(),
        catalog: None,
        dropped_relations: None,
        text: None,
    };
    match blob.role() {
        Role::Catalog => {
            report.catalog = Some(describe_catalog(&Catalog::from_blob(blob)?.view()));
        }
        Role::Dropped => {
            let dropped = Dropped::from_blob(blob)?;
            let archived = dropped.get();
            let listed = archived.relations.len() as u64;
            report.dropped_relations = Some(listed + archived.unlisted.to_native());
        }
        // What the text says can only be checked beside its catalog.
        role @ (Role::Policy | Role::Overrides) => {
            report.text = Some(describe_text(Text::from_blob(blob, role)?.text()));
        }
        // Its meaning, too.
        Role::Provenance => {}
    }
    Ok(report)
}

fn describe_text(text: &str) -> TextReport {
    // No control characters: they would command the terminal.
    let plain = |char: char| if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
    let shown = |line: &str| line.chars().take(LINE_CHARS_SHOWN_MAX).map(plain).collect();
    TextReport {
        bytes: text.len() as u64,
        lines: text.lines().count() as u64,
        first_lines: text.lines().take(TEXT_LINES_SHOWN_MAX).map(shown).collect(),
    }
}

fn describe_catalog(view: &View<'_>) -> CatalogReport {
    let meta = view.meta();
    let types = meta.relation_types.iter();
    let markets = meta.markets.iter();
    CatalogReport {
        products: view.product_count() as u64,
        aliases: view.aliases().count() as u64,
        bundles: view.bundles().len() as u64,
        brands: meta.brands.len() as u64,
        categories: meta.categories.len() as u64,
        relations: types
            .map(|one| (one.code.to_string(), one.relation_count.to_native()))
            .collect(),
        markets: markets.map(|one| (one.id.to_string(), one.product_count.to_native())).collect(),
    }
}

impl CatalogReport {
    /// Products and relations.
    fn counts(&self) -> [u64; 2] {
        [self.products, self.relations.iter().map(|(_, count)| count).sum()]
    }
}

/// Bytes by something, with two decimals, rounded down; a dash where there is nothing.
fn share(bytes: u64, count: u64) -> String {
    let hundredths = (u128::from(bytes) * 100).checked_div(count.into());
    let shown = |hundredths| format!("{}.{:02}", hundredths / 100, hundredths % 100);
    hundredths.map_or_else(|| "-".to_owned(), shown)
}

fn print_blob(blob: &BlobReport) {
    outln!("{} {} ({} bytes)", blob.role, blob.hash, blob.size_bytes);
    let shares = blob.catalog.as_ref().map(CatalogReport::counts);
    for SectionReport { name, bytes } in blob.sections.iter().filter(|section| section.bytes > 0) {
        let shares = shares.map(|counts| counts.map(|count| share(*bytes, count)));
        match shares {
            Some([product, relation]) => outln!(
                "  {name:<18} {bytes:>14} bytes {product:>10} per product {relation:>9} per relation"
            ),
            None => outln!("  {name:<18} {bytes:>14} bytes"),
        }
    }
    if let Some(catalog) = &blob.catalog {
        let CatalogReport { products, aliases, bundles, brands, categories, .. } = catalog;
        outln!(
            "  {products} products, {aliases} aliases, {bundles} bundles, {brands} brands, \
             {categories} categories"
        );
        for (code, count) in catalog.relations.iter().filter(|(_, count)| *count > 0) {
            outln!("  {code:<18} {count:>14} relations");
        }
        for (market, count) in &catalog.markets {
            outln!("  market {market:<11} {count:>14} products");
        }
    }
    if let Some(count) = blob.dropped_relations {
        outln!("  {count} relations dropped");
    }
    if let Some(TextReport { bytes, lines, first_lines }) = &blob.text {
        outln!("  text of {lines} lines, {bytes} bytes:");
        for line in first_lines {
            outln!("  | {line}");
        }
    }
}
