//! Goal: nothing is lost silently and nothing depends on the order of rows. Method: tiny catalogs of
//! records, each with the relations and findings it must yield; then random ones against a plain
//! model and against themselves shuffled.

mod eco;
mod intern;
mod joins;
mod markets;
mod merged;
mod model;
mod products;
mod relations;
mod sets;
mod shuffle;
mod variants;

use std::io;

use super::{intern::Interner, *};
use crate::model::{
    config::{Market, SourceDeclaration},
    currency::Currency,
    id::IdRule,
    record::{ProductRecord, RelationRecord, VariantRecord},
    relation::Origin,
};

/// A product with an id and nothing else.
fn product(id: &str) -> Record<'_> {
    Record::Product(ProductRecord { id, ..ProductRecord::default() })
}

/// A relation of which the type says everything else.
fn link<'a>(source: &'a str, relation_type: &'a str, target: &'a str) -> RelationRecord<'a> {
    RelationRecord::new(source, relation_type, target, Origin::Imported)
}

fn variant<'a>(parent: &'a str, variant: &'a str, position: Option<u32>) -> Record<'a> {
    Record::Variant(VariantRecord { parent, variant, position })
}

/// Sources `low` and `high` with priorities 50 and 200; markets `eu` in euros (default) and `jp` in
/// yen.
fn config() -> CatalogConfig {
    let market = |id: &str, code| Market {
        id: id.to_owned(),
        currency: Currency::parse(code).unwrap(),
        default_inventory: 0,
    };
    CatalogConfig {
        sources: vec![SourceDeclaration::new("low", 50), SourceDeclaration::new("high", 200)],
        markets: vec![market("eu", "EUR"), market("jp", "JPY")],
        ..CatalogConfig::default()
    }
}

fn case_folded() -> CatalogConfig {
    CatalogConfig { id_rule: IdRule::CaseFolded, ..config() }
}

