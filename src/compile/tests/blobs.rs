//! Scores, marks, rare records, provenance, details, determinism, errors.

use std::{cell::Cell, fs::OpenOptions, io};

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::{
    graph::{Edge as GraphEdge, GraphError, RunStore},
    model::{
        decimal::Decimal,
        finding::FindingCode,
        record::{AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, Visibility},
        relation::{Availability, Stage, StageMask},
    },
};

#[track_caller]
fn check_run(relations: &[RelationRecord<'_>], expected: &[&str]) {
    let compiled = compiled(&shop(relations));
    assert_eq!(run_of(&compiled.catalog.view(), "a", RelationType::CROSS_SELL), expected);
}

fn scored<'a>(target: &'a str, score: f32) -> RelationRecord<'a> {
    RelationRecord { score: Some(score), ..link("a", "cross_sell", target) }
}

fn placed<'a>(target: &'a str, position: u32) -> RelationRecord<'a> {
    RelationRecord { position: Some(position), ..link("a", "cross_sell", target) }
}

#[test]
fn scores_are_those_of_the_format() {
    let unscored = ["b", "c", "d"].map(|target| link("a", "cross_sell", target));
    check_run(&unscored, &["b 65535", "c 64461", "d 63421"]);
    check_run(
        &[scored("b", 0.5), scored("c", 0.0), scored("d", 0.5)],
        &["b 32768 s", "d 32767 s", "c 0 s"],
    );
    check_run(
        &[scored("b", 0.0), scored("c", 0.0), scored("d", 0.0)],
        &["b 2 s", "c 1 s", "d 0 s"],
    );
    check_run(&[scored("c", 0.25), link("a", "cross_sell", "b")], &["c 16384 s", "b 16383"]);
}

#[test]
fn positions_rank_before_scores() {
    let first = RelationRecord { score: Some(0.5), ..placed("d", 1) };
    check_run(&[scored("b", 1.0), first, placed("c", 2)], &["d 32768 s", "c 32767", "b 32766 s"]);
}

#[test]
fn marks_say_what_the_relation_says() {
    let limited = RelationRecord { markets: vec!["uk"], ..placed("b", 1) };
    let everywhere = RelationRecord { markets: vec!["uk", "eu"], ..placed("c", 2) };
    let two_units = RelationRecord { quantity: Some(2.0), ..placed("d", 3) };
    let ending = RelationRecord { valid_to_s: Some(9), ..placed("e", 4) };
    check_run(
        &[limited, everywhere, two_units, ending],
        &["b 65535 rm", "c 64461", "d 63421 r", "e 62414 r"],
    );
}

#[test]
fn what_few_relations_have_stands_beside_them() {
    let rich = RelationRecord {
        quantity: Some(2.5),
        valid_from_s: Some(-5),
        valid_to_s: Some(9),
        markets: vec!["uk"],
        stages: StageMask::EVERY.with(Stage::Checkout).with(Stage::Discovery),
        origin: Origin::CoView,
        ..placed("c", 2)
    };
    let compiled = compiled(&shop(&[placed("b", 1), rich, placed("d", 3)]));
    let view = compiled.catalog.view();
    let run = view.block(find(&view, "a")).run(RelationType::CROSS_SELL);
    let relations = run.relations().collect::<Vec<_>>();
    assert_eq!(
        relations.iter().map(|one| one.rare.is_some()).collect::<Vec<_>>(),
        [false, true, false]
    );
    let rare = relations[1].rare.unwrap();
    let told = (rare.quantity.get(), rare.valid_from_s.get(), rare.valid_to_s.get());
    assert_eq!((told, rare.markets.get()), ((2.5, -5, 9), 0b10));
    let stages = relations[1].edge.stages().stages().collect::<Vec<_>>();
    assert_eq!(stages, [Stage::Discovery, Stage::Checkout]);
    assert_eq!(relations[1].edge.origin(), Some(Origin::CoView));
    assert_eq!(relations[0].edge.origin(), Some(Origin::Imported));
}

#[test]
fn a_two_way_relation_leads_back_and_says_so() {
    let both = RelationRecord { two_way: Some(true), ..link("b", "cross_sell", "a") };
    check_run(&[both, scored("c", 0.5)], &["c 32768 s", "b 32767 v"]);
    let stated = RelationRecord { two_way: Some(true), ..link("b", "cross_sell", "a") };
    check_run(&[stated, link("a", "cross_sell", "b")], &["b 65535"]);
}

