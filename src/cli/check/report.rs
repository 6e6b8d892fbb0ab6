//! What `kindred check` found, as people and scripts read it.

use std::{collections::BTreeMap, fmt};

use serde::Serialize;

use crate::{
    compile::{
        Breach, Checks, Coverage, Diff, FindingReport, RelationReport, Report, SourceAge,
        finding_reports,
    },
    model::finding::Severity,
};

/// The report of one check.
#[derive(Debug, Serialize)]
pub(super) struct CheckReport {
    /// When it was made, RFC 3339.
    pub(super) checked_at: String,
    pub(super) products: u64,
    pub(super) relations: BTreeMap<String, RelationReport>,
    pub(super) findings: Vec<FindingReport>,
    pub(super) guards: Vec<Breach>,
    pub(super) coverage: Vec<Coverage>,
    pub(super) sources: Vec<SourceAge>,
    /// None without a snapshot before.
    pub(super) changes: Option<Diff>,
    #[serde(skip)]
    pub(super) worst: Option<Severity>,
}

impl CheckReport {
    pub(super) fn new(imported: Report, checks: Checks, now_s: i64) -> Self {
        let Checks { findings, coverage, sources, breaches, changes } = checks;
        let now = jiff::Timestamp::from_second(now_s);
        let mut reports = finding_reports(&findings);
        // Worst first; inside a severity by number of the code.
        reports.sort_by_key(|one| std::cmp::Reverse(rank(one.severity)));
        Self {
            checked_at: now.map(|now| now.to_string()).unwrap_or_default(),
            products: imported.products,
            relations: imported.relations,
            findings: reports,
            guards: breaches,
            coverage,
            sources,
            changes,
            worst: findings.worst(),
        }
    }
}

fn rank(severity: &str) -> usize {
    [Severity::Info, Severity::Warning, Severity::Error]
        .iter()
        .position(|known| known.code() == severity)
        .unwrap_or_default()
}

/// A share in percent, rounded down so that only all is 100.
pub(super) fn percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(100).checked_div(whole).unwrap_or(0)
}

/// A name for people: products without a category have none.
pub(super) fn category(name: &str) -> &str {
    if name.is_empty() { "(none)" } else { name }
}

impl fmt::Display for CheckReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} products, checked at {}", self.products, self.checked_at)?;
        writeln!(f, "\n{:<20} {:>10} {:>10} {:>10}", "relations", "read", "kept", "dropped")?;
        for (code, counts) in self.relations.iter().filter(|(_, counts)| counts.read > 0) {
            let RelationReport { read, kept, .. } = counts;
            let dropped = counts.dropped.values().sum::<u64>();
            writeln!(f, "{code:<20} {read:>10} {kept:>10} {dropped:>10}")?;
        }
        self.show_coverage(f)?;
        for SourceAge { source, files, relations, age_days, .. } in &self.sources {
            let age =
                age_days.map_or_else(|| "of unknown age".to_owned(), |d| format!("{d} days old"));
            writeln!(f, "source {source}: {relations} relations of {files} files, {age}")?;
        }
        if let Some(changes) = &self.changes {
            let Diff { products_added, products_removed, .. } = changes;
            writeln!(
                f,
                "\nagainst the snapshot before: {products_added} products more, {products_removed} gone"
            )?;
            for (code, one) in &changes.relation_types {
                let (added, removed, reordered) = (one.added, one.removed, one.reordered);
                writeln!(
                    f,
                    "  {code}: {added} added, {removed} removed, {reordered} lists reordered"
                )?;
            }
        }
        for breach in &self.guards {
            writeln!(f, "refused by guard {breach}\n  {}", breach.guard.advice())?;
        }
        writeln!(f)?;
        for finding in &self.findings {
            let FindingReport { code, severity, what_to_do, count, samples } = finding;
            writeln!(f, "{severity}: {code}: {count}: {what_to_do}")?;
            samples.iter().take(3).try_for_each(|sample| writeln!(f, "  {sample}"))?;
        }
        let count = self.findings.iter().filter(|one| rank(one.severity) > 0).count();
        write!(f, "{count} kinds of findings to act on")
    }
}

impl CheckReport {
    fn show_coverage(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:<10} {:<28} {:>9} {:>9}", "market", "category", "products", "linked")?;
        for Coverage { market, category: name, products, linked, .. } in &self.coverage {
            let (name, share) = (category(name), percent(*linked, *products));
            writeln!(f, "{market:<10} {name:<28} {products:>9} {share:>7} %")?;
        }
        writeln!(f)
    }
}
