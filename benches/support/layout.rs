//! What the layout of a catalog is measured by: looking up keys, filtering and writing an answer, pages,
//! and bytes. Whoever includes this file prints the figures beside their goals.

use std::{collections::HashMap, hint::black_box};

use hashbrown::HashMap as Map;
use kindred::{
    index::{Ordinal, Role},
    model::relation::{RelationType, Stage},
    pb::{
        self, BatchGetRecommendationsRequest, EncodedResponse, GetRecommendationsRequest,
        seed::Target,
    },
    service::{batch_get_recommendations, get_recommendations},
};

#[path = "pairs.rs"]
mod pairs;
#[path = "requests.rs"]
pub(crate) mod requests;
#[path = "../../tests/synthetic/shape.rs"]
pub(crate) mod shape;
#[path = "shops.rs"]
pub(crate) mod shops;
#[path = "sold_out.rs"]
pub(crate) mod sold_out;
#[path = "structs.rs"]
mod structs;
#[path = "mod.rs"]
pub(crate) mod support;

use pairs::{Pair, Spread, alone, pair};
use shops::Shop;
use structs::{Structs, Wanted, one_pass};

/// What a lookup of goal 6 asks for: 20 of 30 relations of two types, at a stage.
const WANTED: Wanted = Wanted {
    types: [RelationType::CROSS_SELL, RelationType::ALTERNATIVE],
    stage: Stage::Consideration,
    max_results: 20,
};

/// Pages that are asked for in turn: more than caches hold the products of.
const PAGES: usize = 20_000;

/// A figure, what it is to be at most, and what is aimed at.
#[derive(Debug)]
pub(crate) struct Figure {
    /// Of the table of goals.
    pub(crate) goal: &'static str,
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: f64,
    /// A tenth of the cycles is below the first, a tenth above the second.
    pub(crate) spread: (f64, f64),
    /// At most this; infinite where nobody asks for anything.
    pub(crate) floor: f64,
    /// Rather this.
    pub(crate) aim: f64,
}

impl Figure {
    fn new(
        (goal, unit): (&'static str, &'static str),
        what: String,
        found: Spread,
        (floor, aim): (f64, f64),
    ) -> Self {
        let Spread { low, median, high } = found;
        Self { goal, what, unit, measured: median, spread: (low, high), floor, aim }
    }

    fn of_pair(goal: &'static str, what: &str, pair: &Pair, most: f64) -> Self {
        let Pair { ours, theirs, ratio } = pair;
        let what = format!("{what} ({:.0} of {:.0} ns)", ours.median, theirs.median);
        Self::new((goal, "x"), what, *ratio, (most, most))
    }
}

/// Keys against hashbrown, and lookups against structs. The shop has ids of 12 bytes.
pub(crate) fn goal_6(shop: &Shop, cycles: usize) -> [Figure; 4] {
    let mut structs = Structs::default();
    let moment = &shop.moment;
    let mut request = GetRecommendationsRequest {
        lookup: requests::spec(
            &[pb::RelationType::CrossSell, pb::RelationType::Alternative],
            i32::try_from(WANTED.max_results).unwrap(),
            None,
        ),
        seeds: requests::seeds(&[String::new()]),
        context: Some(pb::Context {
            stage: pb::ShoppingStage::Consideration.into(),
            ..pb::Context::default()
        }),
        ..GetRecommendationsRequest::default()
    };
    let mut ours = |call: usize| {
        if let Some(Target::ProductId(id)) = &mut request.seeds[0].target {
            id.clear();
            id.push_str(shop.id(call));
        }
        get_recommendations(moment, &request).unwrap().message()
    };
    let mut found = 0;
    for call in 0..1_000 {
        let (own, id) = (ours(call), shop.id(call));
        assert!(structs.reply(moment, &WANTED, id) == own, "{id}");
        assert!(one_pass(moment, &WANTED, id) == own, "{id}");
        let shown = EncodedResponse::of(&own).decoded().unwrap();
        found += shown.recommendations.len();
    }
    assert!(found > 19_000, "{found} results in 1,000 lookups");

    let mut ours = |call: usize| drop(black_box(ours(call)));
    let naive = |call: usize| drop(black_box(one_pass(moment, &WANTED, shop.id(call))));
    let naive = pair(cycles, 50, &mut ours, naive);
    let built = |call: usize| drop(black_box(structs.reply(moment, &WANTED, shop.id(call))));
    let built = pair(cycles, 50, &mut ours, built);
    let [ordinal, record] = keys(shop, cycles);
    [
        Figure::of_pair("6a", "id to ordinal / hashbrown", &ordinal, 1.0),
        Figure::of_pair("6b", "filter + emit of 30 / one pass of structs", &naive, 0.30),
        Figure::of_pair("6c", "the same / structs of the lookup's answer", &built, f64::INFINITY),
        Figure::of_pair("6d", "id to record / by hashbrown", &record, f64::INFINITY),
    ]
}

