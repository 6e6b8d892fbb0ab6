//! What one lookup costs at 100,000 products with 30 relations each.
//!
//! A fifth of the products is withdrawn, so a list of 20 out of 30 candidates reads most of them, as
//! filters do at work. Products are asked for in an order that no cache can guess.

#![expect(clippy::unwrap_used, reason = "a setup that fails must end the run")]

use std::{fs::File, hint::black_box, path::Path, sync::Arc};

use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use kindred::{
    index::{
        CatalogDraft, CatalogWriter, IndexError, ProductDraft, ProductTable, RunDraft, View,
        layout::{Edge, META_ORIGIN_SHIFT, RareRecord},
        meta::{CatalogMeta, MarketMeta, TypeMeta},
    },
    lookup::{Context, Page, Plan, Query, QuerySeed, Repeats, Scene, Scratch, answer},
    model::{
        id::IdRule,
        relation::{Availability, Origin, RelationType, STANDARD_TYPES},
    },
    pb::{GetRecommendationsRequest, LookupSpec, Seed, seed::Target},
    policy::Policy,
    service::get_recommendations,
    snapshot::{Moment, Snapshot},
    stock::StockView,
    store::Store,
};

#[path = "support/mod.rs"]
mod support;

use support::Random;

const PRODUCTS: u32 = 100_000;
const RELATIONS_PER_PRODUCT: usize = 30;
const RESULTS: usize = 20;
const SEEDS: usize = 10;
const TYPES: [RelationType; 2] = [RelationType::CROSS_SELL, RelationType::UP_SELL];

struct Shop {
    ids: Vec<String>,
}

impl Shop {
    fn new() -> Self {
        // Spread over the range, and in order.
        let id = |product: u32| format!("sku-{:08x}", product * (u32::MAX / PRODUCTS));
        Self { ids: (0..PRODUCTS).map(id).collect() }
    }

    /// Publishes a catalog with the relations of each product split among these types.
    fn publish(&self, store: &Store, types: &[RelationType]) -> Snapshot {
        support::publish(store, |file, path| self.write(file, path, types))
    }

    fn write(&self, file: File, path: &Path, types: &[RelationType]) -> Result<(), IndexError> {
        let mut writer = CatalogWriter::new(file, path, Vec::new())?;
        let mut random = Random(1);
        for product in 0..PRODUCTS {
            let run = |relation_type: &RelationType| RunDraft {
                relation_type: relation_type.number(),
                edges: links(product, RELATIONS_PER_PRODUCT / types.len(), &mut random),
            };
            writer.block(&types.iter().map(run).collect::<Vec<_>>())?;
        }
        let draft = CatalogDraft {
            id_rule: IdRule::Exact,
            products: self,
            aliases: &[],
            market_prices: &[],
            bundles: &[],
            meta: meta(),
        };
        writer.finish(draft).map(drop)
    }

    /// Every id once, in random order; copied, so that they lie in memory in this order.
    fn shuffled(&self) -> Vec<String> {
        let mut ids = self.ids.clone();
        Random(2).shuffle(&mut ids);
        ids.iter().map(|id| id.as_str().to_owned()).collect()
    }
}

impl ProductTable for Shop {
    fn count(&self) -> u32 {
        PRODUCTS
    }

    fn id(&self, ordinal: u32) -> &str {
        &self.ids[ordinal as usize]
    }

    fn product(&self, ordinal: u32) -> ProductDraft<'_> {
        // Every fifth, in an order unlike that of ids.
        let withdrawn = ordinal.wrapping_mul(2_654_435_761) >> 16 & 0xff < 51;
        let state = if withdrawn { Availability::Discontinued } else { Availability::InStock };
        ProductDraft { availability: state as u8, assortment: 1, ..ProductDraft::default() }
    }
}

fn links(source: u32, count: usize, random: &mut Random) -> Vec<(Edge, Option<RareRecord>)> {
    let mut score = 60_000;
    let link = |_| {
        let target = (source + 1 + random.below(PRODUCTS - 1)) % PRODUCTS;
        score -= 1 + u16::try_from(random.below(1_000)).unwrap();
        let meta = (Origin::Imported as u16) << META_ORIGIN_SHIFT;
        (Edge { target: target.into(), score: score.into(), meta: meta.into() }, None)
    };
    (0..count).map(link).collect()
}

