//! Random worlds: small and dense, so that everything meets everything.

use std::collections::BTreeMap;

use kindred::model::{
    record::Visibility,
    relation::{Availability, Origin, RelationType, Stage},
};

use crate::{
    dice::Dice,
    shop::CLOCK_S,
    world::{Event, Market, Product, Relation, Update, Window, World},
};

/// Instants lie around this one: the first midnight after the clock of the stock room.
const NOON_S: i64 = CLOCK_S as i64 + 6_400;

pub(crate) const CATEGORIES: [&str; 7] =
    ["Audio", "Audio/Phones", "Audio/Phones/Wired", "Audio/Sets", "Home", "Home/Lamps", "Hall"];
pub(crate) const BRANDS: [&str; 4] = ["acme", "bolt", "Cord", "dune"];
pub(crate) const TAGS: [&str; 4] = ["wood", "new", "kids", "sale"];
/// Codes that lists and policies speak of.
pub(crate) const CODES: [&str; 7] =
    ["cross_sell", "up_sell", "alternative", "accessory", "related", "fits_model", "goes_to"];
pub(crate) const SCORES: [f32; 7] = [0.0, 0.125, 0.25, 0.5, 0.5, 0.75, 1.0];

/// An instant, one of few, so that ends meet.
pub(crate) fn instant(dice: &mut Dice) -> i64 {
    let steps = i64::try_from(dice.below(13)).unwrap() - 6;
    NOON_S + steps * 600
}

/// A window in so many of a hundred cases, else always.
pub(crate) fn window(dice: &mut Dice, share: usize) -> Window {
    if !dice.percent(share) {
        return Window::default();
    }
    let (one, other) = (instant(dice), instant(dice) + 300);
    let (from_s, to_s) = (one.min(other), one.max(other));
    match dice.below(3) {
        0 => Window { from_s: Some(from_s), to_s: None },
        1 => Window { from_s: None, to_s: Some(to_s) },
        _ => Window { from_s: Some(from_s), to_s: Some(to_s) },
    }
}

/// A product id as callers write it: its own, an alias, in other case, or of no product.
pub(crate) fn id(dice: &mut Dice, world: &World) -> String {
    let keys = world.products.keys().collect::<Vec<_>>();
    let key = *dice.pick(&keys);
    let aliases = world.aliases.iter().filter(|(_, product)| *product == key);
    let aliases = aliases.map(|(alias, _)| alias).collect::<Vec<_>>();
    let id = match aliases.as_slice() {
        [] => world.product(key).id.clone(),
        aliases if dice.percent(40) => (*dice.pick(aliases)).clone(),
        _ => world.product(key).id.clone(),
    };
    match dice.below(100) {
        0..4 => "nobody".to_owned(),
        4..12 => id.to_ascii_uppercase(),
        _ => id,
    }
}

/// Ids of markets.
pub(crate) fn markets(dice: &mut Dice, world: &World, share: usize) -> Vec<String> {
    let ids = world.markets.iter().map(|market| market.id.clone()).collect::<Vec<_>>();
    dice.some_of(share, 2, &ids)
}

/// Everything but policy and overrides.
pub(crate) fn shop(dice: &mut Dice) -> World {
    let all = [("de", "EUR"), ("jp", "JPY"), ("uk", "GBP")];
    let inventories = ["main", "north", "south"][..dice.from(1, 3)].to_vec();
    let count = dice.from(1, 3);
    let market = |dice: &mut Dice, (id, currency): (&str, &'static str)| Market {
        id: id.to_owned(),
        currency,
        default_inventory: dice.below(inventories.len()),
    };
    let markets = all[..count].iter().map(|one| market(dice, *one)).collect::<Vec<_>>();
    let own = [(100, "fits_model"), (101, "goes_to")];
    let own = &own[..if dice.percent(30) { 1 } else { 2 }];
    let mut world = World {
        is_plain: dice.percent(30),
        is_folded: dice.percent(30),
        default_market: dice.below(markets.len()),
        markets,
        inventories: inventories.iter().map(|id| (*id).to_owned()).collect(),
        tags: TAGS.map(str::to_owned).to_vec(),
        own_types: own
            .iter()
            .map(|(number, code)| (RelationType::new(*number).unwrap(), (*code).to_owned()))
            .collect(),
        ..World::default()
    };
    for number in 0..dice.from(8, 40) {
        let product = product(dice, &world, number);
        world.products.insert(world.key(&product.id), product);
    }
    for number in 0..dice.below(6) {
        let keys = world.products.keys().cloned().collect::<Vec<_>>();
        let alias = *dice.pick(&["old", "Former-number-of-a-product"]);
        world.aliases.insert(format!("{alias}-{number}"), dice.pick(&keys).clone());
    }
    lists(dice, &mut world);
    world.history = history(dice, &world);
    world
}

