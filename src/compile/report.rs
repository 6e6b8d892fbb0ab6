//! What a compile did, for people and for scripts.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    graph::{Graph, RelationCounts},
    model::finding::Findings,
};

/// The report of one compile.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Products in the catalog.
    pub products: u64,
    /// Other ids of products.
    pub aliases: u64,
    /// Bundles in the catalog.
    pub bundles: u64,
    /// By type code; `unknown` for types that nobody declares.
    pub relations: BTreeMap<String, RelationReport>,
    /// By code.
    pub findings: Vec<FindingReport>,
    /// Each source as it came through the cache; empty without one.
    pub sources: Vec<SourceReport>,
    /// The snapshot that was published; empty if none was.
    pub snapshot_id: String,
    /// Its manifest; 0 if none was written.
    pub manifest: u64,
    /// Seconds from start to end.
    pub seconds: f64,
    /// Seconds of it by step.
    pub steps: BTreeMap<&'static str, f64>,
    /// Largest resident memory of the process.
    pub peak_memory_bytes: u64,
    /// Size of the catalog blob.
    pub catalog_bytes: u64,
}

/// Relations of one type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RelationReport {
    /// Rows of sources.
    pub read: u64,
    /// Rows that reached the catalog.
    pub kept: u64,
    /// Further relations: other directions of two-way ones.
    pub reversed: u64,
    /// Further relations: those that follow from others.
    pub derived: u64,
    /// Rows that were dropped, by reason.
    pub dropped: BTreeMap<&'static str, u64>,
}

/// What came of one source that is kept in a cache.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SourceReport {
    /// Its name.
    pub name: String,
    /// `read`, `unchanged`, `previous` or `held`.
    pub state: &'static str,
    /// How its input met what was kept of before.
    pub mode: &'static str,
    /// Records that it says now.
    pub records: u64,
    /// Since when, and why; empty for a source that was read.
    pub note: String,
}

/// Findings of one code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FindingReport {
    /// `dangling_target`.
    pub code: &'static str,
    /// `info`, `warning` or `error`.
    pub severity: &'static str,
    /// What a person does about it.
    pub what_to_do: &'static str,
    /// How many.
    pub count: u64,
    /// The first few.
    pub samples: Vec<String>,
}

impl Report {
    /// What the graph says; the caller adds what only it knows.
    #[must_use]
    pub fn new<R>(graph: &Graph<R>) -> Self {
        let code = |relation_type| {
            let mut types = graph.config.relation_types.iter();
            let declared = types.find(|declared| declared.relation_type == relation_type);
            declared.map_or_else(|| relation_type.to_string(), |declared| declared.code.clone())
        };
        let by_type = graph.counts.by_type.iter();
        let mut relations = by_type
            .map(|(relation_type, counts)| (code(*relation_type), RelationReport::new(counts)))
            .collect::<BTreeMap<_, _>>();
        if graph.counts.untyped.read > 0 {
            relations.insert("unknown".to_owned(), RelationReport::new(&graph.counts.untyped));
        }
        Self {
            products: graph.products.len() as u64,
            aliases: graph.aliases.len() as u64,
            bundles: graph.bundles.len() as u64,
            relations,
            findings: finding_reports(&graph.findings),
            sources: Vec::new(),
            snapshot_id: String::new(),
            manifest: 0,
            seconds: 0.0,
            steps: BTreeMap::new(),
            peak_memory_bytes: 0,
            catalog_bytes: 0,
        }
    }
}

impl RelationReport {
    fn new(counts: &RelationCounts) -> Self {
        Self {
            read: counts.read,
            kept: counts.kept,
            reversed: counts.reversed,
            derived: counts.derived,
            dropped: counts.dropped.iter().map(|(code, count)| (code.code(), *count)).collect(),
        }
    }
}

/// Findings by code.
#[must_use]
pub fn finding_reports(findings: &Findings) -> Vec<FindingReport> {
    let groups = findings.groups().map(|(code, group)| FindingReport {
        code: code.code(),
        severity: code.severity().code(),
        what_to_do: code.advice(),
        count: group.count,
        samples: group.samples.clone(),
    });
    groups.collect()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<20} {:>12} {:>12} {:>12}", "relations", "read", "kept", "reversed")?;
        let has_any = |counts: &RelationReport| counts.read + counts.derived > 0;
        for (code, counts) in self.relations.iter().filter(|(_, counts)| has_any(counts)) {
            let RelationReport { read, kept, reversed, derived, .. } = counts;
            writeln!(f, "{code:<20} {read:>12} {kept:>12} {reversed:>12}")?;
            if *derived > 0 {
                writeln!(f, "  derived {derived:>25}")?;
            }
            for (reason, count) in &counts.dropped {
                writeln!(f, "  dropped {reason:<20} {count:>4}")?;
            }
        }
        for finding in &self.findings {
            let FindingReport { code, severity, count, samples, .. } = finding;
            writeln!(f, "{severity}: {code}: {count}")?;
            for sample in samples.iter().take(3) {
                writeln!(f, "  {sample}")?;
            }
        }
        for SourceReport { name, state, mode, records, note } in &self.sources {
            let colon = if note.is_empty() { "" } else { ": " };
            writeln!(f, "source {name}: {state} ({mode}), {records} records{colon}{note}")?;
        }
        let Self { products, aliases, bundles, catalog_bytes, seconds, .. } = self;
        let peak_mib = self.peak_memory_bytes >> 20;
        write!(
            f,
            "{products} products, {aliases} aliases, {bundles} bundles; catalog of {catalog_bytes} \
             bytes in {seconds:.2} s, peak memory {peak_mib} MiB"
        )
    }
}
