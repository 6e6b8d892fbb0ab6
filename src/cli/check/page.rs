//! The report as one HTML page: no script, nothing loaded, charts as inline SVG. Every text that
//! comes from outside goes through [`Text`], which escapes it.

use std::fmt::{self, Write as _};

use super::super::html::{Text, head};
use super::report::{CheckReport, category, percent};
use crate::compile::{Coverage, FindingReport, RelationReport, SourceAge};

/// The whole page.
pub(super) fn page(report: &CheckReport) -> String {
    let mut page = head("Kindred check");
    write_page(&mut page, report).expect("writing to a string does not fail");
    page
}

fn write_page(page: &mut String, report: &CheckReport) -> fmt::Result {
    let kept = report.relations.values().map(|counts| counts.kept).sum::<u64>();
    let (at, products) = (Text(&report.checked_at), report.products);
    writeln!(page, "<h1>Kindred check</h1>")?;
    writeln!(page, "<p>{products} products, {kept} relations, checked at {at}.</p>")?;
    guards(page, report)?;
    findings(page, &report.findings)?;
    coverage(page, &report.coverage)?;
    relations(page, report)?;
    changes(page, report)?;
    sources(page, &report.sources)?;
    writeln!(page, "</body></html>")
}

fn guards(page: &mut String, report: &CheckReport) -> fmt::Result {
    if report.guards.is_empty() {
        return Ok(());
    }
    writeln!(page, "<h2>Would be refused</h2>\n<table><tr><th>Guard<th>What and where")?;
    writeln!(page, "<th class=n>Before<th class=n>After<th class=n>Changed<th class=n>Allowed")?;
    for one in &report.guards {
        let (guard, subject) = (one.guard.code(), one.subject());
        let (subject, advice) = (Text(&subject), Text(one.guard.advice()));
        let (before, after) = (one.before, one.after);
        let (changed, allowed) = (one.changed_percent, one.allowed_percent);
        writeln!(
            page,
            "<tr class=error><td>{guard}<td>{subject}<br><small>{advice}</small>\
             <td class=n>{before}<td class=n>{after}<td class=n>{changed} %<td class=n>{allowed} %"
        )?;
    }
    writeln!(page, "</table>")
}

fn findings(page: &mut String, findings: &[FindingReport]) -> fmt::Result {
    writeln!(page, "<h2>Findings</h2>")?;
    if findings.is_empty() {
        return writeln!(page, "<p>Nothing was found.</p>");
    }
    writeln!(page, "<table><tr><th>Severity<th>Finding<th class=n>Count<th>What to do")?;
    for FindingReport { code, severity, what_to_do, count, samples } in findings {
        let (name, advice) = (code.replace('_', " "), Text(what_to_do));
        writeln!(
            page,
            "<tr><td><span class=\"tag {severity}\">{severity}</span><td>{}<td class=n>{count}\
             <td>{advice}<details><summary>Samples</summary><ul>",
            Text(&name)
        )?;
        samples.iter().try_for_each(|one| writeln!(page, "<li><code>{}</code>", Text(one)))?;
        writeln!(page, "</ul></details>")?;
    }
    writeln!(page, "</table>")
}

fn coverage(page: &mut String, rows: &[Coverage]) -> fmt::Result {
    writeln!(page, "<h2>Products with links</h2>")?;
    let bars = rows.iter().map(|row| Bar {
        label: format!("{}: {}", row.market, category(&row.category)),
        value: row.linked,
        of: row.products,
        note: format!(
            "{} of {}, {} %",
            row.linked,
            row.products,
            percent(row.linked, row.products)
        ),
    });
    chart(page, &bars.collect::<Vec<_>>())?;
    writeln!(page, "<details><summary>By type</summary><table><tr><th>Market<th>Category")?;
    writeln!(page, "<th>Type<th class=n>Products with it<th class=n>Share")?;
    for Coverage { market, category: name, products, by_type, .. } in rows {
        for (code, count) in by_type {
            let (market, name, code) = (Text(market), Text(category(name)), Text(code));
            let share = percent(*count, *products);
            writeln!(
                page,
                "<tr><td>{market}<td>{name}<td>{code}<td class=n>{count}<td class=n>{share} %"
            )?;
        }
    }
    writeln!(page, "</table></details>")
}