fn product(dice: &mut Dice, world: &World, number: usize) -> Product {
    let id = match dice.below(4) {
        0 => format!("Product-with-long-id-{number:02}"),
        1 => format!("Q{number:02}"),
        _ => format!("p{number:02}"),
    };
    let fits = world.products.keys().filter(|key| world.lineage(key).len() < 5);
    let fits = fits.cloned().collect::<Vec<_>>();
    let parent = if fits.is_empty() { None } else { dice.maybe(40, &fits) };
    let states = [
        (None, 40),
        (Some(Availability::InStock), 30),
        (Some(Availability::LowStock), 10),
        (Some(Availability::Backorder), 5),
        (Some(Availability::Preorder), 3),
        (Some(Availability::OutOfStock), 8),
        (Some(Availability::Discontinued), 4),
    ];
    let mut left = dice.below(100);
    let state = states.iter().find(|(_, share)| {
        let is_it = left < *share;
        left = left.saturating_sub(*share);
        is_it
    });
    let mut product = Product {
        id,
        variant_position: if parent.is_some() { dice.maybe(70, &[0, 1, 2]) } else { None },
        parent,
        visibility: if dice.percent(12) { Visibility::Hidden } else { Visibility::Visible },
        brand: dice.maybe(80, &BRANDS).map(str::to_owned),
        categories: dice.some_of(85, 2, &CATEGORIES).iter().map(|one| (*one).to_owned()).collect(),
        tags: dice.some_of(50, 2, &TAGS).iter().map(|tag| (*tag).to_owned()).collect(),
        eco_grade: dice.maybe(60, &[1, 2, 3, 4, 5]),
        availability: state.and_then(|(state, _)| *state),
        price: dice.maybe(85, &[100, 200, 250, 400, 500, 1_000, 2_000]),
        read_at_s: dice.percent(50).then(|| read_s(dice)),
        popularity: dice.maybe(65, &[0.0, 1.0, 2.0, 3.5, 9.0]),
        ..Product::default()
    };
    for (index, market) in world.markets.iter().enumerate() {
        if world.is_plain || dice.percent(88) {
            product.assortment.insert(market.id.clone());
        }
        if index != world.default_market && dice.percent(60) {
            let price = *dice.pick(&[100, 200, 250, 400, 500, 1_000]);
            let read_at_s = dice.percent(50).then(|| read_s(dice));
            product.market_prices.insert(market.id.clone(), (price, read_at_s));
        }
    }
    product
}

/// When something was read: one of few instants before the clock of the stock room.
fn read_s(dice: &mut Dice) -> i64 {
    CLOCK_S as i64 - 500 + 50 * i64::try_from(dice.below(9)).unwrap()
}

fn lists(dice: &mut Dice, world: &mut World) {
    let keys = world.products.keys().cloned().collect::<Vec<_>>();
    for source in &keys {
        let mut lists = BTreeMap::new();
        for code in CODES {
            let Some(relation_type) = world.type_of(code) else { continue };
            if !dice.percent(45) {
                continue;
            }
            let targets = dice.some(8, &keys).into_iter().filter(|target| target != source);
            let targets = targets.collect::<Vec<_>>();
            let list = targets.into_iter().map(|target| relation(dice, world, target));
            let list = list.collect::<Vec<_>>();
            if !list.is_empty() {
                lists.insert(relation_type, list);
            }
        }
        world.products.get_mut(source).unwrap().lists = lists;
    }
}

