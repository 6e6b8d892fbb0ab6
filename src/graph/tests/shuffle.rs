//! Goal: the order of rows never reaches the output. Method: random records over few ids, so that
//! everything collides, read twice in different orders.

use proptest::{prelude::*, sample::select};

use super::*;
use crate::model::{
    decimal::Decimal,
    record::{AliasRecord, BundleRecord, PriceRecord, ProductMarketRecord, Visibility},
    relation::StageMask,
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
    (texts, rest).prop_map(|((id, word, words, markets), (parent, position, hidden, price))| {
        Record::Product(ProductRecord {
            id,
            title: word,
            brand: word,
            categories: words.clone(),
            price,
            read_at_s: position.map(i64::from),
            parent,
            variant_position: position,
            visibility: if hidden { Visibility::Hidden } else { Visibility::Visible },
            popularity: position.map(f64::from),
            eco_grade: position.map(|position| if position == 0 { 2 } else { 4 }),
            tags: words,
            markets,
            ..ProductRecord::default()
        })
    })
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
    let market = market.prop_map(|(id, market, listed, price)| {
        Record::ProductMarket(ProductMarketRecord { id, market, listed, price, read_at_s: None })
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

/// Records with the source of each.
type Rows = Vec<(u32, Record<'static>)>;

fn rows() -> impl Strategy<Value = Rows> {
    let record = prop_oneof![3 => product_rows(), 4 => relation_rows(), 3 => other_rows()];
    prop::collection::vec((0_u32..3, record), 1..60)
}

/// Reads the rows in this order, whatever their source.
fn read(config: CatalogConfig, rows: &Rows) -> Result<Graph<MemoryRuns>, GraphError> {
    let mut builder = GraphBuilder::new(config, MemoryStore::with_chunk_edges(3));
    builder.intake.ledger.dropped_max = 5;
    for name in ["low", "high", "other"] {
        builder.begin_source(name);
        builder.open_file(FileInfo { name: name.to_owned(), modified_s: None });
    }
    for (line, (source, record)) in (1..).zip(rows) {
        builder.record(Location { file: FileId(*source), line }, record.clone());
    }
    builder.finish()
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..Default::default() })]

    #[test]
    fn shuffled_rows_make_the_same_graph(
        (first, second) in rows().prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
        folded in any::<bool>(),
    ) {
        let config = || CatalogConfig {
            derive_eco_alternatives: true,
            ..if folded { case_folded() } else { config() }
        };
        match (read(config(), &first), read(config(), &second)) {
            (Ok(first), Ok(second)) => prop_assert_eq!(say(&first), say(&second)),
            (Err(first), Err(second)) => prop_assert_eq!(first.to_string(), second.to_string()),
            (first, second) => prop_assert!(false, "{:?} and {:?}", first, second),
        }
    }

    #[test]
    fn every_relation_row_is_kept_or_dropped(rows in rows()) {
        let Ok(graph) = read(config(), &rows) else { return Ok(()) };
        let read = rows.iter().filter(|(_, record)| matches!(record, Record::Relation(_))).count();
        prop_assert_eq!(graph.counts.read(), read as u64);
        for counts in graph.counts.by_type.values().chain([&graph.counts.untyped]) {
            prop_assert_eq!(counts.read, counts.kept + counts.dropped.values().sum::<u64>());
        }
        let kept: u64 = graph.counts.by_type.values().map(RelationCounts::total).sum();
        prop_assert_eq!(links(&graph).len() as u64, kept);
    }
}
