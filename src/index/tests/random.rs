//! Random catalogs against plain maps: whatever ids and relations a shop has, what is read is what
//! was written, and damage is seen.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::testkit::{self, Link, Model, Product, model, read};
use crate::{
    index::{
        Ordinal,
        layout::{Edge, META_ORIGIN_SHIFT, META_SCORED, RareRecord},
    },
    model::id::IdRule,
};

/// Two markets, a plain type, two reverse ones.
const SHOP: &str = "
    inventory main
    market de EUR main
    market ch CHF main
    type 1 cross_sell
    type 6 accessory reverse
    type 199 own reverse
    category a
    category a/b
    category a/b/c
    category a/d
    category a-b
";
const TYPES: [u8; 3] = [1, 6, 199];

/// A relation before ordinals are known: source, type, target, meta, quantity, line.
type RawLink = (prop::sample::Index, usize, prop::sample::Index, u16, Option<u8>, u32);

fn catalogs() -> impl Strategy<Value = Model> {
    let id = prop_oneof!["[a-cA-C]{1,2}", "[a-bA-B]{14,17}", "[äß€a]{1,6}", "x{126,128}"];
    let ids = prop::collection::btree_set(id, 0..24);
    let link = (
        any::<prop::sample::Index>(),
        0..TYPES.len(),
        any::<prop::sample::Index>(),
        any::<u16>(),
        prop::option::of(any::<u8>()),
        1..1000_u32,
    );
    let aliases = prop::collection::vec(any::<prop::sample::Index>(), 0..24);
    (any::<bool>(), ids, aliases, prop::collection::vec(link, 0..80))
        .prop_map(|(folded, ids, aliases, links)| shop(folded, ids, &aliases, links))
}

fn shop(
    folded: bool,
    ids: BTreeSet<String>,
    aliases: &[prop::sample::Index],
    links: Vec<RawLink>,
) -> Model {
    let mut shop = model(SHOP);
    shop.rule = if folded { IdRule::CaseFolded } else { IdRule::Exact };
    shop.sources.push("tables".to_owned());
    let rule = shop.rule;
    // Of ids that the rule cannot tell apart one stays.
    let ids: BTreeMap<_, _> = ids.iter().map(|id| (rule.fold(id).into_owned(), id)).collect();
    // Every third id is an alias of one that is not.
    let is_alias = |at: usize| at % 3 == 2;
    for (_, id) in ids.values().enumerate().filter(|(at, _)| !is_alias(*at)) {
        let title = if id.len() % 2 == 0 { format!("Title of {id}") } else { String::new() };
        let assortment = id.len() as u64 % 4;
        let size = u32::try_from(id.len()).expect("at most 128");
        shop.products.push(Product {
            id: (*id).clone(),
            title,
            assortment,
            hidden: size == 16,
            category: Some(size % 7).filter(|category| *category < 5),
            extra_categories: (0..size % 3).map(|extra| extra * 2).collect(),
            popularity: (size != 2).then(|| f64::from(size % 4) / 3.0),
            ..Product::default()
        });
    }
    let count = shop.products.len();
    let named = ids.values().enumerate().filter(|(at, _)| is_alias(*at)).map(|(_, id)| *id);
    for (alias, product) in named.zip(aliases) {
        shop.aliases.push((alias.clone(), ordinal(*product, count)));
    }
    for (source, number, target, meta, quantity, line) in links {
        if count < 2 || source.index(count) == target.index(count) {
            continue;
        }
        let origin = 1 + (meta >> META_ORIGIN_SHIFT) % 7;
        let meta = meta & (META_SCORED | 0b1_1111) | origin << META_ORIGIN_SHIFT;
        let target = ordinal(target, count).into();
        let rare = quantity.map(|quantity| RareRecord {
            quantity: f64::from(quantity).into(),
            ..RareRecord::nothing()
        });
        let edge = Edge { target, score: 0.into(), meta: meta.into() };
        let run = shop.relations.entry((ordinal(source, count), TYPES[number])).or_default();
        if !run.iter().any(|link| link.edge.target == target) {
            run.push(Link { edge, rare, file: 0, line });
        }
    }
    for run in shop.relations.values_mut() {
        for (link, score) in run.iter_mut().rev().zip(0..) {
            link.edge.score.set(score * 7);
        }
    }
    shop
}