fn relation(dice: &mut Dice, world: &World, target: String) -> Relation {
    Relation {
        target,
        score: dice.maybe(45, &SCORES),
        quantity: dice.maybe(30, &[0.5, 1.0, 2.0, 4.0]),
        origin: *dice.pick(&[Origin::Curated, Origin::Imported, Origin::CoPurchase, Origin::Rule]),
        window: window(dice, 22),
        stages: dice.some_of(18, 3, &Stage::ALL),
        markets: markets(dice, world, 14),
    }
}

/// What the stock room was told: batches, again, late, after gaps; resyncs; recalls.
fn history(dice: &mut Dice, world: &World) -> Vec<Event> {
    let sources = &["erp", "shop", "wms"][..dice.from(1, 3)];
    let mut next = BTreeMap::<&str, u64>::new();
    let mut history = Vec::new();
    for _ in 0..dice.from(3, 14) {
        let source = *dice.pick(sources);
        let last = next.entry(source).or_default();
        history.push(match dice.below(100) {
            0..60 => {
                *last += u64::from(dice.percent(15)) + 1;
                let updates = updates(dice, world, source);
                Event::Batch { source: source.to_owned(), sequence: *last, updates }
            }
            // A repeated one, or one that was missing.
            60..72 => {
                let sequence = 1 + u64::try_from(dice.below(6)).unwrap().min(*last);
                *last = sequence.max(*last);
                let updates = updates(dice, world, source);
                Event::Batch { source: source.to_owned(), sequence, updates }
            }
            72..80 => {
                *last = (*last + u64::from(dice.percent(50))).max(1);
                let updates = updates(dice, world, source);
                Event::Replace { source: source.to_owned(), sequence: *last, updates }
            }
            80..94 => {
                let ids = (0..dice.from(1, 2)).map(|_| id(dice, world)).collect();
                let expire_s = dice.percent(60).then(|| instant(dice));
                Event::Block { ids, markets: markets(dice, world, 50), expire_s }
            }
            _ => Event::Unblock { ids: vec![id(dice, world)] },
        });
    }
    history
}

/// One or more updates, each of another product: what two say of one thing at one time in one batch
/// is nobody's business.
fn updates(dice: &mut Dice, world: &World, source: &str) -> Vec<Update> {
    let default = &world.markets[world.default_market].id;
    let mut updates = BTreeMap::new();
    for _ in 0..dice.from(1, 12) {
        let id = id(dice, world);
        let market = &dice.pick(&world.markets).id;
        // Each source has one name for the default market.
        let market = if market == default && source != "shop" { "" } else { market };
        let inventories = &world.inventories;
        let inventory = match dice.below(100) {
            0..40 => "",
            40..42 => "nowhere",
            _ => dice.pick(inventories),
        };
        let states = [
            Availability::InStock,
            Availability::InStock,
            Availability::InStock,
            Availability::LowStock,
            Availability::Backorder,
            Availability::OutOfStock,
            Availability::OutOfStock,
            Availability::Discontinued,
        ];
        let availability = dice.maybe(75, &states);
        let price = dice.maybe(30, &[100, 200, 400, 500, 800, 1_000]);
        let quantity = dice.maybe(30, &[0.0, 1.0, 2.5, 10.0]);
        if availability.is_none() && price.is_none() && quantity.is_none() {
            continue;
        }
        let update = Update {
            inventory: inventory.to_owned(),
            availability,
            quantity,
            price,
            market: market.to_owned(),
            event_us: read_s(dice) * 1_000_000 + i64::from(dice.percent(20)),
            id,
        };
        updates.insert(world.find(&update.id).unwrap_or_default(), update);
    }
    if updates.is_empty() {
        let (id, availability) = ("nobody".to_owned(), Some(Availability::InStock));
        let event_us = read_s(dice) * 1_000_000;
        let update = Update { id, availability, event_us, ..Update::default() };
        updates.insert(String::new(), update);
    }
    updates.into_values().collect()
}
