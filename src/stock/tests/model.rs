//! Goal: whatever is said, in whatever batches and over whatever catalogs, the view is that of a
//! model of plain maps that is computed from scratch, and of itself made anew. Method: random
//! stories of batches, repeats, gaps, resyncs, blocks, swaps and restarts.

use std::collections::BTreeMap;

use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    rig::{Rig, S, block, parts, unblock, view_table},
    shop::{INVENTORIES, MARKETS, Shop, places, shop_with},
};
use crate::{
    index::Ordinal,
    model::{currency::Currency, id::IdRule, relation::Availability},
    stock::{
        entry::{Batch, Entry, PriceUpdate, Update},
        state::State,
    },
};

const IDS: [&str; 7] = ["a", "A", "b", "old", "OLD", "v", "new"];
const SOURCES: [&str; 3] = ["erp", "pos", "wms"];

/// One step of a story.
#[derive(Clone, Debug)]
enum Step {
    Batch(&'static str, u64, Vec<Update>),
    /// And the ids that are kept.
    Replace(&'static str, u64, Vec<Update>, Vec<&'static str>),
    Block(Vec<&'static str>, Vec<&'static str>, i64),
    Unblock(Vec<&'static str>),
    Swap(usize),
    Restart,
    /// Products without readings are let go.
    Forget,
}

fn shops() -> Vec<Shop> {
    let texts = [
        "a state=1 price=100 read=3\nb alias=old\nv parent=b us=5@4",
        "a\nold state=5 read=2\nnew parent=a price=7 us=5@0",
        "a alias=old alias=b state=2\nv state=4 read=5 parent=a\nw parent=v",
    ];
    let rules = [IdRule::CaseFolded, IdRule::Exact];
    rules.iter().flat_map(|rule| texts.map(|text| shop_with(*rule, text))).collect()
}

fn update() -> impl Strategy<Value = Update> {
    let place = select(&["", "", "main", "east", "moon"][..]);
    let state = option::of(select(&Availability::ALL[..3]));
    let quantity = option::of(select(&[0.0, 1.0, 2.5][..]));
    let price = (select(&["", "eu", "us", "mars"][..]), select(&["EUR", "USD"][..]), 0..3_i64);
    (select(&IDS[..]), place, state, quantity, option::of(price), 0..7_i64)
        .prop_map(|(product, inventory, availability, quantity, price, event_s)| Update {
            product: product.to_owned(),
            inventory: inventory.to_owned(),
            availability,
            quantity,
            price: price.map(|(market, currency, price)| PriceUpdate {
                price,
                currency: Currency::parse(currency).unwrap(),
                market: market.to_owned(),
            }),
            event_us: event_s * S,
        })
        .prop_filter("an update says something", |update| update.rows() > 0)
}

fn step() -> impl Strategy<Value = Step> {
    let ids = || vec(select(&IDS[..]), 1..4);
    let markets = vec(select(&["eu", "us", "mars"][..]), 0..3);
    let said = |most| (select(&SOURCES[..]), 1..9_u64, vec(update(), 0..most));
    prop_oneof![
        8 => said(5).prop_map(|(source, sequence, said)| Step::Batch(source, sequence, said)),
        2 => (said(7), vec(select(&IDS[..]), 0..2)).prop_map(|((source, sequence, said), keeps)| {
            Step::Replace(source, sequence, said, keeps)
        }),
        2 => (ids(), markets, 0..12_i64).prop_map(|(ids, markets, end)| Step::Block(ids, markets, end)),
        1 => ids().prop_map(Step::Unblock),
        1 => (0..6_usize).prop_map(Step::Swap),
        1 => Just(Step::Restart),
        2 => Just(Step::Forget),
    ]
}

/// Value, event time, sequence and place in the batch.
type Age<T> = (T, i64, (u64, usize));
/// Source, raw id, place.
type Key = (String, String, String);

/// Everything that was said, as plain maps.
#[derive(Clone, Debug, Default)]
struct Model {
    states: BTreeMap<Key, Age<Availability>>,
    quantities: BTreeMap<Key, Age<f64>>,
    prices: BTreeMap<Key, Age<(i64, Currency)>>,
    sequences: BTreeMap<String, Vec<u64>>,
    /// Raw id, markets and end of every block.
    blocks: Vec<(String, Vec<String>, i64)>,
    now_s: i64,
}

fn put<T: Copy>(map: &mut BTreeMap<Key, Age<T>>, key: Key, new: Age<T>) {
    let old = map.get(&key).copied();
    if old.is_none_or(|old| new.1 > old.1 || new.1 == old.1 && new.2 >= old.2) {
        map.insert(key, new);
    }
}

fn put_back<T>(
    map: &mut BTreeMap<Key, Age<T>>,
    before: BTreeMap<Key, Age<T>>,
    is_kept: impl Fn(&Key) -> bool,
) {
    for (key, age) in before.into_iter().filter(|(key, _)| is_kept(key)) {
        map.entry(key).or_insert(age);
    }
}

impl Model {
    fn step(&mut self, step: &Step) {
        match step {
            Step::Batch(source, sequence, said) => {
                let seen = self.sequences.entry((*source).to_owned()).or_default();
                if !seen.contains(sequence) {
                    seen.push(*sequence);
                    self.say(source, *sequence, said);
                }
            }
            Step::Replace(source, sequence, said, keeps) => {
                let before = self.clone();
                let gone = |key: &Key, age: (u64, usize)| key.0 == *source && age.0 <= *sequence;
                self.states.retain(|key, age| !gone(key, age.2));
                self.quantities.retain(|key, age| !gone(key, age.2));
                self.prices.retain(|key, age| !gone(key, age.2));
                self.sequences.entry((*source).to_owned()).or_default().extend(1..=*sequence);
                self.say(source, *sequence, said);
                // What is kept stands where nothing came instead.
                let kept = |key: &Key| key.0 == *source && keeps.contains(&&*key.1);
                put_back(&mut self.states, before.states, kept);
                put_back(&mut self.quantities, before.quantities, kept);
                put_back(&mut self.prices, before.prices, kept);
            }
            Step::Block(ids, markets, end) => {
                self.expire();
                let mut markets = markets.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
                markets.sort();
                markets.dedup();
                let new = |id: &&str| ((*id).to_owned(), markets.clone(), *end);
                self.blocks.extend(ids.iter().map(new));
            }
            Step::Unblock(ids) => {
                self.blocks.retain(|(raw, ..)| !ids.contains(&&**raw));
                self.expire();
            }
            Step::Swap(_) | Step::Restart | Step::Forget => {}
        }
    }

    fn expire(&mut self) {
        self.blocks.retain(|(.., end)| *end > self.now_s);
    }

    fn say(&mut self, source: &str, sequence: u64, said: &[Update]) {
        for (index, update) in said.iter().enumerate() {
            let (event, sequence) = (update.event_us, (sequence, index));
            let key = |place: &str| (source.to_owned(), update.product.clone(), place.to_owned());
            if let Some(state) = update.availability {
                put(&mut self.states, key(&update.inventory), (state, event, sequence));
            }
            if let Some(quantity) = update.quantity {
                put(&mut self.quantities, key(&update.inventory), (quantity, event, sequence));
            }
            if let Some(price) = &update.price {
                let value = (price.price, price.currency);
                put(&mut self.prices, key(&price.market), (value, event, sequence));
            }
        }
    }

    /// The position and the batches beyond it, by source.
    fn positions(&self) -> Vec<(String, u64, u32)> {
        let positions = self.sequences.iter().map(|(source, seen)| {
            let position = (0..).find(|at| !seen.contains(&(at + 1))).unwrap();
            let mut beyond = seen.iter().filter(|at| **at > position).collect::<Vec<_>>();
            beyond.sort();
            beyond.dedup();
            (source.clone(), position, u32::try_from(beyond.len()).unwrap())
        });
        positions.collect()
    }
}

/// Of all that sources said in some places of one product, what holds.
fn best<'m, T: Copy + 'm>(
    map: &'m BTreeMap<Key, Age<T>>,
    is_it: impl Fn(&Key, &T) -> bool,
) -> Option<(T, i64)> {
    let mut best: Option<(&Key, &Age<T>)> = None;
    for (key, age) in map.iter().filter(|(key, age)| is_it(key, &age.0)) {
        // The map is sorted by source, id and place: the first of equals stays.
        let is_better = best.is_none_or(|(old, than)| {
            age.1 > than.1 || age.1 == than.1 && old.0 == key.0 && age.2 > than.2
        });
        if is_better {
            best = Some((key, age));
        }
    }
    best.map(|(_, age)| (age.0, age.1))
}

/// The view's table, from the model and the catalog's text alone.
fn expected(model: &Model, shop: &Shop) -> Vec<String> {
    let rows = (0..).map(Ordinal).zip(&shop.products).map(|(ordinal, product)| {
        let is_it = |raw: &str| shop.find(raw).is_some_and(|found| found.id == product.id);
        let later = |event: i64, read_s: u32| read_s == 0 || event > i64::from(read_s) * S;
        let read_s = if product.state == 0 { 0 } else { product.read_s };
        let state = |place: &str| {
            let found = best(&model.states, |key, _| is_it(&key.1) && key.2 == place);
            found.filter(|(_, event)| later(*event, read_s)).map(|(state, _)| state)
        };
        let quantity = |place: &str| {
            best(&model.quantities, |key, _| is_it(&key.1) && key.2 == place).map(|found| found.0)
        };
        let stock = INVENTORIES.map(|at| (state(at).or(state("")), quantity(at).or(quantity(""))));
        let price = |market: usize| {
            let (id, currency, _) = MARKETS[market];
            let read_s = match market {
                0 if product.price.is_some() => product.read_s,
                1 => product.us.map_or(0, |(_, read_s)| read_s),
                _ => 0,
            };
            let found = best(&model.prices, |key, (_, said)| {
                let names = key.2 == id || key.2.is_empty() && market == 0;
                is_it(&key.1) && names && said.code() == currency
            });
            found.filter(|(_, event)| later(*event, read_s)).map(|((price, _), _)| price)
        };
        let blocks = blocks_of(model, shop, ordinal);
        format!("{} {:?} {:?} {blocks}", product.id, stock.to_vec(), [price(0), price(1)])
    });
    rows.collect()
}

fn blocks_of(model: &Model, shop: &Shop, ordinal: Ordinal) -> String {
    let mut lineage = vec![shop.products[ordinal.index()].id.clone()];
    while let Some(parent) = shop.find(lineage.last().unwrap()).unwrap().parent.clone() {
        lineage.push(parent);
    }
    let mut blocks = Vec::new();
    for (raw, markets, end) in &model.blocks {
        // One that another block of the id covers says nothing.
        let is_covered = model.blocks.iter().any(|(id, wider, later)| {
            let is_wider = wider.is_empty()
                || !markets.is_empty() && markets.iter().all(|market| wider.contains(market));
            id == raw && is_wider && later >= end && (wider, later) != (markets, end)
        });
        if is_covered {
            continue;
        }
        let Some(found) = shop.find(raw).filter(|found| lineage.contains(&found.id)) else {
            continue;
        };
        assert!(places(shop).contains_key(&found.id));
        let known = MARKETS
            .iter()
            .enumerate()
            .filter(|(_, (id, ..))| markets.iter().any(|market| market == id));
        let bits = known.fold(0_u64, |bits, (at, _)| bits | 1 << at);
        let markets = if markets.is_empty() { u64::MAX } else { bits };
        let block = crate::stock::ProductBlock { markets, expire_s: *end };
        if markets != 0 && !blocks.contains(&block) {
            blocks.push(block);
        }
    }
    blocks.sort_by_key(|block| (block.markets, block.expire_s));
    format!("{blocks:?}")
}

fn entries(step: &Step, now_s: i64) -> Vec<Entry> {
    let batch = |source: &str, sequence, updates: &[Update]| Batch {
        source: source.to_owned(),
        sequence,
        received_s: 0,
        updates: updates.to_vec(),
    };
    match step {
        Step::Batch(source, sequence, said) => vec![Entry::Batch(batch(source, *sequence, said))],
        Step::Replace(source, sequence, said, keeps) => {
            let mut parts = parts(&batch(source, *sequence, said), 2);
            if let Some(Entry::Replace(last)) = parts.last_mut() {
                last.keeps = keeps.iter().map(|id| (*id).to_owned()).collect();
            }
            parts
        }
        Step::Block(ids, markets, end) => {
            let mut markets = markets.clone();
            markets.sort_unstable();
            markets.dedup();
            vec![block(ids, &markets, now_s, *end)]
        }
        Step::Unblock(ids) => vec![unblock(ids, now_s)],
        Step::Swap(_) | Step::Restart | Step::Forget => Vec::new(),
    }
}

fn told(rig: &Rig) -> (Vec<String>, Vec<(String, u64, u32)>) {
    let view = rig.projection.view();
    let mut rows = view_table(&rig.projection.catalog, view);
    rows.truncate(rig.projection.catalog.view().product_count());
    let positions = view.positions().iter().map(|position| {
        (position.source_id.to_string(), position.sequence, position.applied_beyond_gap)
    });
    (rows, positions.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..Default::default() })]