#[test]
fn incoming_relations_of_reverse_types_are_listed() {
    let both = RelationRecord { two_way: Some(true), ..link("a", "accessory", "b") };
    let compiled = compiled(&shop(&[
        both,
        link("c", "accessory", "b"),
        link("d", "spare_part", "b"),
        link("e", "cross_sell", "b"),
    ]));
    let view = compiled.catalog.view();
    let incoming = |id: &str| {
        let records = view.incoming(find(&view, id)).iter();
        let told = records.map(|one| (one.relation_type, view.id(Ordinal(one.source.get()))));
        told.collect::<Vec<_>>()
    };
    assert_eq!(incoming("b"), [(5, "d"), (6, "a"), (6, "c")]);
    assert_eq!(incoming("a"), [(6, "b")]);
    assert_eq!(incoming("c"), []);
}

#[test]
fn each_relation_knows_its_row() {
    let first = [
        product("a"),
        product("b"),
        product("c"),
        Record::Relation(link("b", "related", "a")),
        Record::Relation(link("a", "up_sell", "b")),
        Record::Relation(RelationRecord { two_way: Some(true), ..link("c", "cross_sell", "a") }),
    ];
    let second = [product("d"), Record::Relation(link("a", "cross_sell", "b"))];
    let graph = graph_of(config(), &[("pim", &first), ("shop", &second)]);
    let Compiled { catalog, provenance, .. } = compile(&graph);
    let view = catalog.view();
    let place = |source: &str, index: usize| {
        let place = provenance.place(find(&view, source), index)?;
        assert_eq!(place.file.confirmed_s.as_ref().unwrap().to_native(), 1_700_000_000);
        Some(format!("{} {}:{}", place.source, place.file.name, place.line))
    };
    // The block of `a`: cross-sell to `b` and, reversed, to `c`; up-sell to `b`.
    let shown = run_of(&view, "a", RelationType::CROSS_SELL);
    assert_eq!(shown, ["b 65535", "c 64461 v"]);
    assert_eq!(place("a", 0).unwrap(), "shop shop.csv:2");
    assert_eq!(place("a", 1).unwrap(), "pim pim.csv:6");
    assert_eq!(place("a", 2).unwrap(), "pim pim.csv:5");
    assert_eq!(place("b", 0).unwrap(), "pim pim.csv:4");
    assert_eq!(place("c", 0).unwrap(), "pim pim.csv:6");
    assert_eq!(place("d", 0), None);
}

/// `a` with everything, a bundle of the hidden `b` and `c`; `b` is a variant of `c`.
fn rich_shop() -> Compiled {
    let price =
        |digits, currency| Some(PriceRecord { amount: Decimal { digits, scale: 2 }, currency });
    let rich = ProductRecord {
        id: "a",
        title: Some("A title"),
        brand: Some("acme"),
        categories: vec!["home/kitchen", "sale"],
        price: price(1250, None),
        availability: Some(Availability::LowStock),
        read_at_s: Some(77),
        tags: vec!["red"],
        eco_grade: Some(4),
        markets: vec!["uk"],
        ..ProductRecord::default()
    };
    let part = |product, quantity| BundleRecord {
        bundle: "a",
        option: "lens",
        option_position: 0,
        required: true,
        min_selections: 1,
        max_selections: 1,
        product,
        selection_position: 0,
        quantity,
        is_default: product == "b",
    };
    let hidden = ProductRecord {
        id: "b",
        parent: Some("c"),
        variant_position: Some(3),
        visibility: Visibility::Hidden,
        ..ProductRecord::default()
    };
    let in_uk = ProductMarketRecord {
        id: "a",
        market: "uk",
        listed: None,
        price: price(999, Some("GBP")),
        read_at_s: Some(78),
    };
    compiled(&[
        Record::Product(rich),
        Record::Product(hidden),
        product("c"),
        Record::ProductMarket(in_uk),
        Record::Bundle(part("b", 1.0)),
        Record::Bundle(part("c", 2.0)),
        Record::Alias(AliasRecord { alias: "old", product: "a" }),
    ])
}