fn relations(page: &mut String, report: &CheckReport) -> fmt::Result {
    writeln!(page, "<h2>Links read and kept</h2>")?;
    let read = report.relations.iter().filter(|(_, counts)| counts.read > 0);
    let bars = read.map(|(code, counts)| {
        let RelationReport { read, kept, .. } = counts;
        let (label, note) = (code.clone(), format!("{kept} of {read} kept"));
        Bar { label, value: *kept, of: *read, note }
    });
    chart(page, &bars.collect::<Vec<_>>())
}

fn changes(page: &mut String, report: &CheckReport) -> fmt::Result {
    let Some(changes) = &report.changes else { return Ok(()) };
    let (added, removed) = (changes.products_added, changes.products_removed);
    writeln!(page, "<h2>Against the snapshot before</h2>")?;
    writeln!(page, "<p>{added} products came, {removed} are gone.</p>")?;
    writeln!(page, "<table><tr><th>Type<th class=n>Added<th class=n>Removed<th class=n>Reordered")?;
    writeln!(page, "<th class=n>Lists<th class=n>Same top ten")?;
    for (code, one) in &changes.relation_types {
        writeln!(
            page,
            "<tr><td>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{}<td class=n>{:.0} %",
            Text(code),
            one.added,
            one.removed,
            one.reordered,
            one.lists,
            one.top10_overlap * 100.0
        )?;
    }
    writeln!(page, "</table>")
}

fn sources(page: &mut String, sources: &[SourceAge]) -> fmt::Result {
    writeln!(page, "<h2>Sources</h2>\n<table><tr><th>Source<th class=n>Files<th class=n>Links")?;
    writeln!(page, "<th class=n>Days since the newest file")?;
    for SourceAge { source, files, relations, age_days, .. } in sources {
        let age = age_days.map_or_else(|| "unknown".to_owned(), |days| days.to_string());
        let source = Text(source);
        writeln!(
            page,
            "<tr><td>{source}<td class=n>{files}<td class=n>{relations}<td class=n>{age}"
        )?;
    }
    writeln!(page, "</table>")
}

/// A row of a chart.
struct Bar {
    label: String,
    value: u64,
    of: u64,
    note: String,
}

/// Bars of shares, one below the other.
fn chart(page: &mut String, bars: &[Bar]) -> fmt::Result {
    const ROW: usize = 26;
    const LEFT: usize = 260;
    const WIDTH: u64 = 420;
    let (height, width) = (bars.len() * ROW + 4, 900);
    writeln!(page, "<svg role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\">")?;
    for (place, bar) in bars.iter().enumerate() {
        let (top, base) = (place * ROW + 4, place * ROW + 18);
        let filled = bar.value.min(bar.of).saturating_mul(WIDTH).checked_div(bar.of).unwrap_or(0);
        let (label, note) = (Text(&bar.label), Text(&bar.note));
        let (end, note_at) = (LEFT - 10, LEFT + 430);
        writeln!(page, "<text x=\"{end}\" y=\"{base}\" text-anchor=\"end\">{label}</text>")?;
        writeln!(
            page,
            "<rect x=\"{LEFT}\" y=\"{top}\" width=\"{WIDTH}\" height=\"18\" fill=\"#e6ebf1\"/>\
             <rect x=\"{LEFT}\" y=\"{top}\" width=\"{filled}\" height=\"18\" fill=\"#2f7d5b\"/>\
             <text x=\"{note_at}\" y=\"{base}\">{note}</text>"
        )?;
    }
    writeln!(page, "</svg>")
}