fn meta() -> CatalogMeta {
    let declared = |standard: &kindred::model::relation::StandardType| TypeMeta {
        number: standard.relation_type.number(),
        code: standard.code.to_owned(),
        display_name: standard.display_name.to_owned(),
        two_way: 0,
        reverse: 0,
        relation_count: 0,
    };
    let market = MarketMeta {
        id: "eu".to_owned(),
        currency: "EUR".to_owned(),
        default_inventory: 0,
        product_count: 0,
    };
    CatalogMeta {
        relation_types: STANDARD_TYPES.iter().map(declared).collect(),
        markets: vec![market],
        inventories: vec!["main".to_owned()],
        ..CatalogMeta::default()
    }
}

/// Times one lookup after another, each with as many seeds as said.
fn time_lookups(
    group: &mut BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    (view, types): (&View<'_>, &[RelationType]),
    (ids, seeds): (&[String], usize),
) {
    let (policy, stock) = (Policy::default(), StockView::empty());
    let scene = Scene { view: *view, policy: &policy, stock: &stock };
    let (visitor, at_s) = ("", 0);
    let context = Context { market: 0, inventory: 0, stage: None, visitor, at_s, is_as_of: false };
    let (mut page, mut scratch) = (Page::default(), Scratch::default());
    let mut asked = ids.chunks_exact(seeds).cycle();
    let mut lookup = || {
        let seeds = asked.next().unwrap().iter().map(|id| QuerySeed::product(id, 1.0));
        let query = Query::new(types.iter().copied(), seeds).with_max_results(RESULTS);
        let plan = Plan::new(&scene, &context, &query).unwrap();
        page.begin(&scene, [], Repeats::Allowed);
        let answer = answer(&scene, &context, &query, &plan, &mut page, &mut scratch);
        assert_eq!(answer.missing, 0);
        answer.picks.len()
    };
    let found = (0..1_000).map(|_| lookup()).sum::<usize>();
    assert!(found > 19_500, "{found} results in 1,000 lookups");
    group.bench_function(name, |bencher| bencher.iter(&mut lookup));
}

fn lookups(criterion: &mut Criterion) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::create(dir.path()).unwrap();
    let shop = Shop::new();
    let ids = shop.shuffled();
    let one_type = Moment {
        snapshot: Arc::new(shop.publish(&store, &TYPES[..1])),
        stock: Arc::new(StockView::empty()),
    };
    let two_types = shop.publish(&store, &TYPES);
    let (one, two) = (one_type.snapshot.catalog().view(), two_types.catalog().view());

    let mut group = criterion.benchmark_group("lookup");
    group.throughput(Throughput::Elements(1));
    time_lookups(&mut group, "one_seed/100k", (&one, &TYPES[..1]), (&ids, 1));
    time_lookups(&mut group, "one_seed_two_types/100k", (&two, &TYPES), (&ids, 1));
    time_lookups(&mut group, "ten_seeds/100k", (&one, &TYPES[..1]), (&ids, SEEDS));

    let mut asked = ids.iter().cycle();
    assert!(ids.iter().all(|id| one.find(id).is_some()));
    group.bench_function("key/100k", |bencher| {
        bencher.iter(|| one.find(black_box(asked.next().unwrap())));
    });

    let mut request = GetRecommendationsRequest {
        lookup: Some(LookupSpec {
            relation_types: vec![i32::from(TYPES[0].number())],
            max_results: i32::try_from(RESULTS).unwrap(),
            ..LookupSpec::default()
        }),
        seeds: vec![Seed { target: Some(Target::ProductId(String::new())), quantity: 0.0 }],
        ..GetRecommendationsRequest::default()
    };
    let mut reply = || {
        if let Some(Target::ProductId(id)) = &mut request.seeds[0].target {
            id.clear();
            id.push_str(asked.next().unwrap());
        }
        get_recommendations(&one_type, &request).unwrap()
    };
    assert!(reply().decoded().unwrap().recommendations.len() > 15);
    group.bench_function("reply/100k", |bencher| bencher.iter(&mut reply));
    group.finish();
}

criterion_group!(benches, lookups);
criterion_main!(benches);