#[test]
fn products_keep_all_that_is_known_of_them() {
    let compiled = rich_shop();
    let view = compiled.catalog.view();
    let a = find(&view, "a");
    assert_eq!(view.find("old"), Some(a));
    assert_eq!(view.title_bytes(a), b"A title");
    let meta = view.meta();
    let attributes = view.attributes(a).unwrap();
    assert_eq!((attributes.price.get(), attributes.read_at_s.get()), (1250, 77));
    assert_eq!(meta.brands[attributes.brand.get() as usize], "acme");
    assert_eq!(meta.categories[attributes.category.get() as usize].id, "home/kitchen");
    assert_eq!(attributes.assortment.get(), 0b10);
    assert_eq!((attributes.tags.get(), &*meta.tags[0]), (1, "red"));
    let extra = view.extra_categories(a).next().unwrap();
    assert_eq!(meta.categories[extra as usize].id, "sale");
    let record = view.product(a).unwrap();
    assert_eq!((record.availability, record.eco_grade), (2, 4));
    let prices = view.market_prices(a);
    assert_eq!((prices.len(), prices[0].price.get(), prices[0].market.get()), (1, 999, 1));
    let counted = meta.markets.iter().map(|market| market.product_count.to_native());
    assert_eq!(counted.collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn variants_and_bundles_know_their_members() {
    let compiled = rich_shop();
    let view = compiled.catalog.view();
    let (a, b, c) = (find(&view, "a"), find(&view, "b"), find(&view, "c"));
    assert_eq!(view.parent(b), Some(c));
    assert_eq!(view.variants(c).iter().map(|one| one.get()).collect::<Vec<_>>(), [b.0]);
    let options = view.options(view.bundle(a).unwrap());
    assert_eq!(view.option_name(&options[0]), "lens");
    let selections = view.selections(&options[0]).iter();
    let told = selections.map(|one| (one.product.get(), one.quantity.get(), one.is_default.get()));
    assert_eq!(told.collect::<Vec<_>>(), [(b.0, 1.0, 1), (c.0, 2.0, 0)]);
}

#[test]
fn refused_relations_are_kept_with_their_reason() {
    let compiled = compiled(&shop(&[link("a", "cross_sell", "x"), link("a", "friends", "b")]));
    let dropped = compiled.dropped.get();
    assert_eq!((dropped.unlisted.to_native(), dropped.relations.len()), (0, 2));
    let told = dropped.relations.iter().map(|one| {
        (one.reason, one.relation_type.as_str(), one.target.as_str(), one.line.to_native())
    });
    assert_eq!(
        told.collect::<Vec<_>>(),
        [
            (FindingCode::DanglingTarget as u8, "cross_sell", "x", 7),
            (FindingCode::UnknownType as u8, "friends", "b", 8),
        ]
    );
    assert_eq!(dropped.files[0].name, "shop.csv");
    assert_eq!(dropped.sources[0], "shop");
}

/// They stood by reason, while the format said by source: nobody could look for them by id.
#[test]
fn refused_relations_stand_by_their_ends_whatever_the_reason() {
    let compiled = compiled(&shop(&[
        link("b", "cross_sell", "x"),
        link("c", "cross_sell", "y"),
        link("a", "friends", "b"),
        link("b", "friends", "x"),
        link("a", "up_sell", "a"),
        link("b", "cross_sell", "x"),
    ]));
    let dropped = compiled.dropped;
    let sources = dropped.get().relations.iter().map(|one| one.source.as_str());
    assert_eq!(sources.collect::<Vec<_>>(), ["a", "a", "b", "b", "b", "c"]);
    let told = |source: &str, target: &str| {
        let found = dropped.between(source, target);
        found.map(|place| (place.reason, place.line)).collect::<Vec<_>>()
    };
    let (dangling, unknown) = (FindingCode::DanglingTarget, FindingCode::UnknownType);
    assert_eq!(told("b", "x"), [(dangling, 7), (dangling, 12), (unknown, 10)]);
    assert_eq!(told("a", "a"), [(FindingCode::SelfLink, 11)]);
    assert_eq!(told("a", "x"), []);
}

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn relation() -> impl Strategy<Value = RelationRecord<'static>> {
    let ends = (select(&IDS[..]), select(&["related", "accessory"][..]), select(&IDS[..]));
    let given = (option::of(0..4_u32), option::of(select(&[0.0_f32, 0.3, 1.0][..])));
    let rare = (
        option::of(Just(2.0)),
        option::of(Just(9)),
        select(vec![vec![], vec!["uk"], vec!["uk", "eu"]]),
    );
    (ends, given, rare, any::<bool>()).prop_map(
        |((from, code, to), (position, score), (quantity, valid_to_s, markets), two_way)| {
            let two_way = Some(two_way);
            RelationRecord {
                position,
                score,
                quantity,
                valid_to_s,
                markets,
                two_way,
                ..link(from, code, to)
            }
        },
    )
}

/// The best sellers of a category, or of the whole catalog.
fn popular(view: &View<'_>, category: Option<&str>) -> Vec<String> {
    let category = category.map(|id| view.category(id).expect(id));
    let listed = view.popular(category).iter().map(|ordinal| view.id(Ordinal(ordinal.get())));
    listed.map(str::to_owned).collect()
}

fn seller(
    id: &'static str,
    popularity: Option<f64>,
    categories: Vec<&'static str>,
) -> Record<'static> {
    Record::Product(ProductRecord { id, popularity, categories, ..ProductRecord::default() })
}

