//! From records of sources to one checked graph.
//!
//! Ids become numbers, relations become edges of fixed width in sorted runs, and what two sources say
//! of one thing is merged: the larger authority wins, then the value, of a product field by field. No
//! order of rows or files reaches the output, but for files and lines themselves and the samples of
//! findings. This room refuses nothing silently: each row that is lost is counted and named.

mod aliases;
mod bundles;
mod categories;
mod eco;
mod edge;
mod error;
mod file_runs;
mod intake;
mod intern;
mod joins;
mod ledger;
mod markets;
mod merge;
mod merged;
mod products;
mod relations;
mod rows;
mod runs;
#[cfg(test)]
mod tests;
mod variants;
mod words;

use std::mem;

pub use aliases::Alias;
pub use bundles::{Bundle, BundleOption, Selection};
pub use categories::{Category, CategoryTree};
pub use edge::Edge;
pub use error::GraphError;
pub use file_runs::{FileEdges, FileRuns, FileStore};
pub use ledger::{Counts, Dropped, RelationCounts};
pub use markets::MarketPrice;
pub use merge::{RelationGroup, RelationGroups};
pub use merged::Merged;
pub use products::Product;
pub use runs::{CHUNK_EDGES, MemoryRuns, MemoryStore, RunStore, SortedRuns};

use self::{
    bundles::Bundles,
    intake::Intake,
    intern::index,
    ledger::{DroppedRow, Link},
    merge::Hidden,
    relations::resolve_chunk,
    rows::ProductRow,
    words::{Ordinals, TypeName, Words},
};
use crate::model::{
    config::CatalogConfig,
    finding::{FindingCode, Findings},
    record::{FileId, FileInfo, Location, Record, RecordSink},
};

/// A file that was read, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Index into [`Graph::sources`].
    pub source: usize,
    /// Its name and time.
    pub info: FileInfo,
}

/// The checked graph. Products are known by ordinal: their place in `products`.
#[derive(Debug)]
pub struct Graph<R> {
    /// What the catalog declares.
    pub config: CatalogConfig,
    /// Sorted by folded id; at least one.
    pub products: Vec<Product>,
    /// Sorted; brands are known by place.
    pub brands: Vec<String>,
    /// Every category of a product, and those above it.
    pub categories: CategoryTree,
    /// By bit of [`Product::tags`], at most 64: those declared, else those found, sorted.
    pub tags: Vec<String>,
    /// Sorted by product, then market; the default market's stand in [`Product::price`].
    pub market_prices: Vec<MarketPrice>,
    /// Sorted by product.
    pub bundles: Vec<Bundle>,
    /// Sorted by folded alias.
    pub aliases: Vec<Alias>,
    /// Names of the sources in the order in which they were read.
    pub sources: Vec<String>,
    /// Files by [`FileId`].
    pub files: Vec<SourceFile>,
    /// What is wrong with the input.
    pub findings: Findings,
    /// Relations read, kept and dropped.
    pub counts: Counts,
    /// By product.
    product_rows: Vec<Location>,
    hidden: Hidden,
    words: Words,
    dropped: Vec<DroppedRow>,
    runs: R,
}

impl<R: SortedRuns> Graph<R> {
    /// The id of a product, as its row spells it.
    #[must_use]
    pub fn id(&self, product: &Product) -> &str {
        self.words.ids.text(product.node)
    }

    /// The title of a product.
    #[must_use]
    pub fn title(&self, product: &Product) -> Option<&str> {
        product.title.map(|title| self.words.texts.text(title))
    }

    /// Where the row of a product stands that counts: `products.csv:12`. Of rows of several sources it
    /// is that of the largest priority.
    #[must_use]
    pub fn product_place(&self, ordinal: usize) -> Option<String> {
        let at = self.product_rows.get(ordinal)?;
        let name = &self.files.get(index(at.file.0))?.info.name;
        Some(format!("{name}:{}", at.line))
    }

    /// The other id that an alias is.
    #[must_use]
    pub fn alias_id(&self, alias: &Alias) -> &str {
        self.words.ids.text(alias.node)
    }

    /// Relations that did not reach the graph, sorted by reason, source, type, target and row; the
    /// first `DROPPED_KEPT_MAX` of them.
    #[must_use]
    pub fn dropped(&self) -> impl ExactSizeIterator<Item = Dropped<'_>> {
        self.dropped.iter().map(|row| row.resolve(&self.words))
    }

    /// Reads the relations from the beginning, merged and ranked. May be called as often as needed.
    ///
    /// # Errors
    /// The run store cannot read its runs back.
    pub fn relations(&self) -> Result<RelationGroups<'_, R>, GraphError> {
        RelationGroups::new(&self.runs, &self.products, &self.hidden, &self.config)
    }
}

/// Takes records and makes a [`Graph`] of them.
#[derive(Debug)]
pub struct GraphBuilder<S> {
    intake: Intake,
    store: S,
    chunk: Vec<Edge>,
    failure: Option<GraphError>,
}

impl<S: RunStore> GraphBuilder<S> {
    /// Nothing read yet.
    #[must_use]
    pub fn new(config: CatalogConfig, store: S) -> Self {
        Self { intake: Intake::new(config), store, chunk: Vec::new(), failure: None }
    }

    /// Files opened from here on belong to this source. Files opened before the first call belong
    /// to a source named `input`.
    pub fn begin_source(&mut self, name: &str) {
        self.intake.begin_source(name);
    }

