//! Answers depend on what was said, not on how it came: in one batch or in many, in whatever order,
//! over whatever catalogs between.

use std::{collections::BTreeMap, sync::Arc};

use kindred::{
    index::Catalog,
    lookup::{Page, Scene, Scratch},
};

use crate::{
    answer::Outcome,
    dice::Dice,
    engine,
    plan::{Refusal, Request},
    requests, shop,
    shop::StockRoom,
    world::{Event, Update, World},
};

const WORLDS: u64 = 60;
const REQUESTS_PER_WORLD: usize = 20;

/// One world, its catalog, and what is asked of it.
struct Asked {
    world: World,
    catalog: Arc<Catalog>,
    requests: Vec<Request>,
}

impl Asked {
    fn new(seed: u64) -> Self {
        let dice = &mut Dice::new(1_000_000 + seed);
        let world = crate::world(dice);
        let requests = (0..REQUESTS_PER_WORLD).map(|_| requests::request(dice, &world)).collect();
        Self { catalog: shop::catalog(&world), world, requests }
    }

    /// The answers with the stock of a room that speaks of this catalog.
    fn answers(&self, stock: &StockRoom) -> Vec<Vec<Result<Outcome, Refusal>>> {
        let (mut page, mut scratch) = (Page::default(), Scratch::default());
        let policy = shop::policy(&self.world, &self.catalog);
        let view = stock.view();
        let scene = Scene { view: self.catalog.view(), policy: &policy, stock: &view };
        let requests = self.requests.iter();
        requests.map(|one| engine::found(&scene, one, &mut page, &mut scratch)).collect()
    }

    /// A room that heard a history over this catalog alone.
    fn told(&self, history: &[Event]) -> StockRoom {
        let stock = StockRoom::new();
        stock.attach(&self.catalog);
        stock.tell(&self.world, history);
        stock
    }
}

#[test]
fn other_catalogs_between_leave_no_trace() {
    for seed in 0..WORLDS {
        let asked = Asked::new(seed);
        let expected = asked.answers(&asked.told(&asked.world.history));
        // Of the same shop without every third product, and without relations.
        let mut other = asked.world.clone();
        for (number, key) in asked.world.products.keys().enumerate() {
            other.products.get_mut(key).unwrap().lists.clear();
            other.products.get_mut(key).unwrap().parent = None;
            if number % 3 == 1 {
                other.products.remove(key);
            }
        }
        other.aliases.retain(|_, key| other.products.contains_key(key));
        let other = shop::catalog(&other);
        let stock = StockRoom::new();
        stock.attach(&asked.catalog);
        for (number, event) in asked.world.history.iter().enumerate() {
            // An unblock means all ids of a product, and so does an update that a resync rejects; only
            // its catalog knows them.
            let is_plain = !matches!(event, Event::Unblock { .. } | Event::Replace { .. });
            stock.attach(if number % 2 == 0 && is_plain { &other } else { &asked.catalog });
            stock.tell(&asked.world, std::slice::from_ref(event));
        }
        stock.attach(&other);
        stock.attach(&asked.catalog);
        assert_eq!(asked.answers(&stock), expected, "world {seed}");
    }
}

#[test]
fn one_batch_or_many_is_the_same() {
    for seed in 0..WORLDS {
        let asked = Asked::new(seed);
        let mut by_source = BTreeMap::<&String, BTreeMap<u64, &Vec<Update>>>::new();
        for event in &asked.world.history {
            if let Event::Batch { source, sequence, updates } = event {
                by_source.entry(source).or_default().entry(*sequence).or_insert(updates);
            }
        }
        let batch = |source: &&String, sequence: u64, updates: Vec<Update>| Event::Batch {
            source: (*source).clone(),
            sequence,
            updates,
        };
        let (mut one, mut many) = (Vec::new(), Vec::new());
        for (source, batches) in &by_source {
            let updates = batches.values().flat_map(|updates| updates.iter().cloned());
            let updates = updates.collect::<Vec<_>>();
            one.push(batch(source, 1, updates.clone()));
            many.extend(
                (1..).zip(updates).map(|(sequence, one)| batch(source, sequence, vec![one])),
            );
        }
        let expected = asked.answers(&asked.told(&one));
        assert_eq!(asked.answers(&asked.told(&many)), expected, "world {seed}");
        many.reverse();
        assert_eq!(asked.answers(&asked.told(&many)), expected, "world {seed}, backwards");
    }
}