/// From an id to the ordinal, and to the product's record, at which every lookup goes on, with the key table
/// and with hashbrown in its place. Finding an id compares it with its record, so the record is there when
/// the key table has answered; hashbrown has ids of its own, of exactly 12 bytes.
fn keys(shop: &Shop, cycles: usize) -> [Pair; 2] {
    let view = shop.moment.snapshot.catalog().view();
    let products = shop.shape.products;
    let key = |id: &str| <[u8; 12]>::try_from(id.as_bytes()).unwrap();
    let ids = (0..products).map(|ordinal| (key(&(shop.shape.id)(products, ordinal)), ordinal));
    let map = ids.collect::<Map<_, _>>();
    for call in 0..1_000 {
        let id = shop.id(call);
        assert_eq!(view.find(id).map(|found| found.0), map.get(&key(id)).copied(), "{id}");
    }
    let ours = |call| view.find(shop.id(call)).unwrap();
    let theirs = |call| Ordinal(*map.get(&key(shop.id(call))).unwrap());
    let edges = |ordinal| black_box(view.product(ordinal).unwrap().edges);
    let record = pair(cycles, 1_000, |call| _ = edges(ours(call)), |call| _ = edges(theirs(call)));
    let bare = |ordinal: Ordinal| black_box(ordinal);
    let bare = pair(cycles, 1_000, |call| _ = bare(ours(call)), |call| _ = bare(theirs(call)));
    [bare, record]
}

/// A page of four slots, with one seed and with ten. The shop has three types.
pub(crate) fn goal_7(shop: &Shop, cycles: usize) -> [Figure; 2] {
    [(1, 6.0), (10, 30.0)].map(|(seeds, aim)| {
        let ids = |page: usize| (0..seeds).map(move |seed| shop.id(page * seeds + seed).to_owned());
        let pages = (0..PAGES).map(|page| requests::page(&ids(page).collect::<Vec<_>>()));
        let pages = pages.collect::<Vec<_>>();
        let reply = |page: &BatchGetRecommendationsRequest| {
            batch_get_recommendations(&shop.moment, page).unwrap()
        };
        let slots = reply(&pages[0]).decoded_page().unwrap().results;
        let found = slots.iter().map(|slot| slot.recommendations.len()).sum::<usize>();
        assert!(found > 10 && slots.iter().all(|slot| slot.error.is_none()), "{slots:?}");
        let call = |call: usize| drop(black_box(reply(&pages[call % PAGES])));
        let Spread { low, median, high } = alone(cycles, 20 / seeds, call);
        let found = Spread { low: low / 1e3, median: median / 1e3, high: high / 1e3 };
        let what = format!("a page of 4 slots x 10, {seeds} seeds");
        Figure::new((if seeds == 1 { "7a" } else { "7b" }, "us"), what, found, (aim, aim))
    })
}

/// Bytes a relation: edges and keys, and with what is known of products.
#[expect(clippy::cast_precision_loss, reason = "files are smaller than 2^52 bytes")]
pub(crate) fn goal_10(shop: &Shop) -> [Figure; 2] {
    let sections = sections(shop);
    let relations = f64::from(shop.shape.products) * f64::from(shops::RELATIONS);
    let sum = |names: &[&str]| names.iter().map(|name| sections[name]).sum::<u64>();
    let keys = sum(&["edges", "products", "aliases", "key_heap", "keys"]);
    let all = sections.values().sum::<u64>();
    let all = all - sum(&["title_ends", "title_heap", "reverse_ends", "reverse"]);
    let figure = |goal, what: &str, bytes: u64, goals| {
        let found = bytes as f64 / relations;
        let found = Spread { low: found, median: found, high: found };
        Figure::new((goal, "bytes"), format!("bytes per relation: {what}"), found, goals)
    };
    [
        figure("10a", "edges and keys", keys, (9.8, 9.0)),
        figure("10b", "with product columns", all, (11.5, 10.0)),
    ]
}

/// Bytes of each section of the shop's catalog.
pub(crate) fn sections(shop: &Shop) -> HashMap<&'static str, u64> {
    let manifest = shop.moment.snapshot.manifest();
    assert_eq!(manifest.blobs.len(), 1, "only a catalog was published");
    assert_eq!(manifest.blobs[0].role, Role::Catalog);
    let blob = shop.moment.snapshot.catalog().blob();
    blob.sections().map(|(section, bytes)| (section.code(), bytes)).collect()
}
