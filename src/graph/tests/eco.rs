//! Goal: eco-alternatives follow from alternatives with the better grade, beside what is stated. Method:
//! a shop of graded products, and its lists as text.

use super::*;
use crate::model::relation::RelationType;

const GRADES: [(&str, Option<u8>); 6] =
    [("a", Some(3)), ("b", Some(4)), ("c", Some(5)), ("d", Some(3)), ("e", Some(1)), ("n", None)];

fn deriving() -> CatalogConfig {
    CatalogConfig { derive_eco_alternatives: true, ..config() }
}

fn shop<'a>(relations: &[RelationRecord<'a>]) -> Vec<Record<'a>> {
    let product = |(id, eco_grade)| ProductRecord { id, eco_grade, ..ProductRecord::default() };
    let products = GRADES.map(|graded| Record::Product(product(graded)));
    products.into_iter().chain(relations.iter().cloned().map(Record::Relation)).collect()
}

/// The eco-alternatives as `source target origin line`, derived ones with a `*`.
fn eco(graph: &Graph<MemoryRuns>) -> Vec<String> {
    let id = |ordinal| graph.id(&graph.products[index(ordinal)]);
    let mut said = Vec::new();
    let mut groups = graph.relations().unwrap();
    while let Some(group) = groups.next_group().unwrap() {
        let own =
            group.edges.iter().filter(|_| group.relation_type == RelationType::ECO_ALTERNATIVE);
        said.extend(own.map(|edge| {
            let (source, target) = (id(edge.source()), id(edge.target()));
            let mark = if edge.is_derived() { "*" } else { "" };
            format!("{source} {target} {} {}{mark}", edge.origin().code(), edge.at().line)
        }));
    }
    said
}

#[track_caller]
fn check(relations: &[RelationRecord<'_>], expected: &[&str]) -> Graph<MemoryRuns> {
    let graph = build(deriving(), &[("high", &shop(relations))]);
    assert_eq!(eco(&graph), expected);
    graph
}

fn alternative<'a>(source: &'a str, target: &'a str, position: u32) -> RelationRecord<'a> {
    RelationRecord { position: Some(position), ..link(source, "alternative", target) }
}

#[test]
fn they_follow_from_alternatives_with_a_strictly_better_grade_in_their_order() {
    let alternatives = [
        alternative("a", "e", 0),
        alternative("a", "c", 1),
        alternative("a", "d", 2),
        alternative("a", "n", 3),
        alternative("a", "b", 4),
        alternative("n", "c", 0),
        alternative("c", "b", 0),
        alternative("e", "a", 0),
        link("d", "related", "c"),
    ];
    let graph = check(&alternatives, &["a c rule 8*", "a b rule 11*", "e a rule 14*"]);
    let counts = &graph.counts.by_type[&RelationType::ECO_ALTERNATIVE];
    assert_eq!((counts.read, counts.kept, counts.reversed, counts.derived), (0, 0, 0, 3));
    assert_eq!(findings(&graph), []);
    // Only where a shop asks for it.
    assert_eq!(eco(&build(config(), &[("high", &shop(&alternatives))])), Vec::<String>::new());
}

#[test]
fn what_is_stated_stands_first_and_is_not_repeated() {
    let stated = [
        alternative("a", "c", 1),
        alternative("a", "b", 2),
        RelationRecord { origin: Origin::Curated, ..link("a", "eco_alternative", "b") },
        link("a", "eco_alternative", "e"),
        link("d", "eco_alternative", "c"),
    ];
    let expected = ["a b curated 9", "a e imported 10", "a c rule 7*", "d c imported 11"];
    let graph = check(&stated, &expected);
    let counts = &graph.counts.by_type[&RelationType::ECO_ALTERNATIVE];
    assert_eq!((counts.read, counts.kept, counts.derived), (3, 3, 1));
    // However little the source of the stated ones counts.
    let (low, high) = stated.split_at(2);
    let config = CatalogConfig { sources: vec![SourceDeclaration::new("low", 0)], ..deriving() };
    let graph = build(config, &[("high", &shop(low)), ("low", &shop(high))]);
    assert_eq!(eco(&graph), ["a b curated 7", "a e imported 8", "a c rule 7*", "d c imported 9"]);
}

#[test]
fn they_hold_when_and_where_their_alternative_holds_and_lead_one_way() {
    let two_way = RelationRecord {
        two_way: Some(true),
        score: Some(0.5),
        valid_to_s: Some(9),
        markets: vec!["jp"],
        ..link("b", "alternative", "a")
    };
    let graph = check(&[two_way], &["a b rule 7*"]);
    let mut groups = graph.relations().unwrap();
    let mut edges = Vec::new();
    while let Some(group) = groups.next_group().unwrap() {
        edges.extend_from_slice(group.edges);
    }
    let [back, derived, _] = edges[..] else { panic!("{edges:?}") };
    assert!(back.is_reversed() && !derived.is_reversed() && !derived.is_two_way());
    let says = |edge: Edge| (edge.score(), edge.valid_to_s(), edge.markets(), edge.authority());
    assert_eq!(says(derived), says(back));
    assert_eq!(says(derived), (Some(0.5), Some(9), 0b10, 200));
}

#[test]
fn a_full_list_takes_no_more_and_no_row_is_lost_by_it() {
    let mut config = deriving();
    let is_eco = |known: &&mut crate::model::config::TypeDeclaration| {
        known.relation_type == RelationType::ECO_ALTERNATIVE
    };
    config.relation_types.iter_mut().find(is_eco).unwrap().max_per_product = 1;
    let rows = [alternative("a", "c", 1), alternative("a", "b", 2)];
    let graph = build(config.clone(), &[("high", &shop(&rows))]);
    assert_eq!(eco(&graph), ["a c rule 7*"]);
    let stated = [&rows[..], &[link("a", "eco_alternative", "d")]].concat();
    let graph = build(config, &[("high", &shop(&stated))]);
    assert_eq!(eco(&graph), ["a d imported 9"]);
    assert_eq!(findings(&graph), []);
}
