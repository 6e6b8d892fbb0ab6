//! From a checked graph to blobs: scores, blocks, sections, report. Deterministic: the same graph
//! gives the same bytes, whatever the order of rows and files was.
//!
//! This room knows nothing of sources or of mapped files. Whoever calls it verifies the catalog it
//! wrote before the hash of it goes into the provenance blob.

mod checks;
mod compare;
mod error;
mod guards;
mod place;
mod report;
mod tables;

#[cfg(test)]
mod tests;

use std::{fs::File, path::Path};

pub use checks::{CheckLimits, Checks, Coverage, Question, SourceAge, check};
pub use compare::{Diff, TypeDiff, diff};
pub use error::CompileError;
pub use guards::{Breach, breaches, overrides_breach};
pub use place::Side;
pub use report::{FindingReport, RelationReport, Report, SourceReport, finding_reports};

use self::tables::Products;
use crate::{
    graph::{Edge as Relation, Graph, RelationGroup, SortedRuns},
    index::{
        BlobHash, BundleDraft, CatalogDraft, CatalogWriter, IndexError, MarketPriceDraft,
        OptionDraft, ProvenanceWriter, RunDraft, SelectionDraft,
        layout::{
            Edge, META_MARKETS, META_ORIGIN_SHIFT, META_REVERSED, META_SCORED, ProvenanceRecord,
            RareRecord,
        },
        meta::{DroppedMeta, DroppedRelation, FileMeta},
        write_dropped,
    },
    model::score,
};

/// An empty file that becomes a blob, and its path for errors.
#[derive(Debug)]
pub struct Output<'a> {
    /// Open for writing.
    pub file: File,
    /// Its name so far.
    pub path: &'a Path,
}

/// A provenance blob that only lacks the hash of its catalog.
#[derive(Debug)]
pub struct PendingProvenance {
    writer: ProvenanceWriter,
    sources: Vec<String>,
    files: Vec<FileMeta>,
}

impl PendingProvenance {
    /// Finishes the blob for the catalog of this hash.
    ///
    /// # Errors
    /// What the system says about the file.
    pub fn finish(self, catalog: BlobHash) -> Result<(), IndexError> {
        self.writer.finish(catalog, self.sources, self.files)
    }
}

/// Writes the catalog blob whole, and the provenance blob but for its last section.
///
/// # Errors
/// The run store or the system fails.
pub fn write_catalog<R: SortedRuns>(
    graph: &Graph<R>,
    catalog: Output<'_>,
    provenance: Output<'_>,
) -> Result<PendingProvenance, CompileError> {
    let reverse = graph.config.relation_types.iter().filter(|declared| declared.reverse);
    let reverse = reverse.map(|declared| declared.relation_type.number()).collect();
    let mut writer = CatalogWriter::new(catalog.file, catalog.path, reverse)?;
    let mut places = ProvenanceWriter::new(provenance.file, provenance.path)?;
    write_blocks(graph, &mut writer, &mut places)?;

    let aliases = graph.aliases.iter();
    let aliases = aliases.map(|alias| (graph.alias_id(alias), alias.product)).collect::<Vec<_>>();
    let prices = graph.market_prices.iter().map(|price| MarketPriceDraft {
        product: price.product,
        market: u16::try_from(price.market).expect("at most 64 markets"),
        price: price.minor,
        read_at_s: tables::seconds(price.read_at_s),
    });
    let draft = CatalogDraft {
        id_rule: graph.config.id_rule,
        products: &Products(graph),
        aliases: &aliases,
        market_prices: &prices.collect::<Vec<_>>(),
        bundles: &bundles(graph),
        meta: tables::meta(graph),
    };
    writer.finish(draft)?;
    Ok(PendingProvenance { writer: places, sources: graph.sources.clone(), files: files(graph) })
}

/// Writes the dropped blob.
///
/// # Errors
/// What the system says about the file.
pub fn write_dropped_relations<R: SortedRuns>(
    graph: &Graph<R>,
    output: Output<'_>,
) -> Result<(), CompileError> {
    let dropped = graph.dropped();
    let counts = graph.counts.by_type.values().chain([&graph.counts.untyped]);
    let total = counts.flat_map(|counts| counts.dropped.values()).sum::<u64>();
    let unlisted = total.saturating_sub(dropped.len() as u64);
    let relations = dropped.map(|one| DroppedRelation {
        reason: one.code as u8,
        source: one.source.to_owned(),
        relation_type: one.relation_type.to_owned(),
        target: one.target.to_owned(),
        file: one.at.file.0,
        line: one.at.line,
    });
    let mut relations = relations.collect::<Vec<_>>();
    // The graph has them by reason, so that what is kept does not depend on ids; readers ask by id.
    let id_rule = graph.config.id_rule;
    let order = |a: &str, b: &str| id_rule.order(a.as_bytes(), b.as_bytes());
    let place = |one: &DroppedRelation| (one.file, one.line, one.reason);
    relations.sort_by(|a, b| {
        order(&a.source, &b.source)
            .then_with(|| a.relation_type.cmp(&b.relation_type))
            .then_with(|| order(&a.target, &b.target))
            .then_with(|| place(a).cmp(&place(b)))
    });
    let meta = DroppedMeta {
        id_rule: id_rule.number(),
        relations,
        unlisted,
        files: files(graph),
        sources: graph.sources.clone(),
    };
    Ok(write_dropped(output.file, output.path, &meta)?)
}

