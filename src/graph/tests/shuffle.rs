//! Goal: the order of rows and sources never reaches the output. Method: random records of several
//! sources over few ids, so that everything collides, read twice in different orders.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::model::{
    decimal::Decimal,
    record::{AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, Visibility},
    relation::{Availability, StageMask},
};

/// Spellings of few ids, none and an alias among them.
const IDS: &[&str] = &["a", "A", "b", "B", "c", "d", "E", "e", "old", ""];
const WORDS: &[&str] = &["p", "p/q", "p/q/r", "z"];
const MARKETS: &[&str] = &["eu", "jp", "us"];
const TYPES: &[&str] =
    &["related", "magento:related", "up_sell", "friends", "alternative", "eco_alternative"];

fn prices() -> impl Strategy<Value = Option<PriceRecord<'static>>> {
    let currency = prop::option::of(select(&["EUR", "JPY", "nope"]));
    prop::option::of((0_i64..3, currency).prop_map(|(digits, currency)| PriceRecord {
        amount: Decimal { digits, scale: 0 },
        currency,
    }))
}

fn some_of(words: &'static [&'static str]) -> impl Strategy<Value = Vec<&'static str>> {
    prop::collection::vec(select(words), 0..3)
}

fn product_rows() -> impl Strategy<Value = Record<'static>> {
    let texts = (select(IDS), prop::option::of(select(WORDS)), some_of(WORDS), some_of(MARKETS));
    let rest = (prop::option::of(select(IDS)), prop::option::of(0_u32..2), any::<bool>(), prices());
    let stock = (prop::option::of(select(&Availability::ALL[..])), prop::option::of(0_i64..3));
    (texts, rest, stock).prop_map(
        |((id, word, words, markets), rest, (availability, read_at_s))| {
            let (parent, position, hidden, price) = rest;
            Record::Product(ProductRecord {
                id,
                title: word,
                brand: word,
                categories: words.clone(),
                price,
                availability,
                read_at_s,
                parent,
                variant_position: position,
                visibility: if hidden { Visibility::Hidden } else { Visibility::Visible },
                popularity: position.map(f64::from),
                eco_grade: position.map(|position| if position == 0 { 2 } else { 4 }),
                tags: words,
                markets,
            })
        },
    )
}

fn relation_rows() -> impl Strategy<Value = Record<'static>> {
    let ends = (select(IDS), select(TYPES), select(IDS), some_of(MARKETS));
    let given = (prop::option::of(0_u32..2), prop::option::of(select(&[0.0_f32, -0.0, 0.5])));
    let rest = (prop::option::of(any::<bool>()), prop::option::of(0_i64..2), 0_u8..3, 0_u8..9);
    (ends, given, rest).prop_map(
        |((source, kind, target, markets), (position, score), (two_way, time, stages, active))| {
            Record::Relation(RelationRecord {
                position,
                score,
                quantity: time.map(|time| 1.0 / (time as f64 + 1.0)),
                two_way,
                valid_from_s: time,
                valid_to_s: time.filter(|_| stages == 1),
                stages: StageMask::from_bits(stages),
                markets,
                active: active != 0,
                confirmed_at_s: time.map(|time| time * 86_400),
                ..link(source, kind, target)
            })
        },
    )
}

fn other_rows() -> impl Strategy<Value = Record<'static>> {
    let ids = || (select(IDS), select(IDS));
    let market = (select(IDS), select(MARKETS), prop::option::of(any::<bool>()), prices());
    let market = (market, prop::option::of(0_i64..3));
    let market = market.prop_map(|((id, market, listed, price), read_at_s)| {
        Record::ProductMarket(ProductMarketRecord { id, market, listed, price, read_at_s })
    });
    let terms = (select(WORDS), 0_u32..2, any::<bool>(), 0_u32..3);
    let bundle = (ids(), terms).prop_map(|((bundle, product), (option, place, flag, count))| {
        Record::Bundle(BundleRecord {
            bundle,
            option,
            option_position: place,
            required: flag,
            min_selections: count,
            max_selections: place,
            product,
            selection_position: count,
            quantity: f64::from(count),
            is_default: flag,
        })
    });
    let alias = ids().prop_map(|(alias, product)| Record::Alias(AliasRecord { alias, product }));
    let variants = (ids(), prop::option::of(0_u32..2));
    let variants = variants.prop_map(|((parent, child), place)| variant(parent, child, place));
    prop_oneof![market, bundle, alias, variants]
}

