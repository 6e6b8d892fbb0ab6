//! Goal: each signal moves when its cause is provoked, and each alert fires then and not before. Method:
//! the built program with its metrics, a cause made from outside, two scrapes, and the expression of the
//! alert as it stands in `deploy/alerts.yml`, evaluated over the two.

mod alerts;
mod names;
mod page;
mod promql;
mod scrape;

use std::fs;

/// A file of the source tree.
fn source_file(path: &str) -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/");
    fs::read_to_string(format!("{root}{path}")).unwrap()
}

/// Name and expression of every alert. Each stands on a line of its own, which promtool does not ask.
fn alerts() -> Vec<(String, String)> {
    let text = source_file("deploy/alerts.yml");
    let lines = text.lines().map(str::trim).collect::<Vec<_>>();
    let named = lines.windows(2).filter_map(|pair| {
        let name = pair[0].strip_prefix("- alert: ")?;
        let expr = pair[1].strip_prefix("expr: ");
        Some((name.to_owned(), expr.expect("the expression follows its name").to_owned()))
    });
    named.collect()
}