fn ordinal(index: prop::sample::Index, count: usize) -> u32 {
    u32::try_from(index.index(count)).expect("small")
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn random_catalogs_answer_as_plain_maps_do(
        shop in catalogs(),
        others in prop::collection::vec("[a-dA-D]{0,3}|[a-b]{14,17}|x{125,130}", 0..30),
    ) {
        let catalog = testkit::catalog(&shop.catalog()).expect("what was written opens");
        let view = catalog.view();
        prop_assert_eq!(read(&view), shop.answers());
        let by_id = shop.by_id();
        for (id, ordinal) in &by_id {
            prop_assert_eq!(view.find(str::from_utf8(id).expect("UTF-8")), Some(*ordinal));
        }
        for id in &others {
            prop_assert_eq!(view.find(id), by_id.get(&shop.rule.fold(id)).copied(), "{}", id);
        }
        let provenance = shop.provenance(catalog.blob().hash());
        let provenance = testkit::provenance(&provenance, &catalog).expect("it opens");
        for source in view.ordinals() {
            let lines: Vec<_> = shop.links(source.0).map(|link| link.line).collect();
            let found = (0..=lines.len()).map_while(|at| provenance.place(source, at));
            prop_assert_eq!(found.map(|place| place.line).collect::<Vec<_>>(), lines);
        }
        prop_assert_eq!(shop.catalog(), shop.catalog(), "the same input, the same bytes");
    }
}

/// Numbers that look random and are the same each time (splitmix64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let scaled = (u128::from(mixed ^ (mixed >> 31)) * bound as u128) >> 64;
        usize::try_from(scaled).expect("below the bound")
    }
}

/// About 256 KiB: 700 products with some 15 relations each.
fn large() -> Model {
    let mut dice = Dice(7);
    let count = 700;
    let mut shop = model(SHOP);
    let ordinal = |index: usize| u32::try_from(index).expect("small");
    for at in 0..count {
        let long = if at % 5 == 0 { "-with-a-longer-name-than-most" } else { "" };
        shop.products.push(Product {
            id: format!("product-{at:04}{long}"),
            title: format!("Product number {at}"),
            price: Some(at as i64 * 10),
            assortment: 1 + (at as u64 & 2),
            parent: (at % 10 == 1).then(|| ordinal(at - 1)),
            ..Product::default()
        });
    }
    for source in 0..count {
        for number in TYPES {
            let targets: BTreeSet<_> = (0..dice.below(10)).map(|_| dice.below(count)).collect();
            let links = targets.into_iter().filter(|target| *target != source).zip(0..);
            let links = links.map(|(target, rank)| Link {
                edge: Edge {
                    target: ordinal(target).into(),
                    score: (60_000 - rank * 9).into(),
                    meta: (7 << META_ORIGIN_SHIFT).into(),
                },
                rare: (target % 7 == 0)
                    .then(|| RareRecord { quantity: 2.0.into(), ..RareRecord::nothing() }),
                file: 0,
                line: 1,
            });
            let links: Vec<_> = links.collect();
            if !links.is_empty() {
                shop.relations.insert((ordinal(source), number), links);
            }
        }
    }
    shop
}

#[test]
fn two_thousand_random_byte_changes_are_refused_by_name_or_change_no_answer() {
    let shop = large();
    let mut bytes = shop.catalog();
    assert!((200 << 10..400 << 10).contains(&bytes.len()), "{} bytes", bytes.len());
    let catalog = testkit::catalog(&bytes).expect("it opens");
    let expected = read(&catalog.view());
    assert!(expected == shop.answers());
    let mut dice = Dice(11);
    let (mut refused, mut unchanged) = (0, 0);
    for _ in 0..2000 {
        let at = dice.below(bytes.len());
        let change = u8::try_from(1 + dice.below(255)).expect("a byte");
        bytes[at] ^= change;
        match testkit::catalog(&bytes) {
            Err(error) => {
                assert!(error.to_string().contains(error.fault.code()));
                refused += 1;
            }
            Ok(catalog) => {
                assert!(read(&catalog.view()) == expected, "byte {at} changed an answer unseen");
                unchanged += 1;
            }
        }
        bytes[at] ^= change;
    }
    assert_eq!((refused, unchanged), (2000, 0));
    let catalog = testkit::catalog(&bytes).expect("every change was undone");
    assert_eq!(catalog.view().find("product-0007"), Some(Ordinal(7)));
}