#[test]
fn popularity_makes_lists_of_best_sellers() {
    let compiled = compiled(&[
        seller("a", Some(2.0), vec!["p/q"]),
        seller("b", Some(10.0), vec!["p", "z"]),
        seller("c", None, vec!["p/q"]),
        seller("d", Some(2.0), vec!["z/y", "p/q/r"]),
        seller("e", Some(0.0), vec![]),
        Record::Product(ProductRecord {
            id: "f",
            popularity: Some(99.0),
            categories: vec!["p"],
            visibility: Visibility::Hidden,
            ..ProductRecord::default()
        }),
    ]);
    let view = compiled.catalog.view();
    assert_eq!(popular(&view, None), ["b", "a", "d", "e"]);
    assert_eq!(popular(&view, Some("p")), ["b", "a", "d"]);
    assert_eq!(popular(&view, Some("p/q")), ["a", "d"]);
    assert_eq!(popular(&view, Some("p/q/r")), ["d"]);
    assert_eq!(popular(&view, Some("z")), ["b", "d"]);
}

/// Rows of products that sell more or less, some of them more than one row.
fn sellers() -> impl Strategy<Value = Vec<Record<'static>>> {
    let categories = vec(select(&["p", "p/q", "p/q/r", "z"][..]), 0..3);
    let popularity = option::of(select(&[0.0, 0.5, 1.0, 7.0][..]));
    let row = (select(&IDS[..]), popularity, categories);
    vec(row.prop_map(|(id, popularity, categories)| seller(id, popularity, categories)), 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_catalog_is_the_graph(relations in vec(relation(), 0..30)) {
        let graph = graph(&shop(&relations));
        let Compiled { catalog, provenance, .. } = compile(&graph);
        let view = catalog.view();
        let mut groups = graph.relations().unwrap();
        let mut total = 0;
        let mut before = [0; IDS.len()];
        while let Some(group) = groups.next_group().unwrap() {
            let source = Ordinal(group.source);
            let run = view.block(source).run(group.relation_type);
            prop_assert_eq!(run.edges().len(), group.edges.len());
            prop_assert!(run.edges().is_sorted_by(|a, b| a.score.get() > b.score.get()));
            for (relation, stated) in run.relations().zip(group.edges) {
                let edge = relation.edge;
                prop_assert_eq!(edge.target.get(), stated.target());
                let marks = edge.meta.get();
                prop_assert_eq!(marks & META_SCORED != 0, stated.score().is_some());
                prop_assert_eq!(marks & META_REVERSED != 0, stated.is_reversed());
                prop_assert_eq!(marks & META_MARKETS != 0, stated.markets() != 0b11);
                let is_rare = stated.quantity().is_some()
                    || stated.valid_to_s().is_some()
                    || stated.markets() != 0b11;
                prop_assert_eq!(relation.rare.is_some(), is_rare);
                let quantity = relation.rare.map_or(0.0, |rare| rare.quantity.get());
                prop_assert_eq!(quantity, stated.quantity().unwrap_or(0.0));
                let index = &mut before[source.index()];
                let place = provenance.place(source, *index).unwrap();
                prop_assert_eq!(place.line, stated.at().line);
                *index += 1;
                total += 1;
            }
        }
        prop_assert_eq!(view.meta().relation_count.to_native(), total);
    }

    #[test]
    fn the_order_of_rows_is_in_no_byte_of_the_catalog(
        (rows, shuffled) in vec(relation(), 0..20)
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let (one, other) = (compiled(&shop(&rows)), compiled(&shop(&shuffled)));
        prop_assert_eq!(&one.bytes[0], &other.bytes[0]);
        // And the same rows give the same bytes in every blob.
        prop_assert_eq!(one.bytes, compiled(&shop(&rows)).bytes);
    }

    #[test]
    fn the_order_of_products_is_in_no_list_of_best_sellers(
        (rows, shuffled) in sellers()
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        let (one, other) = (compiled(&rows), compiled(&shuffled));
        prop_assert_eq!(&one.bytes[0], &other.bytes[0]);
    }
}