/// By relation, in the order of the catalog: the day since 1970 on which a source last confirmed it.
///
/// # Errors
/// The run store cannot read its runs back.
pub fn confirmed_days<R: SortedRuns>(graph: &Graph<R>) -> Result<Vec<Option<u16>>, CompileError> {
    let mut groups = graph.relations()?;
    let mut days = Vec::new();
    while let Some(group) = groups.next_group()? {
        days.extend(group.edges.iter().map(Relation::confirmed_day));
    }
    Ok(days)
}

/// Writes the block of each product, and the places of its relations in the same order.
fn write_blocks<R: SortedRuns>(
    graph: &Graph<R>,
    writer: &mut CatalogWriter,
    places: &mut ProvenanceWriter,
) -> Result<(), CompileError> {
    let count = u32::try_from(graph.products.len()).expect("ordinals are 32 bits");
    let every_market = u64::MAX >> (64 - graph.config.markets.len().clamp(1, 64));
    let mut groups = graph.relations()?;
    let mut runs = Vec::new();
    let mut read = Vec::new();
    let mut next = 0;
    let mut end_block = |runs: &mut Vec<RunDraft>, read: &mut Vec<ProvenanceRecord>| {
        writer.block(runs)?;
        places.block(read.drain(..))?;
        runs.clear();
        Ok::<_, IndexError>(())
    };
    while let Some(group) = groups.next_group()? {
        while next < group.source {
            end_block(&mut runs, &mut read)?;
            next += 1;
        }
        runs.push(run(&group, every_market));
        read.extend(group.edges.iter().map(|relation| ProvenanceRecord {
            file: relation.at().file.0.into(),
            line: relation.at().line.into(),
        }));
    }
    while next < count {
        end_block(&mut runs, &mut read)?;
        next += 1;
    }
    Ok(())
}

fn run(group: &RelationGroup<'_>, every_market: u64) -> RunDraft {
    let scores = score::falling(group.edges.iter().map(Relation::score));
    let edges = group.edges.iter().zip(scores);
    RunDraft {
        relation_type: group.relation_type.number(),
        edges: edges.map(|(relation, score)| edge(relation, score, every_market)).collect(),
    }
}

fn edge(relation: &Relation, score: u16, every_market: u64) -> (Edge, Option<RareRecord>) {
    // A relation for every market is not limited to any: most say nothing and need no record.
    let markets = if relation.markets() == every_market { 0 } else { relation.markets() };
    let rare = RareRecord {
        quantity: relation.quantity().unwrap_or(0.0).into(),
        valid_from_s: relation.valid_from_s().unwrap_or(i64::MIN).into(),
        valid_to_s: relation.valid_to_s().unwrap_or(i64::MAX).into(),
        markets: markets.into(),
    };
    let mark = |bit: u16, set: bool| if set { bit } else { 0 };
    let meta = u16::from(relation.stages().bits())
        | u16::from(relation.origin() as u8) << META_ORIGIN_SHIFT
        | mark(META_SCORED, relation.score().is_some())
        | mark(META_MARKETS, markets != 0)
        | mark(META_REVERSED, relation.is_reversed());
    let edge = Edge { target: relation.target().into(), score: score.into(), meta: meta.into() };
    (edge, Some(rare).filter(|rare| !rare.is_nothing()))
}

fn bundles<R>(graph: &Graph<R>) -> Vec<BundleDraft> {
    let selection = |one: &crate::graph::Selection| SelectionDraft {
        product: one.product,
        quantity: one.quantity,
        is_default: one.is_default,
    };
    let option = |one: &crate::graph::BundleOption| OptionDraft {
        name: one.name.clone(),
        required: one.required,
        min_selections: one.min_selections,
        max_selections: one.max_selections,
        selections: one.selections.iter().map(selection).collect(),
    };
    let bundle = |one: &crate::graph::Bundle| BundleDraft {
        product: one.product,
        options: one.options.iter().map(option).collect(),
    };
    graph.bundles.iter().map(bundle).collect()
}

fn files<R>(graph: &Graph<R>) -> Vec<FileMeta> {
    let file = |file: &crate::graph::SourceFile| FileMeta {
        source: u32::try_from(file.source).expect("few sources"),
        name: file.info.name.clone(),
        confirmed_s: file.info.modified_s,
    };
    graph.files.iter().map(file).collect()
}