    #[test]
    fn the_view_is_that_of_the_model(story in vec(step(), 1..40)) {
        let shops = shops();
        let (mut shop, mut model) = (&shops[0], Model::default());
        let mut rig = Rig::new(shop);
        for (now_s, step) in (0..).zip(&story) {
            model.now_s = now_s;
            model.step(step);
            for entry in entries(step, now_s) {
                let entry = Entry::decode(&entry.encode()).unwrap();
                // The rig compares the view with one made anew.
                rig.apply(&entry).unwrap();
            }
            match step {
                Step::Swap(at) => {
                    shop = &shops[*at];
                    rig.swap(shop);
                }
                Step::Restart => {
                    let mut state = State::default();
                    for piece in rig.state.pieces() {
                        state.take_piece(&piece).unwrap();
                    }
                    rig.state = state;
                    rig.swap(shop);
                }
                Step::Forget => {
                    rig.forget();
                }
                Step::Batch(..) | Step::Replace(..) | Step::Block(..) | Step::Unblock(_) => {}
            }
            prop_assert_eq!(told(&rig), (expected(&model, shop), model.positions()), "{:?}", step);
        }
    }

    /// Positions aside: the same updates in one batch, in a batch each, or in another order.
    #[test]
    fn the_readings_do_not_depend_on_the_batching(
        said in vec(update(), 1..20),
        cuts in vec(1..6_usize, 20),
        order in Just((1..=20_u64).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let shops = shops();
        let rows = |batches: Vec<Batch>| {
            let mut rig = Rig::new(&shops[0]);
            for batch in batches {
                rig.apply(&Entry::Batch(batch)).unwrap();
            }
            told(&rig).0
        };
        let batch = |sequence: u64, updates: Vec<Update>| Batch {
            source: "pos".to_owned(),
            sequence,
            received_s: 0,
            updates,
        };
        let one = rows(vec![batch(1, said.clone())]);
        let each = (1..).zip(&said).map(|(at, update)| batch(at, vec![update.clone()]));
        let each = each.collect::<Vec<_>>();
        prop_assert_eq!(&rows(each.clone()), &one);
        let (mut rest, mut pieces) = (said.clone(), Vec::new());
        for (at, cut) in (1..).zip(cuts) {
            let tail = rest.split_off(cut.min(rest.len()));
            pieces.push(batch(at, rest));
            rest = tail;
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(&rows(pieces), &one);
        let shuffled = order.iter().filter_map(|at| each.iter().find(|b| b.sequence == *at));
        let shuffled = shuffled.cloned().collect::<Vec<_>>();
        prop_assert_eq!(&rows(shuffled.clone()), &one);
        // And each of them twice.
        let twice = [shuffled.clone(), shuffled].concat();
        prop_assert_eq!(&rows(twice), &one);
    }
}