    /// Checks, merges and sorts what was read.
    ///
    /// # Errors
    /// There is no product, there are too many texts, or the run store failed.
    pub fn finish(mut self) -> Result<Graph<S::Runs>, GraphError> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        if !self.chunk.is_empty() {
            self.intake.settle_targets(&mut self.chunk)?;
            append(&mut self.store, &mut self.chunk)?;
        }
        drop(self.chunk);
        let Intake { config, words, mut ledger, sources, products, aliases, variants, .. } =
            self.intake;
        let mut rows = products.sorted(&words);
        if rows.is_empty() {
            return Err(no_products(&sources, &ledger));
        }
        let ordinals_of = |rows: &[ProductRow]| Ordinals::new(words.ids.len(), rows::nodes(rows));
        let mut ordinals = ordinals_of(&rows);
        let joined = joins::join(&aliases, &mut rows, &ordinals, &words, &mut ledger);
        rows::merge(&mut rows, config.read_at_s, &words);
        if !joined.is_empty() {
            ordinals = ordinals_of(&rows);
        }
        let aliases = aliases::settle(aliases, &joined, &words, &mut ordinals, &mut ledger);
        let mut made = products::make(&rows, &config, &words, &mut ledger);
        variants::settle(variants, &rows, &mut made.products, &words, &ordinals, &mut ledger);
        let market_prices = markets::settle(
            self.intake.market_rows,
            &rows,
            &mut made.products,
            &config,
            &words,
            &ordinals,
            &mut ledger,
        );
        let product_rows = rows.iter().map(|row| row.at).collect();
        drop(rows);
        let bundles = Bundles { words: &words, ordinals: &ordinals, ledger: &mut ledger }
            .settle(self.intake.bundle_rows);

        let runs = self
            .store
            .seal(&mut |chunk| resolve_chunk(chunk, &words, &ordinals, &mut ledger))
            .map_err(|source| GraphError::Runs { step: "sort", source })?;
        drop(ordinals);
        let mut graph = Graph {
            config,
            hidden: Hidden::of(&made.products),
            products: made.products,
            brands: made.brands,
            categories: made.categories,
            tags: made.tags,
            market_prices,
            bundles,
            aliases,
            sources: sources.into_iter().map(|source| source.name).collect(),
            files: Vec::new(),
            findings: Findings::default(),
            counts: Counts::default(),
            product_rows,
            words,
            dropped: Vec::new(),
            runs,
        };
        graph.take_stock(ledger)?;
        Ok(graph)
    }

    fn take(&mut self, at: Location, record: &Record<'_>) -> Result<(), GraphError> {
        if let Some(edge) = self.intake.take(at, record)? {
            self.chunk.push(edge);
            let is_full = self.chunk.len() >= self.store.chunk_edges();
            if is_full || self.intake.targets_wait() {
                self.intake.settle_targets(&mut self.chunk)?;
            }
            if is_full {
                append(&mut self.store, &mut self.chunk)?;
            }
        }
        Ok(())
    }
}

impl<S: RunStore> RecordSink for GraphBuilder<S> {
    fn open_file(&mut self, file: FileInfo) -> FileId {
        self.intake.open_file(file)
    }

    /// After a failure nothing more is taken; `finish` returns the failure.
    fn record(&mut self, at: Location, record: Record<'_>) {
        if self.failure.is_none() {
            self.failure = self.take(at, &record).err();
        }
    }

    fn finding(&mut self, code: FindingCode, at: Location, field: &str, message: &str) {
        self.intake.ledger.find(code, at, field, || message.to_owned());
    }
}

impl<R: SortedRuns> Graph<R> {
    /// Merges once to count: lists are merged again each time they are read, so that they are never
    /// all in memory.
    fn take_stock(&mut self, mut ledger: ledger::Ledger) -> Result<(), GraphError> {
        let mut groups =
            RelationGroups::new(&self.runs, &self.products, &self.hidden, &self.config)?;
        let (words, products) = (&self.words, &self.products);
        loop {
            let group = groups.next_judged(&mut |refusal, edge| {
                let node = |ordinal| products[index(ordinal)].node;
                let link = Link {
                    source: node(edge.source()),
                    relation_type: TypeName::Known(edge.relation_type()),
                    target: node(edge.target()),
                };
                ledger.refuse(words, refusal, link, edge.at(), "");
            })?;
            let Some(group) = group else { break };
            ledger.keep(&group);
        }
        ledger.settle(words);
        if ledger.counts.read() == 0 {
            ledger.findings.add(FindingCode::NoRelations, || {
                format!("expected relations, found none in {} files", ledger.files.len())
            });
        }
        self.files = mem::take(&mut ledger.files);
        self.findings = ledger.findings;
        self.counts = ledger.counts;
        self.dropped = ledger.dropped;
        Ok(())
    }
}

fn append<S: RunStore>(store: &mut S, chunk: &mut Vec<Edge>) -> Result<(), GraphError> {
    store.append(chunk).map_err(|source| GraphError::Runs { step: "append", source })?;
    chunk.clear();
    Ok(())
}

fn no_products(sources: &[intake::Source], ledger: &ledger::Ledger) -> GraphError {
    const FILES_SHOWN_MAX: usize = 10;
    let or_none = |texts: Vec<String>| match texts.is_empty() {
        true => "none".to_owned(),
        false => texts.join(", "),
    };
    let count = |(code, group): (FindingCode, &crate::model::finding::FindingGroup)| {
        format!("{} {}", code.code(), group.count)
    };
    let file = |file: &SourceFile| {
        let source = sources.get(file.source).map_or("", |source| source.name.as_str());
        format!("{source}: {}", file.info.name)
    };
    let mut files = ledger.files.iter().take(FILES_SHOWN_MAX).map(file).collect::<Vec<_>>();
    if let Some(more @ 1..) = ledger.files.len().checked_sub(FILES_SHOWN_MAX) {
        files.push(format!("{more} more"));
    }
    GraphError::NoProducts {
        files: or_none(files),
        findings: or_none(ledger.findings.groups().map(count).collect()),
    }
}
