//! Goal: README, alerts, dashboard and runbook name only metrics and labels that exist, and leave none
//! out. Method: read them against the one table.

use std::collections::BTreeSet;

use kindred::telemetry::names::{ALL, Kind, Metric};

use super::{
    alerts,
    promql::{Expr, parse},
    source_file,
};

/// Labels that Prometheus adds, and that of buckets.
const ADDED: [&str; 3] = ["instance", "job", "le"];

/// What Prometheus notes of each scrape.
const UP: Metric =
    Metric { name: "up", kind: Kind::Gauge, labels: &[], help: "1 if it was answered" };

/// The metric of a series' name.
#[track_caller]
fn metric(series: &str) -> &'static Metric {
    if series == UP.name {
        return &UP;
    }
    let of = |metric: &&Metric| match metric.kind {
        Kind::Histogram => ["_bucket", "_count", "_sum"]
            .iter()
            .any(|end| series.strip_suffix(end) == Some(metric.name)),
        Kind::Counter | Kind::Gauge | Kind::Info => series == metric.name,
    };
    ALL.iter().find(of).unwrap_or_else(|| panic!("no metric has a series {series}"))
}

fn has_label(metric: &Metric, label: &str) -> bool {
    metric.labels.contains(&label) || ADDED.contains(&label)
}

/// Checks an expression's names; gives its metrics.
fn metrics(expr: &Expr) -> Vec<&'static Metric> {
    match expr {
        Expr::Number(_) => Vec::new(),
        Expr::Selector { name, matchers, .. } => {
            let metric = metric(name);
            for matcher in matchers {
                assert!(has_label(metric, &matcher.label), "{name} has no {}", matcher.label);
            }
            vec![metric]
        }
        Expr::Call { arguments, .. } => arguments.iter().flat_map(metrics).collect(),
        Expr::Sum { by, of } => {
            let found = metrics(of);
            let known = |label: &String| found.iter().all(|metric| has_label(metric, label));
            assert!(by.iter().all(known), "{by:?} of {found:?}");
            found
        }
        Expr::Binary { sides, .. } => [metrics(&sides.0), metrics(&sides.1)].concat(),
    }
}

#[test]
fn alerts_name_only_metrics_and_labels_that_exist() {
    let text = source_file("deploy/alerts.yml");
    let blocks = text.split("- alert: ").skip(1).collect::<Vec<_>>();
    let alerts = alerts();
    assert!(alerts.len() >= 12 && alerts.len() == blocks.len(), "{alerts:?}");
    for ((name, expr), block) in alerts.iter().zip(blocks) {
        let found = metrics(&parse(expr));
        assert!(!found.is_empty(), "{name}");
        for shown in block.split("$labels.").skip(1) {
            let beyond = |c: char| !c.is_ascii_alphanumeric() && c != '_';
            let label = shown.split(beyond).next().unwrap();
            assert!(found.iter().all(|metric| has_label(metric, label)), "{name} shows {label}");
        }
        let anchor = format!("runbook_url: RUNBOOK.md#{}", name.to_lowercase());
        assert!(block.contains(&anchor), "{name} leads nowhere");
        assert!(block.contains("summary: ") && block.contains("severity: "), "{name}");
    }
}

#[test]
fn the_runbook_has_a_page_for_each_alert_and_for_no_other() {
    let text = source_file("deploy/RUNBOOK.md");
    let headings = text.lines().filter_map(|line| line.strip_prefix("## ")).collect::<Vec<_>>();
    let alerts = alerts().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(headings, alerts, "in the order of alerts.yml");
    for page in text.split("\n## ").skip(1) {
        assert!(
            page.contains("\n- Look") && page.contains("do: ") || page.contains("- Do: "),
            "{page}"
        );
    }
}

/// The words of a text that look like series of ours.
fn series(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let is_ours = |word: &&str| {
        let begins =
            ["kindred_", "process_", "rpc_server_"].iter().any(|start| word.starts_with(start));
        begins && !word.ends_with('_')
    };
    words.filter(is_ours).map(str::to_owned).collect()
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let dashboard: serde_json::Value =
        serde_json::from_str(&source_file("deploy/dashboard.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let mut shown = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expr = target["expr"].as_str().unwrap();
            let found = series(expr).iter().map(|name| metric(name)).collect::<Vec<_>>();
            assert!(!found.is_empty(), "{expr}");
            // What the legend shows is a label of all of them.
            for legend in target["legendFormat"].as_str().unwrap().split("{{").skip(1) {
                let label = legend.split("}}").next().unwrap();
                assert!(found.iter().all(|metric| has_label(metric, label)), "{expr}: {label}");
            }
            // And so is each label of a matcher and of a sum.
            for part in expr.split(['{', ',', '(']) {
                let name = part.trim().split(['=', '!', ')']).next().unwrap();
                let is_matcher = part.contains("=\"") || part.contains("=~\"");
                assert!(
                    !is_matcher || found.iter().all(|metric| has_label(metric, name)),
                    "{part}"
                );
            }
            shown.extend(found.iter().map(|metric| metric.name));
        }
    }
    let all = ALL.iter().map(|metric| metric.name).collect::<BTreeSet<_>>();
    assert_eq!(shown, all);
}

#[test]
fn readme_and_runbook_name_only_metrics_that_exist() {
    // The table's own names, too, where a histogram is meant as a whole.
    let is_known = |name: &str| {
        ALL.iter().any(|known| known.name == name)
            || ["_bucket", "_count", "_sum"].iter().any(|end| {
                let whole = name.strip_suffix(end);
                ALL.iter().any(|known| known.kind == Kind::Histogram && Some(known.name) == whole)
            })
    };
    for path in ["README.md", "deploy/RUNBOOK.md"] {
        let named = series(&source_file(path));
        assert!(named.len() > 5, "{path} names {named:?}");
        let unknown = named.iter().filter(|name| !is_known(name)).collect::<Vec<_>>();
        assert!(unknown.is_empty(), "{path} names {unknown:?}");
    }
}

#[test]
fn no_metric_has_a_label_for_products_visitors_or_peers() {
    let allowed = [
        "rpc_system_name",
        "rpc_method",
        "rpc_response_status_code",
        "placement",
        "market",
        "outcome",
        "reason",
        "snapshot_id",
        "source",
        "feed",
        "ending",
        "listener",
        "version",
    ];
    for metric in ALL {
        let beyond = metric.labels.iter().filter(|label| !allowed.contains(label));
        assert_eq!(beyond.count(), 0, "{metric:?}: is the label's set of values bounded?");
    }
}