/// Reads records of sources in chunks of two edges, so that every test merges runs.
fn builder(config: CatalogConfig, sources: &[(&str, &[Record<'_>])]) -> GraphBuilder<MemoryStore> {
    let mut builder = GraphBuilder::new(config, MemoryStore::with_chunk_edges(2));
    for (name, records) in sources {
        builder.begin_source(name);
        let info = FileInfo { name: format!("{name}.csv"), modified_s: None };
        let file = builder.open_file(info);
        for (line, record) in (1..).zip(*records) {
            builder.record(Location { file, line }, record.clone());
        }
    }
    builder
}

fn build(config: CatalogConfig, sources: &[(&str, &[Record<'_>])]) -> Graph<MemoryRuns> {
    builder(config, sources).finish().unwrap()
}

fn one(records: &[Record<'_>]) -> Graph<MemoryRuns> {
    build(config(), &[("test", records)])
}

/// The relations as `source type target`, in the order of the graph.
fn links<R: SortedRuns>(graph: &Graph<R>) -> Vec<String> {
    let id = |ordinal| graph.id(&graph.products[index(ordinal)]);
    let mut links = Vec::new();
    let mut groups = graph.relations().unwrap();
    while let Some(group) = groups.next_group().unwrap() {
        for edge in group.edges {
            assert_eq!((edge.source(), edge.relation_type()), (group.source, group.relation_type));
            let (source, target) = (id(edge.source()), id(edge.target()));
            links.push(format!("{source} {} {target}", edge.relation_type()));
        }
    }
    links
}

/// Code and count of each finding but `no_relations`, which most tests do not care about.
fn findings<R: SortedRuns>(graph: &Graph<R>) -> Vec<(&'static str, u64)> {
    let counted = graph.findings.groups().map(|(code, group)| (code.code(), group.count));
    counted.filter(|(code, _)| *code != "no_relations").collect()
}

#[test]
fn a_catalog_without_products_says_what_was_read() {
    let records = [product(""), Record::Relation(link("a", "related", "b"))];
    let error = builder(config(), &[("shop", &records), ("pim", &[])]).finish().unwrap_err();
    assert!(matches!(error, GraphError::NoProducts { .. }));
    assert_eq!(
        error.to_string(),
        "expected at least one product, found none in the files read (shop: shop.csv, pim: \
         pim.csv); findings: bad_id 1"
    );
}

#[test]
fn a_run_that_read_nothing_says_so() {
    let error = GraphBuilder::new(config(), MemoryStore::default()).finish().unwrap_err();
    assert!(error.to_string().contains("(none); findings: none"), "{error}");
}

#[test]
fn too_many_ids_are_an_error_at_finish() {
    let mut builder = builder(config(), &[]);
    builder.intake.words.ids = Interner::with_max("ids", IdRule::Exact, 2);
    let file = builder.open_file(FileInfo { name: "a.csv".to_owned(), modified_s: None });
    for (line, id) in (1..).zip(["a", "b", "a", "c", "a"]) {
        builder.record(Location { file, line }, product(id));
    }
    let error = builder.finish().unwrap_err();
    assert!(matches!(error, GraphError::TooMany { what: "ids", max: 2 }), "{error}");
}

/// A store whose disk is full at one of the steps.
struct FailingStore(&'static str);

impl RunStore for FailingStore {
    type Runs = FailingRuns;

    fn append(&mut self, _chunk: &[Edge]) -> io::Result<()> {
        if self.0 == "append" { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn seal(self, _sort: &mut dyn FnMut(&mut Vec<Edge>)) -> io::Result<FailingRuns> {
        match self.0 {
            "sort" => Err(io::ErrorKind::StorageFull.into()),
            step => Ok(FailingRuns(step)),
        }
    }
}

struct FailingRuns(&'static str);

impl SortedRuns for FailingRuns {
    type Edges<'a> = std::iter::Once<io::Result<Edge>>;

    fn edges(&self) -> io::Result<Self::Edges<'_>> {
        match self.0 {
            "open" => Err(io::ErrorKind::NotFound.into()),
            _ => Ok(std::iter::once(Err(io::ErrorKind::UnexpectedEof.into()))),
        }
    }
}

#[test]
fn a_store_that_fails_names_the_step() {
    let check = |failing, expected: &str| {
        let mut builder = GraphBuilder::new(config(), FailingStore(failing));
        let file = builder.open_file(FileInfo { name: "a.csv".to_owned(), modified_s: None });
        let at = Location { file, line: 1 };
        builder.record(at, product("a"));
        builder.record(at, Record::Relation(link("a", "related", "a")));
        let error = builder.finish().err().unwrap();
        let GraphError::Runs { step, .. } = error else { panic!("{error}") };
        assert_eq!(step, expected);
    };
    check("append", "append");
    check("sort", "sort");
    check("open", "read");
    check("read", "read");
}

#[test]
fn a_run_without_relations_is_a_finding() {
    let graph = one(&[product("a")]);
    assert_eq!(graph.findings.count(FindingCode::NoRelations), 1);
    let graph = one(&[product("a"), Record::Relation(link("x", "related", "a"))]);
    assert_eq!(graph.findings.count(FindingCode::NoRelations), 0);
}

#[test]
fn files_know_their_source_and_findings_their_place() {
    let mut builder = builder(config(), &[("one", &[product("a")]), ("two", &[])]);
    builder.begin_source("one");
    let file = builder.open_file(FileInfo { name: "more.csv".to_owned(), modified_s: Some(7) });
    builder.finding(FindingCode::BadValue, Location { file, line: 3 }, "score", "found x");
    let graph = builder.finish().unwrap();
    assert_eq!(graph.sources, ["one", "two"]);
    let sources: Vec<_> = graph.files.iter().map(|file| file.source).collect();
    assert_eq!(sources, [0, 1, 0]);
    let (_, group) = graph.findings.groups().next().unwrap();
    assert_eq!(group.samples, ["more.csv:3: score: found x"]);
}
