//! The report, as people and as scripts read it.

use super::*;
use crate::compile::Report;

fn report() -> Report {
    let mut report = Report::new(&graph(&shop(&[
        link("a", "cross_sell", "b"),
        RelationRecord { two_way: Some(true), ..link("a", "related", "c") },
        link("a", "cross_sell", "x"),
        link("a", "friends", "b"),
    ])));
    report.snapshot_id = "5eed".to_owned();
    report.manifest = 3;
    report.steps.insert("read", 0.25);
    report.peak_memory_bytes = 5 << 20;
    report.catalog_bytes = 4096;
    report.seconds = 1.5;
    report
}

#[test]
fn scripts_find_what_they_look_for() {
    let json = serde_json::to_value(report()).unwrap();
    assert_eq!(json["products"], 6);
    let relations = &json["relations"];
    let counts = |code: &str| {
        let one = &relations[code];
        [&one["read"], &one["kept"], &one["reversed"]].map(|count| count.as_u64().unwrap())
    };
    assert_eq!(counts("cross_sell"), [2, 1, 0]);
    assert_eq!(counts("related"), [1, 1, 1]);
    assert_eq!(counts("up_sell"), [0, 0, 0]);
    assert_eq!(counts("unknown"), [1, 0, 0]);
    assert_eq!(relations["cross_sell"]["dropped"], serde_json::json!({"dangling_target": 1}));
    let dangling = &json["findings"][0];
    assert_eq!(dangling["code"], "dangling_target");
    assert_eq!((&dangling["severity"], &dangling["count"]), (&"warning".into(), &1.into()));
    assert!(dangling["samples"][0].as_str().unwrap().contains("shop.csv:9"));
    assert_eq!(json["findings"][1]["code"], "unknown_type");
    assert_eq!((&json["snapshot_id"], &json["manifest"]), (&"5eed".into(), &3.into()));
    assert_eq!(json["steps"]["read"], 0.25);
}

#[test]
fn people_see_counts_losses_and_findings() {
    let text = report().to_string();
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.collect::<Vec<_>>();
    for expected in [
        "relations read kept reversed",
        "cross_sell 2 1 0",
        "dropped dangling_target 1",
        "related 1 1 1",
        "unknown 1 0 0",
        "warning: dangling_target: 1",
        "warning: unknown_type: 1",
        "6 products, 0 aliases, 0 bundles; catalog of 4096 bytes in 1.50 s, peak memory 5 MiB",
    ] {
        assert!(lines.iter().any(|line| line == expected), "{expected:?} in\n{text}");
    }
    // A type without rows takes no line.
    assert!(!text.contains("up_sell"));
}

#[test]
fn a_run_without_unknown_types_has_no_such_line() {
    let report = Report::new(&graph(&shop(&[])));
    assert!(!report.relations.contains_key("unknown"));
    assert_eq!(report.findings.len(), 1, "no relation at all is a finding");
}

#[test]
fn derived_relations_are_counted_beside_the_rows() {
    let graded = |id, eco_grade| {
        let eco_grade = Some(eco_grade);
        Record::Product(ProductRecord { id, eco_grade, ..ProductRecord::default() })
    };
    let records = [graded("a", 1), graded("b", 2), Record::Relation(link("a", "alternative", "b"))];
    let config = CatalogConfig { derive_eco_alternatives: true, ..config() };
    let report = Report::new(&graph_of(config, &[("shop", &records)]));
    let eco = &report.relations["eco_alternative"];
    assert_eq!((eco.read, eco.kept, eco.derived), (0, 0, 1));
    let text = report.to_string();
    let lines = text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = lines.collect::<Vec<_>>();
    let at = lines.iter().position(|line| line == "eco_alternative 0 0 0").expect(&text);
    assert_eq!(lines[at + 1], "derived 1");
}