/// Of the first two the priorities differ, of the others they are equal.
const SOURCES: &[&str] = &["low", "high", "other", "more", "third"];

/// Records with the source of each, as its place in [`SOURCES`].
type Rows = Vec<(usize, Record<'static>)>;

fn rows() -> impl Strategy<Value = Rows> {
    let record = prop_oneof![3 => product_rows(), 4 => relation_rows(), 3 => other_rows()];
    prop::collection::vec((0..SOURCES.len(), record), 1..60)
}

/// Products and their aliases only, so that most of them are several sources'.
fn product_and_alias_rows() -> impl Strategy<Value = Rows> {
    let alias = (select(IDS), select(IDS));
    let alias = alias.prop_map(|(alias, product)| Record::Alias(AliasRecord { alias, product }));
    let record = prop_oneof![6 => product_rows(), 1 => alias];
    prop::collection::vec((0..SOURCES.len(), record), 1..30)
}

/// Orders of the sources.
fn orders() -> impl Strategy<Value = Vec<usize>> {
    Just((0..SOURCES.len()).collect::<Vec<_>>()).prop_shuffle()
}

/// Reads the rows in this order, whatever their source, of which each has two files.
fn read(
    config: CatalogConfig,
    order: &[usize],
    rows: &Rows,
) -> Result<Graph<MemoryRuns>, GraphError> {
    let mut builder = GraphBuilder::new(config, MemoryStore::with_chunk_edges(3));
    builder.intake.ledger.dropped_max = 5;
    let mut files = vec![[FileId(0); 2]; SOURCES.len()];
    for source in order {
        builder.begin_source(SOURCES[*source]);
        let file = || FileInfo { name: SOURCES[*source].to_owned(), modified_s: None };
        files[*source] = [file(), file()].map(|file| builder.open_file(file));
    }
    for (line, (source, record)) in (1..).zip(rows) {
        let file = files[*source][line as usize % 2];
        builder.record(Location { file, line }, record.clone());
    }
    builder.finish()
}

/// Reads the rows in two orders, and the sources, too.
fn check(config: &CatalogConfig, first: (&[usize], &Rows), second: (&[usize], &Rows)) {
    let [first, second] = [first, second].map(|(order, rows)| read(config.clone(), order, rows));
    match (first, second) {
        (Ok(first), Ok(second)) => assert_eq!(say(&first), say(&second)),
        (Err(GraphError::NoProducts { .. }), Err(GraphError::NoProducts { .. })) => {}
        (first, second) => panic!("{first:?} and {second:?}"),
    }
}

/// Everything that the graph says, but files, lines and samples.
fn say(graph: &Graph<MemoryRuns>) -> Vec<String> {
    let mut said = vec![
        format!("{:?} {:?} {:?}", graph.brands, graph.tags, graph.categories),
        format!("{:?} {:?}", graph.market_prices, graph.bundles),
        format!("{:?} {:?}", graph.counts, findings(graph)),
    ];
    said.extend(graph.products.iter().map(|product| {
        let texts = (graph.id(product), graph.title(product));
        format!("{texts:?} {:?}", Product { node: 0, title: None, ..product.clone() })
    }));
    said.extend(graph.aliases.iter().map(|a| format!("{} {}", graph.alias_id(a), a.product)));
    said.extend(
        graph.dropped().map(|row| {
            format!("{:?} {} {} {}", row.code, row.source, row.relation_type, row.target)
        }),
    );
    let mut groups = graph.relations().unwrap();
    while let Some(group) = groups.next_group().unwrap() {
        said.extend(group.edges.iter().map(|edge| {
            let bits = (edge.score().map(f32::to_bits), edge.quantity().map(f64::to_bits));
            let ends = (edge.source(), edge.relation_type(), edge.target(), edge.position(), bits);
            let valid = (edge.valid_from_s(), edge.valid_to_s(), edge.stages(), edge.markets());
            let kind = (edge.is_two_way(), edge.is_reversed(), edge.authority(), edge.origin());
            let made = (edge.is_derived(), edge.confirmed_day());
            format!("{ends:?} {valid:?} {kind:?} {made:?}")
        }));
    }
    said
}

/// Fields of a product that its rows may leave open.
fn fields(graph: &Graph<MemoryRuns>, at: usize) -> Vec<Option<String>> {
    let product = &graph.products[at];
    let tags = graph.tags.iter().zip(0..).filter(|(_, bit)| product.tags >> bit & 1 == 1);
    let tags = tags.map(|(tag, _)| tag.as_str()).collect::<Vec<_>>();
    let path = |category: &u32| graph.categories.path(*category);
    let further = product.extra_categories.iter().map(path).collect::<Vec<_>>();
    vec![
        graph.title(product).map(ToOwned::to_owned),
        product.brand.map(|brand| graph.brands[index(brand)].clone()),
        product.category.map(|category| format!("{} {further:?}", path(&category))),
        product.price.map(|price| price.to_string()),
        product.availability.map(|state| format!("{state:?}")),
        product.popularity.map(|popularity| popularity.to_string()),
        Some(tags.join(" ")).filter(|tags| !tags.is_empty()),
        product.eco_grade.map(|grade| grade.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn shuffled_rows_make_the_same_graph(
        (first, second) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        (folded, order) in (any::<bool>(), orders()),
    ) {
        let config = CatalogConfig {
            derive_eco_alternatives: true,
            ..if folded { case_folded() } else { config() }
        };
        check(&config, (&[0, 1, 2, 3, 4], &first), (&order, &second));
    }

    #[test]
    fn shuffled_rows_of_several_sources_make_the_same_products(
        (first, second) in product_and_alias_rows()
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        (folded, read_at_s, order) in (any::<bool>(), prop::option::of(0_i64..3), orders()),
    ) {
        let config =
            CatalogConfig { read_at_s, ..if folded { case_folded() } else { config() } };
        check(&config, (&[0, 1, 2, 3, 4], &first), (&order, &second));
    }

    /// What a source of a lower priority says fills what others leave open, and replaces nothing.
    #[test]
    fn a_lower_source_only_fills(
        upper in prop::collection::vec(product_rows(), 1..8),
        lower in prop::collection::vec(product_rows(), 1..8),
    ) {
        let of = |source: usize, rows: &[Record<'static>]| -> Rows {
            rows.iter().map(|row| (source, row.clone())).collect()
        };
        let (upper, lower) = (of(1, &upper), of(0, &lower));
        let graph = |rows: &Rows| read(config(), &[0, 1, 2, 3, 4], rows).ok();
        let Some(alone) = graph(&upper) else { return Ok(()) };
        let filler = graph(&lower);
        let both = graph(&[upper, lower].concat()).unwrap();
        for product in &alone.products {
            let id = alone.id(product);
            let find = |graph: &Graph<MemoryRuns>| {
                let found = graph.products.iter().position(|product| graph.id(product) == id);
                found.map(|at| fields(graph, at))
            };
            let (mine, found) = (find(&alone).unwrap(), find(&both).unwrap());
            let other = filler.as_ref().and_then(find).unwrap_or_else(|| vec![None; mine.len()]);
            let expected = mine.into_iter().zip(other).map(|(mine, other)| mine.or(other));
            prop_assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }

    #[test]
    fn every_relation_row_is_kept_or_dropped(rows in rows()) {
        let Ok(graph) = read(config(), &[0, 1, 2, 3, 4], &rows) else { return Ok(()) };
        let read = rows.iter().filter(|(_, record)| matches!(record, Record::Relation(_))).count();
        prop_assert_eq!(graph.counts.read(), read as u64);
        for counts in graph.counts.by_type.values().chain([&graph.counts.untyped]) {
            prop_assert_eq!(counts.read, counts.kept + counts.dropped.values().sum::<u64>());
        }
        let kept: u64 = graph.counts.by_type.values().map(RelationCounts::total).sum();
        prop_assert_eq!(links(&graph).len() as u64, kept);
    }
}