/// Runs that can be read once: when the graph counts them.
struct ReadOnce(MemoryRuns, Cell<bool>);

struct ReadOnceStore(MemoryStore);

impl RunStore for ReadOnceStore {
    type Runs = ReadOnce;

    fn append(&mut self, chunk: &[GraphEdge]) -> io::Result<()> {
        self.0.append(chunk)
    }

    fn seal(self, sort: &mut dyn FnMut(&mut Vec<GraphEdge>)) -> io::Result<ReadOnce> {
        Ok(ReadOnce(self.0.seal(sort)?, Cell::new(false)))
    }
}

impl SortedRuns for ReadOnce {
    type Edges<'a> = <MemoryRuns as SortedRuns>::Edges<'a>;

    fn edges(&self) -> io::Result<Self::Edges<'_>> {
        if self.1.replace(true) { Err(io::ErrorKind::NotFound.into()) } else { self.0.edges() }
    }
}

#[test]
fn a_graph_that_cannot_be_read_back_is_an_error() {
    let mut builder = GraphBuilder::new(config(), ReadOnceStore(MemoryStore::default()));
    let file = builder.open_file(FileInfo { name: "a.csv".to_owned(), modified_s: None });
    builder.record(Location { file, line: 1 }, product("a"));
    let graph = builder.finish().unwrap();
    let files = [(); 2].map(|()| NamedTempFile::new().unwrap());
    let [catalog, provenance] =
        files.each_ref().map(|file| Output { file: file.reopen().unwrap(), path: file.path() });
    let error = write_catalog(&graph, catalog, provenance).unwrap_err();
    assert!(matches!(error, CompileError::Graph(GraphError::Runs { step: "read", .. })), "{error}");
}

#[test]
fn a_blob_that_cannot_be_written_is_an_error() {
    let graph = graph(&shop(&[]));
    let file = NamedTempFile::new().unwrap();
    let read_only = || {
        let file_handle = OpenOptions::new().read(true).open(file.path()).unwrap();
        Output { file: file_handle, path: file.path() }
    };
    let error = write_catalog(&graph, read_only(), read_only()).unwrap_err();
    assert!(matches!(error, CompileError::Blob(_)), "{error}");
    let error = write_dropped_relations(&graph, read_only()).unwrap_err();
    assert!(error.to_string().starts_with("a blob cannot be written: "), "{error}");
}

#[test]
fn a_derived_relation_stands_after_the_stated_ones_at_the_place_of_what_it_is_made_of() {
    let graded = |id, eco_grade| {
        let eco_grade = Some(eco_grade);
        Record::Product(ProductRecord { id, eco_grade, ..ProductRecord::default() })
    };
    let mut records = vec![graded("a", 2), graded("b", 5), graded("c", 3)];
    let links = [link("a", "alternative", "b"), link("a", "eco_alternative", "c")];
    records.extend(links.map(Record::Relation));
    let config = CatalogConfig { derive_eco_alternatives: true, ..config() };
    let compiled = compile(&graph_of(config, &[("shop", &records)]));
    let view = compiled.catalog.view();
    let eco = RelationType::ECO_ALTERNATIVE;
    assert_eq!(run_of(&view, "a", eco), ["c 65535", "b 64461"]);
    let a = find(&view, "a");
    let origins = view.block(a).run(eco).edges().iter().map(Edge::origin).collect::<Vec<_>>();
    assert_eq!(origins, [Some(Origin::Imported), Some(Origin::Rule)]);
    let lines = (0..3).map(|at| compiled.provenance.place(a, at).unwrap().line);
    assert_eq!(lines.collect::<Vec<_>>(), [4, 5, 4]);
}
